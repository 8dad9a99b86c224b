/** What is read of the journal's entries, by the daemon and by whoever looks into its file without one. */
import { unfitFile } from './errors.ts';
import { ENTRY_STATES, type Entry, type EntryState } from './record.ts';
import { type Row, readEntry, readTally } from './rows.ts';
import type { EntryStatements } from './statements.ts';

export interface EntryQuery {
  readonly state?: EntryState | undefined;
  /** A network id or the beginning of one, in lower case. */
  readonly network?: string | undefined;
  /** Any part of a key. */
  readonly key?: string | undefined;
  readonly limit: number;
}

/** @throws JournalError `corrupt`, or SQLite's error */
export function countEntries(statements: EntryStatements, path: string): Readonly<Record<EntryState, number>> {
  const counts = Object.fromEntries(ENTRY_STATES.map((state) => [state, 0])) as Record<EntryState, number>;
  for (const [state, count] of decode(path, statements.tally.all(), readTally, 'a state')) counts[state] = count;
  return counts;
}

/** Newest first. @throws JournalError `corrupt`, or SQLite's error */
export function selectEntries(statements: EntryStatements, path: string, query: EntryQuery): Entry[] {
  const { state, network = '', key = '', limit } = query;
  const statement = state === undefined ? statements.allEntries : statements.entriesOfState;
  return decode(path, statement.all(state ?? null, network, key, limit), readEntry, 'an entry');
}

/** @throws JournalError `corrupt` */
export function decode<T>(
  path: string,
  rows: readonly unknown[],
  read: (row: Row) => T | undefined,
  what: string,
): T[] {
  return rows.map((row) => {
    const value = read(row as Row);
    if (value === undefined) throw unfitFile(path, 'corrupt', `${what} cannot be read: ${JSON.stringify(row)}`);
    return value;
  });
}
