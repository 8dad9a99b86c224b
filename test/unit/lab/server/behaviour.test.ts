/** The server's behaviour beyond what the recordings show: statuses, bindings, reports, endpoints, bad arguments. */
import { beforeEach, describe, expect, test } from 'vitest';
import { PLUGIN_TOPIC, parseNaiveUtc, REPORTS_TOPIC } from '../../../../lab/server/rpc-methods.ts';
import type { JsonObject, JsonValue } from '../../../../src/rpc/types.ts';
import type { IpAddress, MacAddress, NetworkId, PortId } from '../../../../src/values.ts';
import type { Cloud, CloudOptions } from './in-memory.ts';
import { cloud } from './in-memory.ts';

const NETWORK = '00000000-0000-4000-8000-00000000000a' as NetworkId;
const SUBNET = '00000000-0000-4000-8000-00000000000b';

let the: Cloud;

beforeEach(async () => {
  the = await prepared();
});

async function prepared(options: CloudOptions = {}): Promise<Cloud> {
  const made = await cloud(options);
  for (const host of ['host1', 'host2', 'host3']) await report(made, host);
  await made.plugin.createNetwork({
    id: NETWORK,
    name: 'net',
    mtu: 1450,
    segments: [{ id: 'segment', networkType: 'vxlan', segmentationId: 7 }],
    subnets: [{ id: SUBNET, cidr: '192.0.2.0/24' }],
  });
  return made;
}

function report(made: Cloud, host: string, state: JsonObject = {}, time?: string): Promise<JsonValue> {
  const configurations = { tunneling_ip: `10.0.0.${host.slice(4)}`, tunnel_types: ['vxlan', 'gre'] };
  const base = {
    host,
    agent_type: 'Open vSwitch agent',
    binary: 'neutron-openvswitch-agent',
    topic: 'N/A',
    configurations,
  };
  return made.call(REPORTS_TOPIC, 'report_state', '1.2', {
    agent_state: { agent_state: { ...base, ...state } },
    time: time ?? made.clock.time.toISOString().slice(0, -1),
  });
}

async function createPort(number: number, host: string | undefined): Promise<PortId> {
  const id = `00000000-0000-4000-8000-00000000010${number}` as PortId;
  await the.plugin.createPort(
    {
      id,
      networkId: NETWORK,
      name: `port${number}`,
      mac: `fa:16:3e:00:00:0${number}` as MacAddress,
      adminStateUp: true,
      deviceId: 'vm',
      deviceOwner: 'compute:nova',
      fixedIps: [{ subnetId: SUBNET, ip: `192.0.2.${number}` as IpAddress }],
    },
    host,
    {},
  );
  return id;
}

function plugin(method: string, args: JsonObject): Promise<JsonValue> {
  return the.call(PLUGIN_TOPIC, method, '1.5', { agent_id: 'ovs-agent-x', ...args });
}

function up(host: string, devices: readonly string[], refresh = false): Promise<JsonValue> {
  return plugin('update_device_list', { devices_up: devices, devices_down: [], host, refresh_tunnels: refresh });
}

function down(host: string, devices: readonly string[]): Promise<JsonValue> {
  return plugin('update_device_list', { devices_up: [], devices_down: devices, host });
}

function status(id: PortId): string | undefined {
  return the.store.ports.get(id)?.status;
}

function sentMethods(): string[] {
  return the.recorder.take().map(({ topic, method }) => `${method} ${topic.replace('q-agent-notifier-', '')}`);
}

