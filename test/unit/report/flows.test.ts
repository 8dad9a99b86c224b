import { expect, test } from 'vitest';
import type { FlowsQuery } from '../../../src/control/api.ts';
import * as brTun from '../../../src/flows/br-tun.ts';
import type { DumpedFlow } from '../../../src/flows/flow.ts';
import { fdbReport } from '../../../src/report/fdb.ts';
import { flowsReport, reportFlows } from '../../../src/report/flows.ts';
import { resolverFromView } from '../../../src/report/resolver.ts';
import type { FdbReport, FlowReport, FlowsReport, QueryProblem } from '../../../src/report/types.ts';
import type { IpAddress, LocalVlan, MacAddress, Ofport, SegmentationId } from '../../../src/values.ts';
import { busyHost, NETWORK, NOW, OTHER_NETWORK, port, SECOND_VIF, VIF, World } from './world.ts';

const ALL: FlowsQuery = { view: 'actual', table: undefined, network: undefined, mac: undefined, bridge: undefined };
const STRANGER = { table: 20, priority: 5, match: 'dl_vlan=1', actions: 'drop', cookie: '0xbeef' };

type Dumps = Readonly<Record<string, readonly DumpedFlow[]>>;

async function ask(world: World, dumps: Dumps, query: Partial<FlowsQuery> = {}): Promise<FlowsReport> {
  const report = await answer(world, dumps, query);
  if ('problem' in report) throw new Error(report.problem);
  return report;
}

async function answer(world: World, dumps: Dumps, query: Partial<FlowsQuery>): Promise<FlowsReport | QueryProblem> {
  const dump = (bridge: string) => Promise.resolve(dumps[bridge] ?? []);
  return await flowsReport(world.state, { ...ALL, ...query }, dump, () => world.now);
}

function settled(): { world: World; dumps: Record<'br-tun' | 'br-int', DumpedFlow[]> } {
  const world = busyHost();
  const { tun, int } = world.settle();
  return { world, dumps: { 'br-tun': tun, 'br-int': int } };
}

function brief({ table, match, state, owner }: FlowReport): string {
  return `${table} ${match} ${owner} ${state}`;
}

test('a flow: what it is, whose, for whom, and that it is as it should be', async () => {
  const { world, dumps } = settled();
  const counted = dumps['br-tun'].map((flow) => ({ ...flow, packets: 3, bytes: 294 }));
  const report = await ask(world, { 'br-tun': counted }, { mac: 'fa:16:3e:00:00:12' as MacAddress, table: '20' });
  expect(report).toMatchObject({ at: '2025-01-01T00:00:01.000Z', view: 'actual' });
  expect(report.flows).toEqual([
    {
      ...{ bridge: 'br-tun', table: 20, tableName: 'UCAST_TO_TUN', priority: 2 },
      match: 'dl_vlan=1,dl_dst=fa:16:3e:00:00:12',
      actions: 'pop_vlan,set_field:0x1cfb->tun_id,output:2',
      cookie: '0x6c324001ac1e000c',
      ...{ kind: 'unicast', vlan: 1, network: NETWORK, vtep: '172.30.0.12', mac: 'fa:16:3e:00:00:12' },
      purpose: `unicast: fa:16:3e:00:00:12 of network ${NETWORK} is behind 172.30.0.12`,
      ...{ owner: 'ours', state: 'in place', wanted: null, hardTimeout: null, packets: 3, bytes: 294 },
    },
  ]);
});

test('all of br-tun in the order of a packet; br-int when asked; nothing of it is JSON that gets lost', async () => {
  const { world, dumps } = settled();
  const tun = await ask(world, dumps);
  expect(tun.flows).toHaveLength(dumps['br-tun'].length);
  expect(new Set(tun.flows.map(({ bridge }) => bridge))).toEqual(new Set(['br-tun']));
  expect(tun.flows.map(({ table }) => table)).toEqual(tun.flows.map(({ table }) => table).sort((a, b) => a - b));
  expect(JSON.parse(JSON.stringify(tun))).toEqual(tun);
  const int = await ask(world, dumps, { bridge: 'br-int' });
  expect(int.flows.map(({ purpose }) => purpose)).toContain(
    'drop: from VIF 0a000000-0000-4000-8000-000000000003, which is dead',
  );
});

test('what is blocked is listed with what it waits for', async () => {
  const { world, dumps } = settled();
  const { blocked } = await ask(world, dumps, { view: 'desired' });
  expect(blocked).toContainEqual({
    subject: `mac ${NETWORK} vxlan 7419 fa:16:3e:00:00:13`,
    waitsFor: 'ofport of tunnel vxlan 172.30.0.13',
  });
});

test('desired needs no dump', async () => {
  const { world, dumps } = settled();
  const refuse = () => Promise.reject(new Error('not to be asked'));
  const report = await flowsReport(world.state, { ...ALL, view: 'desired' }, refuse, () => NOW);
  expect('flows' in report && report.flows).toHaveLength(dumps['br-tun'].length);
});

