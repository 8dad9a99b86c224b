import { expect, test } from 'vitest';
import { Backoff } from '../../src/backoff.ts';

test('twice as long each time, up to the limit; from the beginning after a reset', () => {
  const backoff = new Backoff(500, 3000);
  expect([1, 2, 3, 4, 5].map(() => backoff.next())).toEqual([500, 1000, 2000, 3000, 3000]);
  backoff.reset();
  expect([backoff.next(), backoff.next()]).toEqual([500, 1000]);
});
