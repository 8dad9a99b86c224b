/**
 * A process that commits to a journal in a loop until it is killed: `node committer.ts PATH FIRST`. It writes one line a
 * commit that returned, the batch's number. Batch n says n in each of its parts, so that half a batch can be told.
 */
import { writeSync } from 'node:fs';
import { JournalDatabase } from '../../../src/journal/database.ts';
import type { Entry, JournalBatch, JournalHeader } from '../../../src/journal/record.ts';
import type { IpAddress, MacAddress, NetworkId, PortId, SegmentationId } from '../../../src/values.ts';
import { networkKey } from '../../../src/vif/local-vlans.ts';

export const HEADER: JournalHeader = { host: 'host1', localIp: '172.30.0.11' as IpAddress, boot: 'boot1' };
export const SEGMENT = { type: 'vxlan', segmentationId: 7 as SegmentationId } as const;
const STAYS = '00000000-0000-4000-8000-000000000000' as NetworkId;
/** So many entries and claims a batch: more than one page of the file. */
export const PARTS = 40;

export function numberedBatch(n: number): JournalBatch {
  // One network stays and one goes with each batch.
  const id = networkOf(n);
  const stays = networkKey(STAYS, SEGMENT);
  const macs = Array.from({ length: PARTS }, (_, i) => `fa:16:3e:00:00:${hex(i)}` as MacAddress);
  const claim = (vtep: IpAddress, mac: MacAddress) => ({ vtep, mac, ip: undefined, stamp: { sequence: n, at: n } });
  const vtep = '172.30.0.12' as IpAddress;
  const entries = macs.map((mac, i): Entry => {
    const key = `mac ${stays} ${mac}`;
    return {
      ...{ id: n * PARTS + i, key, kind: 'mac', network: STAYS, state: 'pending', blockedOn: undefined, attempts: n },
      ...{ notBefore: 0, lastError: undefined, origin: undefined, createdAt: n, updatedAt: n },
    };
  });
  const former = entries.map((entry): Entry => ({ ...entry, id: entry.id - PARTS, state: 'completed' }));
  return {
    gone: n === 0 ? [] : [networkKey(networkOf(n - 1), SEGMENT)],
    networks: [STAYS, id].map((id) => ({ id, segment: SEGMENT, settled: true })),
    claims: macs.map((mac) => ({ network: stays, vtep, mac, claims: [claim(vtep, mac)] })),
    vifs: [portOf(n)],
    vifsGone: n === 0 ? [] : [portOf(n - 1)],
    entries: n === 0 ? entries : [...former, ...entries],
    messages: [`message ${n}`],
    offsets: new Map([['topic', n]]),
    sequence: n,
    at: n,
  };
}

export function networkOf(n: number): NetworkId {
  return `10000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}` as NetworkId;
}

export function portOf(n: number): PortId {
  return `20000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}` as PortId;
}

function hex(n: number): string {
  return n.toString(16).padStart(2, '0');
}

if (import.meta.main) {
  const [, , path = '', first = ''] = process.argv;
  const { database } = JournalDatabase.open(path, { now: () => 0 });
  database.begin(HEADER);
  for (let n = Number(first); ; n++) {
    database.commit(numberedBatch(n));
    writeSync(1, `${n}\n`);
    // As the daemon does, beside its batches.
    database.trim({ now: 0, keepMs: 0, keepCount: PARTS * 5, step: 30 });
  }
}
