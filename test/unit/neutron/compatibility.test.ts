/**
 * Zed to 2026.1 in two tables: all that we say, word for word with its version, and what we take of what is said to us.
 * The versions of the server's side are those of its oldest release here; a newer one takes what an older one took.
 */
import { describe, expect, test } from 'vitest';
import { readDelivery } from '../../../src/inbox.ts';
import { NeutronServer } from '../../../src/neutron/server.ts';
import { NOTIFICATION_TOPICS } from '../../../src/neutron/topics.ts';
import { decode, encodeCall, encodeCast, versionAccepts } from '../../../src/rpc/envelope.ts';
import type { JsonObject, JsonValue, RpcCaller } from '../../../src/rpc/types.ts';
import type { IpAddress, PortId } from '../../../src/values.ts';
import { testConfig } from '../config.ts';

const PORT = '83ec5431-b0ed-4ec8-916b-0611756484af' as PortId;
/** `neutron/plugins/ml2/rpc.py`, `neutron/db/agents_db.py` and `neutron/api/rpc/handlers/resources_rpc.py` of Zed. */
const SERVER_VERSIONS = { 'q-plugin': ['1.9', '1.1'], 'q-reports-plugin': ['1.2'] } as const;

interface Said {
  readonly how: 'call' | 'cast';
  readonly topic: string;
  readonly method: string;
  readonly version: string;
  readonly args: readonly string[];
}

/** WIRE.md, "What the agent calls", as far as we call it. */
const ALL_WE_SAY: [keyof NeutronServer, (server: NeutronServer) => Promise<unknown>, Said][] = [
  [
    'isAlive',
    (server) => server.isAlive(),
    { how: 'call', topic: 'q-reports-plugin', method: 'has_alive_neutron_server', version: '1.2', args: [] },
  ],
  [
    'reportState',
    (server) => server.reportState({}, new Date(0)),
    { how: 'call', topic: 'q-reports-plugin', method: 'report_state', version: '1.2', args: ['agent_state', 'time'] },
  ],
  [
    'tunnelSync',
    (server) => server.tunnelSync('vxlan', '172.30.0.11' as IpAddress),
    {
      ...{ how: 'call', topic: 'q-plugin', method: 'tunnel_sync', version: '1.4' },
      args: ['host', 'tunnel_ip', 'tunnel_type'],
    },
  ],
  [
    'pullPorts',
    (server) => server.pullPorts([PORT]),
    {
      ...{ how: 'call', topic: 'q-plugin', method: 'bulk_pull', version: '1.1' },
      args: ['filter_kwargs', 'resource_type', 'version'],
    },
  ],
  [
    'updateDevices',
    (server) => server.updateDevices({ up: [PORT], down: [], refreshTunnels: true }),
    {
      ...{ how: 'call', topic: 'q-plugin', method: 'update_device_list', version: '1.9' },
      args: ['agent_id', 'devices_down', 'devices_up', 'host', 'refresh_tunnels'],
    },
  ],
  [
    'sendMarker',
    (server) => server.sendMarker('id', 'start'),
    {
      ...{ how: 'cast', topic: 'q-agent-notifier-l2population-update.host1', method: 'l2pop_agent_marker' },
      ...{ version: '1.0', args: ['edge', 'id'] },
    },
  ],
];

const REPLIES: Readonly<Record<string, JsonValue>> = {
  tunnel_sync: { tunnels: [] },
  bulk_pull: [],
  update_device_list: {},
};

function listening() {
  const said: Said[] = [];
  const hear =
    (how: Said['how']) =>
    (topic: string, method: string, args: JsonObject, { version }: { version: string }) => {
      said.push({ how, topic, method, version, args: Object.keys(args).sort() });
      return Promise.resolve(REPLIES[method] ?? true);
    };
  const rpc: RpcCaller = {
    call: hear('call'),
    cast: async (...what) => void (await hear('cast')(...what)),
    fanout: () => Promise.reject(new Error('the agent sends no fanout')),
  };
  return { said, server: new NeutronServer({ rpc, host: 'host1', reportTimeout: 1000 }) };
}

describe('what we say', () => {
  test.each(ALL_WE_SAY)('%s', async (_name, say, expected) => {
    const { said, server } = listening();
    await say(server);
    expect(said).toEqual([expected]);
  });

  test('is all we say', () => {
    const methods = Object.getOwnPropertyNames(NeutronServer.prototype).filter((name) => name !== 'constructor');
    expect(methods.sort()).toEqual(ALL_WE_SAY.map(([name]) => String(name)).sort());
  });

  test.each(ALL_WE_SAY.filter(([, , { how }]) => how === 'call').map(([, , said]) => [said.method, said] as const))(
    '%s is understood by the oldest server',
    (_method, { topic, version }) => {
      const endpoints: readonly string[] = SERVER_VERSIONS[topic as keyof typeof SERVER_VERSIONS];
      expect(endpoints.some((own) => versionAccepts(own, version))).toBe(true);
    },
  );

  test('has no namespace', () => {
    const message = {
      ...{ method: 'm', args: {}, version: '1.0', uniqueId: 'u', requestId: 'req-1', time: new Date(0) },
      ...{ msgId: 'i', replyQueue: 'r' },
    };
    for (const body of [encodeCall(message), encodeCast(message)]) {
      const inner = JSON.parse(JSON.parse(body.toString())['oslo.message']) as object;
      expect(inner).not.toHaveProperty('namespace');
      expect(decode(body)).toMatchObject({ request: { namespace: undefined } });
    }
  });
});

describe('what is said to us', () => {
  const heard = (topic: string, method: string, version: string, namespace?: string) =>
    readDelivery(
      {
        ...{ topic, source: 'fanout', queue: 'q', receivedAt: new Date(0) },
        request: {
          ...{ method, version, namespace, args: { fdb_entries: {}, port_id: PORT, port: { id: PORT }, network: {} } },
          ...{ uniqueId: 'u', requestId: 'req-1', call: undefined },
        },
      },
      testConfig(),
    );

  /** As every release sends it. */
  test.each([
    ['l2population-update', 'add_fdb_entries', '1.0'],
    ['l2population-update', 'remove_fdb_entries', '1.0'],
    ['port-update', 'port_update', '1.0'],
    ['port-delete', 'port_delete', '1.0'],
    ['binding-activate', 'binding_activate', '1.5'],
  ])('%s: %s %s', (topic, method, version) => {
    expect(NOTIFICATION_TOPICS).toContain(`q-agent-notifier-${topic}`);
    expect(heard(`q-agent-notifier-${topic}`, method, version).problems).toEqual([]);
  });

  /** `oslo_messaging._utils.version_is_compatible` of 1.7. */
  test.each([
    ['1.0', true],
    ['1.4', true],
    ['1.7', true],
    ['1.8', false],
    ['1.10', false],
    ['2.0', false],
    ['0.9', false],
  ])('version %s is taken: %s', (version, taken) => {
    const { problems, events } = heard('q-agent-notifier-port-delete', 'port_delete', version);
    expect(events).toHaveLength(taken ? 1 : 0);
    expect(problems).toEqual(taken ? [] : [`port_delete: version ${version} is not understood, 1.0 to 1.7 are`]);
  });

  test('a namespace is not ours', () => {
    const { problems, events } = heard('q-agent-notifier-port-delete', 'port_delete', '1.0', 'dvr');
    expect([events, problems]).toEqual([[], ['port_delete: namespace dvr: notifications have none']]);
  });
});
