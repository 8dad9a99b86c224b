/** Files that are of no use: each is set aside under a name that says why, and the daemon has a journal all the same. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { JournalDatabase } from '../../../src/journal/database.ts';
import { JournalError } from '../../../src/journal/errors.ts';
import { MIGRATIONS } from '../../../src/journal/schema.ts';
import { HEADER, numberedBatch, portOf } from './committer.ts';
import { FORMER_NETWORK, makeFormerFile } from './former.ts';
import { ASIDE_TIME, makeRig, NOW, open, openWith, type Rig } from './rig.ts';

const NEWER = [...MIGRATIONS, "ALTER TABLE entries ADD COLUMN note TEXT NOT NULL DEFAULT 'none'"];

let rig: Rig;
let path: string;
beforeEach(() => {
  rig = makeRig();
  ({ path } = rig);
});
afterEach(() => rig[Symbol.asyncDispose]());

/** The path of a file with so many batches. */
function closed(batches: number): string {
  openWith(path, batches).close();
  return path;
}

function sql(file: string, statements: string): void {
  const database = new DatabaseSync(file);
  database.exec(statements);
  database.close();
}

/** Name by name, what is made of a file and which word the new name has. */
const CASES: readonly (readonly [string, string, () => void])[] = [
  ['text', 'corrupt', () => writeFileSync(path, 'no database\n'.repeat(1000))],
  ['a directory', 'unusable', () => mkdirSync(path)],
  ['a database of another program', 'foreign', () => sql(path, 'CREATE TABLE t (a)')],
  ["another program's id", 'foreign', () => sql(closed(1), 'PRAGMA application_id = 7')],
  ['a newer schema', 'newer', () => open(path, NEWER).database.close()],
  ['a table less', 'corrupt', () => sql(closed(1), 'DROP TABLE claims')],
  ['a column less', 'corrupt', () => sql(closed(1), 'ALTER TABLE entries DROP COLUMN queue')],
  ['half of it', 'corrupt', () => truncateSync(closed(5), statSync(path).size / 2)],
  ['a directory for its log', 'unusable', () => mkdirSync(`${closed(1)}-wal`)],
];

test.each(CASES)('%s: set aside as %s', (_, fault, make) => {
  make();
  const { database, contents, problem, setAside } = open(path);
  expect(contents).toBeUndefined();
  expect(problem).toMatch(/^journal \/.*l2pop-agent\.db: it is|^journal \/.*: its schema|^journal \/.*: it cannot/);
  expect(setAside).toBe(`${path}.${fault}-${ASIDE_TIME}`);
  expect(existsSync(setAside ?? '')).toBe(true);
  database.begin(HEADER);
  database.commit(numberedBatch(0));
  database.close();
  const again = open(path);
  expect(again.problem).toBeUndefined();
  expect(again.contents?.sequence).toBe(0);
  again.database.close();
});

/** Rows that SQLite takes and that make no sense. */
const ROWS: readonly (readonly [string, string])[] = [
  ['a local IP', "UPDATE header SET local_ip = 'here'"],
  ['a sequence', 'UPDATE header SET sequence = 9e999'],
  ['a last id', 'UPDATE header SET last_id = -1'],
  ['an id beyond what a number holds', 'UPDATE header SET last_id = 9223372036854775807'],
  ['a network', "UPDATE networks SET key = 'x vxlan 7' WHERE number = 1"],
  ['a spelling of a network', "UPDATE networks SET key = key || ' '"],
  ['a segment', "UPDATE networks SET key = replace(key, ' 7', ' 16777216')"],
  ['whether it is settled', 'UPDATE networks SET settled = 2'],
  ['a VTEP', "UPDATE claims SET vtep = '172.30.0.012'"],
  ['a spelling of a VTEP', "UPDATE claims SET vtep = '2001:DB8::1'"],
  ['a MAC', "UPDATE claims SET mac = mac || '0'"],
  ['an IP', "UPDATE claims SET ip = '10.0.0.256'"],
  ['an IP of the flood', "INSERT INTO claims VALUES (1, '172.30.0.12', '', '10.0.0.1', 1, 1, NULL)"],
  ['a time', 'UPDATE claims SET at = -1'],
  ['a time it was heard', 'UPDATE claims SET heard = -1'],
  ['a state', "UPDATE entries SET state = 'done' WHERE id = 3"],
  ['a kind', "UPDATE entries SET kind = 'thing' WHERE id = 3"],
  ["an entry's network", "UPDATE entries SET network = 'net' WHERE id = 3"],
  ['half an origin', 'UPDATE entries SET received_at = 5 WHERE id = 3'],
  ['attempts', 'UPDATE entries SET attempts = -1 WHERE id = 3'],
  ['an offset', 'UPDATE offsets SET next = -1'],
];

