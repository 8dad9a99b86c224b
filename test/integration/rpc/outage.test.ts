import { createServer } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startBroker } from '../../../lab/broker.ts';
import type { RpcError } from '../../../src/rpc/types.ts';
import { FDB, Rig, TOPICS, waitFor } from './rig.ts';

let rig: Rig;
beforeEach(async () => {
  rig = await Rig.start();
});
afterEach(() => rig?.close());

const VERSION = { version: '1.0' };

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return await promise.then(
    () => 'fulfilled',
    (error: RpcError) => error.code,
  );
}

test('a broker that crashes and comes back empty: fail fast, one line each, a gap', async () => {
  const { server } = await rig.server((_topic, { method }) =>
    method === 'slow' ? new Promise(() => undefined) : method,
  );
  const host = rig.client('host1');
  await host.up();
  const waiting = codeOf(host.client.call('q-plugin', 'slow', {}, VERSION));
  // The second is answered, so the first has been sent.
  await host.client.call('q-plugin', 'quick', {}, VERSION);

  await rig.broker.kill();
  expect(await waiting).toBe('not-connected');
  await waitFor('down', () => host.events.at(-1)?.kind === 'down');
  expect(await codeOf(host.client.call('q-plugin', 'quick', {}, VERSION))).toBe('not-connected');
  expect(await codeOf(host.client.cast('q-plugin', 'quick', {}, VERSION))).toBe('not-connected');
  await waitFor('some attempts', () => host.logged.withMessage('not reached').length >= 3);

  const seen = host.events.length;
  await rig.broker.start();
  expect(await host.nextUp(seen)).toMatchObject({ gap: true, lost: [...TOPICS].sort() });
  await waitFor(
    'the server',
    async () => (await codeOf(host.client.call('q-plugin', 'quick', {}, VERSION))) === 'fulfilled',
  );
  await server.fanout(FDB, 'afterwards', {}, VERSION);
  await host.received(1);

  expect(host.events.map((event) => event.kind)).toEqual(['up', 'down', 'up']);
  expect(host.logged.withMessage('no connection to a broker')).toHaveLength(1);
  const connected = host.logged.withMessage('broker connected');
  expect(connected).toHaveLength(2);
  expect(connected[1]?.outage).toEqual(expect.any(Number));
  const loud = host.logged.lines.filter((line) => line.level >= 30);
  expect(loud.map((line) => line.msg)).toEqual([
    'broker connected',
    'no connection to a broker: trying until there is one',
    'broker connected',
  ]);
});

test('durable queues keep what came by name over an orderly restart', async () => {
  const config = rig.config({ amqpDurableQueues: true });
  const { server } = await rig.server(() => null, ['q-plugin'], config);
  const host = rig.client('host1', config);
  host.hold = true;
  await host.up();
  await server.cast(`${FDB}.host1`, 'snapshot', {}, VERSION);
  await host.received(1);
  await host.client.close();
  await rig.broker.stop();
  await rig.broker.start();
  const again = rig.client('host1', config);
  expect(await again.up()).toMatchObject({ gap: true });
  await again.received(1);
  expect(again.methods).toEqual(['snapshot']);
});

test('the next broker of the list takes over', async () => {
  const second = await startBroker({ dir: rig.run.path, name: 'second' });
  const at = (port: number) => ({ host: '127.0.0.1', port, username: 'guest', password: 'guest' });
  const config = rig.config({ brokers: [at(rig.broker.port), at(second.port)] });
  const host = rig.client('host1', config);
  expect(await host.up()).toMatchObject({ broker: `127.0.0.1:${rig.broker.port}` });
  const seen = host.events.length;
  await rig.broker.kill();
  expect(await host.nextUp(seen)).toMatchObject({ broker: `127.0.0.1:${second.port}`, gap: true });
  // At a start the first may be dead just as well.
  const late = rig.client('host2', config);
  expect(await late.up()).toMatchObject({ broker: `127.0.0.1:${second.port}` });
});

test('a broker that hangs is noticed by its missing heartbeats; when it goes on, nothing was lost', async () => {
  const heartbeat = 2;
  const { server } = await rig.server(() => null);
  const host = rig.client('host1', rig.config({ heartbeat }));
  host.hold = true;
  await host.up();
  await server.fanout(FDB, 'before', {}, VERSION);
  await host.received(1);
  const seen = host.events.length;
  const since = performance.now();
  const call = codeOf(host.client.call('q-plugin', 'echo', {}, VERSION));
  rig.broker.freeze();
  try {
    await waitFor('the loss', () => host.events.slice(seen).some(({ kind }) => kind === 'down'));
    // Two intervals without a word, looked at once an interval.
    expect(performance.now() - since).toBeLessThan((heartbeat * 3 + 2) * 1_000);
    expect(host.events[seen]).toMatchObject({ kind: 'down', reason: 'Heartbeat timeout' });
    expect(await call).toMatch(/not-connected|fulfilled/);
  } finally {
    rig.broker.thaw();
  }
  expect(await host.nextUp(seen)).toMatchObject({ gap: false, lost: [] });
  await waitFor('the redelivery', () => host.client.counters.duplicates === 1);
  host.deliveries[0]?.ack();
  const publish = () =>
    server.fanout(FDB, 'after', {}, VERSION).then(
      () => true,
      () => false,
    );
  await waitFor('the server', publish);
  await host.received(2);
  expect(host.methods).toEqual(['before', 'after']);
});

