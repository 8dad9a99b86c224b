/** No check that cannot fail: each invariant holds of what is right, and finds what is planted. */
import { describe, expect, it } from 'vitest';
import {
  differences,
  growth,
  outputsToNowhere,
  type ProcessSample,
  queueProblems,
  surplusProcesses,
  type TunSample,
  unexplainedLosses,
} from '../../../../lab/chaos/invariants.ts';
import type { Blow, Events } from '../../../../lab/chaos/windows.ts';

const QUIET: Events = { blows: [], absences: [], churn: [] };
const wipe = (more: Partial<Blow> = {}): Blow => ({
  ...{ host: 1, from: 10_000, to: 10_100, what: '#7 flows-wipe', grace: 1_000 },
  ...more,
});

describe('no flow outputs to a port that is not there', () => {
  const ports = new Map([
    [1, 'patch-int'],
    [2, 'vxlan-ac1e000c'],
    [65534, 'br-tun'],
  ]);
  const sample = (...flows: string[]): TunSample => ({ host: 1, at: 20_000, ports, flows });
  const flood =
    ' cookie=0x6c32500100000000, table=22, priority=1,dl_vlan=1 actions=pop_vlan,set_field:0x1f5->tun_id,output:2';

  it.each([
    flood,
    ' table=10, priority=1 actions=learn(table=20,output:OXM_OF_IN_PORT[]),output:1',
    ' table=20, priority=0 actions=goto_table:22',
  ])('holds: %s', (flow) => {
    expect(outputsToNowhere(sample(flow), QUIET)).toEqual([]);
  });

  it.each([
    [`${flood},output:3`, '3'],
    [' table=20, hard_timeout=300, priority=1 actions=load:0->NXM_OF_VLAN_TCI[],output:9', '9'],
    [' table=20, priority=2 actions=output:65534', '65534'],
    [`${flood},output:4,output:5`, '4, 5'],
  ])('does not: %s', (flow, dead) => {
    expect(outputsToNowhere(sample(flow), QUIET)).toEqual([expect.stringContaining(`outputs to port ${dead}, `)]);
  });

  it('a tunnel port that was deleted by hand, or flows that others restore, are forgiven for the window, and no other blow is', () => {
    const bad = sample(`${flood},output:3`);
    const deleted = wipe({ what: '#7 tunnel-delete', from: 19_000, to: 19_200 });
    expect(outputsToNowhere(bad, { ...QUIET, blows: [deleted] })).toEqual([]);
    expect(outputsToNowhere(bad, { ...QUIET, blows: [{ ...deleted, host: 2 }] })).toHaveLength(1);
    expect(outputsToNowhere(bad, { ...QUIET, blows: [{ ...deleted, grace: 700 }] })).toHaveLength(1);
    expect(outputsToNowhere(bad, { ...QUIET, blows: [{ ...deleted, what: '#7 ovs-restart' }] })).toEqual([]);
    for (const what of ['#7 flows-wipe', '#7 reboot', '#7 vswitchd-kill']) {
      expect(outputsToNowhere(bad, { ...QUIET, blows: [{ ...deleted, what }] })).toHaveLength(1);
    }
  });
});

describe('a steady pair loses nothing', () => {
  const pair = { name: 's1a → 10.1.0.12', hosts: [1, 2] };
  const lost = (at: number, run = 3) => [{ seq: 5, at, run }];
  const found = (at: number, events: Partial<Events>, run = 3) =>
    unexplainedLosses(pair, lost(at, run), { ...QUIET, ...events }).length;

  it('but for what a blow explains, until its window is over', () => {
    expect(unexplainedLosses(pair, [], QUIET)).toEqual([]);
    expect(found(10_500, {})).toBe(1);
    expect(found(10_500, { blows: [wipe()] })).toBe(0);
    expect(found(9_800, { blows: [wipe()] })).toBe(1);
    expect(found(11_200, { blows: [wipe()] })).toBe(1);
    expect(found(10_500, { blows: [wipe({ host: 2 })] })).toBe(0);
    expect(found(10_500, { blows: [wipe({ host: 3 })] })).toBe(1);
    expect(found(99_000, { blows: [wipe({ to: undefined })] })).toBe(0);
  });

  it('the window stays open while the daemon of that host is away', () => {
    const absence = { host: 1, from: 9_000, to: 30_000 };
    expect(found(30_900, { blows: [wipe()], absences: [absence] })).toBe(0);
    expect(found(31_100, { blows: [wipe()], absences: [absence] })).toBe(1);
    expect(found(90_000, { blows: [wipe()], absences: [{ ...absence, to: undefined }] })).toBe(0);
    expect(found(30_900, { blows: [wipe()], absences: [{ ...absence, host: 2 }] })).toBe(1);
    expect(found(8_500, { absences: [absence] }), 'the daemon alone explains nothing').toBe(1);
    expect(found(12_500, { blows: [wipe()], absences: [{ ...absence, to: 9_900 }] }), 'over before').toBe(1);
    const chain = [
      { host: 1, from: 11_900, to: 12_500 },
      { host: 1, from: 10_050, to: 11_000 },
    ];
    expect(found(13_400, { blows: [wipe()], absences: chain }), 'one absence lets in the next').toBe(0);
  });

  it('a lone packet while ports come and go is forgiven, two in a row are not', () => {
    const churn = [{ host: 2, from: 10_000, to: 10_400 }];
    expect(found(10_800, { churn }, 1)).toBe(0);
    expect(found(10_800, { churn }, 2)).toBe(1);
    expect(found(11_000, { churn }, 1)).toBe(1);
    expect(found(10_800, { churn: [{ ...(churn[0] as (typeof churn)[0]), host: 3 }] }, 1)).toBe(1);
  });

  it('says which packets, and what came before', () => {
    const [text] = unexplainedLosses(pair, lost(Date.UTC(2026, 10, 21, 9, 0, 12)), {
      ...QUIET,
      blows: [wipe({ to: Date.UTC(2026, 10, 21, 9, 0, 10) })],
    });
    expect(text).toBe(
      's1a → 10.1.0.12 (host1, host2): 1 of its packets lost, from 09:00:12.000 (icmp_seq 5) to 09:00:12.000 (5); ' +
        '#7 flows-wipe on host1 was over 2.00 s before, 1 s are forgiven',
    );
  });
});

