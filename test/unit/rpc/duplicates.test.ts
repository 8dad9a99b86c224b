import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { Duplicates } from '../../../src/rpc/duplicates.ts';

test('a repeat of a pending message is acknowledged with the first one, all copies at once', () => {
  const duplicates = new Duplicates(10);
  const [first, repeat] = [vi.fn<() => void>(), vi.fn<() => void>()];
  expect(duplicates.first('a', first)).toBe(true);
  expect(duplicates.first('a', repeat)).toBe(false);
  expect(repeat).not.toHaveBeenCalled();
  duplicates.settle('a');
  expect(first).toHaveBeenCalledOnce();
  expect(repeat).toHaveBeenCalledOnce();
});

test('a repeat of a settled message is acknowledged at once', () => {
  const duplicates = new Duplicates(10);
  duplicates.first('a', () => undefined);
  duplicates.settle('a');
  const repeat = vi.fn<() => void>();
  expect(duplicates.first('a', repeat)).toBe(false);
  expect(repeat).toHaveBeenCalledOnce();
});

test('settling twice, or what never came, does nothing', () => {
  const duplicates = new Duplicates(10);
  const ack = vi.fn<() => void>();
  duplicates.first('a', ack);
  duplicates.settle('a');
  duplicates.settle('a');
  duplicates.settle('b');
  expect(ack).toHaveBeenCalledOnce();
  expect(duplicates.first('b', ack)).toBe(true);
});

test('only the last settled ids are remembered, pending ones always', () => {
  const duplicates = new Duplicates(2);
  duplicates.first('pending', () => undefined);
  for (const id of ['a', 'b', 'c']) {
    duplicates.first(id, () => undefined);
    duplicates.settle(id);
  }
  expect(['a', 'b', 'c', 'pending'].map((id) => duplicates.first(id, () => undefined))).toEqual([
    true,
    false,
    false,
    false,
  ]);
});

test('every copy is acknowledged exactly once, and none before its message is settled', () => {
  const step = fc.record({ id: fc.constantFrom('a', 'b', 'c'), settle: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const duplicates = new Duplicates(100);
      const settled = new Set<string>();
      const copies: { id: string; acks: number }[] = [];
      for (const { id, settle } of steps) {
        if (settle && copies.some((copy) => copy.id === id)) {
          settled.add(id);
          duplicates.settle(id);
        } else {
          const copy = { id, acks: 0 };
          copies.push(copy);
          duplicates.first(id, () => {
            copy.acks++;
          });
        }
        for (const copy of copies) expect(copy.acks).toBe(settled.has(copy.id) ? 1 : 0);
      }
    }),
  );
});
