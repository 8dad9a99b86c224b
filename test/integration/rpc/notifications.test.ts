import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { encodeCast } from '../../../src/rpc/envelope.ts';
import { FDB, hex, Rig, TOPICS, waitFor } from './rig.ts';

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.start();
});
afterEach(() => rig.reset());
afterAll(() => rig?.close());

const VERSION = { version: '1.0' };
const FANOUT_QUEUE = new RegExp(`^${FDB}_fanout_[0-9a-f]{32}$`);

/** A notification as it is on the wire, with an id of our choice. */
function notification(method: string, uniqueId: string, args = {}): Buffer {
  const time = new Date('2026-11-20T20:56:28Z');
  return encodeCast({ method, args, ...VERSION, uniqueId, requestId: 'req-1', time });
}

/** Messages in all queues of the broker, unacknowledged ones included. */
async function messages(): Promise<number> {
  const rows = await rig.queues('messages');
  return rows.reduce((sum, [, count]) => sum + Number(count), 0);
}

async function emptyQueues(): Promise<void> {
  await waitFor('empty queues', async () => (await messages()) === 0);
}

test('exactly the documented queues are declared, with their arguments', async () => {
  await rig.client('host1').up();
  const rows = await rig.queues('durable', 'auto_delete', 'arguments', 'consumers');
  const shape = rows.map(([name = '', ...rest]) => [name.replace(/[0-9a-f]{32}$/, 'HEX'), ...rest]);
  const transient = ['false', 'false', '[{"x-expires",1800000}]', '1'];
  expect(shape).toEqual(
    [
      ...TOPICS.map((topic) => [`${topic}_fanout_HEX`, ...transient]),
      [`${FDB}.host1`, 'false', 'false', '[]', '1'],
      ['reply_HEX', ...transient],
    ].sort(),
  );
});

test('a fanout and a message by name are handed over with what is known of them', async () => {
  const { server } = await rig.server(() => null);
  const host = rig.client('host1');
  await host.up();
  await server.fanout(FDB, 'add_fdb_entries', { fdb_entries: {} }, VERSION);
  await host.received(1);
  await server.cast(`${FDB}.host1`, 'add_fdb_entries', { fdb_entries: {} }, VERSION);
  await host.received(2);
  const [fanout, byName] = host.deliveries;
  expect(fanout).toMatchObject({ topic: FDB, source: 'fanout', queue: expect.stringMatching(FANOUT_QUEUE) });
  expect(byName).toMatchObject({ topic: FDB, source: 'by-name', queue: `${FDB}.host1` });
  expect(fanout?.request).toMatchObject({ method: 'add_fdb_entries', args: { fdb_entries: {} }, version: '1.0' });
  expect(fanout?.request.requestId).toMatch(/^req-/);
  await emptyQueues();
});

test('a fanout reaches every host, a message by name only its own', async () => {
  const { server } = await rig.server(() => null);
  const [one, two] = [rig.client('host1'), rig.client('host2')];
  await Promise.all([one.up(), two.up()]);
  await server.cast(`${FDB}.host2`, 'for_host2', {}, VERSION);
  await server.fanout(FDB, 'for_all', {}, VERSION);
  await Promise.all([one.received(1), two.received(2)]);
  expect(one.methods).toEqual(['for_all']);
  expect(two.methods.sort()).toEqual(['for_all', 'for_host2']);
});

test('messages of a queue are handed over in the order of publishing', async () => {
  const { server } = await rig.server(() => null);
  const host = rig.client('host1', rig.config({ prefetch: 7 }));
  await host.up();
  const sent = Array.from({ length: 500 }, (_, i) => `m${i}`);
  await Promise.all(sent.map((method) => server.fanout(FDB, method, {}, VERSION)));
  await host.received(500);
  expect(host.methods).toEqual(sent);
});

