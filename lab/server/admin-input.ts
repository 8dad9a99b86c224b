/** Request bodies of the admin socket: read field by field, every problem named, none thrown. */
import { BlockList, isIP } from 'node:net';
import type { JsonObject } from '../../src/rpc/types.ts';
import type { TunnelType } from '../../src/values.ts';
import {
  parseIp,
  parseMac,
  parseNetworkId,
  parsePortId,
  parseSegmentationId,
  parseTunnelType,
  TUNNEL_TYPES,
} from '../../src/values.ts';
import type { FixedIp, Network, Subnet } from './facts.ts';
import type { NetworkChange, NewNetwork } from './network-store.ts';
import type { PortRequest } from './plugin.ts';
import type { NewPort } from './port-store.ts';

/** Ids and MACs for what comes without. */
export interface Generator {
  uuid(): string;
  mac(): string;
}

export type Input<T> = { readonly value: T } | { readonly problems: readonly string[] };

/** What an underlay MTU of 1500 leaves inside a tunnel over IPv4 (Neutron's `*_ENCAP_OVERHEAD`, IP header of 20). */
const MTU: Readonly<Record<TunnelType, number>> = { vxlan: 1450, gre: 1458, geneve: 1442 };

export function readNetwork(body: JsonObject, generate: Generator): Input<NewNetwork> {
  const fields = new Fields(body);
  const id = fields.parsed('id', parseNetworkId, 'a UUID', generate.uuid());
  const segments = readSegments(fields, generate);
  const first = segments[0]?.networkType ?? 'vxlan';
  const subnets = fields.list('subnets').map((item, index) => readSubnet(fields, item, index, generate));
  const network = {
    name: fields.text('name', ''),
    mtu: fields.integer('mtu', MTU[first], 68, 65535),
    segments,
    subnets: subnets.filter((subnet) => subnet !== undefined),
  };
  return fields.done(id === undefined ? undefined : { id, ...network });
}

export function readNetworkChange(body: JsonObject): Input<NetworkChange> {
  const fields = new Fields(body);
  return fields.done({
    ...(fields.has('name') ? { name: fields.text('name', '') } : {}),
    ...(fields.has('mtu') ? { mtu: fields.integer('mtu', 0, 68, 65535) } : {}),
    ...(fields.has('admin_state_up') ? { adminStateUp: fields.flag('admin_state_up', true) } : {}),
  });
}

export interface PortInput {
  readonly port: Omit<NewPort, 'binding'>;
  readonly host: string | undefined;
  readonly profile: JsonObject;
}

export function readPort(body: JsonObject, network: Network, generate: Generator): Input<PortInput> {
  const fields = new Fields(body);
  const id = fields.parsed('id', parsePortId, 'a UUID', generate.uuid());
  const mac = fields.parsed('mac_address', parseMac, 'a MAC', generate.mac());
  const rest = {
    networkId: network.id,
    name: fields.text('name', ''),
    adminStateUp: fields.flag('admin_state_up', true),
    deviceId: fields.text('device_id', ''),
    deviceOwner: fields.text('device_owner', 'compute:nova'),
    fixedIps: readFixedIps(fields, network),
  };
  const host = fields.has('host') ? fields.text('host', '') : undefined;
  const profile = fields.dictionary('profile');
  return fields.done(id === undefined || mac === undefined ? undefined : { port: { id, mac, ...rest }, host, profile });
}

export function readPortChange(body: JsonObject, network: Network): Input<PortRequest> {
  const fields = new Fields(body);
  return fields.done({
    ...(fields.has('name') ? { name: fields.text('name', '') } : {}),
    ...(fields.has('admin_state_up') ? { adminStateUp: fields.flag('admin_state_up', true) } : {}),
    ...(fields.has('fixed_ips') ? { fixedIps: readFixedIps(fields, network) } : {}),
    ...(fields.has('host') ? { host: body.host === null ? null : fields.text('host', '') } : {}),
    ...(fields.has('profile') ? { profile: fields.dictionary('profile') } : {}),
  });
}

export function readBinding(body: JsonObject): Input<{ readonly host: string; readonly profile: JsonObject }> {
  const fields = new Fields(body);
  return fields.done({ host: fields.text('host'), profile: fields.dictionary('profile') });
}

function readSegments(fields: Fields, generate: Generator): NewNetwork['segments'] {
  const bodies = fields.has('segments') ? fields.list('segments') : [fields.body];
  const segments = bodies.map((item, index) => {
    const where = fields.has('segments') ? `segments[${index}].` : '';
    const body = isObject(item) ? item : {};
    const networkType = parseTunnelType(body.network_type);
    if (networkType === undefined) {
      fields.problem(`${where}network_type is ${show(body.network_type)}, not one of ${TUNNEL_TYPES.join(', ')}`);
      return undefined;
    }
    const segmentationId = parseSegmentationId(networkType, body.segmentation_id);
    if (segmentationId === undefined) {
      fields.problem(`${where}segmentation_id is ${show(body.segmentation_id)}, not a valid id for ${networkType}`);
      return undefined;
    }
    return { id: generate.uuid(), networkType, segmentationId };
  });
  return segments.filter((segment) => segment !== undefined);
}

