/** Looks into the journal's file while no daemon has it open, and changes nothing in it. */
import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { JournalError, journalError, unfitFile } from './errors.ts';
import { countEntries, type EntryQuery, selectEntries } from './queries.ts';
import type { Entry, EntryState } from './record.ts';
import { APPLICATION_ID, ENTRIES_SINCE, MIGRATIONS } from './schema.ts';
import { prepareForEntries } from './statements.ts';

/** Milliseconds: a daemon that starts at the same time holds it for good. */
const BUSY_TIMEOUT = 200;

export interface JournalExcerpt {
  readonly counts: Readonly<Record<EntryState, number>>;
  /** Newest first. */
  readonly entries: readonly Entry[];
}

/** @throws JournalError */
export function readJournal(path: string, query: EntryQuery): JournalExcerpt {
  if (!existsSync(path)) throw new JournalError('unusable', `there is no journal at ${path}`);
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { readOnly: true, timeout: BUSY_TIMEOUT, defensive: true });
    const read = (pragma: string) => Object.values(database?.prepare(`PRAGMA ${pragma}`).get() ?? {})[0];
    if (read('application_id') !== APPLICATION_ID) throw unfitFile(path, 'foreign', 'its application_id is not ours');
    const version = Number(read('user_version'));
    // An older one is made ours by the daemon alone; its entries are read as they are.
    if (version < ENTRIES_SINCE || version > MIGRATIONS.length) {
      const fault = version > MIGRATIONS.length ? 'newer' : 'older';
      throw unfitFile(path, fault, `version ${version}, ours is ${MIGRATIONS.length}`);
    }
    const statements = prepareForEntries(database);
    return { counts: countEntries(statements, path), entries: selectEntries(statements, path, query) };
  } catch (error) {
    throw journalError(path, error);
  } finally {
    database?.close();
  }
}
