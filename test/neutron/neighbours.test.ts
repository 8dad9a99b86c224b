/**
 * What operators run on a compute or network node beside plain VMs: DHCP with its metadata address, routers, VIFs with
 * hybrid plug, a trunk's parent port, and bridges of their own. Ours takes over from the reference among them on host1; not a
 * packet of theirs is lost, and what is not ours stays as it is. The other end, host2, is the reference's.
 */
import { expect, it } from 'vitest';
import type { Host } from '../../lab/host.ts';
import { pingWhile } from '../../lab/neutron/pinger.ts';
import { rows } from '../../lab/oracle/ovsdb-rows.ts';
import { lossy } from './paths.ts';
import { type PluggedVm, sceneOfFile } from './scene.ts';

/** Where guests ask for their metadata; on an isolated network its proxy answers beside the DHCP server. */
const METADATA = '169.254.169.254';
const OWN_BRIDGES = ['br-ex', 'br-storage'];

let host: Host;

const scene = sceneOfFile({ agents: { 1: 'reference', 2: 'reference' } }, async (up) => {
  host = up.cloud.host(1);
  await up.network('net', 'vxlan');
  await makeOwnBridges();
  await up.vm('a1', 'net', 1);
  await up.vm('b1', 'net', 2);
  await dhcp('dhcp1');
  await router('router1');
  await hybrid('hybrid1');
  await up.expectReachable();
  await up.expectFlows();
});

/** br-ex with an address of the host's, and two bridges' worth of patch ports and flows of somebody else. */
async function makeOwnBridges(): Promise<void> {
  for (const bridge of OWN_BRIDGES) {
    await host.vsctl('add-br', bridge, '--', 'set', 'Bridge', bridge, 'datapath_type=netdev', 'external_ids:owner=me');
  }
  const [one = '', other = ''] = OWN_BRIDGES;
  const patch = (name: string, peer: string) => ['set', 'Interface', name, 'type=patch', `options:peer=${peer}`];
  await host.vsctl(
    ...['add-port', one, 'ex-storage', 'tag=17', '--', ...patch('ex-storage', 'storage-ex')],
    ...['--', 'add-port', other, 'storage-ex', '--', ...patch('storage-ex', 'ex-storage')],
  );
  // In tables and with priorities that ours have, too.
  for (const bridge of OWN_BRIDGES) {
    await host.ofctl('add-flow', bridge, 'cookie=0xabc,table=20,priority=2,dl_vlan=1,actions=drop');
    await host.ofctl('add-flow', bridge, 'cookie=0xabc,table=0,priority=2,in_port=99,actions=drop');
  }
  await host.namespace.ip('addr add 192.0.2.1/24 dev br-ex', 'link set br-ex up');
}

/** Everything of the bridges that are nobody's but the operator's. */
async function ownBridges(): Promise<unknown> {
  const flows: Record<string, string[]> = {};
  const kept: Record<string, unknown> = {};
  const bridges = (await host.vsctl('list-br')).split('\n').filter((name) => !/^br-(int|tun|phy)$/.test(name));
  for (const bridge of bridges) {
    const dump = await host.ofctl('--no-stats', '--no-names', 'dump-flows', bridge);
    flows[bridge] = dump.split('\n').filter((line) => line.includes('actions='));
    kept[bridge] = (await host.vsctl('list-ports', bridge)).split('\n');
  }
  const names = Object.values(kept).flat();
  const columns = {
    Bridge: ['_uuid', 'name', 'controller', 'datapath_type', 'fail_mode', 'protocols', 'external_ids', 'other_config'],
    Port: ['_uuid', 'name', 'tag', 'trunks', 'vlan_mode', 'external_ids', 'other_config'],
    Interface: ['_uuid', 'name', 'type', 'ofport', 'options', 'external_ids'],
  };
  const found = await Promise.all(
    Object.entries(columns).map(async ([table, wanted]) => {
      const isTheirs = ({ name }: { readonly name?: unknown }) =>
        [...names, ...bridges].some((one) => one === String(name));
      const all = (await rows(host, table, wanted)).filter(isTheirs);
      return all.sort((a, b) => (String(a.name) < String(b.name) ? -1 : 1));
    }),
  );
  return { bridges, kept, flows, rows: found };
}

/** The namespace of a VM, its device gone: somebody else's goes into it. */
async function empty(name: string, owner: string): Promise<PluggedVm> {
  const port = await scene.port(name, 'net', { device_owner: owner });
  const plugged = await scene.boot(name, 1, port, { unplugged: true });
  await host.namespace.ip(`link del ${plugged.vm.device}`);
  return plugged;
}

/** As the DHCP and L3 agents' interface driver does: an internal port, dead until the agent has seen it, moved into a namespace. */
async function internal(name: string, owner: string, prefix: string, more: readonly string[] = []): Promise<PluggedVm> {
  const plugged = await empty(name, owner);
  const { vm, port } = plugged;
  const device = `${prefix}${port.id.slice(0, 11)}`;
  await host.vsctl(
    ...['add-port', 'br-int', device, 'tag=4095', 'vlan_mode=trunk', 'trunks=4095'],
    ...['--', 'set', 'Interface', device, 'type=internal', `external_ids:iface-id=${port.id}`],
    ...['external_ids:iface-status=active', `external_ids:attached-mac="${port.mac_address}"`],
  );
  await host.namespace.ip(
    `link set ${device} address ${port.mac_address}`,
    `link set ${device} netns ${vm.namespace.name}`,
  );
  await vm.namespace.sysctl({ [`ipv6/conf/${device}/accept_ra`]: 0 });
  await vm.namespace.ip(
    `link set ${device} mtu 1450`,
    ...addresses(plugged).map((address) => `addr add ${address} dev ${device}${address.includes(':') ? ' nodad' : ''}`),
    ...more.map((line) => line.replaceAll('DEVICE', device)),
    `link set ${device} up`,
  );
  await scene.cloud.waitActive(port);
  return plugged;
}

