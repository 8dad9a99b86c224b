/** Tunnel ports, per-remote layout: one port a tunnel type and VTEP, named and configured as Neutron does it. */
import type { AgentConfig } from '../config/config.ts';
import { vtepIndex } from '../flows/cookie.ts';
import type { IpAddress, TunnelType } from '../values.ts';

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

/** `vxlan-0a000115`, at most 15 characters as Linux wants; an IPv6 address goes in as 32 bits of a hash. */
export function tunnelPortName({ type, remoteIp }: Tunnel): string {
  return `${type}-${vtepIndex(remoteIp).toString(16).padStart(8, '0')}`;
}

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
  };
}
