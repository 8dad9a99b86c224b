import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import type { RetryPolicy } from '../../../../lab/server/retry.ts';
import { isBusy, isDuplicate, RetriesExhausted, retrying } from '../../../../lab/server/retry.ts';

function policy(attempts: number, random: number): { waits: number[]; policy: RetryPolicy } {
  const waits: number[] = [];
  const sleep = (milliseconds: number) => {
    waits.push(milliseconds);
    return Promise.resolve();
  };
  return { waits, policy: { attempts, base: 10, maximum: 50, random: () => random, sleep } };
}

const transient = (error: unknown) => error instanceof Error && error.message === 'transient';

describe('retrying', () => {
  test('succeeds when a later attempt does', async () => {
    const { waits, policy: five } = policy(5, 0);
    let attempt = 0;
    const work = () => {
      attempt++;
      if (attempt < 3) throw new Error('transient');
      return attempt;
    };
    await expect(retrying(five, transient, work)).resolves.toBe(3);
    expect(waits).toEqual([5, 10]);
  });

  test('gives up after its attempts and says why', async () => {
    const { waits, policy: five } = policy(5, 0.999999);
    const cause = new Error('transient');
    const result = retrying(five, transient, () => {
      throw cause;
    });
    await expect(result).rejects.toThrow(RetriesExhausted);
    await expect(result).rejects.toMatchObject({ code: 'RETRIES_EXHAUSTED', attempts: 5, cause });
    expect(waits.map(Math.round)).toEqual([10, 20, 40, 50]);
  });

  test('does not repeat what cannot get better', async () => {
    const { waits, policy: five } = policy(5, 0);
    await expect(
      retrying(five, transient, () => {
        throw new Error('final');
      }),
    ).rejects.toThrow('final');
    expect(waits).toEqual([]);
  });
});

describe('SQLite errors', () => {
  const database = new DatabaseSync(':memory:');
  database.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL); INSERT INTO t VALUES (1, 'a')");
  test.each([
    { sql: "INSERT INTO t VALUES (1, 'b')", duplicate: true },
    { sql: "INSERT INTO t VALUES (2, 'a')", duplicate: true },
    { sql: 'INSERT INTO t VALUES (3, NULL)', duplicate: false },
    { sql: 'INSERT INTO nothing VALUES (1)', duplicate: false },
  ])('$sql: duplicate $duplicate', ({ sql, duplicate }) => {
    let error: unknown;
    try {
      database.exec(sql);
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(Error);
    expect(isDuplicate(error)).toBe(duplicate);
    expect(isBusy(error)).toBe(false);
  });

  test.each([
    { errcode: 5, busy: true },
    { errcode: 261, busy: true },
    { errcode: 517, busy: true },
    { errcode: 6, busy: true },
    { errcode: 19, busy: false },
  ])('result code $errcode: busy $busy', ({ errcode, busy }) => {
    expect(isBusy(Object.assign(new Error('x'), { errcode }))).toBe(busy);
  });

  test('another error is neither', () => {
    expect(isBusy(new Error('x'))).toBe(false);
    expect(isDuplicate('x')).toBe(false);
  });
});
