/** The life of a VIF on a real switch: where it is put, what the server is told of it, and what it leaves behind. */
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PORT_DELETE_TOPIC, PORT_UPDATE_TOPIC } from '../../../src/neutron/topics.ts';
import { type Port, portOn } from './port-object.ts';
import { type AgentRig, deviceOf, rigForAll, waitFor } from './rig.ts';

type Network = Pick<Port, 'network' | 'type' | 'segmentationId'>;

const REMOTE = '172.30.0.99';

let rig: AgentRig;
/** New ones for each test: the agent keeps what it hears of networks that have left the host. Equal segmentation ids. */
let vx: Network;
let gr: Network;

rigForAll(async (up) => {
  rig = up;
  await rig.start();
});

beforeEach(() => {
  rig.server.clear();
  rig.forgetLog();
  vx = newNetwork('vxlan');
  gr = newNetwork('gre');
});

afterEach(async () => {
  // What one test has plugged is no matter of the next, which may look at the log.
  const left = (await rig.host.vsctl('list-ports', 'br-int')).split('\n').filter((name) => name.startsWith('tap'));
  for (const device of left) await rig.host.vsctl('del-port', 'br-int', device);
  await waitFor(
    'the VIFs to be forgotten',
    async () => (await rig.table(4)).length + (await rig.table(3)).length === 0,
  );
});

