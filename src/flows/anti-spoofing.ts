/**
 * br-int's anti-spoofing: what a VIF sends passes only with addresses that are its port's. ARP and neighbour advertisements
 * go from table 0 to table 24, which knows the addresses they may claim; all else, and allowed ARP, to table 25, which
 * knows the source MACs. What has no flow there is dropped.
 */
import type { LocalVlan, Ofport } from '../values.ts';
import type { AllowedSources } from '../vif/allowed.ts';
import { formatCookie } from './cookie.ts';
import type { Flow } from './flow.ts';
import { BR_INT } from './tables.ts';

/** Neighbour advertisement (RFC 4861, 4.4), as the switch prints the match. */
const ADVERTISEMENT = 'icmp_type=136';

export function antiSpoofingFlows(
  ofport: Ofport,
  vlan: LocalVlan,
  { macs, ipv4, ipv6 }: AllowedSources,
): readonly Flow[] {
  const cookie = formatCookie('vif', vlan);
  const flow = (table: number, priority: number, match: string, next: number): Flow => ({
    table,
    priority,
    match,
    actions: `goto_table:${next}`,
    cookie,
  });
  const { LOCAL_SWITCHING, ARP_SPOOF_TABLE, MAC_SPOOF_TABLE, LOCAL_MAC_DIRECT, PACKET_RATE_LIMIT } = BR_INT;
  const from = `in_port=${ofport}`;
  const flows = [
    ...macs.map((mac) => flow(MAC_SPOOF_TABLE, 2, `${from},dl_src=${mac}`, LOCAL_MAC_DIRECT)),
    flow(LOCAL_SWITCHING, 9, from, MAC_SPOOF_TABLE),
  ];
  if (ipv6 !== undefined) {
    for (const target of ipv6) {
      const match = `icmp6,${from},${ADVERTISEMENT},nd_target=${target}`;
      flows.push(flow(ARP_SPOOF_TABLE, 2, match, PACKET_RATE_LIMIT));
    }
    flows.push(flow(LOCAL_SWITCHING, 10, `icmp6,${from},${ADVERTISEMENT}`, ARP_SPOOF_TABLE));
  }
  if (ipv4 !== undefined) {
    for (const sender of ipv4) flows.push(flow(ARP_SPOOF_TABLE, 2, `arp,${from},arp_spa=${sender}`, MAC_SPOOF_TABLE));
    flows.push(flow(LOCAL_SWITCHING, 10, `arp,${from}`, ARP_SPOOF_TABLE));
  }
  return flows;
}

const TABLES: ReadonlySet<number> = new Set([BR_INT.LOCAL_SWITCHING, BR_INT.ARP_SPOOF_TABLE, BR_INT.MAC_SPOOF_TABLE]);

/** Flows of a dump by the VIF that they let through. */
export function antiSpoofingByOfport(flows: readonly Flow[]): Map<Ofport, readonly Flow[]> {
  const found = new Map<Ofport, Flow[]>();
  for (const flow of flows) {
    if (!TABLES.has(flow.table) || !flow.actions.startsWith('goto_table:')) continue;
    const [, ofport] = /(?:^|,)in_port=(\d+)(?:,|$)/.exec(flow.match) ?? [];
    if (ofport !== undefined) found.getOrInsertComputed(Number(ofport) as Ofport, () => []).push(flow);
  }
  return found;
}
