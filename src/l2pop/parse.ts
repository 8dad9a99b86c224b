/** FDB notifications as typed changes: the edge where text becomes values (DESIGN, rule 7; WIRE.md, "What the agent hears"). */
import {
  FLOODING_MAC,
  type IpAddress,
  ipVersion,
  type MacAddress,
  type NetworkId,
  parseIp,
  parseMac,
  parseNetworkId,
  parseSegmentationId,
  parseTunnelType,
  TUNNEL_TYPES,
  type TunnelType,
} from '../values.ts';
import type { Segment } from '../vif/facts.ts';
import type { Entry } from './fdb.ts';

/** One VTEP's part of an add or a remove. */
export interface EntriesChange {
  readonly kind: 'add' | 'remove';
  readonly network: NetworkId;
  readonly segment: Segment;
  readonly vtep: IpAddress;
  readonly flooding: boolean;
  readonly entries: readonly Entry[];
  /** Of a snapshot: MACs that are there too, their IPs being known better. */
  readonly located?: readonly MacAddress[];
}

/** One VTEP's part of a chg_ip, which comes without the segment. */
export interface IpChange {
  readonly kind: 'chg_ip';
  readonly network: NetworkId;
  readonly vtep: IpAddress;
  readonly before: readonly Entry[];
  readonly after: readonly Entry[];
}

export type FdbChange = EntriesChange | IpChange;

export interface ParsedNotification {
  readonly changes: readonly FdbChange[];
  /** Sentences that say what was wrong, where, and what is allowed; what they speak of was left out. */
  readonly problems: readonly string[];
}

export interface ParseContext {
  readonly host: string;
  /** Entries about ourselves are no news. */
  readonly localIp: IpAddress;
  /** Networks of other types are somebody else's and passed over without a word. */
  readonly tunnelTypes: readonly TunnelType[];
}

type JsonMap = Readonly<Record<string, unknown>>;

const METHODS: readonly string[] = ['add_fdb_entries', 'remove_fdb_entries', 'update_fdb_entries'];

export function parseFdbNotification(method: string, args: JsonMap, context: ParseContext): ParsedNotification {
  const problems: string[] = [];
  if (args.host !== undefined && args.host !== null && args.host !== context.host) return { changes: [], problems };
  const changes: FdbChange[] = [];
  const fdb = args.fdb_entries;
  if (!METHODS.includes(method)) problems.push(`unknown method ${show(method)}`);
  else if (!isMap(fdb)) problems.push(`${method}: fdb_entries must be an object, it is ${show(fdb)}`);
  else if (method === 'update_fdb_entries') parseChgIp(fdb, context, changes, problems);
  else parseEntries(method === 'add_fdb_entries' ? 'add' : 'remove', fdb, context, changes, problems);
  return { changes, problems };
}

function parseEntries(
  kind: 'add' | 'remove',
  fdb: JsonMap,
  context: ParseContext,
  changes: FdbChange[],
  problems: string[],
): void {
  for (const [id, value] of Object.entries(fdb)) {
    const network = parseNetworkId(id);
    if (network === undefined) {
      problems.push(`network id ${show(id)} is no UUID`);
      continue;
    }
    const segment = parseSegment(network, value, problems);
    if (segment === undefined || !context.tunnelTypes.includes(segment.type)) continue;
    const ports = isMap(value) ? value.ports : undefined;
    if (!isMap(ports)) {
      problems.push(`network ${network}: ports must be an object, it is ${show(ports)}`);
      continue;
    }
    for (const [vtepText, list] of Object.entries(ports)) {
      const vtep = parseVtep(network, vtepText, context, problems);
      if (vtep === undefined) continue;
      const { flooding, entries } = parseList(`network ${network}, VTEP ${vtep}`, list, problems);
      if (flooding || entries.length > 0) changes.push({ kind, network, segment, vtep, flooding, entries });
    }
  }
}

function parseChgIp(fdb: JsonMap, context: ParseContext, changes: FdbChange[], problems: string[]): void {
  const chgIp = fdb.chg_ip;
  if (!isMap(chgIp)) {
    problems.push(`update_fdb_entries: chg_ip must be an object, it is ${show(chgIp)}`);
    return;
  }
  for (const [id, byVtep] of Object.entries(chgIp)) {
    const network = parseNetworkId(id);
    if (network === undefined || !isMap(byVtep)) {
      problems.push(
        network === undefined
          ? `network id ${show(id)} is no UUID`
          : `network ${network}: ${show(byVtep)} is no object`,
      );
      continue;
    }
    for (const [vtepText, change] of Object.entries(byVtep)) {
      const vtep = parseVtep(network, vtepText, context, problems);
      if (vtep === undefined) continue;
      const where = `network ${network}, VTEP ${vtep}`;
      if (!isMap(change)) {
        problems.push(`${where}: ${show(change)} is no object with before and after`);
        continue;
      }
      const before = parseList(`${where}, before`, change.before ?? [], problems).entries;
      const after = parseList(`${where}, after`, change.after ?? [], problems).entries;
      if (before.length > 0 || after.length > 0) changes.push({ kind: 'chg_ip', network, vtep, before, after });
    }
  }
}

function parseSegment(network: NetworkId, value: unknown, problems: string[]): Segment | undefined {
  if (!isMap(value)) {
    problems.push(`network ${network}: ${show(value)} is no object`);
    return undefined;
  }
  const type = parseTunnelType(value.network_type);
  if (type === undefined) {
    problems.push(`network ${network}: network_type ${show(value.network_type)} is none of ${TUNNEL_TYPES.join(', ')}`);
    return undefined;
  }
  const segmentationId = parseSegmentationId(type, value.segment_id);
  if (segmentationId === undefined) {
    problems.push(`network ${network}: segment_id ${show(value.segment_id)} is no ${type} segmentation id`);
    return undefined;
  }
  return { type, segmentationId };
}

/** `undefined` also for our own VTEP, which is no problem. */
function parseVtep(network: NetworkId, text: string, context: ParseContext, problems: string[]): IpAddress | undefined {
  const vtep = parseIp(text);
  if (vtep === undefined) problems.push(`network ${network}: VTEP ${show(text)} is no IP address`);
  else if (ipVersion(vtep) !== ipVersion(context.localIp)) {
    problems.push(
      `network ${network}: VTEP ${vtep} is not IPv${ipVersion(context.localIp)} as local_ip ${context.localIp}`,
    );
  } else if (vtep !== context.localIp) return vtep;
  return undefined;
}

function parseList(where: string, list: unknown, problems: string[]): { flooding: boolean; entries: Entry[] } {
  const entries: Entry[] = [];
  let flooding = false;
  if (!Array.isArray(list)) {
    problems.push(`${where}: ${show(list)} is no list of [MAC, IP] pairs`);
    return { flooding, entries };
  }
  for (const item of list) {
    const [macText, ipText] = Array.isArray(item) && item.length === 2 ? item : [];
    const mac = parseMac(macText);
    const ip = parseIp(ipText);
    if (mac === undefined || ip === undefined) problems.push(`${where}: ${show(item)} is no [MAC, IP] pair`);
    else if (mac === FLOODING_MAC) flooding = true;
    else entries.push({ mac, ip });
  }
  return { flooding, entries };
}

function isMap(value: unknown): value is JsonMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const SHOWN = 80;

/** Text from the wire for a log line: quoted, and no longer than a line bears. */
function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'missing';
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}
