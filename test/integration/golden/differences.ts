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

export const DIFFERENCES: readonly Difference[] = [
  {
    bridge: 'br-tun',
    side: 'ours',
    flows: /^table=10, priority=2,(arp,arp_tha=ff:ff:ff:ff:ff:ff|icmp6,icmp_type=13[46]) actions=learn\(/,
    what: 'table 10, priority 2: gratuitous ARP, router and neighbour advertisements',
    reason: 'the reference has them since 28.0.0, 2025.1 and 2025.2; the one that was recorded is 21.0.0',
  },
  {
    bridge: 'br-int',
    side: 'reference',
    flows: /^(priority=(9|10)|table=2[45], priority=2),.*in_port=<dead vif .*>/,
    what: 'tables 0, 24 and 25: anti-spoofing of a VIF on the dead VLAN that was wired before',
    reason: 'its priorities hide the drop of the dead VIF, which then reaches other dead VIFs on VLAN 4095',
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