describe('plugging', () => {
  it('a VIF without a tag is isolated at first sight, until its facts are known', async () => {
    const port = newPort(vx);
    rig.server.ports.set(port.id, port);
    const facts = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    rig.server.onPull = () => {
      asked.resolve();
      return facts.promise;
    };
    const device = await rig.plug(port);
    await tagged(device, 4095);
    await asked.promise;
    expect(await rig.port(device)).toMatchObject({ tag: 4095, other_config: {} });
    expect(rig.server.updates).toEqual([]);

    facts.resolve();
    await tagged(device, 1);
    expect(await rig.port(device)).toEqual({
      name: device,
      tag: 1,
      vlan_mode: [],
      trunks: [],
      other_config: {
        net_uuid: vx.network,
        network_type: 'vxlan',
        physical_network: 'None',
        segmentation_id: '77',
        tag: '1',
      },
    });
    await rig.server.told('up', port.id);
  });

  it('what plug code has isolated is bound with vlan_mode and trunks cleared', async () => {
    const port = newPort(vx);
    rig.server.ports.set(port.id, port);
    const device = deviceOf(port.id);
    await rig.plug(port, ['set', 'Port', device, 'tag=4095', 'vlan_mode=trunk', 'trunks=4095']);
    await rig.server.told('up', port.id);
    expect(await rig.port(device)).toMatchObject({ tag: 1, vlan_mode: [], trunks: [] });
  });

  it('keeps what others have written in other_config', async () => {
    const port = newPort(vx);
    rig.server.ports.set(port.id, port);
    const device = deviceOf(port.id);
    await rig.plug(port, ['set', 'Port', device, 'other_config:somebody=else']);
    await rig.server.told('up', port.id);
    expect(await rig.port(device)).toMatchObject({ other_config: { somebody: 'else', net_uuid: vx.network } });
  });

  it('the flows of its network are there before the server is told', async () => {
    const port = newPort(vx);
    let atThatTime: Promise<string[]> | undefined;
    rig.server.onUpdate = async ({ up }) => {
      if (up.includes(port.id)) atThatTime ??= rig.table(4);
      await atThatTime;
    };
    await rig.wire(port);
    expect(await atThatTime).toEqual([expect.stringContaining('tun_id=0x4d actions=push_vlan')]);
  });

  it.each<[what: string, reason: RegExp, change: Partial<Port> | undefined]>([
    ['unknown to the server', /does not know/, undefined],
    ['bound to another host', /not bound to this host/, { host: 'host9' }],
    ['administratively down', /administratively down/, { adminStateUp: false }],
    ['of a network type that is not ours', /no tunnel \(vlan 77\)/, { type: 'vlan' }],
    ['of a tunnel type that is not configured', /geneve/, { type: 'geneve' }],
  ])('a port %s goes to the dead VLAN, with the reason, and nothing is reported', async (_, reason, change) => {
    const port = { ...newPort(vx), ...change };
    if (change !== undefined) rig.server.ports.set(port.id, port);
    const device = await rig.plug(port);
    await waitFor('the flow of a dead port', async () =>
      (await rig.flows('br-int')).some((line) => /priority=2,in_port=\d+ actions=drop/.test(line)),
    );
    expect(await rig.port(device)).toMatchObject({ tag: 4095 });
    expect(JSON.parse((await rig.agent.get('/networks')).body)).toMatchObject({
      networks: [],
      unwired: [{ port: port.id, wiring: 'dead', reason: expect.stringMatching(reason) }],
    });
    expect(rig.server.updates).toEqual([]);
    await rig.unplug(port);
    await waitFor('the flow to go', async () =>
      (await rig.flows('br-int')).every((line) => !/priority=2,in_port/.test(line)),
    );
  });

  describe('a live migration to us: wired before the binding is active, reported up when it is', () => {
    it.each<[what: string, awaited: boolean, bindings: (host: string) => Partial<Port>]>([
      ['the active binding names us: Nova may wait for the VIF', true, (host) => ({ migratingTo: host })],
      ['and there is an inactive one here', true, (host) => ({ migratingTo: host, inactiveOn: host })],
      ['there is an inactive binding here, and nobody waits', false, (host) => ({ inactiveOn: host })],
    ])('%s', async (_, awaited, bindings) => {
      const port = { ...newPort(vx), ...ELSEWHERE, ...bindings(rig.host.name) };
      rig.server.ports.set(port.id, port);
      const device = await rig.plug(port);
      await wiredFor(port, device);
      if (awaited) await rig.server.told('up', port.id);
      expect(rig.server.updates).toEqual(awaited ? [{ up: [port.id], down: [], refresh: false }] : []);
      await activated(port, device);
    });

    it('plugged first, its binding here comes later: dead until then', async () => {
      const port = { ...newPort(vx), ...ELSEWHERE };
      rig.server.ports.set(port.id, port);
      const device = await rig.plug(port);
      await waitFor('the flow of a dead port', async () =>
        (await rig.flows('br-int')).some((line) => /priority=2,in_port=\d+ actions=drop/.test(line)),
      );
      expect(await rig.port(device)).toMatchObject({ tag: 4095 });
      // Nova's update of the profile is heard; an inactive binding that is made says nothing of itself.
      await update({ ...port, migratingTo: rig.host.name, inactiveOn: rig.host.name });
      await wiredFor(port, device);
      await activated(port, device);
    });

    it('an inactive binding that nobody tells of is found soon', async () => {
      const port = { ...newPort(vx), ...ELSEWHERE };
      rig.server.ports.set(port.id, port);
      const device = await rig.plug(port);
      await waitFor('the facts to be asked', () => rig.server.asked('bulk_pull').length > 0);
      rig.server.ports.set(port.id, { ...port, inactiveOn: rig.host.name });
      await wiredFor(port, device);
      await activated(port, device);
    });

    const ELSEWHERE = { host: 'host9', status: 'ACTIVE', ips: ['10.0.0.7'] } as const;

    /** Local VLAN, br-tun's flows, anti-spoofing. */
    async function wiredFor(port: Port, device: string): Promise<void> {
      await tagged(device, 1);
      expect(await rig.table(4)).toHaveLength(1);
      expect(await rig.flows('br-int')).toContainEqual(expect.stringContaining(`dl_src=${port.mac} actions=`));
    }

    /** As ML2 does: the source's binding is inactive now, the port DOWN until we say that it is up. */
    async function activated(port: Port, device: string): Promise<void> {
      rig.server.calls.length = 0;
      const { migratingTo: _, ...rest } = port;
      await update({ ...rest, host: rig.host.name, inactiveOn: 'host9', status: 'DOWN' });
      await rig.server.told('up', port.id);
      expect(await rig.port(device)).toMatchObject({ tag: 1 });
    }
  });

  it.each([
    ['a DHCP port', 'network:dhcp', 'tap'],
    ['a router port', 'network:router_interface', 'qr-'],
    ['a gateway port', 'network:router_gateway', 'qg-'],
    ['a metadata port', 'network:distributed', 'tap'],
    ['a VIF with hybrid plug', 'compute:nova', 'qvo'],
  ])('%s is wired by its iface-id, whatever its name, and freed of vlan_mode and trunks', async (_, owner, prefix) => {
    const port = { ...newPort(vx), deviceOwner: owner };
    rig.server.ports.set(port.id, port);
    const device = `${prefix}${port.id.slice(0, 11)}`;
    await rig.host.vsctl(
      ...['add-port', 'br-int', device, 'tag=4095', 'vlan_mode=trunk', 'trunks=4095'],
      ...['--', 'set', 'Interface', device, 'type=internal', `external_ids:iface-id=${port.id}`],
      ...['external_ids:iface-status=active', `external_ids:attached-mac="${port.mac}"`],
    );
    await rig.server.told('up', port.id);
    expect(await rig.port(device)).toMatchObject({ tag: 1, vlan_mode: [], trunks: [] });
    const checked = (await rig.flows('br-int')).some((line) => line.includes('in_port='));
    expect(checked).toBe(!owner.startsWith('network:'));
    await rig.host.vsctl('del-port', 'br-int', device);
    await rig.server.told('down', port.id);
  });

  it('an iface-id on a bridge that is not the integration bridge is nothing to us', async () => {
    const bridges = ['br-other', 'tbr-1'];
    const ports = bridges.map(() => newPort(vx));
    for (const [i, bridge] of bridges.entries()) {
      await rig.host.vsctl('add-br', bridge, '--', 'set', 'Bridge', bridge, 'datapath_type=netdev');
      rig.server.ports.set(ports[i]!.id, ports[i]!);
      await rig.plug(ports[i]!, [], bridge);
    }
    const ours = newPort(vx);
    await rig.wire(ours);
    for (const port of ports) expect(await rig.port(deviceOf(port.id))).toMatchObject({ tag: [], other_config: {} });
    expect(rig.server.asked('bulk_pull')).toEqual([
      { resource_type: 'Port', version: '1.7', filter_kwargs: { id: [ours.id] } },
    ]);
    for (const bridge of bridges) await rig.host.vsctl('del-br', bridge);
  });

  it('a port gets its iface-id later; until then, and with one that is no port id, it is nothing to us', async () => {
    const port = newPort(vx);
    rig.server.ports.set(port.id, port);
    const device = deviceOf(port.id);
    await rig.host.vsctl(
      ...['add-port', 'br-int', device, 'tag=9', '--', 'set', 'Interface', device, 'type=internal'],
      ...['--', 'add-port', 'br-int', 'tap-strange', 'tag=9', '--', 'set', 'Interface', 'tap-strange', 'type=internal'],
      'external_ids:iface-id=strange',
    );
    const other = newPort(gr);
    await rig.wire(other);
    for (const name of [device, 'tap-strange'])
      expect(await rig.port(name)).toMatchObject({ tag: 9, other_config: {} });
    await rig.host.vsctl('set', 'Interface', device, `external_ids:iface-id=${port.id}`);
    await rig.server.told('up', port.id);
    expect(await rig.port(device)).toMatchObject({ other_config: { net_uuid: vx.network } });
    expect(await rig.port('tap-strange')).toMatchObject({ tag: 9, other_config: {} });
  });

  it('a VIF that a predecessor has wired keeps its VLAN and is never isolated', async () => {
    const port = newPort(vx);
    rig.server.ports.set(port.id, { ...port, status: 'ACTIVE' });
    const facts = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    rig.server.onPull = () => {
      asked.resolve();
      return facts.promise;
    };
    const device = deviceOf(port.id);
    const record = { net_uuid: vx.network, network_type: 'vxlan', physical_network: 'None', segmentation_id: '77' };
    const words = Object.entries({ ...record, tag: '100' }).map(([key, value]) => `other_config:${key}=${value}`);
    await rig.plug(port, ['set', 'Port', device, 'tag=100', ...words]);
    await waitFor('the flow of its network', async () => (await rig.table(4)).length === 1);
    await asked.promise;
    expect(await rig.port(device)).toMatchObject({ tag: 100 });
    facts.resolve();
    await waitFor('a refresh', () => rig.server.updates.some(({ refresh, up }) => refresh && up.includes(port.id)));
    expect(await rig.port(device)).toMatchObject({ tag: 100, other_config: { ...record, tag: '100' } });
    expect(await rig.table(4)).toEqual([expect.stringContaining('set_field:4196->vlan_vid')]);
    // Another network does not get a VLAN that a port has.
    const next = newPort(gr);
    await rig.wire(next);
    expect(await rig.port(deviceOf(next.id))).toMatchObject({ tag: 1 });
  });

  it('two networks whose ports claim one VLAN are parted', async () => {
    const claimed = [newPort(vx), newPort(gr)];
    for (const port of claimed) {
      rig.server.ports.set(port.id, port);
      const device = deviceOf(port.id);
      const record = [`net_uuid=${port.network}`, `network_type=${port.type}`, 'segmentation_id=77', 'tag=100'];
      await rig.plug(port, ['set', 'Port', device, 'tag=100', ...record.map((pair) => `other_config:${pair}`)]);
    }
    for (const port of claimed) await rig.server.told('up', port.id);
    const tags = await Promise.all(claimed.map(async ({ id }) => (await rig.port(deviceOf(id))).tag));
    // Who keeps it depends on which of them is seen with its ofport first.
    expect(new Set(tags).size).toBe(2);
    for (const tag of tags) expect(tag).toBeLessThan(4095);
  });

  it('a port that moves from another bridge to br-int is wired', async () => {
    await rig.host.vsctl('add-br', 'br-other', '--', 'set', 'Bridge', 'br-other', 'datapath_type=netdev');
    const port = newPort(vx);
    rig.server.ports.set(port.id, port);
    const device = await rig.plug(port, [], 'br-other');
    await rig.host.vsctl('del-br', 'br-other');
    await rig.plug(port);
    await rig.server.told('up', port.id);
    expect(await rig.port(device)).toMatchObject({ tag: 1 });
  });
});

