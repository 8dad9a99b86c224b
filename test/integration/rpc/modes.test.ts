import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { RpcConfig } from '../../../src/config/config.ts';
import { FDB, Rig, TOPICS, waitFor } from './rig.ts';

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
