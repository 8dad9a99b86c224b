/** The journal's files on disk: the database, its write-ahead log, and what was set aside. Nothing of what is in them. */
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** Of one that is open or was not closed (https://sqlite.org/walformat.html); without them the database is an older one. */
const COMPANIONS = ['-wal', '-shm'];
/** So many files set aside are kept for whoever wants to know what happened: a disk that fails again and again must not fill. */
const KEPT_ASIDE = 3;
/** What {@link moveAside} adds to the name, without the companions. */
const ASIDE = /^[a-z-]+-(\d{8}T\d{6}\.\d{3}Z(?:-\d+)?)$/;

/**
 * Makes the directory and an empty file, for its owner and group alone; SQLite gives the companions the file's mode. A log
 * whose database is gone belongs to nobody. Throws the file system's error.
 */
export function makeFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o750 });
  removeCompanions(path);
  closeSync(openSync(path, 'ax', 0o640));
}

/** SQLite says of a file that it may not write to that the disk failed, or nothing. Throws the file system's error. */
export function checkWritable(path: string): void {
  accessSync(path, constants.W_OK);
}

/** @returns the new name of the database. Throws the file system's error; then all is where it was. */
export function moveAside(path: string, fault: string, at: number): string {
  const target = freeName(`${path}.${fault}-${new Date(at).toISOString().replaceAll(/[-:]/g, '')}`);
  // The database first: without its log it would pass for whole at the next start, and be old.
  renameSync(path, target);
  for (const companion of COMPANIONS) {
    if (existsSync(path + companion)) renameSync(path + companion, target + companion);
  }
  forgetOldest(path);
  return target;
}

/** Throws the file system's error. */
export function removeFile(path: string): void {
  rmSync(path, { force: true });
  removeCompanions(path);
}

function removeCompanions(path: string): void {
  for (const companion of COMPANIONS) rmSync(path + companion, { force: true });
}

function freeName(name: string): string {
  let free = name;
  for (let n = 2; existsSync(free); n++) free = `${name}-${n}`;
  return free;
}

/** As far as it can: a directory that was in the file's place is not ours to remove. */
function forgetOldest(path: string): void {
  const prefix = `${basename(path)}.`;
  const aside = readdirSync(dirname(path)).flatMap((name) => {
    const time = name.startsWith(prefix) ? ASIDE.exec(name.slice(prefix.length))?.[1] : undefined;
    return time === undefined ? [] : [{ name, time }];
  });
  aside.sort((a, b) => (a.time < b.time ? 1 : -1));
  for (const { name } of aside.slice(KEPT_ASIDE)) {
    try {
      removeFile(join(dirname(path), name));
    } catch {
      // It stays.
    }
  }
}