test('a repeat is dropped, and acknowledged once the first one is', async () => {
  const host = rig.client('host1');
  host.hold = true;
  await host.up();
  const channel = await (await rig.raw()).createConfirmChannel();
  const id = hex();
  for (const method of ['first', 'repeat']) {
    channel.publish(`${FDB}_fanout`, '', notification(method, id), { persistent: true });
  }
  channel.publish(`${FDB}_fanout`, '', notification('other', hex()));
  await channel.waitForConfirms();
  await host.received(2);
  expect(host.methods).toEqual(['first', 'other']);
  host.deliveries[1]?.ack();
  await waitFor('the other one acknowledged', async () => (await messages()) === 2);
  host.deliveries[0]?.ack();
  host.deliveries[0]?.ack();
  await emptyQueues();
  channel.publish(`${FDB}_fanout`, '', notification('late repeat', id));
  await waitFor('the late repeat dropped', () => host.client.counters.duplicates === 2);
  await emptyQueues();
  expect(host.client.counters).toEqual({ delivered: 2, duplicates: 2, bad: 0 });
});

test('a bad body costs one error line, the rest goes on', async () => {
  const host = rig.client('host1');
  await host.up();
  const channel = await (await rig.raw()).createConfirmChannel();
  const bodies = [Buffer.from('garbage'), Buffer.from([0xff, 0xfe]), Buffer.alloc(0), notification('good', hex())];
  for (const body of bodies) channel.publish(`${FDB}_fanout`, '', body);
  await host.received(1);
  expect(host.methods).toEqual(['good']);
  expect(host.client.counters).toMatchObject({ delivered: 1, bad: 3 });
  const lines = host.logged.withMessage('message dropped');
  expect(lines).toHaveLength(3);
  expect(lines[0]).toMatchObject({ queue: expect.stringMatching(FANOUT_QUEUE), reason: 'the body is no JSON object' });
  await emptyQueues();
});

test('what was not acknowledged is given to the successor, what was is not', async () => {
  const { server } = await rig.server(() => null);
  const before = rig.client('host1');
  before.hold = true;
  await before.up();
  for (const method of ['stored', 'not stored']) await server.fanout(FDB, method, {}, VERSION);
  await before.received(2);
  before.deliveries[0]?.ack();
  await waitFor('one acknowledged', async () => (await messages()) === 1);
  await before.client.close();
  const after = rig.client('host1');
  await after.up();
  await after.received(1);
  expect(after.methods).toEqual(['not stored']);
});

test('acknowledgements given just before closing count', async () => {
  const { server } = await rig.server(() => null);
  const host = rig.client('host1');
  host.hold = true;
  await host.up();
  await Promise.all(Array.from({ length: 90 }, (_, i) => server.fanout(FDB, `m${i}`, {}, VERSION)));
  await host.received(90);
  for (const delivery of host.deliveries) delivery.ack();
  await host.client.close();
  expect(await messages()).toBe(0);
});

test('a redelivery after a broken connection is not handed over twice', async () => {
  const { server } = await rig.server(() => null);
  const host = rig.client('host1');
  host.hold = true;
  await host.up();
  await server.fanout(FDB, 'once', {}, VERSION);
  await host.received(1);
  const seen = host.events.length;
  await rig.broker.ctl('close_all_connections', '--vhost', '/', 'test');
  expect(await host.nextUp(seen)).toMatchObject({ gap: false, lost: [] });
  expect(host.events[seen]).toMatchObject({ kind: 'down', reason: expect.stringContaining('CONNECTION_FORCED') });
  await waitFor('the redelivery', () => host.client.counters.duplicates === 1);
  expect(await messages()).toBe(1);
  // The delivery is of a channel that is gone, but it settles the copy on the new one.
  host.deliveries[0]?.ack();
  await emptyQueues();
  expect(host.methods).toEqual(['once']);
});

test('an acknowledgement while there is no connection settles what comes again', async () => {
  const { server } = await rig.server(() => null);
  const host = rig.client('host1');
  host.hold = true;
  await host.up();
  await server.fanout(FDB, 'once', {}, VERSION);
  await host.received(1);
  const closing = rig.broker.ctl('close_all_connections', '--vhost', '/', 'test');
  await waitFor('the outage', () => host.events.some((event) => event.kind === 'down'));
  host.deliveries[0]?.ack();
  await closing;
  await emptyQueues();
  expect(host.methods).toEqual(['once']);
});

