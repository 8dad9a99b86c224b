/** Waiting for a condition, never for a time: the only timer of the lab. */
import { setTimeout as sleep } from 'node:timers/promises';

export interface WaitOptions {
  /** Milliseconds; 30 s by default. */
  readonly timeout?: number;
  /** Milliseconds between two looks; 20 by default. */
  readonly interval?: number;
}

/** The condition did not come true in time; `cause` is what it threw last, if it threw. */
export class WaitTimeoutError extends Error {
  readonly code = 'TIMEOUT';

  constructor(what: string, timeout: number, cause: unknown) {
    const last = cause instanceof Error ? `; last: ${cause.message}` : '';
    super(`waited ${timeout / 1000} s in vain for ${what}${last}`, { cause });
    this.name = 'WaitTimeoutError';
  }
}

/**
 * Looks until `condition` gives something other than `undefined` or `false`, and returns that.
 * A condition that throws is not true yet, except for a {@link GiveUp}, which ends the wait at once.
 */
export async function waitFor<T>(
  what: string,
  condition: () => T | undefined | false | Promise<T | undefined | false>,
  { timeout = 30_000, interval = 20 }: WaitOptions = {},
): Promise<T> {
  const deadline = performance.now() + timeout;
  for (;;) {
    let problem: unknown;
    try {
      const value = await condition();
      if (value !== undefined && value !== false) return value;
    } catch (error) {
      if (error instanceof GiveUp) throw error;
      problem = error;
    }
    if (performance.now() >= deadline) throw new WaitTimeoutError(what, timeout, problem);
    await sleep(interval);
  }
}

/** Thrown by a condition that can never come true any more. */
export class GiveUp extends Error {
  readonly code = 'GIVE_UP';
  override readonly name = 'GiveUp';
}
