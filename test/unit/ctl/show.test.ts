/** What l2popctl prints for reports of a host made of events. */
import { describe, expect, test } from 'vitest';
import { showFlows } from '../../../src/ctl/show-flows.ts';
import { showFdb, showNetworks, showTunnels } from '../../../src/ctl/show-lists.ts';
import { showCompare, showStatus } from '../../../src/ctl/show-status.ts';
import { fdbReport } from '../../../src/report/fdb.ts';
import { flowsReport } from '../../../src/report/flows.ts';
import { memorySource } from '../../../src/report/journal.ts';
import { networksReport } from '../../../src/report/networks.ts';
import { statusReport } from '../../../src/report/status.ts';
import { tunnelsReport } from '../../../src/report/tunnels.ts';
import type { FlowsReport, FlowsView } from '../../../src/report/types.ts';
import { busyHost, NETWORK, NOW, World } from '../report/world.ts';

const PIPE = { width: undefined, color: false };
const TERMINAL = { width: 200, color: true };

function lines(text: string): string[] {
  expect(text.endsWith('\n')).toBe(true);
  return text.slice(0, -1).split('\n');
}

test('networks: a table of them, a table of their VIFs, whole ids', () => {
  const world = busyHost();
  expect(lines(showNetworks(networksReport(world.state, world.now), PIPE))).toEqual([
    'NETWORK                               TYPE     ID  VLAN  SYNC             VIFS  MACS  VTEPS',
    '1a2b3c4d-0000-4000-8000-000000000001  vxlan  7419     1  unsynced for 1s     2     2  172.30.0.12 172.30.0.13(no ofport)',
    '',
    'VIF                                   NAME          OFPORT  NETWORK                               WIRING  STATUS  REASON',
    '0a000000-0000-4000-8000-000000000001  tap0a0000006       6  1a2b3c4d-0000-4000-8000-000000000001  wired   ACTIVE',
    '0a000000-0000-4000-8000-000000000002  tap0a0000007       7  1a2b3c4d-0000-4000-8000-000000000001  wired   BUILD',
    '0a000000-0000-4000-8000-000000000003  tap0a0000008       8  -                                     dead    DOWN    the port is administratively down',
  ]);
});

test('tunnels and the FDB', () => {
  const world = busyHost();
  expect(lines(showTunnels(tunnelsReport(world.state, world.now), PIPE))).toEqual([
    'TYPE   REMOTE       PORT            OFPORT  OWNER  WANTED  NETWORKS',
    'vxlan  172.30.0.12  vxlan-ac1e000c       2  ours   yes     1a2b3c4d-0000-4000-8000-000000000001',
    'vxlan  172.30.0.13  -                    -  -      yes     1a2b3c4d-0000-4000-8000-000000000001',
  ]);
  const fdb = fdbReport(world.state, { network: undefined, mac: undefined }, world.now + 65_000);
  if ('problem' in fdb) throw new Error(fdb.problem);
  expect(lines(showFdb(fdb, PIPE))).toEqual(
    [
      'NETWORK                               VTEP         MAC                USED  HEARD     IPS',
      '1a2b3c4d-0000-4000-8000-000000000001  172.30.0.12  (flooding)         yes   1m 5s ago',
      '1a2b3c4d-0000-4000-8000-000000000001  172.30.0.13  (flooding)         yes   1m 5s ago',
      '1a2b3c4d-0000-4000-8000-000000000001  172.30.0.12  fa:16:3e:00:00:12  yes   1m 5s ago  10.0.0.12 fd00::12',
      '1a2b3c4d-0000-4000-8000-000000000001  172.30.0.13  fa:16:3e:00:00:13  yes   1m 5s ago  10.0.0.13',
    ].map((line) => line.replace('HEARD     IPS', 'HEARD      IPS')),
  );
});

test('nothing to show is said', () => {
  const { state } = new World();
  expect(showNetworks(networksReport(state, NOW), PIPE)).toBe('no VIF is plugged\n');
  expect(showTunnels(tunnelsReport(state, NOW), PIPE)).toBe(
    'no tunnel from 172.30.0.11 is wanted, and none is there\n',
  );
  expect(showFdb({ at: '', networks: [] }, PIPE)).toBe('the FDB has no entry that fits\n');
  expect(showFlows({ at: '', view: 'actual', flows: [], blocked: [] }, PIPE)).toBe('no flow that fits\n');
});