describe('changes of a port', () => {
  it('goes to the dead VLAN when it is taken down, and back', async () => {
    const port = newPort(vx);
    await rig.wire(port);
    const device = deviceOf(port.id);

    await update({ ...port, status: 'ACTIVE', adminStateUp: false });
    await rig.server.told('down', port.id);
    expect(await rig.port(device)).toMatchObject({ tag: 4095 });
    expect(await rig.flows('br-int')).toContainEqual(expect.stringMatching(/priority=2,in_port=\d+ actions=drop/));

    rig.server.calls.length = 0;
    await update({ ...port, status: 'DOWN', adminStateUp: true });
    await rig.server.told('up', port.id);
    await tagged(device, 1);
    expect(await rig.flows('br-int')).not.toContainEqual(expect.stringMatching(/priority=2,in_port=\d+ actions=drop/));
  });

  it('a port_update with nothing new says nothing to the server', async () => {
    const port = newPort(vx);
    await rig.wire(port);
    rig.server.calls.length = 0;
    await update({ ...port, status: 'ACTIVE' });
    await waitFor('the facts to be asked', () => rig.server.asked('bulk_pull').length > 0);
    const other = newPort(gr);
    await rig.wire(other);
    // A refresh names one port of each network, to ask and not to tell.
    const told = rig.server.updates.filter(({ refresh }) => !refresh);
    expect(told.flatMap(({ up, down }) => [...up, ...down])).toEqual([other.id]);
  });

  it('port_delete takes it off its network', async () => {
    const port = newPort(vx);
    await rig.wire(port);
    rig.server.ports.delete(port.id);
    await rig.server.fanout(PORT_DELETE_TOPIC, 'port_delete', { port_id: port.id });
    await tagged(deviceOf(port.id), 4095);
    await waitFor('the VLAN flow to go', async () => (await rig.table(4)).length === 0);
  });

  it('a tag that somebody takes away is set again', async () => {
    const port = newPort(vx);
    await rig.wire(port);
    const device = deviceOf(port.id);
    await rig.host.vsctl('clear', 'Port', device, 'tag');
    await tagged(device, 1);
  });
});

