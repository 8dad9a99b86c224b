/** Whatever is committed is read back, by the daemon's next start and by whoever asks: the file against plain memory. */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { JournalDatabase } from '../../../src/journal/database.ts';
import { ENTRY_STATES, type Entry, type JournalBatch, type JournalHeader } from '../../../src/journal/record.ts';
import type { IpAddress, NetworkId, PortId, SegmentationId } from '../../../src/values.ts';
import { batch, header, type Limits, Model, sorted } from '../../unit/journal/records.ts';

const OPTIONS = { now: () => 0 };
const HEADER: JournalHeader = { host: 'host1', localIp: '172.30.0.11' as IpAddress, boot: 'boot1' };
const EMPTY: JournalBatch = {
  ...{
    gone: [],
    networks: [],
    claims: [],
    vifs: [],
    vifsGone: [],
    entries: [],
    messages: [],
    offsets: new Map(),
    sequence: 0,
    at: 0,
  },
};

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'l2pop-journal-'));
  path = join(directory, 'state', 'l2pop-agent.db');
});
afterEach(() => rmSync(directory, { recursive: true }));

type Step =
  | { readonly do: 'commit'; readonly batch: JournalBatch }
  | { readonly do: 'begin'; readonly header: JournalHeader; readonly anew: boolean }
  | { readonly do: 'trim'; readonly limits: Limits; readonly step: number }
  | { readonly do: 'reopen' };

const limits = fc.record({
  now: fc.constant(1_000_000),
  keepMs: fc.integer({ min: 0, max: 1_000_000 }),
  keepCount: fc.nat(6),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: batch.map((batch): Step => ({ do: 'commit', batch })) },
  {
    weight: 1,
    arbitrary: fc.tuple(header, fc.boolean()).map(([header, anew]): Step => ({ do: 'begin', header, anew })),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(limits, fc.integer({ min: 1, max: 5 }))
      .map(([limits, step]): Step => ({ do: 'trim', limits, step })),
  },
  { weight: 2, arbitrary: fc.constant<Step>({ do: 'reopen' }) },
);

test('after any steps it holds what plain memory holds', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      rmSync(path, { force: true });
      let { database } = JournalDatabase.open(path, OPTIONS);
      try {
        const model = new Model();
        database.begin(HEADER);
        model.begin(HEADER, false);
        for (const step of steps) {
          if (step.do === 'commit') {
            const possible = model.possible(step.batch);
            database.commit(possible);
            model.commit(possible);
          } else if (step.do === 'begin') {
            database.begin(step.header, { anew: step.anew });
            model.begin(step.header, step.anew);
          } else if (step.do === 'trim') trim(database, model, step);
          else {
            database.close();
            const opened = JournalDatabase.open(path, OPTIONS);
            database = opened.database;
            expect(opened.problem).toBeUndefined();
            expect(sorted(opened.contents)).toEqual(sorted(model.contents()));
          }
          check(database, model);
        }
        database.close();
        const opened = JournalDatabase.open(path, OPTIONS);
        database = opened.database;
        expect(sorted(opened.contents)).toEqual(sorted(model.contents()));
      } finally {
        database.close();
      }
    }),
    { numRuns: 150 },
  );
});

test('what another boot kept is to be confirmed, also by whoever starts after one that was killed at once', () => {
  const { database } = JournalDatabase.open(path, OPTIONS);
  const id = '00f2d01f-cb41-490d-bb30-f7e4e515e5d6' as NetworkId;
  const segment = { type: 'vxlan', segmentationId: 7 as SegmentationId } as const;
  database.begin(HEADER);
  database.commit({ ...EMPTY, networks: [{ id, segment, settled: true }] });
  database.begin(HEADER);
  const settled = () => {
    const { database: opened, contents } = JournalDatabase.open(path, OPTIONS);
    opened.begin({ ...HEADER, boot: 'boot2' });
    opened.close();
    return contents?.networks.map((network) => network.settled);
  };
  database.close();
  expect([settled(), settled()]).toEqual([[true], [false]]);
});

/** In steps of its size until there is no more, each of which takes no more than it may. */
function trim(database: JournalDatabase, model: Model, { limits, step }: { limits: Limits; step: number }): void {
  const { stay, youngest } = model.trim(limits);
  for (let more = true; more; ) {
    const before = database.counts.completed;
    more = database.trim({ ...limits, step });
    expect(before - database.counts.completed).toBeLessThanOrEqual(step);
  }
  const left = database.entries({ state: 'completed', limit: 1000 });
  expect(left).toHaveLength(stay);
  expect(left.map(({ updatedAt }) => updatedAt).sort((a, b) => b - a)).toEqual(youngest);
  const ids = new Set(left.map(({ id }) => id));
  for (const { id, state } of [...model.entries.values()]) {
    if (state === 'completed' && !ids.has(id)) model.entries.delete(id);
  }
}

function check(database: JournalDatabase, model: Model): void {
  const all = [...model.entries.values()].sort((a, b) => b.id - a.id);
  expect(database.entries({ limit: 1000 })).toEqual(all);
  for (const state of ENTRY_STATES) {
    const those = all.filter((entry) => entry.state === state);
    expect(database.counts[state]).toBe(those.length);
    expect(database.entries({ state, limit: 2 })).toEqual(those.slice(0, 2));
  }
}

function entryOf(id: number, changes: Partial<Entry> = {}): Entry {
  return {
    ...{ id, key: `tunnel vxlan 172.30.0.${id}`, kind: 'tunnel', network: undefined, state: 'completed' },
    ...{ blockedOn: undefined, attempts: 0, notBefore: 0, lastError: undefined, origin: undefined },
    ...{ createdAt: id, updatedAt: id },
    ...changes,
  };
}

