import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Entry } from '../../../src/journal/record.ts';
import { journalReport, memorySource } from '../../../src/report/journal.ts';
import type { NetworkId } from '../../../src/values.ts';
import { entry } from '../journal/records.ts';

const NOW = Date.UTC(2025, 0, 1);
const ALL = { state: undefined, network: undefined, key: undefined, limit: 100 };
const NETWORK = '1a2b3c4d-0000-4000-8000-000000000001' as NetworkId;

const WAITING: Entry = {
  ...{ id: 7, key: `mac ${NETWORK} vxlan 7419 fa:16:3e:00:00:12`, kind: 'mac', network: NETWORK, state: 'pending' },
  ...{ blockedOn: 'ofport of tunnel vxlan 172.30.0.12', attempts: 0, notBefore: 0, lastError: undefined },
  origin: { uniqueId: 'u', requestId: 'req-1', queue: 'q', receivedAt: NOW },
  ...{ createdAt: NOW, updatedAt: NOW + 1 },
};
const REFUSED: Entry = {
  ...WAITING,
  ...{ id: 8, key: 'tunnel vxlan 172.30.0.12', kind: 'tunnel', network: undefined, blockedOn: undefined },
  ...{ attempts: 2, notBefore: NOW + 4000, lastError: 'no', origin: undefined },
};

test('times as timestamps, and null for what there is not', () => {
  const source = memorySource([WAITING, REFUSED]);
  const report = journalReport({ path: '/j.db', since: NOW, reason: undefined, source }, ALL, NOW + 5);
  expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  const at = '2025-01-01T00:00:00.000Z';
  expect(report).toEqual({
    ...{ at: '2025-01-01T00:00:00.005Z', path: '/j.db', since: at, reason: null },
    counts: { pending: 2, processing: 0, completed: 0, failed: 0 },
    entries: [
      {
        ...{ id: 8, key: 'tunnel vxlan 172.30.0.12', kind: 'tunnel', network: null, state: 'pending' },
        ...{ blockedOn: null, attempts: 2, notBefore: '2025-01-01T00:00:04.000Z', lastError: 'no', origin: null },
        ...{ createdAt: at, updatedAt: '2025-01-01T00:00:00.001Z' },
      },
      {
        ...{ id: 7, key: WAITING.key, kind: 'mac', network: NETWORK, state: 'pending' },
        ...{ blockedOn: 'ofport of tunnel vxlan 172.30.0.12', attempts: 0, notBefore: null, lastError: null },
        origin: { uniqueId: 'u', requestId: 'req-1', queue: 'q', receivedAt: at },
        ...{ createdAt: at, updatedAt: '2025-01-01T00:00:00.001Z' },
      },
    ],
  });
});

test('in memory alone: no path, and why', () => {
  const place = { path: undefined, since: NOW, reason: 'the disk is full', source: memorySource([]) };
  expect(journalReport(place, ALL, NOW)).toMatchObject({
    ...{ path: null, reason: 'the disk is full', entries: [] },
  });
});

test.each([
  ['a state', { ...ALL, state: 'failed' as const }, []],
  ['the beginning of a network', { ...ALL, network: '1a2b' }, [7]],
  ['a part of a key', { ...ALL, key: '172.30.0.12' }, [8]],
  ['the newest', { ...ALL, limit: 1 }, [8]],
])('of those in memory, by %s', (_, query, ids) => {
  expect(
    memorySource([WAITING, REFUSED])
      .entries(query)
      .map(({ id }) => id),
  ).toEqual(ids);
});

test('every entry that the journal can hold can be shown', () => {
  const place = { path: undefined, since: undefined, reason: undefined };
  fc.assert(
    fc.property(fc.array(entry), (all) => {
      const report = journalReport({ ...place, source: memorySource(all) }, ALL, NOW);
      expect(JSON.parse(JSON.stringify(report))).toEqual(report);
    }),
  );
});