function readSubnet(fields: Fields, item: unknown, index: number, generate: Generator): Subnet | undefined {
  const body: Readonly<Record<string, unknown>> = isObject(item) ? item : { cidr: item };
  const [address, prefix, ...more] = typeof body.cidr === 'string' ? body.cidr.split('/') : [];
  const ip = parseIp(address);
  const length = Number(prefix);
  const longest = ip !== undefined && isIP(ip) === 6 ? 128 : 32;
  if (ip === undefined || prefix === undefined || more.length > 0 || !/^\d+$/.test(prefix) || length > longest) {
    fields.problem(`subnets[${index}] is ${show(body.cidr)}, not a CIDR`);
    return undefined;
  }
  const id = 'id' in body ? parsePortId(body.id) : generate.uuid();
  if (id === undefined) fields.problem(`subnets[${index}].id is ${show(body.id)}, not a UUID`);
  return id === undefined ? undefined : { id, cidr: `${ip}/${length}` };
}

function readFixedIps(fields: Fields, network: Network): FixedIp[] {
  const fixedIps = fields.list('fixed_ips').map((item, index) => {
    const body: Readonly<Record<string, unknown>> = isObject(item) ? item : { ip_address: item };
    const ip = parseIp(body.ip_address);
    if (ip === undefined) {
      fields.problem(`fixed_ips[${index}] is ${show(body.ip_address)}, not an IP address`);
      return undefined;
    }
    const subnet = network.subnets.find(({ id, cidr }) => contains(cidr, ip) && (body.subnet_id ?? id) === id);
    if (subnet === undefined) {
      const subnets = network.subnets.map(({ id, cidr }) => `${cidr} (${id})`).join(', ');
      fields.problem(`fixed_ips[${index}] ${ip} is in none of the network's subnets: ${subnets || 'it has none'}`);
      return undefined;
    }
    return { subnetId: subnet.id, ip };
  });
  return fixedIps.filter((fixed) => fixed !== undefined);
}

function contains(cidr: string, ip: string): boolean {
  const [address = '', prefix = ''] = cidr.split('/');
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
  const block = new BlockList();
  block.addSubnet(address, Number(prefix), family);
  return isIP(address) === isIP(ip) && block.check(ip, family);
}

/** Reads fields of one body and collects what is wrong with them. */
class Fields {
  readonly body: JsonObject;
  readonly #problems: string[] = [];

  constructor(body: JsonObject) {
    this.body = body;
  }

  has(key: string): boolean {
    return this.body[key] !== undefined;
  }

  problem(text: string): void {
    this.#problems.push(text);
  }

  done<T>(value: T | undefined): Input<T> {
    return this.#problems.length > 0 || value === undefined ? { problems: this.#problems } : { value };
  }

  /** Without a default the field must be there. */
  text(key: string, absent?: string): string {
    const value = this.body[key] ?? absent;
    if (typeof value === 'string') return value;
    this.problem(`${key} is ${show(value)}, not a string`);
    return '';
  }

  flag(key: string, absent: boolean): boolean {
    const value = this.body[key] ?? absent;
    if (typeof value === 'boolean') return value;
    this.problem(`${key} is ${show(value)}, not true or false`);
    return absent;
  }

  integer(key: string, absent: number, minimum: number, maximum: number): number {
    const value = this.body[key] ?? absent;
    if (typeof value === 'number' && Number.isInteger(value) && value >= minimum && value <= maximum) return value;
    this.problem(`${key} is ${show(value)}, not an integer of ${minimum} to ${maximum}`);
    return absent;
  }

  list(key: string): readonly unknown[] {
    const value: unknown = this.body[key] ?? [];
    if (Array.isArray(value)) return value;
    this.problem(`${key} is ${show(value)}, not a list`);
    return [];
  }

  dictionary(key: string): JsonObject {
    const value: unknown = this.body[key] ?? {};
    if (isObject(value)) return value;
    this.problem(`${key} is ${show(value)}, not an object`);
    return {};
  }

  parsed<T>(key: string, parse: (value: unknown) => T | undefined, what: string, absent: string): T | undefined {
    const value = this.body[key] ?? absent;
    const parsed = parse(value);
    if (parsed === undefined) this.problem(`${key} is ${show(value)}, not ${what}`);
    return parsed;
  }
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function show(value: unknown): string {
  return value === undefined ? 'missing' : JSON.stringify(value);
}
