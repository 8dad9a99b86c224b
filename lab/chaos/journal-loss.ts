/** What may have become of a journal's file while its daemon was away. */
import { closeSync, fstatSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { JOURNAL_FILE, MIGRATIONS } from '../../src/journal/schema.ts';
import type { JournalLoss } from './steps.ts';

/** SQLite's default. */
const PAGE = 4096;

/** Of a daemon that has ended. `whole`: what is overwritten includes the header. */
export function loseJournal(statePath: string, how: JournalLoss, whole: boolean): void {
  const path = join(statePath, JOURNAL_FILE);
  switch (how) {
    case 'deleted':
      for (const suffix of ['', '-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true });
      return;
    case 'overwritten':
      // With a log beside it the damage might be found much later, or never.
      onDatabase(path, (database) => database.exec('PRAGMA wal_checkpoint(TRUNCATE)'));
      overwrite(path, whole ? 0 : PAGE);
      return;
    case 'newer':
      onDatabase(path, (database) => database.exec(`PRAGMA user_version = ${MIGRATIONS.length + 1}`));
      return;
  }
}

/** Ids of ports that a daemon that has ended would ask after at its next start: their VIFs are here, or were. */
export function vifsIn(statePath: string): string[] {
  return onDatabase(join(statePath, JOURNAL_FILE), (database) =>
    database
      .prepare('SELECT port FROM vifs')
      .all()
      .map(({ port }) => String(port)),
  );
}

function onDatabase<T>(path: string, work: (database: DatabaseSync) => T): T {
  const database = new DatabaseSync(path);
  try {
    return work(database);
  } finally {
    database.close();
  }
}

function overwrite(path: string, start: number): void {
  const file = openSync(path, 'r+');
  try {
    const length = fstatSync(file).size - start;
    writeSync(file, Buffer.alloc(length, 0xa5), 0, length, start);
  } finally {
    closeSync(file);
  }
}
