import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Flow } from '../../src/flows/flow.ts';
import { FlowLedger } from '../../src/flows/ledger.ts';
import type { FlowEvent } from '../../src/flows/monitor-events.ts';
import { type MonitorHandlers, SwitchWatch } from '../../src/switch-watch.ts';
import { type Line, testLog } from './log.ts';

const COOKIE = '0x6c32400100000000';
const WANTED: Flow = { table: 20, priority: 2, match: 'dl_vlan=1', actions: 'drop', cookie: COOKIE };
const deleted: FlowEvent = { kind: 'deleted', table: 20, match: 'dl_vlan=1', cookie: COOKIE, actions: 'drop' };
const foreign: FlowEvent = { kind: 'added', table: 20, match: 'dl_vlan=9', cookie: '0xfeed', actions: 'drop' };

class UnreachableError extends Error {
  readonly code = 'unreachable';
}

let lines: Line[];
let monitors: Map<string, MonitorHandlers & { running: boolean }>;
/** When each comparison was asked for, in milliseconds since the start. */
let compares: number[];
/** How long the next ones take, and what comes of them. */
let compareMs: number;
let outcome: Error | undefined;
/** Resolves when the batch under way is done. */
let batch: Promise<void>;
let ledger: FlowLedger;
let watch: SwitchWatch;
let started: number;

beforeEach(() => {
  vi.useFakeTimers();
  const { log, lines: written } = testLog();
  lines = written;
  monitors = new Map();
  compares = [];
  compareMs = 20;
  outcome = undefined;
  batch = Promise.resolve();
  started = Date.now();
  ledger = new FlowLedger();
  ledger.want('a', [WANTED]);
  ledger.applied(ledger.changes());
  watch = new SwitchWatch({
    bridges: [
      { name: 'br-int', ledger: new FlowLedger() },
      { name: 'br-tun', ledger },
    ],
    monitor(bridge, handlers) {
      const monitor = {
        ...handlers,
        running: false,
        start: () => {
          monitor.running = true;
        },
        stop: () => {
          monitor.running = false;
          return Promise.resolve();
        },
      };
      monitors.set(bridge, monitor);
      return monitor;
    },
    between: async (run) => {
      await batch;
      return await run();
    },
    async compare() {
      compares.push(Date.now() - started);
      await new Promise((resolve) => setTimeout(resolve, compareMs));
      if (outcome !== undefined) throw outcome;
    },
    log,
    now: () => Date.now(),
  });
  watch.start();
});

afterEach(async () => {
  await watch.stop();
  vi.useRealTimers();
});

function monitor(bridge: string): MonitorHandlers & { running: boolean } {
  const found = monitors.get(bridge);
  if (found === undefined) throw new Error(`nobody watches ${bridge}`);
  return found;
}

/** Both are up, and what that calls for is done. */
async function up(): Promise<void> {
  monitor('br-int').onUp();
  monitor('br-tun').onUp();
  await vi.advanceTimersByTimeAsync(2_000);
  compares.length = 0;
  started = Date.now();
}

test('what happened before the monitors were up is not known: one comparison', async () => {
  expect(watch.monitors.map(({ up }) => up)).toEqual([false, false]);
  expect(watch.seesSwitch).toBe(false);
  monitor('br-int').onUp();
  // A bridge that is not there yet has no monitor; one is enough.
  expect(watch.seesSwitch).toBe(true);
  await vi.advanceTimersByTimeAsync(10);
  monitor('br-tun').onUp();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(compares).toHaveLength(1);
  expect(watch.monitors.map(({ bridge, up }) => [bridge, up])).toEqual([
    ['br-int', true],
    ['br-tun', true],
  ]);
});

test('it stops its monitors, and compares no more', async () => {
  await up();
  monitor('br-tun').onEvents([deleted]);
  await watch.stop();
  await vi.advanceTimersByTimeAsync(5_000);
  expect([monitor('br-int').running, monitor('br-tun').running]).toEqual([false, false]);
  expect(compares).toEqual([]);
});

