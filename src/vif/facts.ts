/** What neutron-server says of a port, read from the versioned object `Port` 1.7 of `bulk_pull` (recording `14`). */
import {
  type MacAddress,
  type NetworkId,
  type PortId,
  parseMac,
  parseNetworkId,
  parsePortId,
  parseSegmentationId,
  parseTunnelType,
  type SegmentationId,
  type TunnelType,
} from '../values.ts';

/** A tunnelled network segment. */
export interface Segment {
  readonly type: TunnelType;
  readonly segmentationId: SegmentationId;
}

/**
 * How a port is bound, seen from this host. `active`: here. `inactive`: here too, and it will become active when a live
 * migration completes. `migrating`: bound elsewhere, its profile names us as the target. `elsewhere`: not ours.
 */
export type BindingState = 'active' | 'inactive' | 'migrating' | 'elsewhere';

export interface PortFacts {
  readonly id: PortId;
  readonly networkId: NetworkId;
  readonly mac: MacAddress | undefined;
  readonly adminStateUp: boolean;
  /** `ACTIVE`, `DOWN`, `BUILD`, `ERROR`, `N/A`. */
  readonly status: string;
  readonly deviceOwner: string;
  readonly binding: BindingState;
  /** `undefined`: no segment of a tunnel type is bound for us; `segmentText` says what is. */
  readonly segment: Segment | undefined;
  readonly segmentText: string;
}

interface Binding {
  readonly host: string;
  readonly active: boolean;
  readonly migratingTo: string | undefined;
}

interface Level {
  readonly host: string;
  readonly level: number;
  readonly segment: Record<string, unknown>;
}

/** The answer to a question for ports: facts, or that the server does not know the port. */
export interface PortAnswers {
  /** A port that was asked for and whose answer cannot be read is not in it: nothing is known of it that was not before. */
  readonly answers: ReadonlyMap<PortId, PortFacts | 'absent'>;
  readonly problems: readonly string[];
}

/** The answers in a `bulk_pull` reply to a question for `asked`. Whoever is missing in a readable reply does not exist. */
export function parsePorts(reply: readonly unknown[], asked: readonly PortId[], host: string): PortAnswers {
  const answers = new Map<PortId, PortFacts | 'absent'>();
  const problems: string[] = [];
  const unreadable = new Set<PortId | undefined>();
  for (const object of reply) {
    const facts = parsePort(object, host);
    if (typeof facts === 'string') {
      problems.push(`bulk_pull Port: ${facts}`);
      unreadable.add(parsePortId(objectData(object)?.id));
    } else answers.set(facts.id, facts);
  }
  // An object without an id may be any port's: then none can be said to be absent.
  if (unreadable.has(undefined)) return { answers, problems };
  for (const id of asked) if (!answers.has(id) && !unreadable.has(id)) answers.set(id, 'absent');
  return { answers, problems };
}

function parsePort(object: unknown, host: string): PortFacts | string {
  const data = objectData(object);
  if (data === undefined) return 'an element is no versioned object';
  const id = parsePortId(data.id);
  if (id === undefined) return `id ${JSON.stringify(data.id)} is no UUID`;
  const networkId = parseNetworkId(data.network_id);
  if (networkId === undefined) return `port ${id}: network_id ${JSON.stringify(data.network_id)} is no UUID`;
  const bindings = list(data.bindings).map(parseBinding);
  const binding = bindingState(bindings, host);
  const levels = list(data.binding_levels).map(parseLevel);
  // A port that migrates to us without a binding of its own here has the segment of where it is now.
  const levelHost = binding === 'migrating' ? bindings.find(({ active }) => active)?.host : host;
  const segment = levels.filter((level) => level.host === levelHost).sort((a, b) => b.level - a.level)[0]?.segment;
  const type = parseTunnelType(segment?.network_type);
  const segmentationId = type && parseSegmentationId(type, segment?.segmentation_id);
  return {
    id,
    networkId,
    mac: parseMac(data.mac_address),
    adminStateUp: data.admin_state_up === true,
    status: typeof data.status === 'string' ? data.status : '',
    deviceOwner: typeof data.device_owner === 'string' ? data.device_owner : '',
    binding,
    segment: type !== undefined && segmentationId !== undefined ? { type, segmentationId } : undefined,
    segmentText: segment === undefined ? 'none' : `${segment.network_type} ${segment.segmentation_id}`,
  };
}

function bindingState(bindings: readonly Binding[], host: string): BindingState {
  const here = bindings.find((binding) => binding.host === host);
  if (here !== undefined) return here.active ? 'active' : 'inactive';
  return bindings.some((binding) => binding.migratingTo === host) ? 'migrating' : 'elsewhere';
}

function parseBinding(object: unknown): Binding {
  const data = objectData(object);
  const profile = parseJsonObject(data?.profile);
  return {
    host: typeof data?.host === 'string' ? data.host : '',
    active: data?.status === 'ACTIVE',
    migratingTo: typeof profile.migrating_to === 'string' ? profile.migrating_to : undefined,
  };
}

function parseLevel(object: unknown): Level {
  const data = objectData(object);
  return {
    host: typeof data?.host === 'string' ? data.host : '',
    level: typeof data?.level === 'number' ? data.level : 0,
    segment: objectData(data?.segment) ?? {},
  };
}

/** Profiles travel as JSON text inside the object (recording `14`) or as an object. */
function parseJsonObject(value: unknown): Record<string, unknown> {
  if (isObject(value)) return value;
  if (typeof value !== 'string') return {};
  try {
    const parsed: unknown = JSON.parse(value);
    return isObject(parsed) ? parsed : {};
  } catch {
    return {};
  }
}

function objectData(object: unknown): Record<string, unknown> | undefined {
  const data = isObject(object) ? object['versioned_object.data'] : undefined;
  return isObject(data) ? data : undefined;
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
