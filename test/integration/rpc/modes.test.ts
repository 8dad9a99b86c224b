import { createHash } from 'node:crypto';
import type { Channel } from 'amqplib';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { RpcConfig } from '../../../src/config/config.ts';
import type { RpcServer } from '../../../src/rpc/server.ts';
import { FDB, Rig, type TestClient, TOPICS, waitFor } from './rig.ts';

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.start();
});
afterEach(async () => {
  await rig.reset();
  await rig.deleteExchanges();
});
afterAll(() => rig?.close());

const VERSION = { version: '1.0' };
/** Keeps but its last messages. */
const SMALL_STREAM = {
  'x-queue-type': 'stream',
  'x-max-length-bytes': 200_000,
  'x-stream-max-segment-size-bytes': 100_000,
};

test.each<[string, Partial<RpcConfig>]>([
  ['amqp_durable_queues', { amqpDurableQueues: true }],
  ['amqp_auto_delete', { amqpAutoDelete: true }],
  ['rabbit_quorum_queue', { quorumQueue: true }],
  ['rabbit_quorum_queue with limits', { quorumQueue: true, quorumDeliveryLimit: 20 }],
  ['rabbit_transient_quorum_queue', { quorumQueue: true, transientQuorumQueue: true }],
  ['use_queue_manager', { useQueueManager: true }],
  ['rabbit_transient_queues_ttl = 0', { transientQueuesTtl: 0 }],
])('%s: calls, notifications and a restart without a gap', async (_name, mode) => {
  const config = rig.config(mode);
  const { server } = await rig.server((_topic, { method }) => method, ['q-plugin'], config);
  const before = rig.client('host1', config);
  expect(await before.up()).toMatchObject({ gap: true });
  expect(await before.client.call('q-plugin', 'tunnel_sync', {}, VERSION)).toBe('tunnel_sync');
  await server.fanout(FDB, 'one', {}, VERSION);
  await server.cast(`${FDB}.host1`, 'two', {}, VERSION);
  await before.received(2);
  await before.client.close();
  await server.fanout(FDB, 'three', {}, VERSION);
  const after = rig.client('host1', config);
  expect(await after.up()).toMatchObject({ gap: false });
  await after.received(1);
  expect(after.methods).toEqual(['three']);
});

/**
 * Modes that came after Debian's oslo.messaging (14.0): every declaration as `impl_rabbit.py` of 17.1 makes it, to the last
 * argument. (The modes that it knows are in oslo.test.ts, against itself.)
 */
