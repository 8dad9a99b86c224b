/** The pure parts of `bench/reliability`: which flows are right after a change, and the table. */
import { describe, expect, it } from 'vitest';
import { changed } from '../../../bench/reliability/changes.ts';
import { markdown, merge, type Result } from '../../../bench/reliability/report.ts';

const unicast = (mac: string) => `table=20, priority=2,dl_vlan=<n>,dl_dst=${mac} actions=pop_vlan,output:<vxlan v>`;
const arp = (ip: string, mac: string, ipHex: string) =>
  `table=21, priority=1,arp,dl_vlan=<n>,arp_tpa=${ip} actions=mod:${mac},load:0x${mac.replaceAll(':', '')}->SHA[],load:${ipHex}->SPA[]`;

describe('changed', () => {
  const [first, second] = ['fa:16:3e:00:00:01', 'fa:16:3e:00:00:02'];
  const before = {
    'br-int': new Set(['untouched']),
    'br-tun': new Set([
      unicast(first),
      arp('10.1.0.1', first, '0xa010001'),
      unicast(second),
      arp('10.1.0.12', second, '0xa01000c'),
    ]),
  };

  it('what has gone leaves nothing behind, and nothing else goes', () => {
    const after = changed(before, { gone: [first, '10.1.0.1'], twins: [] });
    expect([...after['br-tun']]).toEqual([unicast(second), arp('10.1.0.12', second, '0xa01000c')]);
    expect(after['br-int']).toBe(before['br-int']);
  });

  it('what has come has the flows of another, with its own addresses in every notation', () => {
    const third = 'fa:16:3e:00:00:03';
    const twin = [
      { mac: first, ipv4: '10.1.0.1' },
      { mac: third, ipv4: '10.1.0.3' },
    ] as const;
    const after = changed(before, { gone: [], twins: [twin] });
    expect([...after['br-tun']].slice(4)).toEqual([unicast(third), arp('10.1.0.3', third, '0xa010003')]);
  });

  it('an address that was exchanged takes its MAC along', () => {
    const twin = [
      { mac: first, ipv4: '10.1.0.1' },
      { mac: first, ipv4: '10.1.0.9' },
    ] as const;
    const after = changed(before, { gone: ['10.1.0.1'], twins: [twin] });
    expect(new Set(after['br-tun'])).toEqual(
      new Set([
        unicast(first),
        unicast(second),
        arp('10.1.0.12', second, '0xa01000c'),
        arp('10.1.0.9', first, '0xa010009'),
      ]),
    );
  });
});

describe('the table', () => {
  const result = (more: Partial<Result>): Result => ({
    fault: 'agent-stop',
    entries: 10_000,
    agent: 'ours',
    lost: 0,
    sent: 200,
    longestGap: 0,
    complete: 0,
    clean: 0,
    patience: 30,
    traffic: undefined,
    ...more,
  });

  it('a newer figure takes the place of an older one', () => {
    const older = [result({ lost: 5 }), result({ agent: 'reference' })];
    expect(merge(older, [result({ lost: 1 })])).toEqual([result({ lost: 1 }), result({ agent: 'reference' })]);
  });

  it('has a row for each fault that was measured, in the order of the list', () => {
    const text = markdown([
      result({ fault: 'flows-wiped', agent: 'reference', lost: 100, longestGap: 5.04, complete: null }),
      result({ complete: 0.31, clean: 62, traffic: { calls: 4, snapshots: 1, fanouts: 2 } }),
    ]);
    expect(
      text
        .split('\n')
        .filter((line) => line.startsWith('|'))
        .slice(2),
    ).toEqual([
      '| agent stopped (SIGTERM) and started | 0 of 200 |  | – |  | 0.3; stale ones 62.0 |  | 4, 1, 2 |  |',
      '| all flows of br-tun deleted by hand |  | 100 of 200 |  | 5.0 |  | not in 30 |  |  |',
    ]);
  });
});