test('the difference is empty when all is as it should be, whatever strangers and learn() put there', async () => {
  const { world, dumps } = settled();
  const learned = {
    ...{ table: 20, priority: 1, match: 'vlan_tci=0x0001/0x0fff,dl_dst=fa:16:3e:00:00:12' },
    ...{ actions: 'load:0->NXM_OF_VLAN_TCI[],load:0x1cfb->NXM_NX_TUN_ID[],output:2', cookie: '0x6c32700000000000' },
    hardTimeout: 300,
  };
  const switchNow = { ...dumps, 'br-tun': [...dumps['br-tun'], learned, STRANGER] };
  expect((await ask(world, switchNow, { view: 'diff' })).flows).toEqual([]);
  const shown = (await ask(world, switchNow, { table: 'ucast_to_tun' })).flows.map(brief);
  expect(shown).toContain('20 vlan_tci=0x0001/0x0fff,dl_dst=fa:16:3e:00:00:12 learned null');
  expect(shown).toContain('20 dl_vlan=1 foreign null');
});

test('the difference is exact: missing, different, unexpected, on both bridges', async () => {
  const { world, dumps } = settled();
  const isUnicast = ({ match }: DumpedFlow) => match === 'dl_vlan=1,dl_dst=fa:16:3e:00:00:12';
  const isFlood = ({ table, priority }: DumpedFlow) => table === 22 && priority === 1;
  const stale = brTun.unicastFlow(
    ...([5 as LocalVlan, 9 as SegmentationId, 'fa:16:3e:00:00:99' as MacAddress] as const),
    brTun.portEgress('172.30.0.12' as IpAddress, 2 as Ofport),
  );
  const switchNow = {
    'br-tun': [
      ...dumps['br-tun']
        .filter((flow) => !isUnicast(flow))
        .map((flow) => (isFlood(flow) ? { ...flow, actions: 'drop' } : flow)),
      stale,
      STRANGER,
    ],
    'br-int': dumps['br-int'].slice(1),
  };
  const { flows } = await ask(world, switchNow, { view: 'diff' });
  expect(flows.map(brief)).toEqual([
    '20 dl_vlan=1,dl_dst=fa:16:3e:00:00:12 ours missing',
    '20 dl_vlan=5,dl_dst=fa:16:3e:00:00:99 ours unexpected',
    '22 dl_vlan=1 ours different',
    expect.stringMatching(/^\d+ .*ours missing$/),
  ]);
  expect(flows.map(({ bridge }) => bridge)).toEqual(['br-tun', 'br-tun', 'br-tun', 'br-int']);
  expect(flows[2]).toMatchObject({
    actions: 'drop',
    wanted: { actions: 'pop_vlan,set_field:0x1cfb->tun_id,output:2', cookie: '0x6c32600100000000' },
  });
  expect((await ask(world, switchNow, { view: 'diff', bridge: 'br-tun' })).flows).toHaveLength(3);
});

test("a predecessor's flows: to be adopted where the same is wanted, unexpected elsewhere", async () => {
  const { world, dumps } = settled();
  const theirs = dumps['br-tun'].map((flow) => ({ ...flow, cookie: '0x51ce' }));
  const left = { table: 22, priority: 1, match: 'dl_vlan=9', actions: 'drop', cookie: '0x51ce' };
  const { flows } = await ask(world, { ...dumps, 'br-tun': [...theirs, left] }, { view: 'diff' });
  expect(flows).toHaveLength(theirs.length + 1);
  expect(new Set(flows.map(({ owner }) => owner))).toEqual(new Set(['predecessor']));
  expect(flows.filter(({ state }) => state === 'unexpected').map(({ match }) => match)).toEqual(['dl_vlan=9']);
});

test('by network, whole or by its beginning', async () => {
  const { world, dumps } = settled();
  const whole = await ask(world, dumps, { network: NETWORK });
  expect(whole.flows.map(({ kind }) => kind).sort()).toEqual(['arp', 'arp', 'flood', 'unicast', 'vlan']);
  expect(await ask(world, dumps, { network: NETWORK.slice(0, 8).toUpperCase() })).toEqual(whole);
});

test.each<[string, Partial<FlowsQuery>, string]>([
  ['a network that is not here', { network: 'ffff' }, "no network with a VIF here has an id that begins with 'ffff'"],
  ['the beginning of two', { network: '1a2b' }, `'1a2b' is the beginning of 2 networks: ${NETWORK}, ${OTHER_NETWORK}`],
  [
    'a table that is none',
    { table: 'flood' },
    "table 'flood' is neither a number up to 254 nor one of CLASSIFIER, PATCH",
  ],
  ['a table beyond the last', { table: '255' }, "table '255' is neither"],
  ['a bridge of others', { bridge: 'br-ex' }, "bridge 'br-ex' is neither br-tun nor br-int"],
])('a query that cannot be answered: %s', async (_name, query, sentence) => {
  const { world, dumps } = settled();
  world.facts(port(SECOND_VIF, { networkId: OTHER_NETWORK }));
  const problem = await answer(world, dumps, query);
  expect('problem' in problem && problem.problem).toContain(sentence);
});

