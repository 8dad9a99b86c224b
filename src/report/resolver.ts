/** What VLANs, ofports and cookies stand for on this host: from the state, or from OVSDB alone. */
import { vtepIndex } from '../flows/cookie.ts';
import type { Resolver } from '../flows/explain-rule.ts';
import type { State } from '../state.ts';
import { parseTunnelKey, type Tunnel } from '../tunnel/ports.ts';
import { type IpAddress, type LocalVlan, parseNetworkId } from '../values.ts';
import { networkIdOf } from '../vif/local-vlans.ts';
import type { SwitchView } from '../vswitch/switch-view.ts';

export interface NetworkResolver extends Resolver {
  /** Ids of the networks that have a VIF here. */
  readonly networks: ReadonlySet<string>;
}

export function resolverFromState(state: State): NetworkResolver {
  const { view, vlans } = state;
  return {
    ...switchResolver(view, state.config.ovs.localIp),
    networks: new Set([...state.networks.values()].map(({ id }) => id)),
    networkOf(vlan) {
      const key = vlans.networkOf(vlan as LocalVlan);
      return key && networkIdOf(key);
    },
  };
}

/** The network of a VLAN is what binding recorded in `Port.other_config` beside the tag (OVS.md). */
export function resolverFromView(view: SwitchView): NetworkResolver {
  const byVlan = new Map<number, string>();
  for (const id of view.vifIds()) {
    const port = view.vif(id)?.port;
    const network = parseNetworkId(port?.otherConfig.get('net_uuid'));
    if (port?.tag !== undefined && network !== undefined) byVlan.set(port.tag, network);
  }
  return {
    ...switchResolver(view, undefined),
    networks: new Set(byVlan.values()),
    networkOf: (vlan) => byVlan.get(vlan),
  };
}

function switchResolver(
  view: SwitchView,
  localIp: IpAddress | undefined,
): Pick<Resolver, 'tunnelOf' | 'vtepOf' | 'portOf'> {
  const tunnels = new Map<number, Tunnel>();
  const vteps = new Map<number, string>();
  for (const key of view.tunnelKeys()) {
    const tunnel = parseTunnelKey(key);
    const ofport = view.tunnel(key)?.interface.ofport;
    if (ofport !== undefined) tunnels.set(ofport, tunnel);
    vteps.set(vtepIndex(tunnel.remoteIp), tunnel.remoteIp);
  }
  const vifs = new Map<number, string>();
  for (const id of view.vifIds()) {
    const ofport = view.vif(id)?.interface.ofport;
    if (ofport !== undefined) vifs.set(ofport, `VIF ${id}`);
  }
  // A hash of an IPv6 address cannot be turned back; an IPv4 address is in the cookie as it is.
  const isIpv6 = localIp?.includes(':') ?? [...vteps.values()].some((vtep) => vtep.includes(':'));
  return {
    tunnelOf: (ofport) => tunnels.get(ofport),
    vtepOf: (index) => vteps.get(index) ?? (isIpv6 || index === 0 ? undefined : dottedQuad(index)),
    portOf: (ofport) => vifs.get(ofport),
  };
}

function dottedQuad(index: number): string {
  return [24, 16, 8, 0].map((shift) => (index >>> shift) & 255).join('.');
}
