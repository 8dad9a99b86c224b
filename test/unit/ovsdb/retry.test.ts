import { expect, test } from 'vitest';
import { OvsdbConnectionError, OvsdbSchemaError } from '../../../src/ovsdb/errors.ts';
import { LONGEST_DELAY_MS, Retry } from '../../../src/ovsdb/retry.ts';

const lost = (code: string) => new OvsdbConnectionError(code, { code, outcome: 'unknown' });

test('delays double up to the longest', () => {
  const retry = new Retry();
  const delays = Array.from({ length: 7 }, () => retry.delay(0, 1));
  expect(delays).toEqual([100, 200, 400, 800, 1600, LONGEST_DELAY_MS, LONGEST_DELAY_MS]);
});

test('chance spreads a delay over its upper half', () => {
  expect(new Retry().delay(0, 0)).toBe(50);
  expect(new Retry().delay(0, 0.5)).toBe(75);
});

test('only a session that lasted makes delays short again', () => {
  const retry = new Retry();
  retry.delay(0, 1);
  expect(retry.delay(LONGEST_DELAY_MS - 1, 1)).toBe(200);
  expect(retry.delay(LONGEST_DELAY_MS, 1)).toBe(100);
});

test('an outage is said once for each class of error, and again in the next outage', () => {
  const retry = new Retry();
  expect(retry.isNews(lost('ECONNRESET'))).toBe(true);
  expect(retry.isNews(lost('ECONNREFUSED'))).toBe(false);
  expect(retry.isNews(new OvsdbSchemaError('no column'))).toBe(true);
  expect(retry.isNews(lost('ECONNREFUSED'))).toBe(false);
  retry.connected();
  expect(retry.isNews(lost('ECONNRESET'))).toBe(true);
});