describe('what others do', () => {
  test('is compared within a fraction of a second, once for all of it', async () => {
    await up();
    lines.length = 0;
    for (let i = 0; i < 100; i++) monitor('br-tun').onEvents([{ ...foreign, match: `dl_vlan=${i}` }]);
    await vi.advanceTimersByTimeAsync(200);
    expect(compares).toHaveLength(1);
    expect(compares[0]).toBeLessThanOrEqual(100);
    expect(lines).toMatchObject([{ level: 30, bridge: 'br-tun', added: 100, deleted: 0, modified: 0 }]);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(compares).toHaveLength(1);
  });

  test('to flows of ours is a warning', async () => {
    await up();
    lines.length = 0;
    monitor('br-tun').onEvents([foreign, deleted]);
    await vi.advanceTimersByTimeAsync(200);
    expect(lines).toMatchObject([{ level: 40, added: 1, deleted: 1 }]);
  });

  test('that never ends costs a comparison now and then, more seldom where comparing takes long', async () => {
    await up();
    const storm = setInterval(() => monitor('br-tun').onEvents([foreign]), 10);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(compares.length).toBeGreaterThan(10);
    expect(compares.length).toBeLessThanOrEqual(20);
    compareMs = 2_000;
    await vi.advanceTimersByTimeAsync(5_000);
    compares.length = 0;
    await vi.advanceTimersByTimeAsync(60_000);
    clearInterval(storm);
    expect(compares.length).toBeGreaterThanOrEqual(5);
    expect(compares.length).toBeLessThanOrEqual(7);
  });

  test('is looked at when the batch under way is done', async () => {
    await up();
    const { promise, resolve } = Promise.withResolvers<void>();
    batch = promise;
    monitor('br-tun').onEvents([deleted]);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(compares).toEqual([]);
    resolve();
    await vi.advanceTimersByTimeAsync(100);
    expect(compares).toHaveLength(1);
  });

  test('and what the batch under way has put right by then is no reason to compare', async () => {
    await up();
    const { promise, resolve } = Promise.withResolvers<void>();
    batch = promise;
    monitor('br-tun').onEvents([deleted]);
    await vi.advanceTimersByTimeAsync(100);
    monitor('br-tun').onEvents([{ ...deleted, kind: 'added' }]);
    resolve();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(compares).toEqual([]);
  });

  test('while it is compared calls for another comparison', async () => {
    await up();
    compareMs = 1_000;
    monitor('br-tun').onEvents([deleted]);
    await vi.advanceTimersByTimeAsync(500);
    monitor('br-tun').onEvents([foreign]);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(compares).toHaveLength(2);
  });
});

test('our own bundles and learned flows call for nothing', async () => {
  await up();
  ledger.want('b', [{ ...WANTED, match: 'dl_vlan=2' }]);
  monitor('br-tun').onEvents([
    { ...deleted, kind: 'added', match: 'dl_vlan=2' },
    { ...deleted, kind: 'added', match: 'dl_vlan=1,dl_dst=fa:16:3e:00:00:01', cookie: '0x6c32700000000000' },
  ]);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(compares).toEqual([]);
});

describe('the end of a monitor', () => {
  test('calls for a comparison at once, which says why; so does its return', async () => {
    await up();
    outcome = new UnreachableError('connection refused');
    monitor('br-tun').onDown('End of file');
    monitor('br-int').onDown('End of file');
    await vi.advanceTimersByTimeAsync(1);
    expect(compares).toEqual([0]);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(watch.monitors.map(({ up }) => up)).toEqual([false, false]);
    const before = compares.length;
    outcome = undefined;
    monitor('br-tun').onUp();
    monitor('br-int').onUp();
    await vi.advanceTimersByTimeAsync(100);
    expect(compares).toHaveLength(before + 1);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(compares).toHaveLength(before + 1);
    expect(watch.monitors.map(({ up }) => up)).toEqual([true, true]);
  });

  test('is said once, however often it cannot be started again', async () => {
    await up();
    lines.length = 0;
    monitor('br-tun').onDown('End of file');
    for (let i = 0; i < 50; i++) monitor('br-tun').onDown('Connection refused');
    expect(lines.map(({ level, reason }) => [level, reason])).toEqual([
      [40, 'End of file'],
      [30, 'Connection refused'],
    ]);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(compares).toHaveLength(1);
  });
});
