/** What neutron-server says of a port, read from the versioned object `Port` 1.7 of `bulk_pull` (recording `14`). */
import {
  type IpAddress,
  type MacAddress,
  type NetworkId,
  type PortId,
  parseIp,
  parseNetworkId,
  parsePortId,
  parseSegmentationId,
  parseTunnelType,
  type SegmentationId,
  type TunnelType,
} from '../values.ts';
import { type IpNetwork, parseAnyMac, parseIpNetwork } from './addresses.ts';

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

/** Addresses that a port may use beside its own (Neutron's `allowed_address_pairs`). */
export interface AddressPair {
  readonly network: IpNetwork;
  /** `undefined`: with the port's own MAC. */
  readonly mac: MacAddress | undefined;
}

export interface PortFacts {
  readonly id: PortId;
  readonly networkId: NetworkId;
  readonly mac: MacAddress | undefined;
  readonly fixedIps: readonly IpAddress[];
  readonly addressPairs: readonly AddressPair[];
  /** Neutron's `port_security_enabled`; true where the server has no such extension. */
  readonly portSecurity: boolean;
  readonly adminStateUp: boolean;
  /** `ACTIVE`, `DOWN`, `BUILD`, `ERROR`, `N/A`. */
  readonly status: string;
  readonly deviceOwner: string;
  readonly binding: BindingState;
  /** Its active binding is elsewhere and names us as the target: Nova may wait to hear that the VIF is plugged here. */
  readonly isAwaited: boolean;
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
  const report = (problem: string) => problems.push(`bulk_pull Port: ${problem}`);
  for (const object of reply) {
    const facts = parsePort(object, host, report);
    if (facts === undefined) unreadable.add(parsePortId(objectData(object)?.id));
    else answers.set(facts.id, facts);
  }
  // An object without an id may be any port's: then none can be said to be absent.
  if (unreadable.has(undefined)) return { answers, problems };
  for (const id of asked) if (!answers.has(id) && !unreadable.has(id)) answers.set(id, 'absent');
  return { answers, problems };
}

type Report = (problem: string) => void;

/** `undefined`: it cannot be read, and why has been reported. A bad address is reported and left out. */
function parsePort(object: unknown, host: string, report: Report): PortFacts | undefined {
  const data = objectData(object);
  const id = parsePortId(data?.id);
  const networkId = parseNetworkId(data?.network_id);
  if (data === undefined) report('an element is no versioned object');
  else if (id === undefined) report(`id ${JSON.stringify(data.id)} is no UUID`);
  else if (networkId === undefined) report(`port ${id}: network_id ${JSON.stringify(data.network_id)} is no UUID`);
  if (data === undefined || id === undefined || networkId === undefined) return undefined;
  const mac = parseAnyMac(data.mac_address);
  if (mac === undefined) report(`port ${id}: mac_address ${JSON.stringify(data.mac_address)} is no MAC`);
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
    mac,
    fixedIps: list(data.fixed_ips).flatMap((fixed) => parseFixedIp(fixed, id, report)),
    addressPairs: list(data.allowed_address_pairs).flatMap((pair) => parsePair(pair, id, report)),
    portSecurity: objectData(data.security)?.port_security_enabled !== false,
    adminStateUp: data.admin_state_up === true,
    status: typeof data.status === 'string' ? data.status : '',
    deviceOwner: typeof data.device_owner === 'string' ? data.device_owner : '',
    binding,
    isAwaited: binding !== 'active' && bindings.some(({ active, migratingTo }) => active && migratingTo === host),
    segment: type !== undefined && segmentationId !== undefined ? { type, segmentationId } : undefined,
    segmentText: segment === undefined ? 'none' : `${segment.network_type} ${segment.segmentation_id}`,
  };
}

function parseFixedIp(object: unknown, port: PortId, report: Report): IpAddress[] {
  const text = objectData(object)?.ip_address;
  const ip = parseIp(text);
  if (ip !== undefined) return [ip];
  report(`port ${port}: fixed IP ${JSON.stringify(text)} is no IP address`);
  return [];
}

function parsePair(object: unknown, port: PortId, report: Report): AddressPair[] {
  const { ip_address: ip = null, mac_address: text = null } = objectData(object) ?? {};
  const network = parseIpNetwork(ip);
  const mac = text === null ? undefined : parseAnyMac(text);
  if (network !== undefined && (text === null || mac !== undefined)) return [{ network, mac }];
  const what = network === undefined ? `ip_address ${JSON.stringify(ip)}` : `mac_address ${JSON.stringify(text)}`;
  report(`port ${port}: allowed address pair with ${what} is left out`);
  return [];
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
