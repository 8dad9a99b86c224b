/** The journal as the operator is shown it: how many entries are in which state, and those asked for. */
import type { JournalQuery } from '../control/api.ts';
import { ENTRY_STATES, type Entry, type EntryState } from '../journal/record.ts';
import { timestamp, timestampOrNull } from './time.ts';
import type { JournalEntryReport, JournalReport, JournalStatus } from './types.ts';

/** The file, or what takes its place. */
export interface JournalSource {
  readonly counts: Readonly<Record<EntryState, number>>;
  /** Newest first. May throw an error with a `code`. */
  entries(query: JournalQuery): readonly Entry[];
}

/** Where the journal is kept, with what is in it. */
export interface JournalPlace {
  /** `undefined`: memory alone. */
  readonly path: string | undefined;
  /** Milliseconds since the epoch. */
  readonly since: number | undefined;
  readonly reason: string | undefined;
  readonly source: JournalSource;
}

export function journalReport(place: JournalPlace, query: JournalQuery, now: number): JournalReport {
  return { at: timestamp(now), ...journalStatus(place), entries: place.source.entries(query).map(entryReport) };
}

export function journalStatus({ path, since, reason, source }: JournalPlace): JournalStatus {
  return { path: path ?? null, since: timestampOrNull(since), reason: reason ?? null, counts: source.counts };
}

/** Of a journal without a file: those that are not completed, in any order. */
export function memorySource(open: Iterable<Entry>): JournalSource {
  const all = [...open];
  const counts = Object.fromEntries(ENTRY_STATES.map((state) => [state, 0])) as Record<EntryState, number>;
  for (const { state } of all) counts[state]++;
  return {
    counts,
    entries: ({ state, network = '', key = '', limit }) =>
      all
        .filter((entry) => state === undefined || entry.state === state)
        .filter((entry) => network === '' || entry.network?.startsWith(network) === true)
        .filter((entry) => entry.key.includes(key))
        .sort((a, b) => b.id - a.id)
        .slice(0, limit),
  };
}

function entryReport(entry: Entry): JournalEntryReport {
  const { id, key, kind, network, state, blockedOn, attempts, notBefore, lastError, origin } = entry;
  return {
    ...{ id, key, kind, network: network ?? null, state, blockedOn: blockedOn ?? null, attempts },
    notBefore: notBefore === 0 ? null : timestamp(notBefore),
    lastError: lastError ?? null,
    origin: origin
      ? {
          uniqueId: origin.uniqueId ?? null,
          requestId: origin.requestId ?? null,
          queue: origin.queue,
          receivedAt: timestamp(origin.receivedAt),
        }
      : null,
    createdAt: timestamp(entry.createdAt),
    updatedAt: timestamp(entry.updatedAt),
  };
}
