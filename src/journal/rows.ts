/**
 * Rows of the journal's file ↔ records. What comes from a disk came in as text: it is parsed like anything else, and a row
 * that cannot be read makes the file corrupt.
 */
import {
  type IpAddress,
  type MacAddress,
  type PortId,
  parseIp,
  parseMac,
  parseNetworkId,
  parsePortId,
  parseSegmentationId,
  parseTunnelType,
} from '../values.ts';
import { type NetworkKey, networkKey } from '../vif/local-vlans.ts';
import {
  ENTRY_KINDS,
  ENTRY_STATES,
  type Entry,
  type EntryState,
  type JournalHeader,
  type Origin,
  type SavedClaim,
  type SavedNetwork,
} from './record.ts';

/** A row as SQLite gives it, its columns in the order of the query. */
export type Row = readonly unknown[];
/** What a statement is run with. */
export type Cell = string | number | null;

/** In the order in which the readers below take them. */
export const COLUMNS = {
  header: 'host, local_ip, boot, sequence, last_id',
  network: 'number, key, settled',
  claim: 'vtep, mac, ip, sequence, at, heard',
  entry: [
    'id, key, kind, network, state, blocked_on, attempts, not_before, last_error',
    'unique_id, request_id, queue, received_at, created_at, updated_at',
  ].join(', '),
};

export interface HeaderRow {
  readonly header: JournalHeader;
  readonly sequence: number;
  readonly lastId: number;
}

export function readHeader([host, ip, boot, sequence, lastId]: Row): HeaderRow | undefined {
  const localIp = parseIp(ip);
  if (typeof host !== 'string' || localIp === undefined || typeof boot !== 'string') return undefined;
  if (!isFiniteNumber(sequence) || !isCount(lastId)) return undefined;
  return { header: { host, localIp, boot }, sequence, lastId };
}

export interface NetworkRow extends SavedNetwork {
  readonly number: number;
}

export function readNetwork([number, key, settled]: Row): NetworkRow | undefined {
  if (!isCount(number) || typeof key !== 'string' || (settled !== 0 && settled !== 1)) return undefined;
  const network = parseNetworkKey(key);
  return network && { number, ...network, settled: settled === 1 };
}

/** The one spelling that {@link networkKey} makes, and no other: it is what the row is found by. */
function parseNetworkKey(key: string): Pick<SavedNetwork, 'id' | 'segment'> | undefined {
  const [idText, typeText, segmentText] = key.split(' ');
  const id = parseNetworkId(idText);
  const type = parseTunnelType(typeText);
  const segmentationId = type && parseSegmentationId(type, Number(segmentText));
  if (id === undefined || type === undefined || segmentationId === undefined) return undefined;
  const segment = { type, segmentationId };
  return networkKey(id, segment) === (key as NetworkKey) ? { id, segment } : undefined;
}

/** Remembers the last VTEP and the last MAC: rows come in their order. */
export class ClaimReader {
  #vtep: { readonly text: unknown; readonly value: IpAddress | undefined } = { text: undefined, value: undefined };
  #mac: { readonly text: unknown; readonly value: MacAddress | undefined } = { text: undefined, value: undefined };

  read([vtepText, macText, ipText, sequence, at, heard]: Row): SavedClaim | undefined {
    if (vtepText !== this.#vtep.text) this.#vtep = { text: vtepText, value: canonical(vtepText, parseIp) };
    if (macText !== this.#mac.text) this.#mac = { text: macText, value: canonical(macText, parseMac) };
    const vtep = this.#vtep.value;
    const mac = this.#mac.value;
    const ip = ipText === '' ? undefined : canonical(ipText, parseIp);
    if (vtep === undefined || (mac === undefined && macText !== '') || (ip === undefined && ipText !== '')) {
      return undefined;
    }
    // What a snapshot brings may be half a step older than its rival, and so below 0.
    if (!isFiniteNumber(sequence) || !isTime(at) || (mac === undefined && ip !== undefined)) return undefined;
    if (heard === null) return { vtep, mac, ip, stamp: { sequence, at } };
    return isTime(heard) ? { vtep, mac, ip, stamp: { sequence, at, heard } } : undefined;
  }
}

export function claimCells({ vtep, mac, ip, stamp }: SavedClaim): Cell[] {
  return [vtep, mac ?? '', ip ?? '', stamp.sequence, stamp.at, stamp.heard ?? null];
}

export function readEntry(row: Row): Entry | undefined {
  const [id, key, kindText, networkText, stateText, blockedOn, attempts, notBefore, lastError] = row;
  const [uniqueId, requestId, queue, receivedAt, createdAt, updatedAt] = row.slice(9);
  const kind = ENTRY_KINDS.find((known) => known === kindText);
  const state = ENTRY_STATES.find((known) => known === stateText);
  const network = networkText === null ? undefined : canonical(networkText, parseNetworkId);
  if (!Number.isSafeInteger(id) || typeof key !== 'string' || kind === undefined || state === undefined)
    return undefined;
  if ((network === undefined && networkText !== null) || !isText(blockedOn) || !isText(lastError)) return undefined;
  if (!isCount(attempts) || !isTime(notBefore) || !isTime(createdAt) || !isTime(updatedAt)) return undefined;
  const origin = readOrigin(uniqueId, requestId, queue, receivedAt);
  if (origin === 'unreadable') return undefined;
  return {
    ...{ id: id as number, key, kind, network, state, attempts, notBefore, origin, createdAt, updatedAt },
    blockedOn: blockedOn ?? undefined,
    lastError: lastError ?? undefined,
  };
}

function readOrigin(
  uniqueId: unknown,
  requestId: unknown,
  queue: unknown,
  receivedAt: unknown,
): Origin | undefined | 'unreadable' {
  if (queue === null && receivedAt === null) return undefined;
  if (!isText(uniqueId) || !isText(requestId) || typeof queue !== 'string' || !isTime(receivedAt)) return 'unreadable';
  return { uniqueId: uniqueId ?? undefined, requestId: requestId ?? undefined, queue, receivedAt };
}

export function entryCells(entry: Entry): Cell[] {
  const { id, key, kind, network, state, blockedOn, attempts, notBefore, lastError, origin } = entry;
  return [
    ...[id, key, kind, network ?? null, state, blockedOn ?? null, attempts, notBefore, lastError ?? null],
    ...[origin?.uniqueId ?? null, origin?.requestId ?? null, origin?.queue ?? null, origin?.receivedAt ?? null],
    ...[entry.createdAt, entry.updatedAt],
  ];
}

export function readTally([stateText, count]: Row): readonly [EntryState, number] | undefined {
  const state = ENTRY_STATES.find((known) => known === stateText);
  return state !== undefined && isCount(count) ? [state, count] : undefined;
}

export function readVif([port]: Row): PortId | undefined {
  return canonical(port, parsePortId);
}

export function readMessage([uniqueId]: Row): string | undefined {
  return typeof uniqueId === 'string' ? uniqueId : undefined;
}

export function readOffset([topic, next]: Row): readonly [string, number] | undefined {
  return typeof topic === 'string' && isCount(next) ? [topic, next] : undefined;
}

/** Only the spelling that we write: equal values are equal strings. */
function canonical<T extends string>(text: unknown, parse: (text: unknown) => T | undefined): T | undefined {
  const value = parse(text);
  return value === text ? value : undefined;
}

function isText(value: unknown): value is string | null {
  return value === null || typeof value === 'string';
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isFiniteNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

function isTime(value: unknown): value is number {
  return isFiniteNumber(value) && value >= 0;
}
