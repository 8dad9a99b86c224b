import { expect, test } from 'vitest';
import { MemoryStore, type StoreRecord } from '../../../src/journal/store.ts';
import type { PortId } from '../../../src/values.ts';

const record = (uniqueId: string): StoreRecord => ({
  change: { kind: 'port-delete', port: '8b3f4c52-0d5a-4a9e-9a53-4d1e1a3f0c11' as PortId },
  uniqueId,
  requestId: undefined,
  queue: 'q',
  receivedAt: 0,
});

test('keeps what was committed, in order, the newest of it', async () => {
  const store = new MemoryStore(3);
  await store.commit([record('1'), record('2')]);
  await store.commit([]);
  await store.commit([record('3'), record('4')]);
  expect(store.recent().map(({ uniqueId }) => uniqueId)).toEqual(['2', '3', '4']);
});
