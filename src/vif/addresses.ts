/** Addresses as ports' allowed address pairs have them: networks with a prefix, MACs in any notation, link-local ones. */
import { type IpAddress, ipVersion, ipv6Groups, type MacAddress, parseIp, parseMac } from '../values.ts';

declare const brand: unique symbol;
/**
 * A network, or a single address without a prefix, in the spelling of the switch: host bits zero, IPv6 in RFC 5952 form.
 * `10.0.0.0/24`, `10.0.0.5`, `fd00::/64`, `0.0.0.0/0`.
 */
export type IpNetwork = string & { readonly [brand]: 'IpNetwork' };

/** An address, or an address and a prefix length (CIDR); host bits may be set, as Neutron allows. */
export function parseIpNetwork(text: unknown): IpNetwork | undefined {
  if (typeof text !== 'string') return undefined;
  const [, address, suffix] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const ip = parseIp(address);
  if (ip === undefined) return undefined;
  const bits = ipVersion(ip) === 4 ? 32 : 128;
  const prefix = suffix === undefined ? bits : Number(suffix);
  if (prefix > bits) return undefined;
  return (prefix === bits ? ip : `${maskIp(ip, prefix)}/${prefix}`) as IpNetwork;
}

export function networkOf(ip: IpAddress): IpNetwork {
  return ip as string as IpNetwork;
}

/** Neutron keeps a pair's MAC as the tenant wrote it: `fa:16:3e:…`, `FA-16-3E-…`, `fa16.3e00.0001`, `fa163e000001`. */
export function parseAnyMac(text: unknown): MacAddress | undefined {
  if (typeof text !== 'string') return undefined;
  const grouped = /^(?:[\da-f]{2}([-:]))(?:[\da-f]{2}\1){4}[\da-f]{2}$|^(?:[\da-f]{4}\.){2}[\da-f]{4}$|^[\da-f]{12}$/i;
  if (!grouped.test(text)) return undefined;
  return parseMac(text.replaceAll(/[-:.]/g, '').replaceAll(/..(?=.)/g, '$&:'));
}

/** The address that a host makes of its MAC on every link (RFC 4291, appendix A: modified EUI-64). */
export function linkLocal(mac: MacAddress): IpAddress {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = mac.split(':').map((octet) => Number.parseInt(octet, 16));
  const groups = [0xfe80, 0, 0, 0, ((a ^ 2) << 8) | b, (c << 8) | 0xff, 0xfe00 | d, (e << 8) | f];
  return fromGroups(groups);
}

function maskIp(ip: IpAddress, prefix: number): IpAddress {
  if (ipVersion(ip) === 6) {
    return fromGroups(ipv6Groups(ip).map((group, i) => group & highBits(16, prefix - 16 * i)));
  }
  const octets = ip.split('.').map((octet, i) => Number(octet) & highBits(8, prefix - 8 * i));
  return octets.join('.') as IpAddress;
}

/** A mask of `width` bits whose highest `ones` are set; fewer than none and more than all count as these. */
function highBits(width: number, ones: number): number {
  const zeros = width - Math.min(Math.max(ones, 0), width);
  return ((1 << width) - 1) & ~((1 << zeros) - 1);
}

function fromGroups(groups: readonly number[]): IpAddress {
  const ip = parseIp(groups.map((group) => group.toString(16)).join(':'));
  if (ip === undefined) throw new Error('eight groups are an IPv6 address');
  return ip;
}
