/**
 * Where the switch that we program differs on purpose from the one that the reference programs: the whole list. A golden
 * test takes these lines away, and then both must be equal; a difference that is not seen any more fails too.
 */
import type { Bridge } from './recording.ts';

export interface Difference {
  readonly bridge: Bridge;
  /** Which switch has what the other has not. */
  readonly side: 'reference' | 'ours';
  /** The flows, in the normal form of `normal.ts`. */
  readonly flows: RegExp;
  /** The flows, for a reader. */
  readonly what: string;
  readonly reason: string;
}

const ANTI_SPOOFING = 'anti-spoofing comes with the issue on security: its tables are there, its flows not yet';

export const DIFFERENCES: readonly Difference[] = [
  {
    bridge: 'br-int',
    side: 'reference',
    flows: /^priority=(9|10),.*in_port=<vif .*>.* actions=goto_table:2[45]$/,
    what: 'table 0, priority 9 and 10, by VIF: to tables 24 and 25',
    reason: ANTI_SPOOFING,
  },
  {
    bridge: 'br-int',
    side: 'reference',
    flows: /^table=2[45], priority=2,/,
    what: 'tables 24 and 25, priority 2, by VIF: allowed ARP, neighbour advertisements and source MACs',
    reason: ANTI_SPOOFING,
  },
];

/** Keys in OVSDB that one side has and the other has not. */
export interface KeyDifference {
  readonly table: 'Bridge' | 'Port' | 'Interface';
  readonly rows: RegExp;
  readonly column: string;
  readonly keys: readonly string[];
  readonly side: 'reference' | 'ours';
  readonly reason: string;
}

const SNOOPING = 'says what Open vSwitch does anyway: multicast snooping is off (ovs-vswitchd.conf.db(5))';

export const KEY_DIFFERENCES: readonly KeyDifference[] = [
  {
    table: 'Bridge',
    rows: /^br-int$/,
    column: 'other_config',
    keys: ['mcast-snooping-disable-flood-unregistered'],
    side: 'reference',
    reason: SNOOPING,
  },
  {
    table: 'Port',
    rows: /^patch-tun$/,
    column: 'other_config',
    keys: ['mcast-snooping-flood', 'mcast-snooping-flood-reports'],
    side: 'reference',
    reason: SNOOPING,
  },
  {
    table: 'Interface',
    rows: /^(vxlan|gre)-/,
    column: 'external_ids',
    keys: ['l2pop-agent'],
    side: 'ours',
    reason: 'marks the tunnel ports that are ours to change and to delete (DESIGN, rule 8)',
  },
];
