/** Tunnel ports, per-remote layout: one port a tunnel type and VTEP, named and configured as Neutron does it. */
import { createHash } from 'node:crypto';
import type { AgentConfig } from '../config/config.ts';
import { vtepIndex } from '../flows/cookie.ts';
import { type IpAddress, ipVersion, parseTunnelType, TUNNEL_TYPES, type TunnelType } from '../values.ts';

declare const brand: unique symbol;
/** Tunnel type and remote IP: what a tunnel is identified by, never its name (WIRE.md, "Semantics"). */
export type TunnelKey = string & { readonly [brand]: 'TunnelKey' };

export interface Tunnel {
  readonly type: TunnelType;
  readonly remoteIp: IpAddress;
}

export function tunnelKey(type: TunnelType, remoteIp: IpAddress): TunnelKey {
  return `${type} ${remoteIp}` as TunnelKey;
}

export function parseTunnelKey(key: TunnelKey): Tunnel {
  const space = key.indexOf(' ');
  return { type: key.slice(0, space) as TunnelType, remoteIp: key.slice(space + 1) as IpAddress };
}

/** Linux allows no more (IFNAMSIZ). */
const LONGEST_NAME = 15;

/**
 * `vxlan-0a000115`; an IPv6 address goes in as the beginning of a hash. These are Neutron's names until 2024.2 (`get_tunnel_name`):
 * Open vSwitch refuses a second port with the same remote, so an agent that is handed the bridge back must find its own.
 */
export function tunnelPortName({ type, remoteIp }: Tunnel): string {
  const address = ipVersion(remoteIp) === 4 ? vtepIndex(remoteIp).toString(16).padStart(8, '0') : base32Sha1(remoteIp);
  return `${type}-${address}`.slice(0, LONGEST_NAME);
}

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';

/** RFC 4648, in lower case. */
function base32Sha1(text: string): string {
  const bits = [...createHash('sha1').update(text).digest()].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return bits.replace(/.{5}/g, (five) => BASE32[Number.parseInt(five, 2)] ?? '');
}

/** GRE over IPv6 has a type of its own (ovs-vswitchd.conf.db(5)). */
const GRE_OVER_IPV6 = 'ip6gre';

/** `Interface.type` of a tunnel port. */
export function tunnelInterfaceType({ type, remoteIp }: Tunnel): string {
  return type === 'gre' && ipVersion(remoteIp) === 6 ? GRE_OVER_IPV6 : type;
}

/** The tunnel type of an `Interface.type`; `undefined`: no tunnel port, or of a type that is not ours. */
export function tunnelTypeOf(interfaceType: string): TunnelType | undefined {
  return interfaceType === GRE_OVER_IPV6 ? 'gre' : parseTunnelType(interfaceType);
}

/** Every `Interface.type` that a tunnel port of ours, or of a predecessor, can have. */
export const TUNNEL_INTERFACE_TYPES: readonly string[] = [...TUNNEL_TYPES, GRE_OVER_IPV6];

type TunnelSettings = Pick<AgentConfig, 'vxlanUdpPort' | 'dontFragment' | 'tunnelCsum' | 'dscp' | 'dscpInherit'>;

const DEFAULT_VXLAN_PORT = 4789;

/** `Interface.options`, the same pairs as Neutron's `add_tunnel_port` writes. */
export function tunnelOptions(tunnel: Tunnel, localIp: IpAddress, settings: TunnelSettings): Record<string, string> {
  const tos = settings.dscpInherit ? 'inherit' : settings.dscp === undefined ? undefined : String(settings.dscp << 2);
  return {
    ...(tunnel.type === 'vxlan' && settings.vxlanUdpPort !== DEFAULT_VXLAN_PORT
      ? { dst_port: String(settings.vxlanUdpPort) }
      : {}),
    df_default: String(settings.dontFragment),
    remote_ip: tunnel.remoteIp,
    local_ip: localIp,
    in_key: 'flow',
    out_key: 'flow',
    egress_pkt_mark: '0',
    ...(settings.tunnelCsum ? { csum: 'true' } : {}),
    ...(tos === undefined ? {} : { tos }),
    // It carries nothing else.
    ...(tunnelInterfaceType(tunnel) === GRE_OVER_IPV6 ? { packet_type: 'legacy_l2' } : {}),
  };
}
