/**
 * br-tun's pipeline: every flow that the agent can put there, with Neutron's tables, priorities, matches and actions.
 * `docs/ARCHITECTURE.md` explains the pipeline with real dump lines and lists where we differ on purpose.
 */
import {
  type IpAddress,
  ipVersion,
  type LocalVlan,
  type MacAddress,
  type Ofport,
  type SegmentationId,
  type TunnelType,
} from '../values.ts';
import { type Cookie, formatCookie } from './cookie.ts';
import { type Flow, hex } from './flow.ts';
import { BR_TUN, TUN_TO_LV } from './tables.ts';

/** How a packet leaves for a VTEP: the seam for flow-based tunnels. */
export interface Egress {
  readonly vtep: IpAddress;
  /** Actions that reach the VTEP; local VLAN gone and tunnel id set before them. */
  readonly actions: string;
  /** Orders the flood's copies, so that equal sets of VTEPs are equal text. */
  readonly order: number;
}

/** Egress through the VTEP's own port. */
export function portEgress(vtep: IpAddress, ofport: Ofport): Egress {
  return { vtep, actions: `output:${ofport}`, order: ofport };
}

/**
 * Table 10. The three of priority 2 do what the one of priority 1 does, as in Neutron 28.0.0 and later, stable/2025.1 and
 * 2025.2: gratuitous ARP, router and neighbour advertisements, which say where an address is now, get datapath flows of
 * their own.
 */
const LEARN_MATCHES = [
  [1, ''],
  [2, 'arp,arp_tha=ff:ff:ff:ff:ff:ff'],
  [2, 'icmp6,icmp_type=134'],
  [2, 'icmp6,icmp_type=136'],
] as const;

/** The flows that every br-tun has, whatever networks there are. */
export function structuralFlows(patchInt: Ofport, arpResponder: boolean): Flow[] {
  const cookie = formatCookie('structural');
  const flow = (table: number, priority: number, match: string, actions: string): Flow => ({
    table,
    priority,
    match,
    actions,
    cookie,
  });
  const learn = `${learnAction()},output:${patchInt}`;
  const flows = [
    flow(BR_TUN.CLASSIFIER, 0, '', 'drop'),
    flow(BR_TUN.CLASSIFIER, 1, `in_port=${patchInt}`, goto(BR_TUN.PATCH_LV_TO_TUN)),
    flow(BR_TUN.PATCH_LV_TO_TUN, 0, 'dl_dst=00:00:00:00:00:00/01:00:00:00:00:00', goto(BR_TUN.UCAST_TO_TUN)),
    flow(BR_TUN.PATCH_LV_TO_TUN, 0, 'dl_dst=01:00:00:00:00:00/01:00:00:00:00:00', goto(BR_TUN.FLOOD_TO_TUN)),
    flow(BR_TUN.GRE_TUN_TO_LV, 0, '', 'drop'),
    flow(BR_TUN.VXLAN_TUN_TO_LV, 0, '', 'drop'),
    flow(BR_TUN.GENEVE_TUN_TO_LV, 0, '', 'drop'),
    ...LEARN_MATCHES.map(([priority, match]) => flow(BR_TUN.LEARN_FROM_TUN, priority, match, learn)),
    flow(BR_TUN.UCAST_TO_TUN, 0, '', goto(BR_TUN.FLOOD_TO_TUN)),
    flow(BR_TUN.FLOOD_TO_TUN, 0, '', 'drop'),
  ];
  if (!arpResponder) return flows;
  return [
    ...flows,
    flow(BR_TUN.PATCH_LV_TO_TUN, 1, 'arp,dl_dst=ff:ff:ff:ff:ff:ff', goto(BR_TUN.ARP_RESPONDER)),
    flow(BR_TUN.ARP_RESPONDER, 0, '', goto(BR_TUN.FLOOD_TO_TUN)),
  ];
}

/** Table 0: packets that come from a VTEP go to their tunnel type's table. */
export function tunnelInFlow(type: TunnelType, vtep: IpAddress, ofport: Ofport): Flow {
  return {
    table: BR_TUN.CLASSIFIER,
    priority: 1,
    match: `in_port=${ofport}`,
    actions: goto(TUN_TO_LV[type]),
    cookie: formatCookie('tunnel', 0, vtep),
  };
}