describe('report_state', () => {
  test('new, alive, revived after agent_down_time', async () => {
    await expect(report(the, 'host9')).resolves.toBe('new');
    the.clock.time = new Date(the.clock.time.getTime() + 75_000);
    await expect(report(the, 'host9')).resolves.toBe('alive');
    the.clock.time = new Date(the.clock.time.getTime() + 75_001);
    await expect(report(the, 'host9')).resolves.toBe('revived');
    await expect(report(the, 'host9')).resolves.toBe('alive');
  });

  test('a report from before the start of the server is not answered and not recorded', async () => {
    the = await cloud({ startedAt: new Date('2026-11-20T20:56:28Z') });
    await expect(report(the, 'host1', {}, '2026-11-20T20:56:27.999999')).resolves.toBeNull();
    expect(the.store.agents.all()).toEqual([]);
    await expect(report(the, 'host1', {}, '2026-11-20T20:56:28.000001')).resolves.toBe('new');
  });

  test('start_flag renews started_at', async () => {
    const startedAt = () => the.store.agents.withVtep('host1')?.startedAt.toISOString();
    const first = startedAt();
    the.clock.time = new Date(the.clock.time.getTime() + 30_000);
    await report(the, 'host1');
    expect(startedAt()).toBe(first);
    await report(the, 'host1', { start_flag: true });
    expect(startedAt()).toBe(the.clock.time.toISOString());
  });

  test.each([
    ['2026-11-20T20:56:28.837803', '2026-11-20T20:56:28.837Z'],
    ['2026-11-20T20:56:28', '2026-11-20T20:56:28.000Z'],
    ['2026-11-20T20:56:28.837803Z', undefined],
    ['2026-13-20T20:56:28', undefined],
    ['now', undefined],
    [5, undefined],
  ])('time %s', (text, expected) => {
    expect(parseNaiveUtc(text)?.toISOString()).toBe(expected);
  });
});

describe('devices', () => {
  test.each([
    { why: 'unknown', make: () => Promise.resolve('00000000-0000-4000-8000-0000000000ff' as PortId), host: 'host1' },
    { why: 'no UUID', make: () => Promise.resolve('tap0' as PortId), host: 'host1' },
    { why: 'bound elsewhere', make: () => createPort(1, 'host2'), host: 'host1' },
    { why: 'not bound', make: () => createPort(1, undefined), host: 'host1' },
  ])('$why: said to be up, nothing happens', async ({ make, host }) => {
    const id = await make();
    await expect(up(host, [id])).resolves.toEqual({
      devices_up: [id],
      failed_devices_up: [],
      devices_down: [],
      failed_devices_down: [],
    });
    expect(status(id) ?? 'none').toMatch(/^(DOWN|none)$/);
    expect(sentMethods()).toEqual([]);
  });

  test('an administratively down port does not become ACTIVE', async () => {
    const id = await createPort(1, 'host1');
    await the.plugin.updatePort(id, { adminStateUp: false });
    await up('host1', [id]);
    expect(status(id)).toBe('DOWN');
  });

  test('down only from the host that has it', async () => {
    const id = await createPort(1, 'host1');
    await up('host1', [id]);
    await plugin('update_device_down', { device: id, host: 'host2' });
    expect(status(id)).toBe('ACTIVE');
    await expect(plugin('update_device_down', { device: id, host: 'host1' })).resolves.toEqual({
      device: id,
      exists: true,
    });
    expect(status(id)).toBe('DOWN');
  });

  test('the details call puts an ACTIVE port to BUILD, and the history shows who did it', async () => {
    const id = await createPort(1, 'host1');
    await up('host1', [id]);
    await plugin('get_devices_details_list_and_failed_devices', { devices: [id], host: 'host2' });
    expect(status(id)).toBe('ACTIVE');
    await plugin('get_devices_details_list_and_failed_devices', { devices: [id], host: 'host1' });
    expect(status(id)).toBe('BUILD');
    await up('host1', [id]);
    expect(the.store.ports.history(id).map(({ from, to, cause }) => `${from} ${to} ${cause}`)).toEqual([
      'DOWN ACTIVE up, host1',
      'ACTIVE BUILD details call, host1',
      'BUILD ACTIVE up, host1',
    ]);
  });

  test('details of a port of another host', async () => {
    const id = await createPort(1, 'host1');
    await expect(
      plugin('get_devices_details_list_and_failed_devices', { devices: [id], host: 'host2' }),
    ).resolves.toEqual({ devices: [{ device: id, no_active_binding: true }], failed_devices: [] });
  });

  test('a device that cannot be worked on is listed as failed, the others work', async () => {
    const [one, two] = [await createPort(1, 'host1'), await createPort(2, 'host1')];
    const get = the.store.ports.get.bind(the.store.ports);
    the.store.ports.get = (id) => {
      if (id === one) throw new Error('disk gone');
      return get(id);
    };
    await expect(up('host1', [one, two])).resolves.toMatchObject({ devices_up: [two], failed_devices_up: [one] });
  });

  test('three first ports in one list: snapshots for two, the third without the flooding entry', async () => {
    const remote = await createPort(9, 'host2');
    await up('host2', [remote]);
    const ids = [await createPort(1, 'host1'), await createPort(2, 'host1'), await createPort(3, 'host1')];
    the.recorder.take();
    await up('host1', ids);
    const snapshots = the.recorder.sent.filter(({ topic }) => topic.endsWith('.host1'));
    expect(snapshots).toHaveLength(4);
    expect(JSON.stringify(the.recorder.sent.at(-1)?.args)).not.toContain('00:00:00:00:00:00');
    the.recorder.take();
    await up('host1', ids.slice(2), true);
    expect(sentMethods()).toEqual([
      'add_fdb_entries l2population-update.host1',
      'add_fdb_entries l2population-update_fanout',
    ]);
  });
});

