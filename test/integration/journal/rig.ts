/** What the tests of the journal's file share: a directory, a small disk, records to tell files apart by. */
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../../lab/run.ts';
import { JournalDatabase, type OpenedJournal } from '../../../src/journal/database.ts';
import { HEADER, numberedBatch } from './committer.ts';

/** 2026-11-21T09:00:00.000Z: what is set aside is named after it. */
export const NOW = Date.UTC(2026, 10, 21, 9);
export const ASIDE_TIME = '20261121T090000.000Z';

export interface Rig extends AsyncDisposable {
  readonly directory: string;
  readonly path: string;
}

export function makeRig(): Rig {
  const directory = mkdtempSync(join(tmpdir(), 'l2pop-journal-'));
  return {
    directory,
    path: join(directory, 'l2pop-agent.db'),
    [Symbol.asyncDispose]: () => Promise.resolve(rmSync(directory, { recursive: true })),
  };
}

/** A file system of its own, of so many KiB: root is refused nothing by modes. */
export interface Disk extends Rig {
  fill(): void;
  empty(): void;
  setReadOnly(isReadOnly: boolean): Promise<void>;
}

export async function makeDisk(kib: number): Promise<Disk> {
  const rig = makeRig();
  const directory = join(rig.directory, 'disk');
  mkdirSync(directory);
  await run(['mount', '-t', 'tmpfs', '-o', `size=${kib}k`, 'l2pop-journal-test', directory]);
  const filler = join(directory, 'filler');
  return {
    directory,
    path: join(directory, 'l2pop-agent.db'),
    fill() {
      const { bavail, bsize } = statfsSync(directory);
      writeFileSync(filler, Buffer.alloc(bavail * bsize));
    },
    empty: () => rmSync(filler),
    setReadOnly: async (isReadOnly) => {
      await run(['mount', '-o', `remount,${isReadOnly ? 'ro' : 'rw'}`, directory]);
    },
    async [Symbol.asyncDispose]() {
      await run(['umount', directory]);
      await rig[Symbol.asyncDispose]();
    },
  };
}

export function open(path: string, migrations?: readonly string[]): OpenedJournal {
  return JournalDatabase.open(path, { now: () => NOW, ...(migrations === undefined ? {} : { migrations }) });
}

/** A new file with so many batches; still open. */
export function openWith(path: string, batches: number): JournalDatabase {
  const { database } = open(path);
  database.begin(HEADER);
  for (let n = 0; n < batches; n++) database.commit(numberedBatch(n));
  return database;
}
