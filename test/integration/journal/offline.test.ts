/** Looking into the file without the daemon: what is there is read, nothing is changed, and the daemon is not in the way. */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readJournal } from '../../../src/journal/offline.ts';
import { MIGRATIONS } from '../../../src/journal/schema.ts';
import { PARTS } from './committer.ts';
import { makeFormerFile } from './former.ts';
import { makeRig, open, openWith, type Rig } from './rig.ts';

let rig: Rig;
let path: string;
beforeEach(() => {
  rig = makeRig();
  ({ path } = rig);
});
afterEach(() => rig[Symbol.asyncDispose]());

test('entries as the daemon would give them, and not a byte is changed', () => {
  const database = openWith(path, 2);
  const query = { state: 'completed', key: 'mac', limit: 3 } as const;
  const entries = database.entries(query);
  database.close();
  const before = readFileSync(path);
  expect(readJournal(path, query)).toEqual({
    counts: { pending: PARTS, processing: 0, completed: PARTS, failed: 0 },
    entries,
  });
  expect(readFileSync(path)).toEqual(before);
});

test('what a daemon that was killed had in its log is read, too, and is still there for the next one', () => {
  const database = openWith(path, 3);
  const killed = join(rig.directory, 'killed');
  mkdirSync(killed);
  for (const companion of ['', '-wal']) copyFileSync(path + companion, join(killed, `j.db${companion}`));
  database.close();
  expect(readJournal(join(killed, 'j.db'), { limit: 1 }).entries[0]?.id).toBe(3 * PARTS - 1);
  const next = open(join(killed, 'j.db'));
  expect(next.problem).toBeUndefined();
  expect(next.contents?.sequence).toBe(2);
  next.database.close();
});

const refusal = (fault: string, sentence: string) =>
  expect.objectContaining({ name: 'JournalError', fault, message: expect.stringContaining(sentence) });

test('what cannot be read is said, and stays where it is', () => {
  expect(() => readJournal(path, { limit: 1 })).toThrow(refusal('unusable', `there is no journal at ${path}`));
  writeFileSync(path, 'nonsense '.repeat(1000));
  expect(() => readJournal(path, { limit: 1 })).toThrow(refusal('corrupt', 'it is corrupt'));
  expect(readdirSync(rig.directory)).toEqual(['l2pop-agent.db']);
  writeFileSync(path, '');
  expect(() => readJournal(path, { limit: 1 })).toThrow(refusal('foreign', 'it is of another program'));
});

test('one of the first version, which no daemon has brought up to date yet, is read and left as it is', () => {
  makeFormerFile(path);
  const before = readFileSync(path);
  const { counts, entries } = readJournal(path, { limit: 5 });
  expect(counts).toEqual({ pending: 1, processing: 0, completed: 0, failed: 0 });
  expect(entries).toMatchObject([{ id: 41, kind: 'refresh', blockedOn: 'snapshot' }]);
  expect(readFileSync(path)).toEqual(before);
});

test('one of a newer version is not read', () => {
  open(path, [...MIGRATIONS, 'CREATE TABLE more (a)']).database.close();
  expect(() => readJournal(path, { limit: 1 })).toThrow(
    refusal('newer', `version ${MIGRATIONS.length + 1}, ours is ${MIGRATIONS.length}`),
  );
});

test('one that a daemon has open is its own', () => {
  const database = openWith(path, 1);
  expect(() => readJournal(path, { limit: 1 })).toThrow(refusal('busy', 'another process has it open'));
  database.close();
  expect(readJournal(path, { limit: 1 }).entries).toHaveLength(1);
});
