/**
 * What the journal's file costs: one entry committed when the network has N of them (rule 4 of the design), a
 * batch of 1,000, a step of trimming, and the start that reads 200,000 claims back.
 *
 * CPU of this process, and how long the slowest commit kept the loop (when it takes the write-ahead log into the database).
 * The sizes take turns in every round. The files are in the system's temporary directory. Run it with
 * `node bench/journal.ts [--json]`.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { JournalDatabase } from '../src/journal/database.ts';
import type { ClaimsWrite, Entry, JournalBatch, SavedClaim } from '../src/journal/record.ts';
import type { IpAddress, MacAddress, NetworkId, SegmentationId } from '../src/values.ts';
import { networkKey } from '../src/vif/local-vlans.ts';

const SIZES = [100, 1_000, 10_000, 100_000];
const LOADED = 200_000;
/** Completed entries that wait to be removed when a step is timed. */
const BACKLOG = 100_000;
const ROUNDS = 9;
const COMMITS = 400;
/** As configured by default, and as the daemon trims. */
const LIMITS = { keepMs: 86_400_000, keepCount: 10_000, step: 500 };

const ID = '00000000-0000-0000-0000-000000000001' as NetworkId;
const SEGMENT = { type: 'vxlan', segmentationId: 7 as SegmentationId } as const;
const NETWORK = networkKey(ID, SEGMENT);
const EMPTY = {
  ...{ gone: [], networks: [], claims: [], vifs: [], vifsGone: [], entries: [], messages: [] },
  offsets: new Map<string, number>(),
};

interface Subject {
  readonly size: number;
  readonly database: JournalDatabase;
  /** Of claims and of entries alike. */
  next: number;
  readonly cpu: number[];
  readonly slowest: number[];
}

/** Spread over the tree as MACs are: neighbours in time are none in the file. */
function mac(n: number): MacAddress {
  const mixed = Math.imul(n, 0x9e3779b1) >>> 0;
  const byte = (value: number) => (value & 255).toString(16).padStart(2, '0');
  return `fa:16:${byte(mixed >> 24)}:${byte(mixed >> 16)}:${byte(mixed >> 8)}:${byte(mixed)}` as MacAddress;
}

function claimsOf(n: number): ClaimsWrite {
  // 50 VTEPs.
  const vtep = `192.0.2.${(n % 50) + 1}` as IpAddress;
  const ip = `10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}` as IpAddress;
  const stamp = { sequence: n, at: 1_700_000_000_000 + n };
  const claim = (address: IpAddress | undefined): SavedClaim => ({ vtep, mac: mac(n), ip: address, stamp });
  return { network: NETWORK, vtep, mac: mac(n), claims: [claim(undefined), claim(ip)] };
}

function entryOf(n: number, state: Entry['state']): Entry {
  const at = 1_700_000_000_000 + n;
  const uniqueId = n.toString(16).padStart(32, '0');
  const origin = {
    uniqueId,
    requestId: `req-${ID}`,
    queue: 'q-agent-notifier-l2population-update_fanout',
    receivedAt: at,
  };
  return {
    ...{
      id: n + 1,
      key: `mac ${NETWORK} ${mac(n)}`,
      kind: 'mac',
      network: ID,
      state,
      blockedOn: undefined,
      attempts: 0,
    },
    ...{ notBefore: 0, lastError: undefined, origin, createdAt: at, updatedAt: at },
  };
}

/** Of claims and entries `first` and following; what the batch before left open is completed in it. */
function batchOf(first: number, count: number): JournalBatch {
  const numbers = Array.from({ length: count }, (_, i) => first + i);
  return {
    ...EMPTY,
    claims: numbers.map(claimsOf),
    entries: numbers.map((n) => entryOf(n, 'processing')),
    messages: [entryOf(first, 'pending').origin?.uniqueId ?? ''],
    sequence: first,
    at: 1_700_000_000_000 + first,
  };
}

function completed(first: number, count: number): JournalBatch {
  const entries = Array.from({ length: count }, (_, i) => entryOf(first + i, 'completed'));
  return { ...EMPTY, entries, sequence: first, at: 1_700_000_000_000 + first };
}

function trim(database: JournalDatabase, now: number): boolean {
  return database.trim({ now: 1_700_000_000_000 + now, ...LIMITS });
}