function openNew(): JournalDatabase {
  const { database, contents } = JournalDatabase.open(path, OPTIONS);
  expect(contents).toBeUndefined();
  database.begin(HEADER);
  return database;
}

test('entries are found by the beginning of their network and by any part of their key', () => {
  const database = openNew();
  const network = (n: number) => `${n}0000000-0000-4000-8000-000000000000` as Entry['network'];
  const entries = [
    entryOf(1, { network: network(1), key: 'mac 1% fa:16:3e:00:00:01' }),
    entryOf(2, { network: network(2), key: 'mac 2_ fa:16:3e:00:00:01' }),
    entryOf(3),
  ];
  database.commit({ ...EMPTY, entries });
  const ids = (query: object) => database.entries({ limit: 10, ...query }).map(({ id }) => id);
  expect(ids({})).toEqual([3, 2, 1]);
  expect(ids({ network: '1' })).toEqual([1]);
  expect(ids({ network: network(2) })).toEqual([2]);
  expect(ids({ network: '0' })).toEqual([]);
  expect(ids({ key: '00:01' })).toEqual([2, 1]);
  expect(ids({ key: '%' })).toEqual([1]);
  expect(ids({ key: '_' })).toEqual([2]);
  expect(ids({ state: 'completed', network: '1', key: 'mac' })).toEqual([1]);
  expect(ids({ state: 'failed' })).toEqual([]);
  database.close();
});

test('a VIF that is written twice is one, and one that is not there can go; another host has none of them', () => {
  const [one, two] = ['0a000000-0000-4000-8000-000000000001', '0a000000-0000-4000-8000-000000000002'] as PortId[];
  const { database } = JournalDatabase.open(path, OPTIONS);
  database.begin(HEADER);
  database.commit({ ...EMPTY, vifs: [one!, two!] });
  database.commit({ ...EMPTY, vifs: [two!], vifsGone: [one!] });
  database.commit({ ...EMPTY, vifsGone: [one!] });
  database.close();
  const again = JournalDatabase.open(path, OPTIONS);
  expect(again.contents?.vifs).toEqual([two]);
  again.database.begin({ ...HEADER, host: 'host2' });
  again.database.close();
  const other = JournalDatabase.open(path, OPTIONS);
  expect(other.contents?.vifs).toEqual([]);
  other.database.close();
});

test('what is removed step by step is gone, and nothing else: claims of networks that left, messages of long ago', () => {
  const database = openNew();
  const segment = { type: 'vxlan', segmentationId: 7 } as JournalBatch['networks'][number]['segment'];
  const id = '10000000-0000-4000-8000-000000000000' as JournalBatch['networks'][number]['id'];
  const network = `${id} vxlan 7` as JournalBatch['gone'][number];
  const claimsOf = (count: number): JournalBatch['claims'] =>
    Array.from({ length: count }, (_, n) => {
      const vtep = `172.30.${n >> 8}.${n & 255}` as IpAddress;
      const stamp = { sequence: n, at: n };
      return { network, vtep, mac: undefined, claims: [{ vtep, mac: undefined, ip: undefined, stamp }] };
    });
  const networks = [{ id, segment, settled: true }];
  database.commit({ ...EMPTY, networks, claims: claimsOf(1000) });
  const messages = Array.from({ length: 10_250 }, (_, n) => `message ${n}`);
  database.commit({ ...EMPTY, messages, gone: [network] });
  // It is here again before the old claims are gone.
  database.commit({ ...EMPTY, networks, claims: claimsOf(3) });
  const limits = { now: 0, keepMs: 0, keepCount: 0, step: 100 };
  let steps = 0;
  while (database.trim(limits)) steps++;
  expect(steps).toBe(Math.floor((250 + 1000) / 100));
  database.close();
  const { database: again, contents } = JournalDatabase.open(path, OPTIONS);
  expect(contents?.messages).toEqual(messages.slice(250));
  expect(contents?.networks).toEqual([{ ...networks[0], claims: claimsOf(3).flatMap(({ claims }) => claims) }]);
  again.close();
});

test('a mistake of the program is no fault of the file: it says so, and keeps nothing of the batch', () => {
  const database = JournalDatabase.open(path, OPTIONS).database;
  expect(() => database.commit(EMPTY)).toThrow(TypeError);
  database.begin(HEADER);
  const vtep = '172.30.0.12' as IpAddress;
  const network = '10000000-0000-4000-8000-000000000000 vxlan 7' as JournalBatch['gone'][number];
  const claims = [{ network, vtep, mac: undefined, claims: [] }];
  expect(() => database.commit({ ...EMPTY, messages: ['m'], claims, entries: [entryOf(1)] })).toThrow(TypeError);
  expect(database.counts.completed).toBe(0);
  database.commit({ ...EMPTY, messages: ['n'] });
  database.close();
  const again = JournalDatabase.open(path, OPTIONS);
  expect(again.contents?.messages).toEqual(['n']);
  again.database.close();
});

test('its files are for their owner and group alone, and only the database is left after a close', () => {
  const database = openNew();
  database.commit({ ...EMPTY, entries: [entryOf(1)] });
  const modes = () => readdirSync(join(directory, 'state')).map((name) => [name, mode(join(directory, 'state', name))]);
  expect(modes()).toEqual([
    ['l2pop-agent.db', 0],
    ['l2pop-agent.db-wal', 0],
  ]);
  database.close();
  database.close();
  expect(modes()).toEqual([['l2pop-agent.db', 0]]);
});

/** What others may do with it. */
function mode(file: string): number {
  return statSync(file).mode & 0o007;
}
