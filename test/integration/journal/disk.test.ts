/** A disk that is full or read-only: nothing is half written, the reason is said, and there is a file again when there can be. */
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { JournalBatch } from '../../../src/journal/record.ts';
import { HEADER, numberedBatch } from './committer.ts';
import { ASIDE_TIME, type Disk, makeDisk, open, openWith } from './rig.ts';

let disk: Disk;
let path: string;
beforeEach(async () => {
  disk = await makeDisk(256);
  ({ path } = disk);
});
afterEach(() => disk[Symbol.asyncDispose]());

/** More than a page of the log has room for. */
function bigBatch(n: number): JournalBatch {
  return {
    ...numberedBatch(n),
    messages: Array.from({ length: 500 }, (_, i) => `message ${n} ${i} ${'x'.repeat(50)}`),
  };
}

const full = expect.objectContaining({ name: 'JournalError', code: 'unwritable', fault: 'full' });

describe('full', () => {
  test('a commit that has no room keeps nothing, and says so; with room again it passes', () => {
    const database = openWith(path, 1);
    disk.fill();
    const counts = database.counts;
    expect(() => {
      for (let n = 1; ; n++) database.commit(bigBatch(n));
    }).toThrow(full);
    expect(database.counts).toEqual(counts);
    expect(database.entries({ limit: 1000 })).toHaveLength(counts.pending);
    disk.empty();
    database.commit(numberedBatch(1));
    database.close();
    const again = open(path);
    expect(again.contents?.sequence).toBe(1);
    expect(again.contents?.messages).toEqual(['message 0', 'message 1']);
    again.database.close();
  });

  test('filled by the journal itself: whatever was committed is there', () => {
    const database = openWith(path, 0);
    let last = -1;
    expect(() => {
      for (let n = 0; ; n++) {
        database.commit(numberedBatch(n));
        last = n;
      }
    }).toThrow(full);
    expect(last).toBeGreaterThan(0);
    database.close();
    const again = open(path);
    expect(again.contents?.sequence).toBe(last);
    expect(again.contents?.messages.at(-1)).toBe(`message ${last}`);
    again.database.close();
  });

  test('it is set aside, no other is begun and nothing is left of the attempt; with room again one is', () => {
    const database = openWith(path, 1);
    disk.fill();
    expect(() => database.commit(bigBatch(1))).toThrow(full);
    const aside = `${path}.full-${ASIDE_TIME}`;
    expect(database.setAside('full')).toEqual({ outcome: 'renamed', path: aside });
    const before = readdirSync(disk.directory);
    expect(() => open(path)).toThrow(full);
    expect(readdirSync(disk.directory)).toEqual(before);
    disk.empty();
    const again = open(path);
    expect([again.contents, again.problem]).toEqual([undefined, undefined]);
    again.database.begin(HEADER);
    again.database.commit(numberedBatch(0));
    again.database.close();
    const old = open(aside);
    expect(old.contents?.sequence).toBe(0);
    old.database.close();
  });

  test('one that is there is opened and read, also when its log has still to be taken in', () => {
    openWith(path, 1).close();
    disk.fill();
    const { database, contents, problem } = open(path);
    expect(problem).toBeUndefined();
    expect(contents?.sequence).toBe(0);
    expect(() => database.commit(bigBatch(1))).toThrow(full);
    database.close();
    expect(readdirSync(disk.directory).sort()).toEqual(['filler', 'l2pop-agent.db']);
  });
});

describe('read-only', () => {
  const unwritable = expect.objectContaining({ name: 'JournalError', code: 'unwritable' });

  test('no file can be made', async () => {
    await disk.setReadOnly(true);
    expect(() => open(join(disk.directory, 'state', 'l2pop-agent.db'))).toThrow(unwritable);
    expect(() => open(path)).toThrow(unwritable);
    await disk.setReadOnly(false);
    const { database, contents } = open(path);
    expect(contents).toBeUndefined();
    database.close();
  });

  test('one that is there stays where it is, whole', async () => {
    openWith(path, 2).close();
    await disk.setReadOnly(true);
    expect(() => open(path)).toThrow(unwritable);
    expect(() => open(path)).toThrow(/cannot be written to.*nor can it be set aside: EROFS/);
    expect(readdirSync(disk.directory)).toEqual(['l2pop-agent.db']);
    await disk.setReadOnly(false);
    const { database, contents } = open(path);
    expect(contents?.sequence).toBe(1);
    database.close();
  });

  test('what is broken there stays, too', async () => {
    writeFileSync(path, 'nonsense');
    await disk.setReadOnly(true);
    expect(() => open(path)).toThrow(
      /it is corrupt.*nor can it be set aside: EROFS|cannot be.*nor can it be set aside/,
    );
  });

  test('a file where a directory of the path should be', () => {
    writeFileSync(join(disk.directory, 'state'), '');
    expect(() => open(join(disk.directory, 'state', 'l2pop-agent.db'))).toThrow(unwritable);
  });
});

test('one that can be neither renamed nor deleted is said to stay', () => {
  const database = openWith(path, 1);
  rmSync(path);
  mkdirSync(join(path, 'in its place'), { recursive: true });
  // A file system that refuses the rename: the name is longer than it allows.
  const outcome = database.setAside('x'.repeat(300) as 'full');
  expect(outcome).toEqual({ outcome: 'stays', reason: expect.stringContaining('ENAMETOOLONG') });
  expect(existsSync(path)).toBe(true);
});