test.each(ROWS)('%s that cannot be: the file is corrupt', (_, statement) => {
  sql(closed(1), statement);
  const { database, contents, setAside } = open(path);
  database.close();
  expect(setAside).toBe(`${path}.corrupt-${ASIDE_TIME}`);
  expect(contents).toBeUndefined();
});

test('a completed entry that cannot be read is no matter at the start; whoever asks for it is told', () => {
  sql(closed(2), "UPDATE entries SET kind = 'thing' WHERE id = 3");
  const { database, problem } = open(path);
  expect(problem).toBeUndefined();
  expect(() => database.entries({ state: 'completed', limit: 1000 })).toThrow(
    expect.objectContaining({ name: 'JournalError', code: 'corrupt', fault: 'corrupt' }),
  );
  database.close();
});

test.each(['', 'x'])('a file without a page is a new one: %o', (text) => {
  writeFileSync(path, text);
  const { database, contents, problem } = open(path);
  expect([contents, problem]).toEqual([undefined, undefined]);
  database.begin(HEADER);
  database.close();
});

test("a log whose database is gone is nobody's: killed between the two renames", () => {
  const database = openWith(path, 3);
  copyFileSync(`${path}-wal`, join(rig.directory, 'log'));
  database.close();
  rmSync(path);
  copyFileSync(join(rig.directory, 'log'), `${path}-wal`);
  const opened = open(path);
  expect([opened.contents, opened.problem]).toEqual([undefined, undefined]);
  opened.database.begin(HEADER);
  opened.database.commit(numberedBatch(7));
  opened.database.close();
  const again = open(path);
  expect(again.contents?.sequence).toBe(7);
  again.database.close();
});

test('what is set aside takes its log along: nothing of it is lost', () => {
  const database = openWith(path, 3);
  for (const companion of ['', '-wal']) copyFileSync(path + companion, join(rig.directory, `copy${companion}`));
  database.close();
  rmSync(path);
  for (const companion of ['', '-wal']) copyFileSync(join(rig.directory, `copy${companion}`), path + companion);
  // Killed with its log; then a daemon that is newer came and went.
  open(path, NEWER).database.close();
  const { database: next, setAside = '' } = open(path);
  next.close();
  const { database: aside, contents, problem } = open(setAside, NEWER);
  expect(problem).toBeUndefined();
  expect(contents?.sequence).toBe(2);
  aside.close();
});

describe('versions', () => {
  test('one of the first version goes on being used, and gets the VIFs', () => {
    makeFormerFile(path);
    const { database, contents, problem } = open(path);
    expect(problem).toBeUndefined();
    expect(readdirSync(rig.directory).filter((name) => !name.startsWith('l2pop-agent.db-'))).toEqual([
      'l2pop-agent.db',
    ]);
    const vtep = '172.30.0.12';
    expect(contents).toEqual({
      header: { host: 'host1', localIp: '172.30.0.11', boot: 'boot1' },
      ...{ sequence: 7.5, lastId: 41, vifs: [], messages: ['message 1'], offsets: new Map([['topic', 12]]) },
      open: [expect.objectContaining({ id: 41, kind: 'refresh', state: 'pending', blockedOn: 'snapshot' })],
      networks: [
        {
          id: FORMER_NETWORK,
          segment: { type: 'vxlan', segmentationId: 7 },
          settled: true,
          claims: [
            { vtep, mac: undefined, ip: undefined, stamp: { sequence: 5, at: 900 } },
            { vtep, mac: 'fa:16:3e:00:00:01', ip: undefined, stamp: { sequence: 7.5, at: 950, heard: 960 } },
          ],
        },
      ],
    });
    database.begin(HEADER);
    database.commit({ ...numberedBatch(0), entries: [], vifs: [portOf(1), portOf(2)] });
    database.close();
    const again = open(path);
    expect(again.problem).toBeUndefined();
    expect(again.contents?.vifs).toEqual([portOf(1), portOf(2)]);
    expect(again.contents?.networks).toHaveLength(3);
    again.database.close();
  });

  test('an older one becomes ours, and keeps what is in it', () => {
    openWith(path, 2).close();
    const { database, contents, problem } = open(path, NEWER);
    expect(problem).toBeUndefined();
    expect(contents?.sequence).toBe(1);
    database.commit(numberedBatch(2));
    database.close();
    const raw = new DatabaseSync(path);
    expect(raw.prepare('PRAGMA user_version').get()).toEqual({ user_version: NEWER.length });
    expect(raw.prepare('SELECT DISTINCT note FROM entries').all()).toEqual([{ note: 'none' }]);
    raw.close();
  });

  test('a step that fails leaves the file as it was, set aside', () => {
    openWith(path, 2).close();
    const wrong = [...MIGRATIONS, 'CREATE TABLE extra (a); ALTER TABLE nothing ADD COLUMN b'];
    const { database, contents, setAside = '' } = open(path, wrong.slice(0, -1));
    expect(contents?.sequence).toBe(1);
    database.close();
    expect(() => open(path, wrong)).toThrow(JournalError);
    const aside = readdirSync(rig.directory).find((name) => name.includes('.corrupt-'));
    const { database: same, contents: kept } = open(join(rig.directory, aside ?? ''));
    expect(setAside).toBe('');
    expect(kept?.sequence).toBe(1);
    same.close();
  });
});