test('of two brokers that know nothing of each other one hangs: the other is used', async () => {
  const second = await startBroker({ dir: rig.run.path, name: 'second' });
  const at = (port: number) => ({ host: '127.0.0.1', port, username: 'guest', password: 'guest' });
  const host = rig.client('host1', rig.config({ brokers: [at(rig.broker.port), at(second.port)], heartbeat: 1 }));
  await host.up();
  const seen = host.events.length;
  rig.broker.freeze();
  try {
    expect(await host.nextUp(seen)).toMatchObject({ broker: `127.0.0.1:${second.port}`, gap: true });
  } finally {
    rig.broker.thaw();
  }
});

test('a declaration that does not match is one clear error, and is tried again', async () => {
  const raw = await rig.raw();
  const channel = await raw.createChannel();
  await channel.assertQueue(`${FDB}.host1`, { durable: true });
  // Somebody uses it: not ours to make anew.
  const { consumerTag } = await channel.consume(`${FDB}.host1`, () => undefined);
  const host = rig.client('host1');
  host.client.start();
  const refusals = () => host.logged.lines.filter((line) => line.level === 20 && /durable/.test(String(line.reason)));
  await waitFor('three refusals', () => refusals().length >= 3);
  const errors = host.logged.lines.filter((line) => line.level >= 50);
  expect(errors.map((line) => line.msg)).toEqual([
    "queue q-agent-notifier-l2population-update.host1 exists with another durable (ours 'false', there 'true'): make [oslo_messaging_rabbit] amqp_durable_queues, rabbit_quorum_queue the same as on the server, or delete it on the broker",
  ]);
  expect(host.events.map((event) => event.kind)).toEqual(['down']);
  await channel.cancel(consumerTag);
  expect(await host.nextUp(1)).toMatchObject({ gap: true, lost: [...TOPICS].sort() });
  const [anew] = host.logged.withMessage('made anew');
  expect(anew).toMatchObject({ level: 40, queue: `${FDB}.host1` });
  expect((await rig.queues('durable')).filter(([, durable]) => durable === 'true')).toEqual([]);
});

test('an exchange that others have declared durable is used as it is, and said once', async () => {
  const raw = await rig.raw();
  const channel = await raw.createChannel();
  await channel.assertExchange('neutron', 'topic', { durable: true });
  await rig.server((_topic, { method }) => method);
  const host = rig.client('host1');
  await host.up();
  expect(await host.client.call('q-plugin', 'tunnel_sync', {}, VERSION)).toBe('tunnel_sync');
  await host.client.cast(`${FDB}.host1`, 'by_name', {}, VERSION);
  await host.received(1);
  expect(host.logged.lines.filter(({ level }) => level >= 40)).toMatchObject([
    { level: 40, exchange: 'neutron', reason: expect.stringContaining("ours 'false', there 'true'") },
  ]);
});

test('an exchange of another type is refused', async () => {
  const channel = await (await rig.raw()).createChannel();
  await channel.assertExchange('neutron', 'direct', { durable: false });
  const host = rig.client('host1');
  host.client.start();
  await waitFor('down', () => host.events.length > 0);
  expect(host.events[0]).toMatchObject({ kind: 'down', reason: expect.stringContaining('exchange neutron exists') });
});

test('wrong credentials are an outage with the broker’s reason', async () => {
  const broker = { host: '127.0.0.1', port: rig.broker.port, username: 'guest', password: 'wrong' };
  const host = rig.client('host1', rig.config({ brokers: [broker] }));
  host.client.start();
  await waitFor('down', () => host.events.length > 0);
  expect(host.events[0]).toMatchObject({ kind: 'down', reason: expect.stringContaining('ACCESS_REFUSED') });
});

test('closing does not wait for a broker that is away or says nothing', async () => {
  const silent = createServer();
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const address = silent.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  for (const target of [port, 1]) {
    const broker = { host: '127.0.0.1', port: target, username: 'guest', password: 'guest' };
    const host = rig.client('host1', rig.config({ brokers: [broker], retryInterval: 60, intervalMax: 60 }));
    host.client.start();
    if (target === port) await new Promise((resolve) => silent.once('connection', resolve));
    else await waitFor('down', () => host.events.length > 0);
    const started = performance.now();
    await host.client.close();
    expect(performance.now() - started).toBeLessThan(5_000);
  }
  silent.close();
});
