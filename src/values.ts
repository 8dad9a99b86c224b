/**
 * The values that come in as text, each parsed once at the edge and typed from then on (DESIGN, rule 7).
 *
 * A parser returns the canonical form or `undefined`; whoever calls it knows where the text came from and says so.
 * Canonical means: one spelling per value, the one the switch prints, so that equal values are equal strings.
 */
import { isIPv4, isIPv6 } from 'node:net';

declare const brand: unique symbol;
type Branded<T, Name extends string> = T & { readonly [brand]: Name };

/** Neutron network id: a UUID in lower case with dashes. */
export type NetworkId = Branded<string, 'NetworkId'>;
/** Neutron port id (a VIF's `iface-id`): a UUID in lower case with dashes. */
export type PortId = Branded<string, 'PortId'>;
/** Local VLAN on br-int and br-tun: 1–4094. */
export type LocalVlan = Branded<number, 'LocalVlan'>;
/** OpenFlow port number of an existing port: 1–65279 (OFPP_MAX, OpenFlow 1.0 numbering used by OVS). */
export type Ofport = Branded<number, 'Ofport'>;
/** `aa:bb:cc:dd:ee:ff`, lower case. */
export type MacAddress = Branded<string, 'MacAddress'>;
/** IPv4 dotted quad or IPv6 in RFC 5952 form, lower case. */
export type IpAddress = Branded<string, 'IpAddress'>;
/** GRE key or VXLAN/Geneve VNI. GRE: 0–2^32−1, VXLAN and Geneve: 0–2^24−1. */
export type SegmentationId = Branded<number, 'SegmentationId'>;

/** The tunnel types Neutron and Open vSwitch share, by their common name. */
export const TUNNEL_TYPES = ['gre', 'vxlan', 'geneve'] as const;
export type TunnelType = (typeof TUNNEL_TYPES)[number];

/** VLAN that br-int drops: where a VIF sits while nothing is known in its favour (Neutron's DEAD_VLAN_TAG). */
export const DEAD_VLAN = 4095;
/** The MAC of a flooding entry (Neutron's `constants.FLOODING_ENTRY`). */
export const FLOODING_MAC = '00:00:00:00:00:00';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const MAC = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/;

export function parseNetworkId(text: unknown): NetworkId | undefined {
  return parseUuid(text) as NetworkId | undefined;
}

export function parsePortId(text: unknown): PortId | undefined {
  return parseUuid(text) as PortId | undefined;
}

function parseUuid(text: unknown): string | undefined {
  if (typeof text !== 'string') return undefined;
  const lower = text.toLowerCase();
  return UUID.test(lower) ? lower : undefined;
}

export function parseMac(text: unknown): MacAddress | undefined {
  if (typeof text !== 'string') return undefined;
  const lower = text.toLowerCase();
  return MAC.test(lower) ? (lower as MacAddress) : undefined;
}

/** IPv4 or IPv6; a zone (`%eth0`) is not an address and is refused. */
export function parseIp(text: unknown): IpAddress | undefined {
  if (typeof text !== 'string') return undefined;
  if (isIPv4(text)) return text as IpAddress;
  if (!isIPv6(text) || text.includes('%')) return undefined;
  return canonicalIpv6(text) as IpAddress;
}

export function ipVersion(ip: IpAddress): 4 | 6 {
  return ip.includes(':') ? 6 : 4;
}

export function parseTunnelType(text: unknown): TunnelType | undefined {
  return TUNNEL_TYPES.find((type) => type === text);
}

/** Upper bound depends on the type: RFC 2890 gives GRE 32 bits, RFC 7348 and RFC 8926 give the others 24. */
export function parseSegmentationId(type: TunnelType, value: unknown): SegmentationId | undefined {
  const max = type === 'gre' ? 0xffffffff : 0xffffff;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > max) return undefined;
  return value as SegmentationId;
}

export function parseLocalVlan(value: unknown): LocalVlan | undefined {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > 4094) return undefined;
  return value as LocalVlan;
}

export function parseOfport(value: unknown): Ofport | undefined {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > 0xfeff) return undefined;
  return value as Ofport;
}

/** RFC 5952: lower case, no leading zeros, the longest run of zeros (the first of equals, two or more) as `::`; as OVS prints it. */
function canonicalIpv6(text: string): string {
  const groups = ipv6Groups(text);
  let best = { start: -1, length: 1 };
  for (let i = 0; i < 8; i++) {
    let length = 0;
    while (i + length < 8 && groups[i + length] === 0) length++;
    if (length > best.length) best = { start: i, length };
    if (length > 0) i += length - 1;
  }
  // inet_ntop prints v4-mapped and v4-compatible addresses with a dotted quad, and so does OVS.
  const dotted = best.start === 0 && (best.length === 6 || (best.length === 5 && groups[5] === 0xffff));
  const hex = groups.map((group) => group.toString(16));
  if (dotted) {
    const [high = 0, low = 0] = groups.slice(6);
    return `${best.length === 6 ? '::' : '::ffff:'}${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
  }
  if (best.start < 0) return hex.join(':');
  return `${hex.slice(0, best.start).join(':')}::${hex.slice(best.start + best.length).join(':')}`;
}

/** The eight 16-bit groups of an IPv6 address, in whatever spelling it is valid. */
export function ipv6Groups(text: string): number[] {
  let address = text.toLowerCase();
  const quad = /(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  if (quad) {
    const [a = 0, b = 0, c = 0, d = 0] = quad.slice(1).map(Number);
    address = `${address.slice(0, quad.index)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  }
  const [head = '', tail] = address.split('::');
  const front = head === '' ? [] : head.split(':');
  const back = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - front.length - back.length;
  return [...front, ...new Array<string>(zeros).fill('0'), ...back].map((group) => Number.parseInt(group, 16));
}
