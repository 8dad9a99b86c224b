/** Notifications other than the FDB's, as typed values (WIRE.md, "What the agent hears"). */
import {
  type IpAddress,
  ipVersion,
  type PortId,
  parseIp,
  parsePortId,
  parseTunnelType,
  TUNNEL_TYPES,
  type TunnelType,
} from '../values.ts';

export type Notification =
  | { readonly kind: 'tunnel-update' | 'tunnel-delete'; readonly type: TunnelType; readonly vtep: IpAddress }
  | { readonly kind: 'port-update' | 'port-delete'; readonly port: PortId };

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
      const { port } = args;
      return parsePort(method, typeof port === 'object' && port !== null && 'id' in port ? port.id : undefined);
    }
    // Another binding of the port is the active one: its facts are others, at the old host and at the new one.
    case 'binding_activate':
    case 'port_delete':
      return parsePort(method, args.port_id);
    default:
      return `unknown method ${JSON.stringify(method).slice(0, 80)}`;
  }
}

function parsePort(method: 'port_update' | 'port_delete' | 'binding_activate', id: unknown): Notification | string {
  const port = parsePortId(id);
  if (port === undefined) return `${method}: port id ${JSON.stringify(id)} is no UUID`;
  return { kind: method === 'port_delete' ? 'port-delete' : 'port-update', port };
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
