/**
 * Bounded retries for a database that several servers write to: SQLite says "busy" when another connection holds the
 * write lock longer than `busy_timeout`, and a UNIQUE constraint fails when another writer was first.
 */

/** Primary result codes of https://www.sqlite.org/rescode.html; the low byte of an extended one. */
const SQLITE_BUSY = 5;
const SQLITE_LOCKED = 6;
const SQLITE_CONSTRAINT_PRIMARYKEY = 1555;
const SQLITE_CONSTRAINT_UNIQUE = 2067;

export interface RetryPolicy {
  /** Attempts in all, at least 1. */
  readonly attempts: number;
  /** Milliseconds before the second attempt; each later wait may be twice as long, up to `maximum`. */
  readonly base: number;
  readonly maximum: number;
  /** 0 ≤ x < 1, drawn anew for each wait. */
  readonly random: () => number;
  readonly sleep: (milliseconds: number) => Promise<void>;
}

/** Every attempt failed for a reason that could have gone away; `cause` is the last one. */
export class RetriesExhausted extends Error {
  readonly code = 'RETRIES_EXHAUSTED';
  readonly attempts: number;

  constructor(attempts: number, cause: unknown) {
    super(`gave up after ${attempts} attempts: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.name = 'RetriesExhausted';
    this.attempts = attempts;
  }
}

/** Runs `work` until it succeeds, fails for another reason than a `transient` one, or the attempts are used up. */
export async function retrying<T>(
  policy: RetryPolicy,
  transient: (error: unknown) => boolean,
  work: () => T,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return work();
    } catch (error) {
      if (!transient(error)) throw error;
      if (attempt >= policy.attempts) throw new RetriesExhausted(attempt, error);
      const ceiling = Math.min(policy.maximum, policy.base * 2 ** (attempt - 1));
      await policy.sleep(ceiling * (0.5 + policy.random() / 2));
    }
  }
}

/** Another connection has the lock. */
export function isBusy(error: unknown): boolean {
  const code = sqliteCode(error);
  return code !== undefined && ((code & 0xff) === SQLITE_BUSY || (code & 0xff) === SQLITE_LOCKED);
}

/** A row with this key is there already. */
export function isDuplicate(error: unknown): boolean {
  const code = sqliteCode(error);
  return code === SQLITE_CONSTRAINT_UNIQUE || code === SQLITE_CONSTRAINT_PRIMARYKEY;
}

function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error)) return undefined;
  return typeof error.errcode === 'number' ? error.errcode : undefined;
}
