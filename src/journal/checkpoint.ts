/**
 * What a stop in good order leaves for the next start: the FDB of the networks of which the server's word was complete,
 * so that nothing has to be asked again. The broker's queues hold what comes after it; if one of them is gone by then,
 * there was a gap, and everything is asked for. Here the form of it, as text; see `restore.ts` for what it means.
 */
import type { Stamp } from '../l2pop/fdb.ts';
import {
  type IpAddress,
  type MacAddress,
  type NetworkId,
  parseIp,
  parseMac,
  parseNetworkId,
  parseSegmentationId,
  parseTunnelType,
} from '../values.ts';
import type { Segment } from '../vif/facts.ts';

const VERSION = 1;

/** As `NetworkFdb.claims` gives it, with its date. */
export interface CheckpointClaim {
  readonly vtep: IpAddress;
  readonly mac: MacAddress | undefined;
  readonly ip: IpAddress | undefined;
  readonly stamp: Omit<Stamp, 'snapshot'>;
}

export interface CheckpointNetwork {
  readonly id: NetworkId;
  readonly segment: Segment;
  readonly claims: readonly CheckpointClaim[];
}

export interface Checkpoint {
  readonly host: string;
  readonly localIp: IpAddress;
  /** The newest stamp's. */
  readonly sequence: number;
  readonly networks: readonly CheckpointNetwork[];
  /** Streams: where to go on, by topic. */
  readonly offsets: ReadonlyMap<string, number>;
}

export function encodeCheckpoint({ host, localIp, sequence, networks, offsets }: Checkpoint): string {
  return JSON.stringify({
    ...{ version: VERSION, host, localIp, sequence },
    offsets: Object.fromEntries(offsets),
    networks: networks.map(({ id, segment, claims }) => ({
      ...{ id, type: segment.type, segmentationId: segment.segmentationId },
      claims: claims.map(({ vtep, mac = null, ip = null, stamp }) => {
        const dated = [vtep, mac, ip, stamp.sequence, stamp.at];
        return stamp.heard === undefined ? dated : [...dated, stamp.heard];
      }),
    })),
  });
}

/** The sentence says why it is of no use: it is whole or nothing. */
export function decodeCheckpoint(text: string): Checkpoint | string {
  let root: unknown;
  try {
    root = JSON.parse(text);
  } catch {
    return 'it is no JSON';
  }
  if (!isObject(root) || root.version !== VERSION) return `it is not of version ${VERSION}`;
  const { host, sequence } = root;
  const localIp = parseIp(root.localIp);
  if (typeof host !== 'string' || localIp === undefined || !isCount(sequence)) return 'its head cannot be read';
  const offsets = isObject(root.offsets) ? Object.entries(root.offsets) : [];
  if (!Array.isArray(root.networks) || !offsets.every(isOffset)) return 'its head cannot be read';
  const networks = root.networks.map(decodeNetwork);
  if (!networks.every((network) => network !== undefined)) return 'a network in it cannot be read';
  return { host, localIp, sequence, networks, offsets: new Map(offsets) };
}

function decodeNetwork(value: unknown): CheckpointNetwork | undefined {
  if (!isObject(value) || !Array.isArray(value.claims)) return undefined;
  const id = parseNetworkId(value.id);
  const type = parseTunnelType(value.type);
  const segmentationId = type && parseSegmentationId(type, value.segmentationId);
  const claims = value.claims.map(decodeClaim);
  if (id === undefined || type === undefined || segmentationId === undefined) return undefined;
  if (!claims.every((claim) => claim !== undefined)) return undefined;
  return { id, segment: { type, segmentationId }, claims };
}

function decodeClaim(value: unknown): CheckpointClaim | undefined {
  if (!Array.isArray(value)) return undefined;
  const [vtepText, macText, ipText, sequence, at, heard] = value as readonly unknown[];
  const vtep = parseIp(vtepText);
  const mac = macText === null ? undefined : parseMac(macText);
  const ip = ipText === null ? undefined : parseIp(ipText);
  if (vtep === undefined || (macText !== null && mac === undefined) || (ipText !== null && ip === undefined)) {
    return undefined;
  }
  // What a snapshot brings may be half a step older than what was read back from the switch, which is 0.
  if (typeof sequence !== 'number' || !isCount(at) || (mac === undefined && ip !== undefined)) return undefined;
  if (heard !== undefined && !isCount(heard)) return undefined;
  return { vtep, mac, ip, stamp: heard === undefined ? { sequence, at } : { sequence, at, heard } };
}

function isOffset(entry: [string, unknown]): entry is [string, number] {
  return isCount(entry[1]);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
