import { describe, expect, test } from 'vitest';
import { bundleLines, isIsolated, makePlan, replan } from '../../src/plan.ts';
import type { SwitchPort } from '../../src/vswitch/rows.ts';
import { bumpNextCfg } from '../../src/vswitch/transact.ts';
import { FLOODING, factsOf, Host, type Pair, portId, tunnelName } from './host.ts';

const peer = (n: number): Pair => [`fa:16:3e:00:00:${n}`, `10.0.0.${n}`];

/** One VIF on the VXLAN network, a VTEP with two MACs, all of it there. */
async function wired(): Promise<Host> {
  const host = await Host.ready();
  host.plug(portId(1), 'tap1');
  host.serve(factsOf(portId(1)));
  host.add('vxlan', { '172.30.0.12': [FLOODING, peer(12), peer(13)] });
  await host.settle();
  return host;
}

describe('order', () => {
  test('a bundle: what is swept first, then what is added, then what is deleted', () => {
    const flow = { table: 20, priority: 2, match: 'dl_vlan=1', actions: 'drop', cookie: '0x1' };
    const changes = { adds: [flow], deletes: ['table=22,priority=1,dl_vlan=2'] };
    expect(bundleLines({ bridge: 'br-tun', changes, first: ['delete table=20,out_port=7'] })).toEqual([
      'delete table=20,out_port=7',
      'add cookie=0x1,table=20,priority=2,dl_vlan=1,actions=drop',
      'delete_strict table=22,priority=1,dl_vlan=2',
    ]);
  });

  test('a tunnel that is used no longer: what was learned through it goes with its flows, then the port, then again what was learned', async () => {
    const host = await wired();
    const ofport = host.switch.ofport(tunnelName('vxlan', 12));
    host.remove('vxlan', { '172.30.0.12': [FLOODING, peer(12), peer(13)] });
    const plan = makePlan(host.state);
    expect(bundleLines(plan.bundles.tun)).toEqual([
      `delete cookie=0x6c32700000000000/-1,table=20,out_port=${ofport}`,
      ...plan.bundles.tun.changes.deletes.map((key) => `delete_strict ${key}`),
    ]);
    expect(plan.bundles.tun.changes.deletes).toHaveLength(6);
    expect(plan.create).toEqual([]);
    expect(plan.finish.map(({ what, facts }) => [what, facts])).toEqual([
      ['tunnel port deleted, no network uses it', { type: 'vxlan', vtep: '172.30.0.12' }],
    ]);
    expect(plan.retiring).toEqual([ofport]);
  });

  test('a tunnel port that somebody deleted: what was learned through it goes at once, and again when ovs-vswitchd has caught up', async () => {
    const host = await wired();
    const ofport = host.switch.ofport(tunnelName('vxlan', 12));
    const forget = `delete cookie=0x6c32700000000000/-1,table=20,out_port=${ofport}`;
    host.switch.unplug(tunnelName('vxlan', 12));
    expect(makePlan(host.state).bundles.tun.first).toEqual([forget]);
    expect(makePlan(host.state).bundles.tun.first, 'not before').toEqual([]);
    await host.switch.transact(bumpNextCfg());
    host.switch.vswitchd();
    expect(makePlan(host.state).bundles.tun.first).toEqual([forget]);
    expect(makePlan(host.state).bundles.tun.first, 'once').toEqual([]);
  });

  test('what was learned through a tunnel port that went while we were away goes with the first comparison', async () => {
    const host = await wired();
    const actions = (ofport: number) => `load:0->NXM_OF_VLAN_TCI[],load:0x1cfb->NXM_NX_TUN_ID[],output:${ofport}`;
    const learned = (ofport: number, match: string) => ({
      ...{ table: 20, priority: 1, match, actions: actions(ofport), cookie: '0x6c32700000000000', hardTimeout: 300 },
    });
    const there = host.switch.ofport(tunnelName('vxlan', 12));
    const tun = [
      ...host.switch.flows('br-tun'),
      learned(77, 'dl_dst=a'),
      learned(77, 'dl_dst=b'),
      learned(there, 'dl_dst=c'),
    ];
    host.apply({ kind: 'dump', tun, int: host.switch.flows('br-int') });
    expect(makePlan(host.state).bundles.tun.first).toEqual([
      'delete cookie=0x6c32700000000000/-1,table=20,out_port=77',
    ]);
  });

  test('a VIF: isolated before anything else, bound after its flows', async () => {
    const host = await Host.ready();
    host.plug(portId(1), 'tap1');
    await host.executor.advance().then(() => host.executor.advance());
    host.switch.set('Port', 'tap1', { tag: [] });
    const isolated = makePlan(host.state);
    expect([isolated.create.map(({ what }) => what), isolated.finish]).toEqual([['VIF isolated'], []]);
    host.facts(factsOf(portId(1)));
    expect(makePlan(host.state).finish, 'without an ofport it has no anti-spoofing').toEqual([]);
    expect([...host.state.blocked.values()]).toEqual([`ofport of VIF ${portId(1)}`]);
    host.switch.set('Port', 'tap1', { tag: [4095] });
    host.switch.vswitchd();
    const bound = makePlan(host.state);
    expect([bound.create, bound.finish.map(({ what }) => what)]).toEqual([[], ['VIF bound']]);
    expect(bound.bundles.int.changes.adds.map(({ table, priority }) => [table, priority])).toEqual([
      [0, 9],
      [0, 10],
      [0, 10],
    ]);
    expect(bound.bound.map(({ id }) => id)).toEqual([portId(1)]);
    expect(host.state.blocked.size).toBe(0);
  });

  test('a VIF that is bound and has no ofport any more is left as it is', async () => {
    const host = await wired();
    host.switch.set('Interface', 'tap1', { ofport: [-1] });
    const plan = makePlan(host.state);
    expect([plan.create, plan.finish, plan.alreadyBound.length]).toEqual([[], [], 1]);
    expect(plan.bundles.int.changes.deletes.length).toBeGreaterThan(0);
  });

  test('tunnel ports of a batch are made together; their flows wait, and say what for', async () => {
    const host = await wired();
    host.add('vxlan', { '172.30.0.14': [FLOODING, peer(14)], '172.30.0.15': [FLOODING] });
    const plan = makePlan(host.state);
    expect(plan.create.map(({ facts }) => facts.vtep)).toEqual(['172.30.0.14', '172.30.0.15']);
    expect(plan.bundles.tun.changes.adds.map(({ table, match }) => [table, match])).toEqual([
      [21, 'arp,dl_vlan=1,arp_tpa=10.0.0.14'],
    ]);
    expect([...host.state.blocked.values()].sort()).toEqual([
      'ofport of tunnel vxlan 172.30.0.14',
      'ofport of tunnel vxlan 172.30.0.14',
      'ofport of tunnel vxlan 172.30.0.15',
      'ofport of vxlan tunnels to 172.30.0.14, 172.30.0.15',
    ]);
    expect(makePlan(host.state).create, 'not made again').toEqual([]);
  });

  test('nothing stays blocked at rest', async () => {
    const host = await wired();
    host.add('vxlan', { '172.30.0.14': [FLOODING, peer(14)] });
    await host.settle();
    expect(host.state.blocked.size).toBe(0);
    host.add('vxlan', { '172.30.0.15': [FLOODING, peer(15)] });
    makePlan(host.state);
    expect(host.state.blocked.size).toBe(3);
    host.remove('vxlan', { '172.30.0.15': [FLOODING, peer(15)] });
    makePlan(host.state);
    expect(host.state.blocked.size).toBe(0);
  });
});

