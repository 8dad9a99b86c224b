/** The journal while the daemon runs, on a disk that fills up and is emptied again. */
import { readdirSync, writeFileSync } from 'node:fs';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { JournalKeeper } from '../../../src/journal/keeper.ts';
import type { JournalBatch, JournalHeader } from '../../../src/journal/record.ts';
import { HEADER, numberedBatch } from './committer.ts';
import { type Disk, makeDisk, NOW, open, openWith } from './rig.ts';

let disk: Disk;
let now: number;
let said: { level: number; msg: string; reason?: string }[];
beforeEach(async () => {
  disk = await makeDisk(256);
  now = NOW;
  said = [];
});
afterEach(() => disk[Symbol.asyncDispose]());

function makeKeeper(header: JournalHeader = HEADER): JournalKeeper {
  const log = pino({ base: null }, { write: (line: string) => said.push(JSON.parse(line)) });
  const limits = { keepMs: 1000, keepCount: 10 };
  return new JournalKeeper({ path: disk.path, header, limits, log, now: () => now });
}

const FITS = () => true;
const BIG: JournalBatch = {
  ...numberedBatch(1),
  messages: Array.from({ length: 500 }, (_, i) => `message ${i} ${'x'.repeat(50)}`),
};

test('a disk that fills up is said once; with room again, everything is in a new file', () => {
  const keeper = makeKeeper();
  expect(keeper.open(FITS)).toBeUndefined();
  const asked: string[] = [];
  const save = (batch: JournalBatch) =>
    keeper.save((what) => {
      asked.push(what);
      return batch;
    });
  save(numberedBatch(0));
  disk.fill();
  now += 1;
  for (let n = 0; n < 5; n++) save(BIG);
  expect(keeper.database).toBeUndefined();
  expect(keeper.problem).toContain('there is no room left');
  expect(keeper.since).toBe(NOW + 1);
  expect(said.map(({ msg }) => msg)).toEqual([expect.stringContaining('the journal cannot be written')]);
  now += 60_000;
  save(BIG);
  expect(keeper.database).toBeUndefined();
  disk.empty();
  save(BIG);
  expect(keeper.database, 'not before its time').toBeUndefined();
  now += 60_000;
  save(numberedBatch(7));
  expect(asked.filter((what) => what === 'all')).toHaveLength(1);
  expect(asked.at(-1)).toBe('all');
  expect([keeper.problem, keeper.since]).toEqual([undefined, now]);
  expect(said.at(-1)?.msg).toBe('the journal is kept in its file again');
  expect(said).toHaveLength(2);
  keeper.close();
  const { database, contents } = open(disk.path);
  expect(contents?.messages).toEqual(['message 7']);
  database.close();
});

test('what the predecessor left is handed over, if it fits', () => {
  openWith(disk.path, 2).close();
  const keeper = makeKeeper();
  expect(keeper.open(FITS)?.sequence).toBe(1);
  keeper.close();
});

test('what does not fit is forgotten: at the next start it would pass for what we knew', () => {
  openWith(disk.path, 2).close();
  const keeper = makeKeeper();
  expect(keeper.open(() => false)).toBeUndefined();
  keeper.save(() => numberedBatch(0));
  keeper.close();
  const { database, contents } = open(disk.path);
  expect(contents?.messages).toEqual(['message 0']);
  expect(contents?.lastId).toBe(numberedBatch(0).entries.length - 1);
  database.close();
});

test('a file that another process has open stays as it is, and the start is refused', () => {
  openWith(disk.path, 2).close();
  const other = open(disk.path);
  const files = readdirSync(disk.directory);
  const keeper = makeKeeper();
  expect(() => keeper.open(FITS)).toThrow(
    expect.objectContaining({
      ...{ name: 'JournalError', fault: 'busy' },
      message: expect.stringContaining(`another process has the journal ${disk.path} open: `),
    }),
  );
  expect(readdirSync(disk.directory)).toEqual(files);
  expect(said).toEqual([]);
  other.database.commit(numberedBatch(2));
  other.database.close();
  expect(keeper.open(FITS)?.sequence).toBe(2);
  keeper.close();
});

test('a file that another process has made while there was memory alone is left to it, until it is free', () => {
  const keeper = makeKeeper();
  keeper.open(FITS);
  disk.fill();
  keeper.save(() => BIG);
  disk.empty();
  const other = openWith(disk.path, 0);
  const files = readdirSync(disk.directory);
  now += 60_000;
  keeper.save(() => numberedBatch(5));
  expect(keeper.database).toBeUndefined();
  expect(keeper.problem).toContain('another process has it open');
  expect(readdirSync(disk.directory)).toEqual(files);
  expect(said).toHaveLength(1);
  other.close();
  now += 60_000;
  keeper.save(() => numberedBatch(6));
  keeper.close();
  const { database, contents } = open(disk.path);
  expect(contents?.messages).toEqual(['message 6']);
  database.close();
});

test('what is of no use is set aside, and said', () => {
  writeFileSync(disk.path, 'nonsense '.repeat(1000));
  const keeper = makeKeeper();
  expect(keeper.open(FITS)).toBeUndefined();
  expect(keeper.problem).toBeUndefined();
  expect(said).toEqual([
    expect.objectContaining({
      msg: 'the journal is of no use and was set aside',
      reason: expect.stringContaining('it is corrupt'),
    }),
  ]);
  keeper.close();
});