describe('processes', () => {
  const daemon = (pid: number, parent = 1): ProcessSample => ({ pid, parent, host: 1, kind: 'daemon' });
  const monitor = (pid: number, parent = 10): ProcessSample => ({ pid, parent, host: 1, kind: 'monitor' });
  const count = (atRest: boolean, ...processes: ProcessSample[]) => surplusProcesses(processes, [1, 2], atRest).length;

  it('a daemon and its monitors, and a child that is not yet what it will be', () => {
    expect(count(true, daemon(10), monitor(11), monitor(12))).toBe(0);
    expect(count(false, daemon(10), daemon(20, 10), monitor(11), monitor(12), monitor(13, 9), monitor(14, 9))).toBe(0);
  });

  it('commands: two at a time, and none without their daemon', () => {
    const command = (pid: number, parent = 10): ProcessSample => ({ pid, parent, host: 1, kind: 'command' });
    expect(count(true, daemon(10), monitor(11), command(13), command(14))).toBe(0);
    expect(count(false, daemon(10), command(13, 9), command(14), command(15))).toBe(0);
    expect(count(true, daemon(10), command(13), command(14), command(15))).toBe(1);
    expect(count(true, daemon(10), command(13, 9))).toBe(1);
  });

  it('a second daemon, monitors in number, monitors of a daemon that is dead', () => {
    expect(count(false, daemon(10), daemon(20))).toBe(1);
    expect(count(false, ...[1, 2, 3, 4, 5].map((n) => monitor(n)))).toBe(1);
    expect(count(true, daemon(10), monitor(11), monitor(12), monitor(13))).toBe(1);
    expect(count(true, daemon(10), monitor(11), monitor(12, 1))).toBe(1);
  });
});

it('growth: files and memory', () => {
  const before = { descriptors: 30, resident: 120 };
  expect(growth(1, before, { descriptors: 33, resident: 200 })).toEqual([]);
  expect(growth(1, before, { descriptors: 40, resident: 120 })).toEqual([expect.stringContaining('10 more')]);
  expect(growth(1, before, { descriptors: 30, resident: 300 })).toEqual([expect.stringContaining('180 more')]);
});

describe('queues', () => {
  const hex = (n: number) => String(n).padStart(32, '0');
  const queue = (name: string, messages = 0, consumers = 1) => ({ name, messages, consumers });
  const eight = [
    ...Array.from({ length: 6 }, (_, i) => queue(`q-agent-notifier-${i}_fanout_${hex(i)}`)),
    queue('q-agent-notifier-l2population-update.host1'),
    queue(`reply_${hex(7)}`),
  ];
  const servers = [queue('q-plugin'), queue('q-plugin.lab-server'), queue('q-reports-plugin')];

  it('eight a host; the server has its own, and a daemon that was killed leaves one for replies', () => {
    expect(queueProblems([...eight, ...servers, queue(`reply_${hex(8)}`, 0, 0)], 1, false)).toEqual([]);
  });

  const streams = Array.from({ length: 6 }, (_, i) => queue(`q-agent-notifier-${i}-update_fanout`, 40, 2));
  const two = [...eight.slice(6), queue('q-agent-notifier-l2population-update.host2'), queue(`reply_${hex(8)}`)];

  it('streams are everybody’s, and keep what was read', () => {
    expect(queueProblems([...streams, ...two], 2, true)).toEqual([]);
    expect(queueProblems([...streams.slice(1), ...two], 2, true)).toEqual(['5 fanout queues, not 6']);
    const unread = [...streams.slice(1), queue('q-agent-notifier-0-update_fanout', 0, 1), ...two];
    expect(queueProblems(unread, 2, true)).toEqual([expect.stringContaining('has 1 consumers')]);
  });

  it.each([
    ['one is missing', eight.slice(1), '5 fanout queues, not 6'],
    ['one is left over', [...eight, queue(`q-agent-notifier-x_fanout_${hex(9)}`)], '7 fanout queues, not 6'],
    ['by name', eight.filter(({ name }) => !name.endsWith('.host1')), '0 queues by a host’s name, not 1'],
    ['two for replies', [...eight, queue(`reply_${hex(8)}`)], '2 reply queues in use, not 1'],
    ['a stand-in', [...eight, queue('q-agent-notifier-l2population-update.host1_stand-in')], 'a stand-in is left'],
    ['nobody listens', [...eight.slice(1), queue(`q-agent-notifier-0_fanout_${hex(0)}`, 0, 0)], 'has 0 consumers'],
    ['messages wait', [...eight.slice(1), queue(`q-agent-notifier-0_fanout_${hex(0)}`, 3)], 'has 3 messages'],
  ])('%s', (_, queues, problem) => {
    expect(queueProblems(queues, 1, false)).toEqual([expect.stringContaining(problem)]);
  });
});

it('differences: both ways, and as often as a line is there', () => {
  expect(differences('flows', ['a', 'b'], ['b', 'a'])).toEqual([]);
  expect(differences('flows', ['a', 'b'], ['b', 'c', 'c'])).toEqual([
    'flows: missing: a',
    'flows: must not be there: c',
    'flows: must not be there: c',
  ]);
});