describe('declarations of newer modes', () => {
  const QUORUM = '{"x-queue-type","quorum"}';
  const EXPIRES = '{"x-expires",600000}';
  const BOTH: Partial<RpcConfig> = { quorumQueue: true, transientQuorumQueue: true, transientQueuesTtl: 600 };
  type Row = readonly [name: string, durable: boolean, args: string];

  test.each<[string, Partial<RpcConfig>, { fanout: Row; reply: Row; byName: Row; durableFanout: boolean }]>([
    [
      'rabbit_transient_quorum_queue alone',
      { transientQuorumQueue: true },
      {
        fanout: ['T_fanout_HEX', true, `[{"x-expires",1800000},${QUORUM}]`],
        reply: ['reply_HEX', true, `[{"x-expires",1800000},${QUORUM}]`],
        byName: [`${FDB}.host1`, false, '[]'],
        durableFanout: true,
      },
    ],
    [
      'both kinds quorum queues, with limits',
      { ...BOTH, quorumDeliveryLimit: 20, quorumMaxMemoryLength: 1000, quorumMaxMemoryBytes: 1_000_000 },
      {
        fanout: ['T_fanout_HEX', true, limited(EXPIRES)],
        reply: ['reply_HEX', true, limited(EXPIRES)],
        byName: [`${FDB}.host1`, true, limited()],
        durableFanout: true,
      },
    ],
    [
      'rabbit_stream_fanout',
      { ...BOTH, streamFanout: true },
      {
        fanout: ['T_fanout', true, '[{"x-max-age","600s"},{"x-queue-type","stream"}]'],
        reply: ['reply_HEX', true, `[${EXPIRES},${QUORUM}]`],
        byName: [`${FDB}.host1`, true, `[${QUORUM}]`],
        durableFanout: true,
      },
    ],
    [
      'use_queue_manager',
      { useQueueManager: true, hostname: 'compute1', processname: 'agent' },
      {
        fanout: ['T_fanout_compute1:agent:1', false, '[{"x-expires",1800000}]'],
        reply: ['reply_compute1:agent:1', false, '[{"x-expires",1800000}]'],
        byName: [`${FDB}.host1`, false, '[]'],
        durableFanout: false,
      },
    ],
  ])('%s', async (_name, mode, { fanout, reply, byName, durableFanout }) => {
    await rig.client('host1', rig.config(mode)).up();
    const shape = (await rig.queues('durable', 'auto_delete', 'arguments')).map(
      ([name = '', durable = '', autoDelete = '', args = '']) => [
        name.replace(/[0-9a-f]{32}$/, 'HEX'),
        ...[durable, autoDelete, inOrder(args)],
      ],
    );
    const suffix =
      mode.useQueueManager === true
        ? 'compute1:agent:1'
        : createHash('sha256').update('host1').digest('hex').slice(0, 32);
    const witness = (topic: string) => `${topic}_fanout_witness_${suffix}`;
    const row = ([name, durable, args]: Row) => [name, String(durable), 'false', inOrder(args)];
    const fanouts = TOPICS.map((topic) => row([fanout[0].replace('T', topic), fanout[1], fanout[2]]));
    expect(shape).toEqual([...fanouts, row(byName), row(reply)].sort());
    expect(await rig.exchanges('type', 'durable', 'auto_delete', 'arguments')).toEqual(
      [
        ['neutron', 'topic', String(mode.quorumQueue === true), 'false', '[]'],
        ...TOPICS.map((topic) => [`${topic}_fanout`, 'fanout', String(durableFanout), 'true', '[]']),
        ...TOPICS.map((topic) => [witness(topic), 'fanout', String(durableFanout), 'true', '[]']),
      ].sort(),
    );
  });

  function limited(...more: string[]): string {
    const limits = ['{"x-delivery-limit",20}', '{"x-max-in-memory-bytes",1000000}', '{"x-max-in-memory-length",1000}'];
    return `[${[...limits, ...more, QUORUM].join(',')}]`;
  }

  /** The order of arguments says nothing. */
  function inOrder(args: string): string {
    return (args.match(/\{.*?\}/g) ?? []).sort().join();
  }
});

test('rabbit_stream_fanout: one shared queue a topic, and a reconnect goes on where it was', async () => {
  const config = rig.config({ quorumQueue: true, transientQuorumQueue: true, streamFanout: true });
  const { server } = await rig.server(() => null, ['q-plugin'], config);
  const hosts = [rig.client('host1', config), rig.client('host2', config)] as const;
  for (const host of hosts) expect(await host.up()).toMatchObject({ gap: true, lost: [...TOPICS].sort() });
  const sent = ['one', 'two', 'three'];
  for (const method of sent) await server.fanout(FDB, method, {}, VERSION);
  await Promise.all(hosts.map((host) => host.received(3)));
  expect(hosts.map((host) => host.methods)).toEqual([sent, sent]);

  const [host] = hosts;
  const seen = host.events.length;
  await rig.broker.ctl('close_all_connections', '--vhost', '/', 'test');
  await host.nextUp(seen);
  // The server has lost its connection too.
  const publish = (method: string) =>
    server.fanout(FDB, method, {}, VERSION).then(
      () => true,
      () => false,
    );
  for (const method of ['four', 'five']) await waitFor('the server', () => publish(method));
  await host.received(5);
  expect(host.methods).toEqual([...sent, 'four', 'five']);
  expect(host.client.counters.duplicates).toBe(0);
});

test('a stream that was made anew is read from its start', async () => {
  const config = rig.config({ quorumQueue: true, transientQuorumQueue: true, streamFanout: true });
  const { server } = await rig.server(() => null, ['q-plugin'], config);
  const host = rig.client('host1', config);
  await host.up();
  for (const method of ['one', 'two']) await server.fanout(FDB, method, {}, VERSION);
  await host.received(2);
  const seen = host.events.length;
  const channel = await (await rig.raw()).createChannel();
  await channel.deleteQueue(`${FDB}_fanout`);
  await waitFor('the gap', () => host.events.slice(seen).some((event) => event.kind !== 'down'));
  await server.fanout(FDB, 'three', {}, VERSION);
  await host.received(3);
  expect(host.methods).toEqual(['one', 'two', 'three']);
});