describe('flows', () => {
  async function report(view: FlowsView, change: (flows: string) => boolean = () => true): Promise<FlowsReport> {
    const world = busyHost();
    const { tun, int } = world.settle();
    const query = { view, network: undefined, mac: undefined, table: undefined, bridge: undefined };
    const dump = (bridge: string) =>
      Promise.resolve((bridge === 'br-tun' ? tun : int).filter(({ match }) => change(match)));
    const made = await flowsReport(world.state, query, dump, () => world.now);
    if ('problem' in made) throw new Error(made.problem);
    return made;
  }

  test('as a table with table, network, VTEP and purpose, and what is not there yet', async () => {
    const shown = lines(showFlows(await report('actual'), PIPE));
    expect(shown[0]).toMatch(/^TABLE +PRIO +NETWORK +VTEP +PURPOSE +MATCH +ACTIONS$/);
    expect(shown).toContainEqual(
      expect.stringMatching(
        new RegExp(
          `^20 UCAST_TO_TUN +2 +${NETWORK} +172.30.0.12 +unicast: fa:16:3e:00:00:12 of network ${NETWORK} is behind 172.30.0.12 +dl_vlan=1,dl_dst=fa:16:3e:00:00:12 +pop_vlan,.*output:2$`,
        ),
      ),
    );
    expect(shown).toContain('not there yet');
    expect(shown).toContain('  tunnel vxlan 172.30.0.13 waits for the ofport of tunnel vxlan 172.30.0.13');
  });

  test('on a terminal ids are short and lines are cut', async () => {
    const shown = showFlows(await report('actual'), { ...TERMINAL, width: 80, color: false });
    expect(shown).not.toContain(NETWORK.slice(0, 9));
    expect(shown).toContain('1a2b3c4d  172.30.0.12  unicast: fa:16:3e:00:00:12 of…');
  });

  test('a difference is lines that can be read by a program; none is silence', async () => {
    expect(showFlows(await report('diff'), PIPE)).toBe('');
    const missing = await report('diff', (match) => match !== 'dl_vlan=1,dl_dst=fa:16:3e:00:00:12');
    expect(lines(showFlows(missing, { width: 40, color: false }))).toEqual([
      `# missing: unicast: fa:16:3e:00:00:12 of network ${NETWORK} is behind 172.30.0.12`,
      '+ br-tun cookie=0x6c324001ac1e000c,table=20,priority=2,dl_vlan=1,dl_dst=fa:16:3e:00:00:12,actions=pop_vlan,set_field:0x1cfb->tun_id,output:2',
    ]);
    const [flow] = missing.flows;
    if (flow === undefined) throw new Error('one is missing');
    const different = {
      ...flow,
      state: 'different' as const,
      actions: 'drop',
      wanted: { actions: 'x', cookie: '0x1' },
    };
    const unexpected = { ...flow, state: 'unexpected' as const };
    expect(
      lines(showFlows({ ...missing, flows: [different, unexpected] }, PIPE)).filter((line) => !line.startsWith('#')),
    ).toEqual([
      '- br-tun cookie=0x6c324001ac1e000c,table=20,priority=2,dl_vlan=1,dl_dst=fa:16:3e:00:00:12,actions=drop',
      '+ br-tun cookie=0x1,table=20,priority=2,dl_vlan=1,dl_dst=fa:16:3e:00:00:12,actions=x',
      expect.stringMatching(/^- br-tun .*output:2$/),
    ]);
  });
});

