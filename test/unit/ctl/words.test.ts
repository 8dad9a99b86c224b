import fc from 'fast-check';
import { expect, it, test } from 'vitest';
import { ago, plural, seconds, shortener, span } from '../../../src/ctl/words.ts';

it.each([
  [0, '0s'],
  [59, '59s'],
  [60, '1m'],
  [185, '3m 5s'],
  [3600, '1h'],
  [9_659, '2h 40m'],
  [86_400, '1d'],
  [435_600, '5d 1h'],
])('%i seconds are %s', (total, text) => {
  expect(seconds(total)).toBe(text);
});

test('a time in the future is now', () => {
  expect(span('2025-01-01T00:00:10Z', '2025-01-01T00:00:00Z')).toBe('0s');
  expect(ago('2025-01-01T00:00:00Z', '2025-01-01T00:01:01Z')).toBe('1m 1s ago');
  expect(ago(null, '2025-01-01T00:01:01Z')).toBe('');
});

test('one and many', () => {
  expect([plural(1, 'flow'), plural(2, 'flow'), plural(0, 'entry', 'entries')]).toEqual([
    '1 flow',
    '2 flows',
    '0 entries',
  ]);
});

test('ids are shortened to what still tells them apart', () => {
  const ids = ['1a2b3c4d-0000-4000-8000-000000000001', '1a2b3c4d-0000-4000-8000-000000000002', 'ffffffff-0000'];
  const short = shortener([...ids, ...ids]);
  expect(ids.map(short)).toEqual([ids[0], ids[1], 'ffffffff']);
  expect(short('unknown')).toBe('unknown');
});

test('a short id is the beginning of one id only', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.uuid(), { minLength: 1 }), (ids) => {
      const short = shortener(ids);
      for (const id of ids) expect(ids.filter((other) => other.startsWith(short(id)))).toEqual([id]);
    }),
  );
});
