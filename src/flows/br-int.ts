/**
 * br-int's pipeline: local switching by NORMAL and local VLANs, the dead VLAN dropped, Neutron's tables in place.
 * Tables 24 and 25 (anti-spoofing) have their defaults here; a VIF's flows are in `anti-spoofing.ts`.
 */
import { DEAD_VLAN, type Ofport } from '../values.ts';
import { formatCookie } from './cookie.ts';
import type { Flow } from './flow.ts';
import { BR_INT } from './tables.ts';

/** The flows that every br-int has, whatever VIFs there are. */
export function structuralFlows(): Flow[] {
  const cookie = formatCookie('structural');
  const flow = (table: number, priority: number, match: string, actions: string): Flow => ({
    table,
    priority,
    match,
    actions,
    cookie,
  });
  const next = `goto_table:${BR_INT.PACKET_RATE_LIMIT}`;
  return [
    flow(BR_INT.LOCAL_SWITCHING, 0, '', next),
    flow(BR_INT.LOCAL_SWITCHING, 65535, `dl_vlan=${DEAD_VLAN}`, 'drop'),
    flow(BR_INT.CANARY_TABLE, 0, '', 'drop'),
    flow(BR_INT.ARP_SPOOF_TABLE, 0, '', 'drop'),
    flow(BR_INT.LOCAL_MAC_DIRECT, 0, '', next),
    flow(BR_INT.LOCAL_EGRESS, 0, '', next),
    flow(BR_INT.PACKET_RATE_LIMIT, 0, '', `goto_table:${BR_INT.TRANSIENT_TABLE}`),
    flow(BR_INT.TRANSIENT_TABLE, 3, '', 'NORMAL'),
    flow(BR_INT.TRANSIENT_EGRESS_TABLE, 3, '', 'NORMAL'),
  ];
}

/** What a VIF on the dead VLAN sends goes nowhere (Neutron's `port_dead`). */
export function deadVifFlow(ofport: Ofport): Flow {
  return {
    table: BR_INT.LOCAL_SWITCHING,
    priority: 2,
    match: `in_port=${ofport}`,
    actions: 'drop',
    cookie: formatCookie('vif', 0),
  };
}