test('of the files set aside the last three are kept', () => {
  for (let n = 0; n < 5; n++) {
    writeFileSync(path, `nonsense ${n} `.repeat(1000));
    // Two in the same millisecond.
    JournalDatabase.open(path, { now: () => NOW + (n >> 1) }).database.close();
  }
  const aside = readdirSync(rig.directory).filter((name) => name.startsWith('l2pop-agent.db.'));
  const texts = aside.map((name) => readFileSync(join(rig.directory, name), 'utf8').slice(0, 10).trim());
  expect(texts.sort()).toEqual([2, 3, 4].map((n) => `nonsense ${n}`));
});

/** Bytes at random places, cuts at random lengths, in the database or its log. */
test('however it was damaged, it is opened or set aside, and what it says makes sense or is an error of ours', () => {
  const database = openWith(path, 3);
  const whole = new Map(['', '-wal'].map((companion) => [companion, readFileSync(path + companion)]));
  database.close();
  const closed = new Map([['', readFileSync(path)]]);
  const place = fc.integer({ min: 0, max: 999 }).map((n) => n / 1000);
  const damage = fc.oneof(
    fc.record({
      at: place,
      bytes: fc.uint8Array({ minLength: 1, maxLength: 300 }),
    }),
    fc.record({ at: place, cut: fc.constant(true) }),
  );
  const outcomes = { intact: 0, aside: 0 };
  fc.assert(
    fc.property(
      fc.boolean(),
      fc.constantFrom('', '-wal'),
      fc.array(damage, { minLength: 1, maxLength: 40 }),
      (withLog, which, all) => {
        const files = withLog ? whole : closed;
        for (const name of readdirSync(rig.directory)) rmSync(join(rig.directory, name), { recursive: true });
        for (const [companion, bytes] of files) {
          let damaged = Buffer.from(bytes);
          if (companion === which || !withLog) {
            for (const one of all) {
              const at = Math.floor(one.at * damaged.length);
              if ('cut' in one) damaged = damaged.subarray(0, at);
              else damaged.set(one.bytes.subarray(0, damaged.length - at), at);
            }
          }
          writeFileSync(path + companion, damaged);
        }
        const { database, contents, setAside } = open(path);
        outcomes[setAside === undefined ? 'intact' : 'aside']++;
        try {
          if (setAside !== undefined) expect(contents).toBeUndefined();
          for (const work of [
            () => database.begin(HEADER),
            () => database.commit(numberedBatch(3)),
            () => database.entries({ limit: 1000 }),
            () => database.trim({ now: 0, keepMs: 0, keepCount: 10, step: 30 }),
          ]) {
            try {
              work();
            } catch (error) {
              expect(error).toBeInstanceOf(JournalError);
              expect(setAside, 'a new file has no fault').toBeUndefined();
            }
          }
        } finally {
          database.close();
        }
      },
    ),
    { numRuns: 200 },
  );
  expect(outcomes.aside).toBeGreaterThan(20);
  expect(outcomes.intact).toBeGreaterThan(5);
});
