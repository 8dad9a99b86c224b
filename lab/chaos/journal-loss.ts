/** What may have become of a journal's file while its daemon was away. */
import { closeSync, fstatSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { JOURNAL_FILE, MIGRATIONS } from '../../src/journal/schema.ts';
import type { JournalLoss } from './steps.ts';

/** SQLite's default. What is in no page of its own kind is damage that SQLite sees; less than a page it might not. */
const PAGE = 4096;

/** @param from what is overwritten, from here to the end, as a fraction */
export function loseJournal(statePath: string, how: JournalLoss, from: number): void {
  const path = join(statePath, JOURNAL_FILE);
  switch (how) {
    case 'deleted':
      for (const suffix of ['', '-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true });
      return;
    case 'overwritten':
      overwrite(path, from);
      return;
    case 'newer': {
      const database = new DatabaseSync(path);
      database.exec(`PRAGMA user_version = ${MIGRATIONS.length + 1}`);
      database.close();
      return;
    }
  }
}

function overwrite(path: string, from: number): void {
  const file = openSync(path, 'r+');
  try {
    const { size } = fstatSync(file);
    const start = Math.floor((from * size) / PAGE) * PAGE;
    writeSync(file, Buffer.alloc(size - start, 0xa5), 0, size - start, start);
  } finally {
    closeSync(file);
  }
}