test('a first start is a gap, a restart is not, and misses nothing', async () => {
  const { server } = await rig.server(() => null);
  const before = rig.client('host1');
  expect(await before.up()).toMatchObject({ gap: true, lost: [...TOPICS].sort() });
  await before.client.close();
  await server.fanout(FDB, 'while_away', {}, VERSION);
  const after = rig.client('host1');
  expect(await after.up()).toMatchObject({ gap: false, lost: [] });
  await after.received(1);
  expect(after.methods).toEqual(['while_away']);
});

test.each([
  ['the fanout queue', FANOUT_QUEUE],
  ['the queue by name', new RegExp(`^${FDB}.host1$`)],
])('%s that is gone after a restart is the gap of its topic alone', async (_which, pattern) => {
  const before = rig.client('host1');
  await before.up();
  await before.client.close();
  const names = (await rig.queues()).map(([name = '']) => name);
  const channel = await (await rig.raw()).createChannel();
  await channel.deleteQueue(names.find((name) => pattern.test(name)) ?? '');
  expect(await rig.client('host1').up()).toMatchObject({ gap: true, lost: [FDB] });
});

test('a gap is told when it is found, before the queue is there again, and said once more when all queues are', async () => {
  const first = rig.client('host1');
  await first.up();
  const second = rig.client('host1');
  // It waits for the queues of the first, and finds one of them gone meanwhile.
  await first.client.close();
  const channel = await (await rig.raw()).createChannel();
  const names = (await rig.queues()).map(([name = '']) => name);
  await channel.deleteQueue(names.find((name) => FANOUT_QUEUE.test(name)) ?? '');
  const blocked = await channel.consume(`${FDB}.host1`, () => undefined, { exclusive: true });
  second.client.start();
  await waitFor('the second to wait', () => second.logged.withMessage('another consumer').length > 0);
  expect(second.missing).toEqual([FDB]);
  await channel.cancel(blocked.consumerTag);
  expect(await second.nextUp(0)).toMatchObject({ gap: true, lost: [FDB] });
});

test('a client that leaves takes its reply queue along and leaves the seven others', async () => {
  const host = rig.client('host1');
  await host.up();
  expect(await rig.queues()).toHaveLength(8);
  await host.client.close();
  const names = (await rig.queues()).map(([name = '']) => name);
  expect(names).toHaveLength(7);
  expect(names.filter((name) => name.startsWith('reply_'))).toEqual([]);
});

test('a queue taken away under us is a gap, and messages flow again', async () => {
  const { server } = await rig.server(() => null);
  const host = rig.client('host1');
  await host.up();
  const channel = await (await rig.raw()).createChannel();
  const names = (await rig.queues()).map(([name = '']) => name);
  for (const name of [names.find((one) => FANOUT_QUEUE.test(one)) ?? '', `${FDB}.host1`]) {
    const seen = host.events.length;
    await channel.deleteQueue(name);
    await waitFor('the gap', () => host.events.length > seen);
    expect(host.events[seen]).toMatchObject({ kind: 'gap', topics: [FDB] });
  }
  await server.fanout(FDB, 'fanout', {}, VERSION);
  await server.cast(`${FDB}.host1`, 'by_name', {}, VERSION);
  await host.received(2);
  expect(await rig.queues()).toHaveLength(8 + 2);
});

test('a second consumer waits until the first has gone', async () => {
  const { server } = await rig.server(() => null);
  const first = rig.client('host1');
  await first.up();
  const second = rig.client('host1');
  second.client.start();
  await waitFor(
    'the second to wait for seven queues',
    () => second.logged.withMessage('another consumer').length === 7,
  );
  // Calls do not wait for that.
  await second.client.call('q-plugin', 'anything', {}, VERSION);
  await server.fanout(FDB, 'to_the_first', {}, VERSION);
  await first.received(1);
  expect(second.events).toEqual([]);
  await first.client.close();
  expect(await second.nextUp(0)).toMatchObject({ gap: false });
  await server.fanout(FDB, 'to_the_second', {}, VERSION);
  await second.received(1);
  expect(second.methods).toEqual(['to_the_second']);
});

