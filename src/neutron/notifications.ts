/** Notifications other than the FDB's, as typed values (WIRE.md, "What the agent hears"). */
import {
  type IpAddress,
  ipVersion,
  type MacAddress,
  type PortId,
  parseIp,
  parseMac,
  parsePortId,
  parseTunnelType,
  TUNNEL_TYPES,
  type TunnelType,
} from '../values.ts';

export type Notification =
  | { readonly kind: 'tunnel-update' | 'tunnel-delete'; readonly type: TunnelType; readonly vtep: IpAddress }
  /** `mac`: if the message has it; of any port in the cloud. */
  | { readonly kind: 'port-update'; readonly port: PortId; readonly mac?: MacAddress }
  | { readonly kind: 'port-delete'; readonly port: PortId };

/** A notification, or the sentence that says what is wrong with it. */
export function parseNotification(
  method: string,
  args: Readonly<Record<string, unknown>>,
  localIp: IpAddress,
): Notification | string {
  switch (method) {
    case 'tunnel_update':
    case 'tunnel_delete':
      return parseTunnel(method, args, localIp);
    case 'port_update': {
      const port = typeof args.port === 'object' && args.port !== null ? args.port : {};
      return parsePort(
        method,
        'id' in port ? port.id : undefined,
        'mac_address' in port ? parseMac(port.mac_address) : undefined,
      );
    }
    // Another binding of the port is the active one: its facts are others, at the old host and at the new one.
    case 'binding_activate':
    case 'port_delete':
      return parsePort(method, args.port_id);
    default:
      return `unknown method ${JSON.stringify(method).slice(0, 80)}`;
  }
}

function parsePort(
  method: 'port_update' | 'port_delete' | 'binding_activate',
  id: unknown,
  mac?: MacAddress,
): Notification | string {
  const port = parsePortId(id);
  if (port === undefined) return `${method}: port id ${JSON.stringify(id)} is no UUID`;
  if (method === 'port_delete') return { kind: 'port-delete', port };
  return mac === undefined ? { kind: 'port-update', port } : { kind: 'port-update', port, mac };
}

function parseTunnel(
  method: 'tunnel_update' | 'tunnel_delete',
  args: Readonly<Record<string, unknown>>,
  localIp: IpAddress,
): Notification | string {
  const type = parseTunnelType(args.tunnel_type);
  if (type === undefined) {
    return `${method}: tunnel_type ${JSON.stringify(args.tunnel_type)} is none of ${TUNNEL_TYPES.join(', ')}`;
  }
  const vtep = parseIp(args.tunnel_ip);
  if (vtep === undefined) return `${method}: tunnel_ip ${JSON.stringify(args.tunnel_ip)} is no IP address`;
  if (ipVersion(vtep) !== ipVersion(localIp)) {
    return `${method}: tunnel_ip ${vtep} is not IPv${ipVersion(localIp)} as local_ip ${localIp}`;
  }
  return { kind: method === 'tunnel_update' ? 'tunnel-update' : 'tunnel-delete', type, vtep };
}