describe('cost follows the change', () => {
  test('one entry among many: its flows, and the network is not rendered anew', async () => {
    const host = await wired();
    const many = Array.from(
      { length: 500 },
      (_, n): Pair => [
        `fa:16:3e:01:${(n >> 8).toString(16).padStart(2, '0')}:${(n & 255).toString(16).padStart(2, '0')}`,
        `10.1.${n >> 8}.${n & 255}`,
      ],
    );
    host.add('vxlan', { '172.30.0.12': many });
    await host.settle();
    host.add('vxlan', { '172.30.0.12': [peer(20)] });
    expect([...(host.state.dirty.networks.values().next().value?.macs ?? [])]).toEqual(['fa:16:3e:00:00:20']);
    const { bundles } = makePlan(host.state);
    expect(bundles.tun.changes.adds.map(({ table }) => table)).toEqual([20, 21]);
    expect(bundles.tun.changes.deletes).toEqual([]);
  });

  test('an entry that says what is known already: nothing', async () => {
    const host = await wired();
    host.add('vxlan', { '172.30.0.12': [FLOODING, peer(12), peer(13)] });
    expect(host.plan()).toEqual({ operations: 0, lines: 0 });
  });

  test('networks without a VIF here: nothing', async () => {
    const host = await wired();
    host.add('gre', { '172.30.0.12': [FLOODING, peer(12)] });
    expect(host.plan()).toEqual({ operations: 0, lines: 0 });
  });
});