describe('bindings', () => {
  test('a port that gets another host goes DOWN there, and its entries go', async () => {
    const id = await createPort(1, 'host1');
    await up('host1', [id]);
    the.recorder.take();
    await the.plugin.updatePort(id, { host: 'host2' });
    expect(status(id)).toBe('DOWN');
    expect(sentMethods()).toEqual(['remove_fdb_entries l2population-update_fanout', 'port_update port-update_fanout']);
    expect(the.store.ports.history(id).at(-1)?.cause).toBe('admin, bound elsewhere');
  });

  test('live migration: INACTIVE binding, activation, removal of the source', async () => {
    const id = await createPort(1, 'host1');
    await up('host1', [id]);
    await the.plugin.addInactiveBinding(id, 'host2', {});
    the.recorder.take();
    await up('host2', [id]);
    expect(sentMethods()).toEqual([]);
    expect((await the.plugin.activateBinding(id, 'host2'))?.status).toBe('DOWN');
    expect(sentMethods()).toEqual(['binding_activate binding-activate_fanout']);
    const segmentOf = (host: string) =>
      the.store.ports.get(id)?.bindings.find((binding) => binding.host === host)?.segment?.segmentationId;
    expect(['host1', 'host2'].map(segmentOf)).toEqual([undefined, 7]);
    await up('host2', [id]);
    expect(status(id)).toBe('ACTIVE');
    expect(JSON.stringify(the.recorder.take().at(-1)?.args)).toContain('10.0.0.2');
    await expect(the.plugin.removeInactiveBinding(id, 'host2')).resolves.toBe(false);
    await expect(the.plugin.removeInactiveBinding(id, 'host1')).resolves.toBe(true);
    expect(the.store.ports.get(id)?.bindings.map(({ host }) => host)).toEqual(['host2']);
  });

  test.each([
    [false, []],
    [true, ['remove_fdb_entries l2population-update_fanout']],
  ])('live migration, L3 plugin %s: the source reports the port down', async (l3Plugin, sent) => {
    the = await prepared({ l3Plugin });
    const id = await createPort(1, 'host1');
    await up('host1', [id]);
    await the.plugin.addInactiveBinding(id, 'host2', {});
    await the.plugin.activateBinding(id, 'host2');
    await up('host2', [id]);
    await the.plugin.removeInactiveBinding(id, 'host1');
    the.recorder.take();
    await down('host1', [id]);
    expect(status(id)).toBe('ACTIVE');
    const [message] = the.recorder.sent;
    expect(sentMethods()).toEqual(sent);
    // The flooding entry too: nothing of the network is left there.
    if (l3Plugin) expect(JSON.stringify(message?.args)).toMatch(/"10\.0\.0\.1":\[\["00:00:00:00:00:00".*192\.0\.2\.1/);
  });

  test('a port with two bindings has both in its versioned object', async () => {
    const id = await createPort(1, 'host1');
    await the.plugin.updatePort(id, { profile: { migrating_to: 'host2' } });
    await the.plugin.addInactiveBinding(id, 'host2', {});
    const pulled = await the.call(PLUGIN_TOPIC, 'bulk_pull', '1.1', {
      resource_type: 'Port',
      version: '1.7',
      filter_kwargs: { id: [id, '00000000-0000-4000-8000-0000000000ff', 'x'] },
    });
    expect(pulled).toMatchObject([
      {
        'versioned_object.data': {
          bindings: [
            { 'versioned_object.data': { host: 'host1', status: 'ACTIVE', profile: '{"migrating_to":"host2"}' } },
            { 'versioned_object.data': { host: 'host2', status: 'INACTIVE' } },
          ],
          binding_levels: [
            { 'versioned_object.data': { host: 'host1' } },
            { 'versioned_object.data': { host: 'host2' } },
          ],
        },
      },
    ]);
  });

  test('a host whose agent does not tunnel the network: binding failed, never ACTIVE', async () => {
    await report(the, 'host1', { configurations: { tunneling_ip: '10.0.0.1', tunnel_types: ['gre'] } });
    const id = await createPort(1, 'host1');
    await up('host1', [id]);
    expect(status(id)).toBe('DOWN');
    expect(the.store.ports.get(id)?.bindings).toMatchObject([{ vifType: 'binding_failed', segment: undefined }]);
    expect(sentMethods()).toEqual([]);
  });
});

describe('tunnel_sync', () => {
  const sync = (host: string, ip: string, type = 'vxlan') =>
    plugin('tunnel_sync', { tunnel_ip: ip, tunnel_type: type, host });

  test('a host with another address: the peers are told to forget the old one, then to add the new one', async () => {
    await sync('host1', '10.0.0.1');
    the.recorder.take();
    await expect(sync('host1', '10.0.9.1')).resolves.toEqual({
      tunnels: [{ ip_address: '10.0.9.1', udp_port: 4789, host: 'host1' }],
    });
    expect(the.recorder.take()).toMatchObject([
      { topic: 'q-agent-notifier-tunnel-delete_fanout', args: { tunnel_ip: '10.0.0.1', tunnel_type: 'vxlan' } },
      { topic: 'q-agent-notifier-tunnel-update_fanout', args: { tunnel_ip: '10.0.9.1', tunnel_type: 'vxlan' } },
    ]);
  });

  test('one address in two spellings is one endpoint', async () => {
    await sync('host1', '2001:DB8:0:0::1', 'gre');
    await expect(sync('host1', '2001:db8::1', 'gre')).resolves.toEqual({
      tunnels: [{ ip_address: '2001:db8::1', host: 'host1' }],
    });
  });
});

describe('bad requests', () => {
  test.each([
    { method: 'tunnel_sync', args: { tunnel_ip: '10.0.0.256', tunnel_type: 'vxlan' }, class: 'InvalidInput' },
    { method: 'tunnel_sync', args: { tunnel_ip: '10.0.0.1', tunnel_type: 'vlan' }, class: 'InvalidInput' },
    { method: 'update_device_up', args: { device: 5, host: 'host1' }, class: 'InvalidInput' },
    { method: 'update_device_list', args: { devices_up: [] }, class: 'InvalidInput' },
    {
      method: 'bulk_pull',
      args: { resource_type: 'Port', version: '9.9' },
      class: 'UnsupportedVersion',
      version: '9.9',
    },
    { method: 'bulk_pull', args: { resource_type: 'Trunk', version: '1.1' }, class: 'InvalidInput', version: '1.1' },
    { method: 'get_network_details', args: { network: 'x' }, class: 'NetworkNotFound' },
    { method: 'report_state', args: {}, class: 'NoSuchMethod' },
  ])('$method $args: $class', async ({ method, args, class: name, version = '1.5' }) => {
    const refused = the.call(PLUGIN_TOPIC, method, version, args);
    await expect(refused).rejects.toMatchObject({ class: name });
  });
});

test('l2population off: no FDB messages, the rest as ever', async () => {
  the = await prepared({ l2population: false });
  const id = await createPort(1, 'host1');
  await up('host1', [id], true);
  expect(status(id)).toBe('ACTIVE');
  await the.plugin.updatePort(id, { fixedIps: [] });
  await the.plugin.deletePort(id);
  expect(sentMethods()).toEqual(['port_update port-update_fanout', 'port_delete port-delete_fanout']);
});

test('the counters tell snapshots from fanouts', async () => {
  const [one, two] = [await createPort(1, 'host1'), await createPort(2, 'host2')];
  await up('host1', [one]);
  await up('host2', [two]);
  await up('host1', [one]);
  expect(the.publisher.counters()).toEqual({
    snapshots: 3,
    snapshotsByHost: { host2: 2, host1: 1 },
    fanouts: 5,
    fanoutsByMethod: { add_fdb_entries: 5 },
  });
});