test('the lost reply queue fails the calls that wait for it', async () => {
  await rig.server(() => new Promise(() => undefined));
  const host = rig.client('host1');
  await host.up();
  const call = host.client.call('q-plugin', 'slow', {}, VERSION).then(
    () => 'answered',
    (error: { code: string }) => error.code,
  );
  const names = (await rig.queues()).map(([name = '']) => name);
  const channel = await (await rig.raw()).createChannel();
  await channel.deleteQueue(names.find((name) => name.startsWith('reply_')) ?? '');
  expect(await call).toBe('not-connected');
});

test('an exchange that is deleted takes our binding with it: bound anew, and told as a gap', async () => {
  const { server } = await rig.server(() => null);
  const host = rig.client('host1', rig.config(), { bindingInterval: 100 });
  await host.up();
  await server.fanout(FDB, 'one', {}, VERSION);
  await host.received(1);
  const channel = await (await rig.raw()).createChannel();
  await channel.deleteExchange(`${FDB}_fanout`);
  const gap = await waitFor('the gap', () => host.events.find(({ kind }) => kind === 'gap'));
  expect(gap).toEqual({ kind: 'gap', topics: [FDB], reason: `exchange ${FDB}_fanout was gone` });
  expect(host.missing.at(-1)).toBe(FDB);
  await server.fanout(FDB, 'two', {}, VERSION);
  await host.received(2);
  expect(host.methods).toEqual(['one', 'two']);
});

test('an exchange that was deleted and made anew by who published meanwhile: told as a gap all the same', async () => {
  const { server } = await rig.server(() => null);
  const host = rig.client('host1', rig.config(), { bindingInterval: 1_000 });
  await host.up();
  await server.fanout(FDB, 'one', {}, VERSION);
  await host.received(1);
  const channel = await (await rig.raw()).createChannel();
  await channel.deleteExchange(`${FDB}_fanout`);
  await server.fanout(FDB, 'lost', {}, VERSION);
  const gap = await waitFor('the gap', () => host.events.find(({ kind }) => kind === 'gap'));
  expect(gap).toEqual({ kind: 'gap', topics: [FDB], reason: `exchange ${FDB}_fanout was gone` });
  await server.fanout(FDB, 'two', {}, VERSION);
  await host.received(2);
  expect(host.methods).toEqual(['one', 'two']);
});

test('the same while the client is away, its queue there: a gap when it is back, and none the next time', async () => {
  const { server } = await rig.server(() => null);
  const host = rig.client('host1');
  await host.up();
  await host.client.close();
  const channel = await (await rig.raw()).createChannel();
  await channel.deleteExchange(`${FDB}_fanout`);
  await server.fanout(FDB, 'lost', {}, VERSION);
  const again = rig.client('host1');
  expect(await again.up()).toMatchObject({ lost: [FDB] });
  await again.client.close();
  const third = rig.client('host1');
  expect(await third.up()).toMatchObject({ lost: [] });
});

test('a fanout whose exchange has gone is published to nobody, and the next ones arrive', async () => {
  const { server } = await rig.server(() => null);
  const host = rig.client('host1');
  await host.up();
  await server.fanout(FDB, 'one', {}, VERSION);
  await host.received(1);
  await host.client.close();
  const channel = await (await rig.raw()).createChannel();
  for (const [name = ''] of await rig.queues()) if (FANOUT_QUEUE.test(name)) await channel.deleteQueue(name);
  await server.fanout(FDB, 'two', {}, VERSION);
  const again = rig.client('host1');
  await again.up();
  await server.fanout(FDB, 'three', {}, VERSION);
  await again.received(1);
  expect(again.methods).toEqual(['three']);
});