describe('unplugging', () => {
  it('is reported, and the last VIF of a network takes its flows along', async () => {
    const [one, two] = [newPort(vx), newPort(vx)];
    await rig.wire(one);
    await rig.wire(two);
    await rig.server.fdb('add', vx, { [REMOTE]: ['flood', ['fa:16:3e:99:00:01', '10.0.0.99']] });
    await waitFor('the flood flow', async () => (await rig.table(22)).length === 1);

    await rig.unplug(one);
    await rig.server.told('down', one.id);
    await rig.settled();
    expect(await rig.table(20)).toHaveLength(1);
    expect(await rig.table(4)).toHaveLength(1);

    await rig.unplug(two);
    await rig.server.told('down', two.id);
    await waitFor('all flows of the network to go', async () => {
      const tables = await Promise.all([4, 20, 21, 22].map((table) => rig.table(table)));
      return tables.flat().length === 0;
    });
    await waitFor('its tunnel to go', async () => (await rig.tunnels()).length === 0);
    expect(await rig.table(0)).toEqual([expect.stringMatching(/in_port=\d+ actions=goto_table:2$/)]);
  });

  it('an entry heard while the network has no VIF here is programmed with its next one', async () => {
    await rig.server.fdb('add', vx, { [REMOTE]: ['flood', ['fa:16:3e:99:00:02', '10.0.0.98']] });
    await rig.settled();
    const port = newPort(vx);
    await rig.wire(port);
    await waitFor('its unicast flow', async () => (await rig.table(20)).join().includes('fa:16:3e:99:00:02'));
  });

  it('a local VLAN is clean when the next network gets it', async () => {
    const port = newPort(vx);
    await rig.wire(port);
    // As table 10 would have learned it.
    const learned = 'table=20,priority=1,cookie=0x6c32700000000000,hard_timeout=300,vlan_tci=0x0001/0x0fff';
    await rig.host.ofctl('add-flow', 'br-tun', `${learned},dl_dst=fa:16:3e:99:00:03,actions=output:99`);
    await rig.unplug(port);
    await rig.server.told('down', port.id);
    const next = newPort(gr);
    await rig.wire(next);
    expect(await rig.port(deviceOf(next.id))).toMatchObject({ tag: 1 });
    expect(await rig.table(20)).toEqual([]);
    expect(await rig.table(4)).toEqual([]);
    expect(await rig.table(3)).toEqual([expect.stringMatching(/tun_id=0x4d actions=.*set_field:4097->vlan_vid/)]);
  });

  it('ports that vanish right after they came leave nothing behind', async () => {
    const ports = Array.from({ length: 50 }, () => newPort(vx));
    for (const port of ports) rig.server.ports.set(port.id, port);
    for (const port of ports) {
      await rig.plug(port);
      await rig.unplug(port);
    }
    // One that stays shows that the agent works on.
    const last = newPort(gr);
    await rig.wire(last);
    await waitFor('the VLAN flow of the vanished to go', async () => (await rig.table(4)).length === 0);
    const ofports = new Set((await rig.flows('br-int')).flatMap((line) => /in_port=\d+/.exec(line) ?? []));
    expect(ofports.size, 'only the last one').toBe(1);
    expect(rig.problems()).toEqual([]);
    await waitFor('no vanished port to be up at the server', () =>
      ports.every(({ id }) => rig.server.ports.get(id)?.status === 'DOWN'),
    );
  });
});

