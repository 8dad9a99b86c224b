import { describe, expect, test } from 'vitest';
import { NeutronServer } from '../../../src/neutron/server.ts';
import type { CallOptions, JsonObject, JsonValue, RpcCaller } from '../../../src/rpc/types.ts';
import type { IpAddress, PortId } from '../../../src/values.ts';
import recorded from '../../fixtures/neutron/recorded.json' with { type: 'json' };

interface Sent {
  readonly topic: string;
  readonly method: string;
  readonly args: JsonObject;
  readonly version: string;
  readonly timeout?: number;
}

/** A server that gives one reply to everything; what it was sent is in `sent`. */
function talking(reply: JsonValue, host = 'host1') {
  const sent: Sent[] = [];
  const note = (topic: string, method: string, args: JsonObject, options: CallOptions) => {
    sent.push({ topic, method, args, ...options });
  };
  const rpc: RpcCaller = {
    call: (topic, method, args, options) => {
      note(topic, method, args, options);
      return Promise.resolve(reply);
    },
    cast: (topic, method, args, options) => {
      note(topic, method, args, options);
      return Promise.resolve();
    },
    fanout: () => Promise.reject(new Error('the agent sends no fanout')),
  };
  return { server: new NeutronServer({ rpc, host, reportTimeout: 30_000 }), sent };
}

function recordedCall(method: string, test: (args: Record<string, unknown>) => boolean = () => true) {
  const found = recorded.calls.find((call) => call.method === method && test(call.args as Record<string, unknown>));
  if (found === undefined) throw new Error(`no recording of ${method}`);
  const { topic, version, args } = found;
  return { topic, method, version, args: args as unknown as JsonObject };
}

const DEVICE = '83ec5431-b0ed-4ec8-916b-0611756484af' as PortId;
const GONE = '4bae99bb-fda6-4b94-9034-06edbc1f832b' as PortId;

describe('what goes out is what the reference sends', () => {
  test('has_alive_neutron_server', async () => {
    const { server, sent } = talking(true);
    await server.isAlive();
    expect(sent).toEqual([recordedCall('has_alive_neutron_server')]);
  });

  test('report_state, with its interval for a deadline and a time without a zone', async () => {
    const call = recordedCall('report_state');
    const { agent_state } = call.args.agent_state as { agent_state: JsonObject };
    const { server, sent } = talking('alive');
    // Our clock has milliseconds, the recorded one microseconds.
    const time = String(call.args.time).slice(0, 23);
    await server.reportState(agent_state, new Date(`${time}Z`));
    expect(sent).toEqual([{ ...call, args: { ...call.args, time: `${time}000` }, timeout: 30_000 }]);
  });

  test.each(['vxlan', 'gre'] as const)('tunnel_sync %s', async (type) => {
    const { server, sent } = talking({ tunnels: [] });
    await server.tunnelSync(type, '172.30.0.11' as IpAddress);
    expect(sent).toEqual([recordedCall('tunnel_sync', ({ tunnel_type }) => tunnel_type === type)]);
  });

  test('bulk_pull', async () => {
    const call = recordedCall('bulk_pull');
    const { server, sent } = talking([]);
    const { id } = call.args.filter_kwargs as { id: PortId[] };
    await server.pullPorts(id);
    expect(sent).toEqual([call]);
  });

  test.each([
    ['up, with a refresh', { up: [DEVICE], down: [], refreshTunnels: true }, true],
    ['up', { up: [DEVICE], down: [], refreshTunnels: false }, false],
    ['down', { up: [], down: [GONE], refreshTunnels: false }, false],
  ])('update_device_list %s', async (_, devices, refresh) => {
    const { server, sent } = talking({}, 'host2');
    await server.updateDevices(devices);
    const same = (args: Record<string, unknown>) =>
      args.refresh_tunnels === refresh && (args.devices_up as unknown[]).length === devices.up.length;
    expect(sent).toEqual([recordedCall('update_device_list', same)]);
  });

  test('markers go to our own queue', async () => {
    const { server, sent } = talking(null);
    await server.sendMarker('abc', 'start');
    expect(sent).toEqual([
      {
        topic: 'q-agent-notifier-l2population-update.host1',
        method: 'l2pop_agent_marker',
        args: { id: 'abc', edge: 'start' },
        version: '1.0',
      },
    ]);
  });
});

describe('what comes back', () => {
  test.each([
    [true, true],
    [false, false],
    [null, false],
    ['true', false],
  ])('alive: %j', async (reply, expected) => {
    expect(await talking(reply).server.isAlive()).toBe(expected);
  });

  test.each([
    ['new', 'new'],
    ['alive', 'alive'],
    ['revived', 'revived'],
    [null, undefined],
    ['other', undefined],
    [7, undefined],
  ])('the verdict on a report: %j', async (reply, expected) => {
    expect(await talking(reply).server.reportState({}, new Date(0))).toBe(expected);
  });

  test('VTEPs as recorded (14), ours included', async () => {
    const tunnels = [
      { ip_address: '172.30.0.11', udp_port: 4789, host: 'host1' },
      { ip_address: '172.30.0.12', udp_port: 4789, host: 'host2' },
    ];
    expect(await talking({ tunnels }).server.tunnelSync('vxlan', '172.30.0.11' as IpAddress)).toEqual({
      vteps: ['172.30.0.11', '172.30.0.12'],
      problems: [],
    });
  });

  test('one bad VTEP is named, the others count', async () => {
    const tunnels = [{ ip_address: 'x' }, { ip_address: '172.30.0.12' }, 7, null];
    expect(await talking({ tunnels }).server.tunnelSync('gre', '172.30.0.11' as IpAddress)).toEqual({
      vteps: ['172.30.0.12'],
      problems: [
        'tunnel_sync gre: {"ip_address":"x"} has no ip_address',
        'tunnel_sync gre: 7 has no ip_address',
        'tunnel_sync gre: null has no ip_address',
      ],
    });
  });

  test.each([null, {}, { tunnels: null }, [], 'x'])(
    'no list of VTEPs is a failed call, not an empty cloud: %j',
    async (reply) => {
      await expect(talking(reply).server.tunnelSync('gre', '172.30.0.11' as IpAddress)).rejects.toMatchObject({
        name: 'RpcError',
        code: 'bad-reply',
      });
    },
  );

  test.each([
    [{ failed_devices_up: [DEVICE], failed_devices_down: [GONE] }, [DEVICE], [GONE]],
    [{ failed_devices_up: ['x', 7] }, [], []],
    [{}, [], []],
  ])('devices: %j', async (reply, failedUp, failedDown) => {
    const outcome = await talking(reply).server.updateDevices({ up: [DEVICE], down: [GONE], refreshTunnels: false });
    expect(outcome).toEqual({ failedUp, failedDown });
  });

  test.each([null, [], 'x'])('a reply that cannot be read is a failed call: %j', async (reply) => {
    const { server } = talking(reply);
    const update = server.updateDevices({ up: [DEVICE], down: [], refreshTunnels: false });
    await expect(update).rejects.toMatchObject({ code: 'bad-reply' });
    if (!Array.isArray(reply)) await expect(server.pullPorts([DEVICE])).rejects.toMatchObject({ code: 'bad-reply' });
  });

  test('port facts as recorded (14)', async () => {
    const ids = recorded.ports.map((port) => port['versioned_object.data'].id as PortId);
    const { answers, problems } = await talking(recorded.ports as unknown as JsonValue).server.pullPorts([
      ...ids,
      DEVICE,
    ]);
    expect([answers.size, answers.get(DEVICE), problems]).toEqual([4, 'absent', []]);
  });
});
