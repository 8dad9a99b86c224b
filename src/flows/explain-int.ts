/** br-int's flows in words, in the order in which a packet meets them; Neutron's anti-spoofing among them. */
import { parseCookie } from './cookie.ts';
import { MAC_PATTERN, type Rule, structural } from './explain-rule.ts';
import type { Flow } from './flow.ts';
import { BR_INT } from './tables.ts';

export const INT_RULES: readonly Rule[] = [
  structural(BR_INT.LOCAL_SWITCHING, 65535, /^dl_vlan=4095$/, 'drop: the dead VLAN'),
  vif(BR_INT.LOCAL_SWITCHING, 10, /^arp,in_port=(\d+)$/, (who) => `ARP from ${who}: check the address it claims`),
  vif(
    BR_INT.LOCAL_SWITCHING,
    10,
    /^icmp6,in_port=(\d+),icmp_type=136$/,
    (who) => `neighbour advertisement from ${who}: check the address it claims`,
  ),
  vif(BR_INT.LOCAL_SWITCHING, 9, /^in_port=(\d+)$/, (who) => `from ${who}: check its MAC`),
  vif(BR_INT.LOCAL_SWITCHING, 2, /^in_port=(\d+)$/, (who) => `drop: from ${who}, which is dead`),
  structural(BR_INT.LOCAL_SWITCHING, 0, /^$/, 'everything else: on to the switching'),
  structural(BR_INT.CANARY_TABLE, 0, /^$/, 'drop: no packet comes here; it shows that the bridge has been set up'),
  vif(
    BR_INT.ARP_SPOOF_TABLE,
    2,
    /^arp,in_port=(\d+),arp_spa=([0-9./]+)$/,
    (who, ip) => `anti-spoofing: ${who} may claim ${ip}`,
  ),
  vif(
    BR_INT.ARP_SPOOF_TABLE,
    2,
    /^icmp6,in_port=(\d+),icmp_type=136,nd_target=([0-9a-f:.]+(?:\/[0-9a-f:.]+)?)$/,
    (who, ip) => `anti-spoofing: ${who} may claim ${ip}`,
  ),
  structural(BR_INT.ARP_SPOOF_TABLE, 0, /^$/, "drop: an address that is not the VIF's was claimed"),
  {
    table: BR_INT.MAC_SPOOF_TABLE,
    priority: 2,
    match: new RegExp(`^in_port=(\\d+),dl_src=${MAC_PATTERN}$`),
    explain: ([ofport = '', mac], flow, resolver) => ({
      kind: 'vif',
      vlan: vlanOf(flow),
      mac,
      purpose: `anti-spoofing: ${resolver.portOf(Number(ofport)) ?? `port ${ofport}`} may send from ${mac}`,
    }),
  },
  structural(BR_INT.LOCAL_MAC_DIRECT, 0, /^$/, 'on to the switching'),
  structural(BR_INT.LOCAL_EGRESS, 0, /^$/, 'on to the switching'),
  structural(BR_INT.PACKET_RATE_LIMIT, 0, /^$/, 'no rate limit: on to the switching'),
  structural(BR_INT.TRANSIENT_TABLE, 3, /^$/, 'switch by local VLAN and MAC'),
  // Neutron's since 2025.1.
  structural(BR_INT.TRANSIENT_TABLE, 1, /^$/, 'switch by local VLAN and MAC'),
  structural(BR_INT.BANDWIDTH_RATE_LIMIT, 0, /^$/, 'no bandwidth limit: on to the switching'),
  structural(BR_INT.TRANSIENT_EGRESS_TABLE, 3, /^$/, 'switch by local VLAN and MAC'),
];

/** The first group of the match is the VIF's ofport; the second, if there is one, an address. */
function vif(table: number, priority: number, match: RegExp, purpose: (who: string, what: string) => string): Rule {
  return {
    table,
    priority,
    match,
    explain: ([ofport = '', what = ''], flow, resolver) => ({
      kind: 'vif',
      vlan: vlanOf(flow),
      purpose: purpose(resolver.portOf(Number(ofport)) ?? `port ${ofport}`, what),
    }),
  };
}

/** Of a flow of ours: a predecessor's cookie does not tell. 0: the VIF is on no network. */
function vlanOf(flow: Flow): number | undefined {
  const vlan = parseCookie(flow.cookie)?.vlan ?? 0;
  return vlan === 0 ? undefined : vlan;
}