/** Tables 3, 4, 6: segmentation id → local VLAN. */
export function segmentFlow(type: TunnelType, segmentationId: SegmentationId, vlan: LocalVlan): Flow {
  return {
    table: TUN_TO_LV[type],
    priority: 1,
    match: `tun_id=${hex(segmentationId)}`,
    actions: `push_vlan:0x8100,set_field:${vlan + 0x1000}->vlan_vid,${goto(BR_TUN.LEARN_FROM_TUN)}`,
    cookie: formatCookie('vlan', vlan),
  };
}

/** Table 20: a MAC behind a VTEP. Priority 2 hides what table 10 learned of it. */
export function unicastFlow(vlan: LocalVlan, segmentationId: SegmentationId, mac: MacAddress, egress: Egress): Flow {
  return {
    table: BR_TUN.UCAST_TO_TUN,
    priority: 2,
    match: `dl_vlan=${vlan},dl_dst=${mac}`,
    actions: `pop_vlan,set_field:${hex(segmentationId)}->tun_id,${egress.actions}`,
    cookie: formatCookie('unicast', vlan, egress.vtep),
  };
}

/**
 * Table 21: turns an ARP request into its reply and sends it back (RFC 826).
 * `undefined` for IPv6: neighbour discovery is flooded.
 */
export function arpFlow(vlan: LocalVlan, ip: IpAddress, mac: MacAddress, vtep: IpAddress): Flow | undefined {
  if (ipVersion(ip) !== 4) return undefined;
  return {
    table: BR_TUN.ARP_RESPONDER,
    priority: 1,
    match: `arp,dl_vlan=${vlan},arp_tpa=${ip}`,
    actions: [
      'set_field:2->arp_op',
      'move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[]',
      'move:NXM_OF_ARP_SPA[]->NXM_OF_ARP_TPA[]',
      `set_field:${mac}->arp_sha`,
      `set_field:${ip}->arp_spa`,
      'move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[]',
      `set_field:${mac}->eth_src`,
      'IN_PORT',
    ].join(','),
    cookie: formatCookie('arp', vlan, vtep),
  };
}

/** Table 22: one copy to each VTEP of the network. `undefined` when there is none. */
export function floodFlow(
  vlan: LocalVlan,
  segmentationId: SegmentationId,
  egresses: readonly Egress[],
): Flow | undefined {
  if (egresses.length === 0) return undefined;
  const outputs = egresses.toSorted((a, b) => a.order - b.order).map((egress) => egress.actions);
  return {
    table: BR_TUN.FLOOD_TO_TUN,
    priority: 1,
    match: `dl_vlan=${vlan}`,
    actions: ['pop_vlan', `set_field:${hex(segmentationId)}->tun_id`, ...outputs].join(','),
    cookie: formatCookie('flood', vlan),
  };
}

/** Lines that take away what was learned for a local VLAN, by us or by a predecessor with these cookies. */
export function forgetVlanLines(vlan: LocalVlan, predecessors: Iterable<Cookie>): string[] {
  return forgetLines(`vlan_tci=0x${vlan.toString(16).padStart(4, '0')}/0x0fff`, predecessors);
}

/** Lines that take away what was learned through a tunnel port (OVS.md: to be said again when the port is gone). */
export function forgetPortLines(ofport: Ofport, predecessors: Iterable<Cookie>): string[] {
  return forgetLines(`out_port=${ofport}`, predecessors);
}

/** By cookie: in table 20 there may be flows of others. */
function forgetLines(what: string, predecessors: Iterable<Cookie>): string[] {
  return [formatCookie('learned'), ...predecessors].map(
    (cookie) => `delete cookie=${cookie}/-1,table=${BR_TUN.UCAST_TO_TUN},${what}`,
  );
}

/** Table 10's learn(): 300 s, priority 1 in table 20, under a cookie of its own so that the diff leaves it alone. */
function learnAction(): string {
  const spec = [
    `table=${BR_TUN.UCAST_TO_TUN}`,
    'hard_timeout=300',
    'priority=1',
    `cookie=${formatCookie('learned')}`,
    'NXM_OF_VLAN_TCI[0..11]',
    'NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[]',
    'load:0->NXM_OF_VLAN_TCI[]',
    'load:NXM_NX_TUN_ID[]->NXM_NX_TUN_ID[]',
    'output:OXM_OF_IN_PORT[]',
  ];
  return `learn(${spec.join(',')})`;
}

function goto(table: number): string {
  return `goto_table:${table}`;
}
