import { expect, test } from 'vitest';
import { backoffDelay } from '../../../src/rpc/backoff.ts';

const config = { retryInterval: 1, retryBackoff: 2, intervalMax: 30 };

test.each([
  [1, 0, 500],
  [1, 1, 1_000],
  [2, 0, 1_500],
  [2, 1, 3_000],
  [100, 0, 15_000],
  [100, 1, 30_000],
])('round %i at random %d waits %i ms', (round, random, delay) => {
  expect(backoffDelay(config, round, random)).toBe(delay);
});