const addresses = ({ ipv4, ipv6 }: PluggedVm) => [`${ipv4}/24`, `${ipv6}/64`];

const dhcp = (name: string) => internal(name, 'network:dhcp', 'tap', [`addr add ${METADATA}/32 dev DEVICE`]);

const router = (name: string) => internal(name, 'network:router_interface', 'qr-');

/** Hybrid plug: the tap is on a bridge of the kernel, a veth pair leads from there to br-int. */
async function hybrid(name: string): Promise<PluggedVm> {
  const plugged = await scene.boot(name, 1, await scene.port(name, 'net'), { unplugged: true });
  const { vm, port } = plugged;
  const id = port.id.slice(0, 11);
  await host.namespace.ip(
    `link add qbr${id} type bridge forward_delay 0 ageing_time 0`,
    `link add qvo${id} mtu 1450 type veth peer name qvb${id} mtu 1450`,
    `link set ${vm.device} master qbr${id}`,
    `link set qvb${id} master qbr${id}`,
    ...[`qvb${id}`, `qvo${id}`, `qbr${id}`].map((device) => `link set ${device} up`),
  );
  await host.vsctl(
    ...['add-port', 'br-int', `qvo${id}`, '--', 'set', 'Interface', `qvo${id}`, `external_ids:iface-id=${port.id}`],
    ...[
      'external_ids:iface-status=active',
      `external_ids:attached-mac="${port.mac_address}"`,
      'external_ids:vm-uuid=1',
    ],
  );
  await scene.cloud.waitActive(port);
  return plugged;
}

/** The parent port of a trunk: the tap is on the trunk's bridge, and both it and the patch port on br-int name the port. */
async function trunkParent(name: string): Promise<PluggedVm> {
  const plugged = await scene.boot(name, 1, await scene.port(name, 'net'), { unplugged: true });
  const { vm, port } = plugged;
  const id = port.id.slice(0, 11);
  const bridge = `tbr-${id.slice(0, 8)}`;
  const ids = [
    `external_ids:iface-id=${port.id}`,
    'external_ids:iface-status=active',
    `external_ids:attached-mac="${port.mac_address}"`,
  ];
  const patch = (on: string, interfaceName: string, peer: string) => [
    ...['--', 'add-port', on, interfaceName],
    ...['--', 'set', 'Interface', interfaceName, 'type=patch', `options:peer=${peer}`],
  ];
  await host.vsctl(
    ...['add-br', bridge, '--', 'set', 'Bridge', bridge, 'datapath_type=netdev'],
    ...['--', 'add-port', bridge, vm.device, '--', 'set', 'Interface', vm.device, ...ids],
    ...patch(bridge, `tpt-${id}`, `tpi-${id}`),
    ...patch('br-int', `tpi-${id}`, `tpt-${id}`),
    ...ids,
  );
  await scene.cloud.waitActive(port);
  return plugged;
}

/** From and to each of them, both families, across the tunnel; and to the metadata address. */
function pairs(names: readonly string[]) {
  const far = scene.named('b1');
  return [
    ...names.flatMap((name) => [
      { from: far.vm, to: scene.named(name).ipv4 },
      { from: scene.named(name).vm, to: far.ipv6 },
    ]),
    { from: far.vm, to: METADATA },
    { from: scene.named('a1').vm, to: METADATA },
  ];
}

async function routeToMetadata(name: string): Promise<void> {
  await scene.named(name).vm.namespace.ip(`route add ${METADATA}/32 via ${scene.named('dhcp1').ipv4}`);
}

/** Ours in place of whichever runs; nobody notices. */
async function restartAmongThem(names: readonly string[]): Promise<void> {
  const before = await ownBridges();
  await scene.expectStayedActive();
  const results = await pingWhile(pairs(names), async () => {
    await scene.cloud.agent(1).restart('ours');
    await scene.cloud.waitAlive(1);
    await scene.expectFlows(60_000);
  });
  expect(lossy(results)).toEqual([]);
  expect(await ownBridges()).toEqual(before);
  await scene.expectStayedActive();
}

it('ours takes over: no packet of theirs is lost, other bridges stay as they are', async () => {
  for (const name of ['a1', 'b1']) await routeToMetadata(name);
  await restartAmongThem(['a1', 'dhcp1', 'router1', 'hybrid1']);
});

it('new ones of every kind are wired, whatever their names', async () => {
  await dhcp('dhcp2');
  await router('router2');
  await hybrid('hybrid2');
  await trunkParent('trunk2');
  await scene.expectAtRest();
});

it('our agent restarted: no packet of theirs is lost, other bridges stay as they are', async () => {
  await restartAmongThem(['a1', 'dhcp1', 'router1', 'hybrid1', 'dhcp2', 'trunk2']);
});

it('VMs come and go beside them, and the last tunnel: other bridges stay as they are', async () => {
  const before = await ownBridges();
  await scene.network('other', 'gre');
  for (const [name, host] of [
    ['a2', 1],
    ['b2', 2],
  ] as const)
    await scene.vm(name, 'other', host);
  await scene.expectReachable();
  await scene.expectFlows();
  for (const name of ['a2', 'b2']) await scene.remove(name);
  await scene.expectReachable();
  await scene.expectFlows();
  expect(await ownBridges()).toEqual(before);
  await scene.expectStayedActive();
});