describe('local VLANs that are used again', () => {
  const learned = (vlan: number, ofport: number) =>
    ` cookie=0x6c32700000000000, table=20, hard_timeout=300, priority=1,vlan_tci=0x000${vlan}/0x0fff,dl_dst=fa:16:3e:99:00:01 actions=load:0->NXM_OF_VLAN_TCI[],output:${ofport}`;
  const learnedFlows = (host: Host) =>
    host.switch.flows('br-tun').filter(({ hardTimeout }) => hardTimeout !== undefined);

  test('what was learned goes with the network', async () => {
    const host = await wired();
    host.switch.addFlow('br-tun', learned(1, host.switch.ofport(tunnelName('vxlan', 12))));
    host.switch.unplug('tap1');
    await host.settle();
    expect(learnedFlows(host)).toEqual([]);
  });

  test('what was learned goes with the tunnel, also when the network stays', async () => {
    const host = await wired();
    host.add('vxlan', { '172.30.0.14': [FLOODING] });
    await host.settle();
    host.switch.addFlow('br-tun', learned(1, host.switch.ofport(tunnelName('vxlan', 12))));
    host.remove('vxlan', { '172.30.0.12': [FLOODING, peer(12), peer(13)] });
    await host.settle();
    expect([learnedFlows(host), host.tunnelPorts(), host.switch.violations]).toEqual([
      [],
      [tunnelName('vxlan', 14)],
      [],
    ]);
  });

  test('flows of others stay, whatever their VLAN and their port; what a predecessor learned goes', async () => {
    const host = await wired();
    const ofport = host.switch.ofport(tunnelName('vxlan', 12));
    const foreign = 'cookie=0xabc,table=20,priority=7,dl_vlan=1,dl_dst=fa:16:3f:00:00:01,actions=';
    await host.switch.bundle('br-tun', [`add ${foreign}output:${ofport}`]);
    host.switch.addFlow('br-tun', learned(1, ofport).replace('0x6c32700000000000', '0xdef'));
    host.state.predecessors.tun.add('0xdef');
    host.switch.unplug('tap1');
    await host.settle();
    expect(host.table(20).filter((flow) => flow.includes('dl_vlan=1') || flow.includes('0xabc'))).toHaveLength(1);
    expect(learnedFlows(host)).toEqual([]);
  });

  test('given back and taken again in one batch: the flows are there, the learned ones are not', async () => {
    const host = await wired();
    const before = host.table(20);
    host.switch.addFlow('br-tun', learned(1, host.switch.ofport(tunnelName('vxlan', 12))));
    host.facts(portId(1));
    host.facts(factsOf(portId(1)));
    await host.settle();
    expect(host.table(20)).toEqual(before);
    expect(learnedFlows(host)).toEqual([]);
  });

  test('a plan that was not carried out sweeps again', async () => {
    const host = await wired();
    host.switch.unplug('tap1');
    const plan = makePlan(host.state);
    expect(plan.bundles.tun.first).toContain('delete cookie=0x6c32700000000000/-1,table=20,vlan_tci=0x0001/0x0fff');
    replan(host.state, plan);
    expect(host.state.compareWanted).toBe(true);
    const again = makePlan(host.state);
    expect(again.bundles.tun.first).toContain('delete cookie=0x6c32700000000000/-1,table=20,vlan_tci=0x0001/0x0fff');
    expect(again.finish.map(({ what }) => what)).toEqual(plan.finish.map(({ what }) => what));
  });
});

test('a plan that was not carried out is planned again, tunnels to be made included', async () => {
  const host = await Host.ready();
  host.plug(portId(1), 'tap1');
  host.serve(factsOf(portId(1)));
  await host.settle();
  host.add('vxlan', { '172.30.0.12': [FLOODING, peer(12)] });
  const plan = makePlan(host.state);
  replan(host.state, plan);
  const again = makePlan(host.state);
  expect(again.create).toEqual(plan.create);
  expect(bundleLines(again.bundles.tun)).toEqual(bundleLines(plan.bundles.tun));
});

test('a tunnel port that vanished before it was seen is made again', async () => {
  const host = await wired();
  host.add('vxlan', { '172.30.0.14': [FLOODING] });
  const plan = makePlan(host.state);
  await host.switch.transact(plan.create.flatMap(({ operations }) => operations));
  // Its bridge is not known yet.
  host.switch.unplug(tunnelName('vxlan', 14));
  await host.settle();
  expect(host.tunnelPorts()).toContain(tunnelName('vxlan', 14));
});

test("somebody else's tunnel port that no network uses stays", async () => {
  const host = await wired();
  host.switch.plug('br-tun', 'gre-foreign', { type: 'gre', options: { remote_ip: '172.30.0.99' } });
  await host.settle();
  host.apply({ kind: 'compare' });
  await host.settle();
  expect(host.switch.portNames('br-tun')).toContain('gre-foreign');
});

describe('isolated', () => {
  const port = (tag: number | undefined, vlanMode?: string, trunks: number[] = []): SwitchPort => ({
    uuid: 'p',
    name: 'tap1',
    interfaces: [],
    tag,
    vlanMode,
    trunks,
    otherConfig: new Map(),
  });

  test.each([
    ['on the dead VLAN as an access port', port(4095), true],
    ['as plug code leaves it', port(4095, 'trunk', [4095]), true],
    ['a trunk of all VLANs', port(undefined), false],
    ['on a live VLAN', port(1), false],
    ['a trunk of all VLANs with a tag', port(4095, 'trunk'), false],
    ['a trunk with a live VLAN', port(4095, 'trunk', [1]), false],
    ['a trunk with another live VLAN', port(4095, 'trunk', [1, 4095]), false],
    ['an access port with trunks', port(4095, undefined, [1]), false],
    ['native-tagged', port(4095, 'native-tagged', [4095]), false],
  ])('%s', (_, port, isolatedPort) => {
    expect(isIsolated(port)).toBe(isolatedPort);
  });
});
