/**
 * The 64 bits of a flow's cookie, laid out here and nowhere else: any flow in a dump tells what it is for.
 *
 *     63          48 47  44 43        32 31                           0
 *    +--------------+------+------------+------------------------------+
 *    | magic 0x6c32 | kind | local VLAN |  VTEP                        |
 *    +--------------+------+------------+------------------------------+
 *
 * The local VLAN is the index of the network on this host. The VTEP is its IPv4 address itself, or 32 bits of a hash
 * (FNV-1a) of its IPv6 address; 0 where the flow has none. Nothing is allocated and nothing is looked up, so a
 * restarted agent writes the same cookies. All of a network's or of a VTEP's flows fit one masked delete.
 */
import type { IpAddress, LocalVlan } from '../values.ts';

/** A cookie as ovs-ofctl prints it: `0x` and hex digits without leading zeros. */
export type Cookie = string;

/** What a flow is for. `learned` is never added by us: OVS makes those flows from table 10's learn(). */
export const COOKIE_KINDS = {
  structural: 1,
  vlan: 2,
  tunnel: 3,
  unicast: 4,
  arp: 5,
  flood: 6,
  learned: 7,
  vif: 8,
} as const;
export type CookieKind = keyof typeof COOKIE_KINDS;

const MAGIC = 0x6c32n;
const KIND_BY_NUMBER = new Map<number, CookieKind>(
  Object.entries(COOKIE_KINDS).map(([kind, number]) => [number, kind as CookieKind]),
);

export interface CookieFields {
  readonly kind: CookieKind;
  /** 0: none. */
  readonly vlan: LocalVlan | 0;
  /** See {@link vtepIndex}; 0: none. */
  readonly vtep: number;
}

export function formatCookie(kind: CookieKind, vlan: LocalVlan | 0 = 0, vtep?: IpAddress): Cookie {
  const index = vtep === undefined ? 0 : vtepIndex(vtep);
  const bits = (MAGIC << 48n) | (BigInt(COOKIE_KINDS[kind]) << 44n) | (BigInt(vlan) << 32n) | BigInt(index);
  return `0x${bits.toString(16)}`;
}

/** The fields of one of our cookies; `undefined`: the cookie is somebody else's. */
export function parseCookie(cookie: Cookie): CookieFields | undefined {
  const bits = BigInt(cookie);
  if (bits >> 48n !== MAGIC) return undefined;
  const kind = KIND_BY_NUMBER.get(Number((bits >> 44n) & 0xfn));
  if (kind === undefined) return undefined;
  return { kind, vlan: Number((bits >> 32n) & 0xfffn) as LocalVlan | 0, vtep: Number(bits & 0xffffffffn) };
}

/** 32 bits that stand for a VTEP: unique for IPv4, practically so for IPv6. */
export function vtepIndex(vtep: IpAddress): number {
  if (!vtep.includes(':')) return vtep.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
  let hash = 0x811c9dc5;
  for (let i = 0; i < vtep.length; i++) hash = Math.imul(hash ^ vtep.charCodeAt(i), 0x01000193) >>> 0;
  return hash;
}