function build(directory: string, size: number): JournalDatabase {
  const path = join(directory, `${size}.db`);
  const { database } = JournalDatabase.open(path, { now: () => 0 });
  database.begin({ host: 'bench', localIp: '192.0.2.254' as IpAddress, boot: 'boot' });
  database.commit({ ...EMPTY, networks: [{ id: ID, segment: SEGMENT, settled: true }], sequence: 0, at: 0 });
  for (let first = 0; first < size; first += 1000) {
    const count = Math.min(1000, size - first);
    database.commit(batchOf(first, count));
    database.commit(completed(first, count));
    while (trim(database, first));
  }
  return database;
}

/**
 * One new entry a commit, and its completion in the next: what the daemon writes for one `add_fdb_entries`. The oldest goes
 * with it, so that there are always as many.
 */
function measure(subject: Subject): { cpu: number; slowest: number } {
  const { database } = subject;
  let slowest = 0;
  const before = process.cpuUsage();
  for (let i = 0; i < COMMITS; i++) {
    const come = batchOf(subject.next, 1);
    const gone = { ...claimsOf(subject.next - subject.size), claims: [] };
    for (const batch of [{ ...come, claims: [...come.claims, gone] }, completed(subject.next, 1)]) {
      const start = performance.now();
      database.commit(batch);
      slowest = Math.max(slowest, performance.now() - start);
    }
    subject.next++;
  }
  const { user, system } = process.cpuUsage(before);
  while (trim(database, subject.next));
  return { cpu: (user + system) / COMMITS, slowest };
}

function timed(work: () => void): { ms: number; cpuMs: number } {
  const before = process.cpuUsage();
  const start = performance.now();
  work();
  const { user, system } = process.cpuUsage(before);
  return { ms: round(performance.now() - start), cpuMs: round((user + system) / 1000) };
}

function median(samples: readonly number[]): number {
  return samples.toSorted((a, b) => a - b)[Math.floor(samples.length / 2)] ?? 0;
}

function round(value: number): number {
  return Number(value.toFixed(1));
}

function run(directory: string) {
  const subjects = SIZES.map(
    (size): Subject => ({
      size,
      database: build(directory, size),
      next: size,
      cpu: [],
      slowest: [],
    }),
  );
  for (let turn = 0; turn <= ROUNDS; turn++) {
    for (const subject of subjects) {
      const { cpu, slowest } = measure(subject);
      // The first round warms the compiler up.
      if (turn === 0) continue;
      subject.cpu.push(cpu);
      subject.slowest.push(slowest);
    }
  }
  const perEntry = subjects.map(({ size, cpu, slowest }) => ({
    macsThere: size,
    cpuMicrosecondsPerEntry: round(median(cpu)),
    slowestCommitMs: round(Math.max(...slowest)),
  }));
  const large = subjects.at(-1);
  if (large === undefined) throw new TypeError('there are no sizes');
  const batch = batchOf(large.next, 1000);
  const done = completed(large.next, 1000);
  const thousand = timed(() => large.database.commit(batch));
  large.database.commit(done);
  large.next += 1000;
  for (let i = 0; i < BACKLOG / 1000; i++, large.next += 1000) large.database.commit(completed(large.next, 1000));
  const steps = Array.from({ length: 20 }, () => timed(() => trim(large.database, large.next)));
  for (const { database } of subjects) database.close();

  build(directory, LOADED).close();
  const path = join(directory, `${LOADED}.db`);
  let claims = 0;
  const load = timed(() => {
    const { database, contents } = JournalDatabase.open(path, { now: () => 0 });
    claims = contents?.networks.reduce((sum, network) => sum + network.claims.length, 0) ?? 0;
    database.close();
  });
  return {
    perEntry,
    ratio: Number(
      ((perEntry.at(-1)?.cpuMicrosecondsPerEntry ?? 0) / (perEntry[0]?.cpuMicrosecondsPerEntry ?? 1)).toFixed(2),
    ),
    thousandEntriesInOneCommit: thousand,
    trimmingStepOf500: {
      completed: BACKLOG,
      ms: median(steps.map(({ ms }) => ms)),
      slowestMs: Math.max(...steps.map(({ ms }) => ms)),
    },
    load: { macs: LOADED, claims, fileMiB: round(statSync(path).size / 2 ** 20), ...load },
  };
}

const directory = mkdtempSync(join(tmpdir(), 'l2pop-bench-journal-'));
try {
  const { perEntry, ...rest } = run(directory);
  if (process.argv.includes('--json')) console.log(JSON.stringify({ perEntry, ...rest }));
  else {
    console.table(perEntry);
    console.log(rest);
  }
} finally {
  rmSync(directory, { recursive: true });
}
