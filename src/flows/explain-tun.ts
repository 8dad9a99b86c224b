/** br-tun's flows in words, in the order in which a packet meets them. */
import { parseCookie } from './cookie.ts';
import { type Explanation, MAC_PATTERN, type Resolver, type Rule, structural, vlanText } from './explain-rule.ts';
import type { Flow } from './flow.ts';
import { BR_TUN, TUN_TO_LV } from './tables.ts';

/** VTEPs that a sentence names before it counts the rest. */
const MAX_NAMED = 4;

const SEGMENT_TABLES = Object.entries(TUN_TO_LV);

export const TUN_RULES: readonly Rule[] = [
  structural(BR_TUN.CLASSIFIER, 0, /^$/, 'drop: from a port that is neither br-int nor a tunnel of ours'),
  { table: BR_TUN.CLASSIFIER, priority: 1, match: /^in_port=(\d+)$/, explain: classifier },
  structural(
    BR_TUN.PATCH_LV_TO_TUN,
    1,
    /^arp,dl_dst=ff:ff:ff:ff:ff:ff$/,
    'broadcast ARP from br-int: see whether it can be answered here',
  ),
  structural(
    BR_TUN.PATCH_LV_TO_TUN,
    0,
    /^dl_dst=00:00:00:00:00:00\/01:00:00:00:00:00$/,
    'unicast from br-int: look the MAC up',
  ),
  structural(
    BR_TUN.PATCH_LV_TO_TUN,
    0,
    /^dl_dst=01:00:00:00:00:00\/01:00:00:00:00:00$/,
    'broadcast and multicast from br-int: flood',
  ),
  ...SEGMENT_TABLES.flatMap(([type, table]): Rule[] => [
    structural(table, 0, /^$/, `drop: ${type} with a segmentation id of no network here`),
    {
      table,
      priority: 1,
      match: /^tun_id=(0x[0-9a-f]+|0)$/,
      explain: ([id], flow, resolver) => segment(type, Number(id), flow, resolver),
    },
  ]),
  structural(BR_TUN.LEARN_FROM_TUN, 1, /^$/, "from a tunnel: learn the sender's VTEP for 300 s, then to br-int"),
  // Neutron 28.0.0 and later (OVS.md).
  structural(BR_TUN.LEARN_FROM_TUN, 2, /^(arp|icmp6),/, 'gratuitous ARP, RA or NA from a tunnel: to br-int'),
  {
    table: BR_TUN.UCAST_TO_TUN,
    priority: 2,
    match: new RegExp(`^dl_vlan=(\\d+),dl_dst=${MAC_PATTERN}$`),
    explain: ([vlan, mac = ''], flow, resolver) => unicast(Number(vlan), mac, flow, resolver),
  },
  {
    table: BR_TUN.UCAST_TO_TUN,
    priority: 1,
    learned: true,
    match: new RegExp(`^(?:vlan_tci=(0x[0-9a-f]+)/0x0?fff|dl_vlan=(\\d+)),dl_dst=${MAC_PATTERN}$`),
    explain: ([tci = '', vlan = '', mac = ''], flow, resolver) => learned(Number(tci || vlan), mac, flow, resolver),
  },
  structural(BR_TUN.UCAST_TO_TUN, 0, /^$/, 'unicast to a MAC that nobody knows: flood'),
  {
    table: BR_TUN.ARP_RESPONDER,
    priority: 1,
    match: /^arp,dl_vlan=(\d+),arp_tpa=([0-9.]+)$/,
    explain: ([vlan, ip = ''], flow, resolver) => arp(Number(vlan), ip, flow, resolver),
  },
  structural(BR_TUN.ARP_RESPONDER, 0, /^$/, 'ARP for an IP that nobody knows: flood'),
  {
    table: BR_TUN.FLOOD_TO_TUN,
    priority: 1,
    match: /^dl_vlan=(\d+)$/,
    explain: ([vlan], flow, resolver) => flood(Number(vlan), flow, resolver),
  },
  structural(BR_TUN.FLOOD_TO_TUN, 0, /^$/, 'drop: flood of a network that is on no other host'),
];

