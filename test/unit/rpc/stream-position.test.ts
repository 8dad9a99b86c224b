import { expect, test } from 'vitest';
import { StreamPosition } from '../../../src/rpc/stream-position.ts';

test('a successor begins at the first message that is not acknowledged, however many later ones are', () => {
  const position = new StreamPosition(5);
  expect([position.next, position.settled]).toEqual([5, 5]);
  for (const offset of [5, 6, 7]) position.handed(offset);
  expect([position.next, position.settled]).toEqual([8, 5]);
  position.acknowledged(6);
  expect(position.settled).toBe(5);
  position.acknowledged(5);
  expect(position.settled).toBe(7);
  position.acknowledged(7);
  expect([position.next, position.settled]).toEqual([8, 8]);
});
