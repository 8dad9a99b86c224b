/**
 * What a `tunnel_sync` does to the set of tunnel endpoints of one type, decided from what is there.
 *
 * The cases are those of neutron's `TunnelRpcCallbackMixin.tunnel_sync` (plugins/ml2/drivers/type_tunnel.py). Addresses
 * are canonical before they come here, so that one address in two spellings is one endpoint.
 */
import type { IpAddress, TunnelType } from '../../src/values.ts';

/** IANA's VXLAN port, the server's default; `tunnel_sync` lists it with each VXLAN endpoint (reference/14). */
const VXLAN_UDP_PORT = 4789;

export interface EndpointRow {
  readonly ip: IpAddress;
  readonly host: string | undefined;
}

export interface EndpointChange {
  /** Rows to delete, before the insert. */
  readonly remove: readonly IpAddress[];
  readonly insert: boolean;
  /** The address the peers are told to forget. */
  readonly forget: IpAddress | undefined;
}

const NOTHING: EndpointChange = { remove: [], insert: false, forget: undefined };

/**
 * @param host that registers an address; `undefined` when the agent did not name itself.
 * @param byIp the endpoint that has the address now.
 * @param byHost the endpoint that the host has now.
 */
export function registerEndpoint(
  host: string | undefined,
  byIp: EndpointRow | undefined,
  byHost: EndpointRow | undefined,
): EndpointChange {
  if (host === undefined) return byIp === undefined ? { ...NOTHING, insert: true } : NOTHING;
  if (byIp?.host === host) return NOTHING;
  // The address belonged to nobody known, or to another host: it has moved. What the host had before may by now be
  // someone else's, so the peers are not told to forget it.
  if (byIp !== undefined) {
    return { remove: byHost === undefined ? [byIp.ip] : [byIp.ip, byHost.ip], insert: true, forget: undefined };
  }
  if (byHost !== undefined) return { remove: [byHost.ip], insert: true, forget: byHost.ip };
  return { ...NOTHING, insert: true };
}

export function endpointUdpPort(type: TunnelType): number | undefined {
  return type === 'vxlan' ? VXLAN_UDP_PORT : undefined;
}