it('two networks of equal segmentation id and different type are two networks', async () => {
  const [one, two] = [newPort(vx), newPort(gr)];
  await rig.wire(one);
  await rig.wire(two);
  await rig.server.fdb('add', vx, { [REMOTE]: ['flood', ['fa:16:3e:99:00:04', '10.0.0.1']] });
  await rig.server.fdb('add', gr, { [REMOTE]: ['flood', ['fa:16:3e:99:00:04', '10.0.0.1']] });
  await waitFor('the flows of both', async () => (await rig.table(20)).length === 2);
  expect(await rig.tunnels()).toEqual(['gre-ac1e0063', 'vxlan-ac1e0063']);
  const tags = await Promise.all([one, two].map(async ({ id }) => (await rig.port(deviceOf(id))).tag));
  expect(new Set(tags).size).toBe(2);
  const ofports = new Map((await rig.interfaces()).map(({ name, ofport }) => [name, ofport]));
  for (const [i, name] of ['vxlan-ac1e0063', 'gre-ac1e0063'].entries()) {
    expect(await rig.table(22)).toContainEqual(
      expect.stringContaining(`dl_vlan=${tags[i]} actions=pop_vlan,set_field:0x4d->tun_id,output:${ofports.get(name)}`),
    );
  }
  await rig.server.fdb('remove', vx, { [REMOTE]: ['flood', ['fa:16:3e:99:00:04', '10.0.0.1']] });
  await waitFor('one tunnel to be left', async () => (await rig.tunnels()).join() === 'gre-ac1e0063');
});

let count = 0;

function newNetwork(type: string): Network {
  return { network: randomUUID(), type, segmentationId: 77 };
}

function newPort(network: Network): Port {
  const number = (++count).toString(16).padStart(4, '0');
  return portOn(rig.host.name, {
    ...network,
    id: `${number}0000-0000-4000-8000-00000000${number}`,
    mac: `fa:16:3e:00:${number.slice(0, 2)}:${number.slice(2)}`,
  });
}

async function tagged(device: string, tag: number): Promise<void> {
  await waitFor(`${device} to have tag ${tag}`, async () => (await rig.port(device)).tag === tag);
}

/** The server changes a port and says so, as ML2 does. */
async function update(port: Port): Promise<void> {
  rig.server.ports.set(port.id, port);
  const { type, segmentationId } = port;
  const args = { port: { id: port.id }, network_type: type, segmentation_id: segmentationId, physical_network: null };
  await rig.server.fanout(PORT_UPDATE_TOPIC, 'port_update', args);
}
