/** `l2popctl journal` as text. */
import { expect, test } from 'vitest';
import { showJournal } from '../../../src/ctl/show-journal.ts';
import type { JournalEntryReport, JournalReport } from '../../../src/report/types.ts';

const PIPE = { width: undefined, color: false };
const NETWORK = '1a2b3c4d-0000-4000-8000-000000000001';
const AT = '2025-01-01T00:01:00.000Z';

const ENTRY: JournalEntryReport = {
  ...{ id: 7, key: `mac ${NETWORK} vxlan 7419 fa:16:3e:00:00:12`, kind: 'mac', network: NETWORK, state: 'pending' },
  ...{ blockedOn: 'ofport of tunnel vxlan 172.30.0.12', attempts: 0, notBefore: null, lastError: null },
  origin: { uniqueId: 'abc', requestId: 'req-1', queue: 'q', receivedAt: '2025-01-01T00:00:58.000Z' },
  ...{ createdAt: '2025-01-01T00:00:58.000Z', updatedAt: '2025-01-01T00:00:59.000Z' },
};
const REPORT: JournalReport = {
  ...{ at: AT, path: '/var/lib/neutron/l2pop-agent.db', since: '2025-01-01T00:00:00.000Z', reason: null },
  counts: { pending: 2, processing: 0, completed: 120, failed: 1 },
  entries: [
    {
      ...{ ...ENTRY, id: 9, state: 'failed', blockedOn: null, attempts: 5, lastError: 'OFPBAC_BAD_OUT_PORT' },
      ...{ key: 'tunnel vxlan 172.30.0.13', kind: 'tunnel', network: null, origin: null },
    },
    { ...ENTRY, id: 8, blockedOn: null, attempts: 1, notBefore: '2025-01-01T00:01:04.000Z', lastError: 'refused' },
    ENTRY,
  ],
};

test('where it is kept, how many are in which state, and the entries', () => {
  const mac = `mac ${NETWORK} vxlan 7419 fa:16:3e:00:00:12`;
  expect(showJournal(REPORT, PIPE).split('\n')).toEqual([
    'in /var/lib/neutron/l2pop-agent.db for 1m: 2 pending, 0 processing, 120 completed, 1 failed',
    'ID  STATE    SINCE   HEARD   ATTEMPTS  WHAT                                                                   WAITS FOR                           ERROR                MESSAGE',
    ` 9  failed   1s ago                 5  tunnel vxlan 172.30.0.13                                                                                   OFPBAC_BAD_OUT_PORT`,
    ` 8  pending  1s ago  2s ago         1  ${mac}  another attempt in 4s               refused              req-1`,
    ` 7  pending  1s ago  2s ago            ${mac}  ofport of tunnel vxlan 172.30.0.12                       req-1`,
    '',
  ]);
});

test('in memory alone, and empty', () => {
  const report = { ...REPORT, path: null, reason: 'there is no room left', entries: [] };
  expect(showJournal(report, PIPE)).toBe(
    'in memory alone for 1m: 2 pending, 0 processing, 120 completed, 1 failed; there is no room left\nno entry that fits\n',
  );
});

test('read without the daemon, nobody knows since when; on a terminal networks are short', () => {
  const shown = showJournal({ ...REPORT, since: null }, { width: 500, color: false });
  expect(shown).toMatch(/^in \/var\/lib\/neutron\/l2pop-agent\.db: 2 pending/);
  expect(shown).toContain('mac 1a2b3c4d vxlan 7419 fa:16:3e:00:00:12');
});
