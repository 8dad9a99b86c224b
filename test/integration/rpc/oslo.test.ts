/**
 * Every mode that Debian's oslo.messaging knows, in the order in which an operator goes: the reference's agent has
 * declared its exchanges and queues, it stops, ours starts on the same file; and back again.
 */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { OsloPeer, rpcConfigOf, writeConfig } from './oslo-peer.ts';
import { FDB, Rig, TOPICS, waitFor } from './rig.ts';

const VERSION = { version: '1.0' };
const ENTRIES = { fdb_entries: { network: { network_type: 'vxlan', segment_id: 77, ports: {} } } };

let rig: Rig;
const peers: OsloPeer[] = [];

beforeAll(async () => {
  rig = await Rig.start();
});
afterEach(async () => {
  await Promise.all(peers.splice(0).map((peer) => peer.close()));
  await rig.reset();
  await rig.deleteExchanges();
});
afterAll(() => rig?.close());

async function peer(config: string): Promise<OsloPeer> {
  const started = await OsloPeer.start(config);
  peers.push(started);
  return started;
}

const MODES: [string, Record<string, string>][] = [
  ['the defaults', {}],
  ['amqp_durable_queues', { amqp_durable_queues: 'true' }],
  ['amqp_auto_delete', { amqp_auto_delete: 'true' }],
  ['amqp_durable_queues and amqp_auto_delete', { amqp_durable_queues: 'true', amqp_auto_delete: 'true' }],
  ['rabbit_ha_queues', { rabbit_ha_queues: 'true' }],
  ['rabbit_quorum_queue', { rabbit_quorum_queue: 'true' }],
  [
    'rabbit_quorum_queue with limits',
    {
      rabbit_quorum_queue: 'true',
      rabbit_quorum_delivery_limit: '20',
      // As Zed spells them; the spelling was mended later.
      rabbit_quroum_max_memory_length: '1000',
      rabbit_quroum_max_memory_bytes: '1000000',
    },
  ],
  ['rabbit_transient_queues_ttl', { rabbit_transient_queues_ttl: '600' }],
  [
    'rabbit_qos_prefetch_count and rabbit_login_method',
    { rabbit_qos_prefetch_count: '5', rabbit_login_method: 'PLAIN' },
  ],
];

test.each(MODES)('%s: from the reference to ours and back on one file', async (_mode, rabbit) => {
  const url = `rabbit://guest:guest@127.0.0.1:${rig.broker.port}/`;
  const file = writeConfig(rig.run.path, url, rabbit);
  const server = await peer(file);
  await server.do('serve', 'q-plugin', 'server');
  const agent = await peer(file);
  for (const topic of TOPICS) await agent.do('listen', topic, 'host1');
  await server.do('fanout', FDB, 'add_fdb_entries', ENTRIES);
  await server.do('cast', FDB, 'host1', 'add_fdb_entries', ENTRIES);
  await waitFor('the reference to hear both', () => agent.heard(FDB).length === 2);
  await agent.close();

  const ours = rig.client('host1', rpcConfigOf(file));
  await ours.up();
  const args = { tunnel_ip: '172.30.0.11', nothing: null, list: [1, 'zwei', { drei: true }] };
  expect(await ours.client.call('q-plugin', 'echo', args, { version: '1.4' })).toEqual({ args });
  // What the peer tells may come after its reply.
  const echo = () => server.events.findLast(({ method }) => method === 'echo');
  await waitFor('the peer to tell of the call', () => echo() !== undefined);
  expect(echo()).toMatchObject({ request_id: expect.stringMatching(/^req-/) });
  const failure = (method: string, version: string) =>
    ours.client.call('q-plugin', method, {}, { version }).catch((error: unknown) => error);
  expect(await failure('broken', '1.4')).toMatchObject({
    failure: { class: 'NotThere', module: '__main__', message: 'no such port' },
  });
  expect(await failure('nowhere', '1.4')).toMatchObject({ failure: { class: 'NoSuchMethod' } });
  expect(await failure('echo', '1.10')).toMatchObject({ failure: { class: 'UnsupportedVersion' } });
  for (const topic of TOPICS) await server.do('fanout', topic, 'add_fdb_entries', ENTRIES);
  await server.do('cast', FDB, 'host1', 'add_fdb_entries', ENTRIES);
  await ours.received(TOPICS.length + 1);
  expect(ours.deliveries.map(({ topic, source }) => `${source} ${topic}`).sort()).toEqual(
    [`by-name ${FDB}`, ...TOPICS.map((topic) => `fanout ${topic}`)].sort(),
  );
  expect(ours.deliveries[0]?.request).toMatchObject({
    method: 'add_fdb_entries',
    args: ENTRIES,
    version: '1.0',
    namespace: undefined,
    requestId: 'req-00000000-0000-4000-8000-000000000001',
  });
  await ours.client.cast(`${FDB}.host1`, 'marker', {}, VERSION);
  await ours.received(TOPICS.length + 2);
  expect(ours.logged.lines.filter(({ level }) => level >= 40)).toEqual([]);
  await ours.client.close();

  const again = await peer(file);
  for (const topic of TOPICS) await again.do('listen', topic, 'host1');
  await server.do('fanout', FDB, 'add_fdb_entries', ENTRIES);
  await server.do('cast', FDB, 'host1', 'add_fdb_entries', ENTRIES);
  await waitFor('the reference to hear both again', () => again.heard(FDB).length === 2);
  for (const { log } of [server, agent, again]) expect(log).not.toContain('PRECONDITION');
  for (const { log } of [agent, again]) expect(log).not.toMatch(/Traceback|ERROR/);
});
