/** Several processes on one database file register endpoints at the same time: none fails, nothing is there twice. */
import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Endpoint } from '../../../lab/server/facts.ts';
import { RETRY } from '../../../lab/server/server.ts';
import { Store } from '../../../lab/server/store.ts';
import { TUNNEL_TYPES } from '../../../src/values.ts';
import type { Registration, Result } from './register.ts';

const CHILD = new URL('register.ts', import.meta.url).pathname;

let directory: string;
let file: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'lab-server-'));
  file = join(directory, 'server.db');
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

/** Runs one process per share, all let go at once on a database that does not exist yet. */
async function race(shares: readonly (readonly Registration[])[]): Promise<Result[][]> {
  const children = shares.map(() => fork(CHILD, [file], { execArgv: [] }));
  try {
    await Promise.all(children.map((child) => once(child, 'message')));
    const results = children.map(resultsOf);
    for (const [index, child] of children.entries()) child.send(shares[index] ?? []);
    return await Promise.all(results);
  } finally {
    for (const child of children) child.kill('SIGKILL');
  }
}

async function resultsOf(child: ChildProcess): Promise<Result[]> {
  const [results] = (await once(child, 'message')) as [Result[]];
  const [status] = (await once(child, 'exit')) as [number | null];
  expect(status).toBe(0);
  return results;
}

async function endpoints(): Promise<Endpoint[]> {
  const store = await Store.open(file, RETRY);
  const all = store.endpoints.all();
  store.close();
  return all;
}

function expectUnique(all: readonly Endpoint[]): void {
  expect(new Set(all.map(({ tunnelType, ip }) => `${tunnelType} ${ip}`)).size).toBe(all.length);
  expect(new Set(all.map(({ tunnelType, host }) => `${tunnelType} ${host}`)).size).toBe(all.length);
}

const HOSTS = Array.from({ length: 100 }, (_, index) => index);
/** 300 registrations: each host with its address, for each type. */
const OWN: readonly Registration[] = HOSTS.flatMap((n) =>
  TUNNEL_TYPES.map((type) => ({ type, host: `host${n}`, ip: `10.0.${n}.1` })),
);

describe('registrations of two processes at once', () => {
  test('the same endpoints', async () => {
    const results = (await race([OWN, OWN])).flat();
    expect(results.filter(({ found }) => !found)).toEqual([]);
    expect(results).toHaveLength(2 * OWN.length);
    const all = await endpoints();
    expectUnique(all);
    expect(all).toHaveLength(OWN.length);
  });

  test('different endpoints', async () => {
    const shares = [0, 1].map((half) => OWN.filter((_, index) => index % 2 === half));
    const results = (await race(shares)).flat();
    expect(results.filter(({ found }) => !found)).toEqual([]);
    expect(await endpoints()).toHaveLength(OWN.length);
  });

  test('hosts whose address changes: each old one is given up once, the last one stays', async () => {
    // Both processes take host n through 10.0.n.1, .2, … .6: what one reads, the other is about to change.
    const steps = [1, 2, 3, 4, 5, 6];
    const moves = HOSTS.slice(0, 50).flatMap((n) =>
      steps.map((step) => ({ type: 'vxlan' as const, host: `host${n}`, ip: `10.0.${n}.${step}` })),
    );
    const results = (await race([moves, moves])).flat();
    expect(results.filter(({ found }) => !found)).toEqual([]);
    const all = await endpoints();
    expectUnique(all);
    expect(all.map(({ host }) => host).sort()).toEqual(
      HOSTS.slice(0, 50)
        .map((n) => `host${n}`)
        .sort(),
    );
    // Every address that was given up and is not there now was announced at least once.
    const announced = new Set(results.map(({ forget }) => forget));
    const present = new Set<string>(all.map(({ ip }) => ip));
    const gone = moves.map(({ ip }) => ip).filter((ip) => !present.has(ip));
    expect(gone.filter((ip) => !announced.has(ip))).toEqual([]);
  });

  test('two hosts with one address: it belongs to one of them', async () => {
    const shares = ['a', 'b'].map((name) =>
      HOSTS.map((n) => ({ type: 'gre' as const, host: `${name}${n}`, ip: `10.0.${n}.1` })),
    );
    const results = (await race(shares)).flat();
    expect(results.filter(({ found }) => !found)).toEqual([]);
    const all = await endpoints();
    expectUnique(all);
    expect(all.map(({ ip }) => ip).sort()).toEqual(HOSTS.map((n) => `10.0.${n}.1`).sort());
  });
});
