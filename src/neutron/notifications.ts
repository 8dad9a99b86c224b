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
  | { readonly kind: 'port-update' | 'port-delete'; readonly port: PortId }
  | { readonly kind: 'nothing' };

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
    case 'port_delete':
      return parsePort(method, args.port_id);
    case 'network_update':
      // Nothing that the agent programs depends on the network but on its ports' facts.
      return { kind: 'nothing' };
    default:
      return `unknown method ${JSON.stringify(method).slice(0, 80)}`;
  }
}

function parsePort(method: 'port_update' | 'port_delete', id: unknown): Notification | string {
  const port = parsePortId(id);
  if (port === undefined) return `${method}: port id ${JSON.stringify(id)} is no UUID`;
  return { kind: method === 'port_update' ? 'port-update' : 'port-delete', port };
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