test('an error of the switch goes through', async () => {
  const gone = () => Promise.reject(new Error('br-tun is not a bridge or a socket'));
  await expect(flowsReport(busyHost().state, ALL, gone, () => NOW)).rejects.toThrow('not a bridge');
});

test('without the daemon: VLANs by what binding recorded, VTEPs by tunnel ports and cookies, nothing judged', () => {
  const { world, dumps } = settled();
  const { view } = world.state;
  const found = view.vif(VIF);
  if (found === undefined) throw new Error('the VIF is plugged');
  const row = {
    ...{ name: found.port.name, interfaces: [found.interface.uuid], tag: [1], vlan_mode: [], trunks: [] },
    other_config: new Map([['net_uuid', NETWORK]]),
  };
  view.applyRows([{ table: 'Port', uuid: found.port.uuid, before: undefined, after: row }]);
  const report = reportFlows(
    [{ name: 'br-tun', pipeline: 'tun', patch: 1 as Ofport, dump: dumps['br-tun'], wanted: undefined }],
    ALL,
    { resolver: resolverFromView(view), blocked: [], at: NOW },
  );
  if ('problem' in report) throw new Error(report.problem);
  expect(new Set(report.flows.map(({ state }) => state))).toEqual(new Set([null]));
  const online = settled();
  return ask(online.world, online.dumps).then(({ flows }) => {
    expect(report.flows).toEqual(flows.map((flow) => ({ ...flow, state: null })));
  });
});

test('fdb: every claim, the newest rendered, the older one waiting', () => {
  const world = busyHost();
  world.now += 5000;
  world.add(NETWORK, 7419, { '172.30.0.14': [['fa:16:3e:00:00:12', '10.0.0.12']] });
  expect(fdb(world).networks).toEqual([
    {
      ...{ id: NETWORK, type: 'vxlan', segmentationId: 7419, vlan: 1 },
      flooding: ['172.30.0.12', '172.30.0.13'].map((vtep) => ({ vtep, assertedAt: '2025-01-01T00:00:01.000Z' })),
      entries: [
        {
          ...{ vtep: '172.30.0.12', mac: 'fa:16:3e:00:00:12', rendered: false, located: true },
          assertedAt: '2025-01-01T00:00:01.000Z',
          ips: [
            { ip: '10.0.0.12', rendered: false, assertedAt: '2025-01-01T00:00:01.000Z' },
            { ip: 'fd00::12', rendered: true, assertedAt: '2025-01-01T00:00:01.000Z' },
          ],
        },
        {
          ...{ vtep: '172.30.0.14', mac: 'fa:16:3e:00:00:12', rendered: true, located: true },
          assertedAt: '2025-01-01T00:00:06.000Z',
          ips: [{ ip: '10.0.0.12', rendered: true, assertedAt: '2025-01-01T00:00:06.000Z' }],
        },
        {
          ...{ vtep: '172.30.0.13', mac: 'fa:16:3e:00:00:13', rendered: true, located: true },
          assertedAt: '2025-01-01T00:00:01.000Z',
          ips: [{ ip: '10.0.0.13', rendered: true, assertedAt: '2025-01-01T00:00:01.000Z' }],
        },
      ],
    },
  ]);
  expect(fdb(world, { mac: 'fa:16:3e:00:00:13' as MacAddress }).networks[0]?.entries).toHaveLength(1);
  expect(fdb(world, { mac: 'fa:16:3e:00:00:77' as MacAddress }).networks).toEqual([]);
});

test('fdb: an IP heard before its MAC was located, and what was read back from the switch', () => {
  const world = busyHost();
  const change = { '172.30.0.12': { after: [['fa:16:3e:00:00:55', '10.0.0.55']] } };
  world.fdb('update_fdb_entries', { fdb_entries: { chg_ip: { [NETWORK]: change } } });
  const entry = fdb(world, { mac: 'fa:16:3e:00:00:55' as MacAddress }).networks[0]?.entries[0];
  expect(entry).toMatchObject({ rendered: false, located: false, ips: [{ ip: '10.0.0.55', rendered: false }] });

  const restarted = new World();
  restarted.connect();
  restarted.vif(VIF, 6);
  restarted.facts(port(VIF));
  restarted.tunnel('172.30.0.12', { ofport: 2 });
  restarted.apply({ kind: 'dump', ...settled().world.settle() });
  expect(fdb(restarted).networks[0]?.entries[0]).toMatchObject({ mac: 'fa:16:3e:00:00:12', assertedAt: null });
});

function fdb(world: World, query: { network?: string; mac?: MacAddress } = {}): FdbReport {
  const report = fdbReport(world.state, { network: query.network, mac: query.mac }, world.now);
  if ('problem' in report) throw new Error(report.problem);
  return report;
}