function classifier([ofport = '']: readonly string[], flow: Flow, resolver: Resolver): Explanation {
  const [type] = SEGMENT_TABLES.find(([, table]) => flow.actions === `goto_table:${table}`) ?? [];
  if (type === undefined) return { kind: 'structural', purpose: `from br-int (port ${ofport}): on to the tunnels` };
  const tunnel = resolver.tunnelOf(Number(ofport));
  const vtep = tunnel?.remoteIp ?? cookieVtep(flow, resolver);
  const from = vtep ?? 'a VTEP';
  const port = tunnel === undefined ? `port ${ofport}, which is no tunnel now` : `port ${ofport}`;
  return { kind: 'tunnel', vtep, purpose: `tunnel: from ${from} by ${type} (${port})` };
}

function segment(type: string, id: number, flow: Flow, resolver: Resolver): Explanation {
  const [, tci] = /set_field:(\d+)->vlan_vid/.exec(flow.actions) ?? [];
  // Bit 12 is OpenFlow's "has a VLAN" (OFPVID_PRESENT).
  const vlan = tci === undefined ? undefined : Number(tci) & 0xfff;
  if (vlan === undefined) return { kind: 'vlan', purpose: `${type} ${id}: to no VLAN` };
  return { kind: 'vlan', vlan, purpose: `segment: ${type} ${id} is ${vlanText(vlan, resolver)}, VLAN ${vlan} here` };
}

function unicast(vlan: number, mac: string, flow: Flow, resolver: Resolver): Explanation {
  const { vtep, text } = behind(flow, resolver);
  return { kind: 'unicast', vlan, mac, vtep, purpose: `unicast: ${mac} of ${vlanText(vlan, resolver)} is ${text}` };
}

function learned(vlan: number, mac: string, flow: Flow, resolver: Resolver): Explanation {
  const { vtep, text } = behind(flow, resolver);
  const purpose = `learned: ${mac} of ${vlanText(vlan, resolver)} was seen ${text}`;
  return { kind: 'learned', vlan, mac, vtep, purpose };
}

function arp(vlan: number, ip: string, flow: Flow, resolver: Resolver): Explanation {
  const [, mac] = new RegExp(`set_field:${MAC_PATTERN}->arp_sha`).exec(flow.actions) ?? [];
  const vtep = cookieVtep(flow, resolver);
  const purpose = `ARP: ${ip} of ${vlanText(vlan, resolver)} is at ${mac ?? 'no MAC'}`;
  return { kind: 'arp', vlan, mac, vtep, purpose };
}

function flood(vlan: number, flow: Flow, resolver: Resolver): Explanation {
  const targets = outputs(flow).map(
    (ofport) => resolver.tunnelOf(ofport)?.remoteIp ?? `port ${ofport} (no tunnel now)`,
  );
  const named = targets.slice(0, MAX_NAMED).join(', ');
  const rest = targets.length > MAX_NAMED ? ` and ${targets.length - MAX_NAMED} more` : '';
  const where = targets.length === 0 ? 'nowhere' : `to ${named}${rest}`;
  return { kind: 'flood', vlan, purpose: `flood: broadcast of ${vlanText(vlan, resolver)} goes ${where}` };
}

/** Where a flow with one output sends to: what its port is counts, not what its cookie meant. */
function behind(flow: Flow, resolver: Resolver): { vtep: string | undefined; text: string } {
  const [ofport] = outputs(flow);
  if (ofport === undefined) return { vtep: undefined, text: 'nowhere' };
  const tunnel = resolver.tunnelOf(ofport);
  if (tunnel !== undefined) return { vtep: tunnel.remoteIp, text: `behind ${tunnel.remoteIp}` };
  const vtep = cookieVtep(flow, resolver);
  return { vtep, text: `behind ${vtep ?? 'a VTEP'} (port ${ofport}, which is no tunnel now)` };
}

function outputs(flow: Flow): number[] {
  return [...flow.actions.matchAll(/output:(\d+)/g)].map(([, ofport]) => Number(ofport));
}

function cookieVtep(flow: Flow, resolver: Resolver): string | undefined {
  const index = parseCookie(flow.cookie)?.vtep ?? 0;
  return index === 0 ? undefined : resolver.vtepOf(index);
}
