/** From a delivery to events: which topic means what, and what was wrong with the message. Pure. */
import type { Config } from './config/config.ts';
import type { Event } from './events.ts';
import type { Origin } from './journal/record.ts';
import { parseFdbNotification } from './l2pop/parse.ts';
import { parseNotification } from './neutron/notifications.ts';
import { L2POPULATION_TOPIC, MARKER_METHOD, NOTIFICATIONS_VERSION } from './neutron/topics.ts';
import { versionAccepts } from './rpc/envelope.ts';
import type { Delivery, RpcRequest } from './rpc/types.ts';

export interface ReadDelivery {
  readonly events: readonly Event[];
  readonly problems: readonly string[];
}

export function readDelivery(delivery: Omit<Delivery, 'ack'>, config: Config): ReadDelivery {
  const { topic, request } = delivery;
  const misfit = notForUs(request);
  if (misfit !== undefined) return { events: [], problems: [misfit] };
  const origin: Origin = {
    uniqueId: request.uniqueId,
    requestId: request.requestId,
    queue: delivery.queue,
    receivedAt: delivery.receivedAt.getTime(),
  };
  if (topic !== L2POPULATION_TOPIC) {
    const notification = parseNotification(request.method, request.args, config.ovs.localIp);
    if (typeof notification === 'string') return { events: [], problems: [notification] };
    return { events: [{ kind: 'notification', notification, origin }], problems: [] };
  }
  if (request.method === MARKER_METHOD) return readMarker(request.args);
  const { changes, problems } = parseFdbNotification(request.method, request.args, {
    host: config.host,
    localIp: config.ovs.localIp,
    tunnelTypes: config.agent.tunnelTypes,
  });
  const byName = delivery.source === 'by-name';
  return { events: changes.length > 0 ? [{ kind: 'fdb', changes, byName, origin }] : [], problems };
}

/** What oslo.messaging's dispatcher would refuse. */
function notForUs({ method, version, namespace }: RpcRequest): string | undefined {
  if (namespace !== undefined) return `${method}: namespace ${namespace.slice(0, 80)}: notifications have none`;
  if (versionAccepts(NOTIFICATIONS_VERSION, version)) return undefined;
  return `${method}: version ${version} is not understood, 1.0 to ${NOTIFICATIONS_VERSION} are`;
}

function readMarker(args: Readonly<Record<string, unknown>>): ReadDelivery {
  const { id, edge } = args;
  if (typeof id !== 'string' || (edge !== 'start' && edge !== 'end')) {
    return { events: [], problems: [`${MARKER_METHOD}: id must be text, edge start or end`] };
  }
  return { events: [{ kind: 'marker', id, edge }], problems: [] };
}