describe('a stream and a process that comes back', () => {
  const config = () => rig.config({ quorumQueue: true, transientQuorumQueue: true, streamFanout: true });

  /** Three messages heard, the third not acknowledged; then it leaves. */
  async function left(server: RpcServer) {
    const before = rig.client('host1', config());
    before.hold = true;
    await before.up();
    for (const method of ['one', 'two', 'three']) await server.fanout(FDB, method, {}, VERSION);
    await before.received(3);
    for (const delivery of before.deliveries.slice(0, 2)) delivery.ack();
    const { offsets } = before.client;
    expect(offsets).toEqual(new Map([[FDB, 2]]));
    await before.client.close();
    return new Map(offsets);
  }

  /** Starts where the one before it was. */
  function successor(offsets: ReadonlyMap<string, number>): TestClient {
    const client = rig.client('host1', config());
    client.client.start(offsets);
    return client;
  }

  /** Another queue is bound to it: the exchange does not go with the stream, and so what it has seen is whole. */
  async function keepExchange(channel: Channel): Promise<void> {
    const { queue } = await channel.assertQueue('', { exclusive: true });
    await channel.bindQueue(queue, `${FDB}_fanout`, '');
  }

  const gaps = ({ events }: TestClient) => events.filter(({ kind }) => kind === 'gap');

  test('goes on after the last message acknowledged', async () => {
    const { server } = await rig.server(() => null, ['q-plugin'], config());
    const offsets = await left(server);
    await server.fanout(FDB, 'four', {}, VERSION);
    const after = successor(offsets);
    // The topics of which nothing was ever heard begin with what comes.
    expect(await after.nextUp(0)).toMatchObject({ lost: TOPICS.filter((topic) => topic !== FDB).sort() });
    await after.received(2);
    expect(after.methods).toEqual(['three', 'four']);
    await server.fanout(FDB, 'five', {}, VERSION);
    await after.received(3);
    expect(gaps(after)).toEqual([]);
  });

  test('hears of a gap when the stream was made anew by others', async () => {
    const { server } = await rig.server(() => null, ['q-plugin'], config());
    const offsets = await left(server);
    const channel = await (await rig.raw()).createChannel();
    await keepExchange(channel);
    await channel.deleteQueue(`${FDB}_fanout`);
    await rig.client('host2', config()).up();
    await server.fanout(FDB, 'new one', {}, VERSION);
    // It has not come as far as the old one had: the broker would wait for that in silence.
    expect(offsets.get(FDB)).toBeGreaterThan(1);
    const after = successor(offsets);
    expect(await after.nextUp(0)).toMatchObject({ lost: TOPICS.filter((topic) => topic !== FDB).sort() });
    const up = await waitFor('the second up', () => after.events.filter(({ kind }) => kind === 'up')[1]);
    // With those of which nothing was ever heard: where they were is not known.
    expect(up).toMatchObject({ gap: true, lost: [...TOPICS].sort() });
    await server.fanout(FDB, 'new two', {}, VERSION);
    await waitFor('what comes now', () => after.methods.includes('new two'));
  });

  test('hears of a gap when what it had was removed for its age', async () => {
    const { server } = await rig.server(() => null, ['q-plugin'], config());
    await left(server);
    // As if it had been: the message before the first is not there.
    const channel = await (await rig.raw()).createChannel();
    await keepExchange(channel);
    await channel.deleteQueue(`${FDB}_fanout`);
    await channel.assertExchange(`${FDB}_fanout`, 'fanout', { durable: true, autoDelete: true });
    await channel.assertQueue(`${FDB}_fanout`, { durable: true, arguments: SMALL_STREAM });
    await channel.bindQueue(`${FDB}_fanout`, `${FDB}_fanout`, FDB);
    const big = { filler: 'x'.repeat(20_000) };
    for (let n = 0; n < 60; n++) await server.fanout(FDB, `m${n}`, big, VERSION);
    const after = successor(new Map([[FDB, 1]]));
    await waitFor('the gap', () => gaps(after).length > 0);
    expect(gaps(after)).toMatchObject([{ topics: [FDB], reason: expect.stringContaining('stream lacks') }]);
    await waitFor('what is left of it', () => after.methods.at(-1) === 'm59');
    expect(after.methods).not.toContain('m1');
  });
});
