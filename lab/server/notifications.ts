/**
 * The casts of the lab server: topic, method, version and arguments of each, as recorded (reference/03–20).
 *
 * The last step before the wire: a `Notification` is what the messaging layer needs and no more.
 */
import type { JsonObject } from '../../src/rpc/types.ts';
import type { IpAddress, PortId, TunnelType } from '../../src/values.ts';
import type { FdbMessage } from './rules.ts';

export interface Notification {
  readonly topic: string;
  /** A host to send to by name (`<topic>.<host>`); `undefined`: fanout. */
  readonly host: string | undefined;
  readonly method: string;
  readonly version: string;
  readonly args: JsonObject;
}

const PREFIX = 'q-agent-notifier';

export function fdbNotification(message: FdbMessage): Notification {
  return {
    topic: `${PREFIX}-l2population-update`,
    host: message.host,
    method: message.method,
    version: '1.0',
    args: { fdb_entries: message.entries },
  };
}

export function tunnelUpdate(ip: IpAddress, type: TunnelType): Notification {
  return fanout('tunnel-update', 'tunnel_update', '1.0', { tunnel_ip: ip, tunnel_type: type });
}

export function tunnelDelete(ip: IpAddress, type: TunnelType): Notification {
  return fanout('tunnel-delete', 'tunnel_delete', '1.0', { tunnel_ip: ip, tunnel_type: type });
}

export function portUpdate(
  port: JsonObject,
  segment: { readonly networkType: TunnelType; readonly segmentationId: number },
): Notification {
  return fanout('port-update', 'port_update', '1.0', {
    port,
    network_type: segment.networkType,
    segmentation_id: segment.segmentationId,
    physical_network: null,
  });
}

export function portDelete(id: PortId): Notification {
  return fanout('port-delete', 'port_delete', '1.0', { port_id: id });
}

/** The end of a live migration; ML2's `activate` tells of it in no `port_update`. */
export function bindingActivate(id: PortId, host: string): Notification {
  return fanout('binding-activate', 'binding_activate', '1.5', { port_id: id, host });
}

export function networkUpdate(network: JsonObject): Notification {
  return fanout('network-update', 'network_update', '1.4', { network });
}

function fanout(topic: string, method: string, version: string, args: JsonObject): Notification {
  return { topic: `${PREFIX}-${topic}`, host: undefined, method, version, args };
}