describe('status', () => {
  const vitals = {
    ...{ version: '0.1.0', pid: 7, startedAt: NOW, report: undefined, ovsdbSince: NOW, lastCompare: undefined },
    broker: { up: false, name: undefined, since: NOW, reason: 'connect ECONNREFUSED' },
    waitsFor: 'the ofport of patch-int',
    monitors: [
      { bridge: 'br-int', up: true, since: NOW },
      { bridge: 'br-tun', up: false, since: NOW },
    ],
    switchProblem: 'no answer' as string | undefined,
    journal: {
      path: undefined,
      since: NOW,
      reason: 'there is no room left' as string | undefined,
      source: memorySource([]),
    },
    batches: { total: 2, lastMs: 18, lastLatencyMs: 25 },
    counters: { deliveries: 4, problems: 1 },
    failures: [{ at: NOW, what: 'tunnel port made', reason: 'no\nspace' }],
    refused: [{ at: NOW, bridge: 'br-tun', line: 'add x', reason: 'bad' }],
  };

  test('one fact a line, then what is blocked and what went wrong', () => {
    const world = busyHost();
    world.settle();
    expect(lines(showStatus(statusReport(world.state, vitals, world.now), PIPE))).toEqual([
      'agent     l2pop-agent 0.1.0 on cmp1, pid 7, up 1s',
      'broker    not connected for 1s: connect ECONNREFUSED',
      'server    not registered: no report was taken yet',
      'ovsdb     connected for 1s',
      'switch    Open vSwitch 3.1.0',
      'problem   cannot be programmed now: no answer',
      'waits     for the ofport of patch-int',
      'monitor   br-int: connected for 1s',
      'monitor   br-tun: not connected for 1s',
      'compared  yes',
      'vifs      2 wired, 1 dead, 0 awaited; 1 network',
      'sync      0 of 1 synced, 1 unsynced for 1s',
      'tunnels   2 wanted, 1 of them with an ofport',
      'fdb       2 MACs of networks here, 0 of others',
      'flows     br-int: 16 wanted, 16 there, 0 foreign',
      'flows     br-tun: 21 wanted, 21 there, 0 foreign',
      'journal   in memory alone for 1s: 0 pending, 0 processing, 0 completed, 0 failed; there is no room left',
      'batches   2, the last took 18 ms; last notification done in 25 ms',
      'blocked   3 subjects',
      'counters  deliveries 4, problems 1',
      '',
      'blocked',
      '  tunnel vxlan 172.30.0.13 waits for the ofport of tunnel vxlan 172.30.0.13',
      `  flood ${NETWORK} vxlan 7419 waits for the ofport of vxlan tunnels to 172.30.0.13`,
      `  mac ${NETWORK} vxlan 7419 fa:16:3e:00:00:13 waits for the ofport of tunnel vxlan 172.30.0.13`,
      '',
      'failures',
      '  1s ago: tunnel port made: no space',
      '',
      'refused flows',
      '  1s ago: br-tun: add x: bad',
    ]);
  });

  test('what is wrong is coloured, and only on a terminal', () => {
    const report = statusReport(new World().state, vitals, NOW);
    expect(showStatus(report, TERMINAL)).toContain('\u001b[31mbroker    not connected for 0s');
    expect(showStatus(report, PIPE)).not.toContain('\u001b');
  });

  test('all well', () => {
    const world = busyHost();
    world.settle();
    const well = {
      ...vitals,
      broker: { up: true, name: 'rabbit:5672', since: NOW, reason: undefined },
      report: { at: NOW, verdict: 'alive' },
      waitsFor: undefined,
      switchProblem: undefined,
      monitors: vitals.monitors.slice(0, 1),
      lastCompare: { at: NOW, drift: { adds: 0, deletes: 0, foreign: 2 } },
    };
    const shown = lines(showStatus(statusReport(world.state, well, world.now), PIPE));
    expect(shown.slice(1, 7)).toEqual([
      'broker    connected to rabbit:5672 for 1s',
      'server    registered; last report 1s ago, the server said "alive"',
      'ovsdb     connected for 1s',
      'switch    Open vSwitch 3.1.0',
      'monitor   br-int: connected for 1s',
      'compared  1s ago: all flows as they should be; 2 foreign, left alone',
    ]);
  });
});

test('compare says what it found', () => {
  const at = '2025-01-01T00:00:00.000Z';
  expect(showCompare({ at, drift: { adds: 3, deletes: 1, foreign: 0 } }, PIPE)).toBe(
    '3 missing or different, 1 too many\n',
  );
  expect(showCompare({ at, drift: { adds: 0, deletes: 0, foreign: 0 } }, PIPE)).toBe('all flows as they should be\n');
});
