/** kill -9 at any instruction: what a commit that returned has said is there, and of no batch only a part. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { JournalDatabase } from '../../../src/journal/database.ts';
import { networkOf, numberedBatch, PARTS, portOf } from './committer.ts';

const COMMITTER = new URL('committer.ts', import.meta.url).pathname;
const OPTIONS = { now: () => 0 };

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'l2pop-journal-'));
  path = join(directory, 'l2pop-agent.db');
});
afterEach(() => rmSync(directory, { recursive: true }));

/** @returns the number of the last batch whose commit returned. `afterMs`: after its first one. */
async function commitUntilKilled(first: number, afterMs: number): Promise<number> {
  const child = spawn(process.execPath, [COMMITTER, path, String(first)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  let last = -1;
  const lines = createInterface(child.stdout);
  lines.on('line', (line) => {
    last = Number(line);
  });
  const closed = once(lines, 'close');
  await Promise.race([once(lines, 'line'), exited]);
  // The moment of the kill is what is tried: nothing is waited for.
  await sleep(afterMs);
  expect(child.exitCode, 'it runs until it is killed').toBeNull();
  child.kill('SIGKILL');
  await Promise.all([exited, closed]);
  return last;
}

/** @returns the number of the last batch that is there. */
function check(acknowledged: number): number {
  const { database, contents, problem } = JournalDatabase.open(path, OPTIONS);
  try {
    expect(problem).toBeUndefined();
    const last = contents?.sequence ?? -1;
    expect(last).toBeGreaterThanOrEqual(acknowledged);
    // It was killed in the commit after the last that it told of, or before it.
    expect(last).toBeLessThanOrEqual(acknowledged + 1);
    const { entries, claims } = numberedBatch(last);
    expect(contents?.open).toEqual(entries.filter(({ state }) => state === 'pending'));
    expect(contents?.networks).toHaveLength(2);
    expect(contents?.networks[0]?.claims).toEqual(claims.flatMap((write) => write.claims));
    expect(contents?.networks[1]).toMatchObject({ id: networkOf(last), claims: [] });
    expect(contents?.vifs).toEqual([portOf(last)]);
    expect(contents?.messages.at(-1)).toBe(`message ${last}`);
    expect(contents?.offsets.get('topic')).toBe(last);
    expect(contents?.lastId).toBe(last * PARTS + PARTS - 1);
    const completed = database.entries({ state: 'completed', limit: 1_000_000 });
    expect(completed).toHaveLength(database.counts.completed);
    return last;
  } finally {
    database.close();
  }
}

test('killed 25 times, at once or after hundreds of batches', async () => {
  let next = 0;
  for (let round = 0; round < 25; round++) {
    const last = await commitUntilKilled(next, round % 5 === 0 ? 0 : Math.random() * 250);
    next = check(last) + 1;
  }
  expect(next).toBeGreaterThan(100);
});
