/** Random journal contents, and a journal in plain memory to compare with. */
import fc from 'fast-check';
import {
  ENTRY_KINDS,
  ENTRY_STATES,
  type Entry,
  type JournalBatch,
  type JournalContents,
  type JournalHeader,
  type SavedClaim,
  type SavedNetwork,
} from '../../../src/journal/record.ts';
import type { IpAddress, MacAddress, NetworkId, PortId, SegmentationId } from '../../../src/values.ts';
import { networkKey } from '../../../src/vif/local-vlans.ts';

const NETWORKS: readonly Omit<SavedNetwork, 'settled'>[] = [
  { id: network(1), segment: { type: 'vxlan', segmentationId: 7 as SegmentationId } },
  { id: network(1), segment: { type: 'gre', segmentationId: 0xffffffff as SegmentationId } },
  { id: network(2), segment: { type: 'geneve', segmentationId: 0 as SegmentationId } },
];
const VTEPS = ['172.30.0.12', '172.30.0.13', '2001:db8::1'] as IpAddress[];
const MACS = ['fa:16:3e:00:00:01', 'fa:16:3e:00:00:02'] as MacAddress[];
const IPS = ['10.0.0.1', '10.0.0.2', 'fe80::f816:3eff:fe00:1'] as IpAddress[];

const PORTS = [1, 2, 3, 4].map((n) => `0a000000-0000-4000-8000-00000000000${n}` as PortId);

/** What is written and read back is text of any kind, but for lone surrogates, which UTF-8 has not. */
const text = fc.oneof(fc.constantFrom('', 'a', "'", '\0', 'vxlan 172.30.0.12'), fc.string({ unit: 'binary' }));
const time = fc.integer({ min: 0, max: 1_000_000 });
const optional = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined });

const stamp: fc.Arbitrary<SavedClaim['stamp']> = fc.record(
  // Half steps: see `assertedAgain` of the FDB.
  { sequence: fc.integer({ min: -3, max: 40 }).map((n) => n / 2), at: time, heard: time },
  { requiredKeys: ['sequence', 'at'] },
);

const claims = fc
  .record({
    network: fc.constantFrom(...NETWORKS.map(({ id, segment }) => networkKey(id, segment))),
    vtep: fc.constantFrom(...VTEPS),
    mac: optional(fc.constantFrom(...MACS)),
    located: optional(stamp),
    ips: fc.uniqueArray(fc.tuple(fc.constantFrom(...IPS), stamp), { selector: ([ip]) => ip }),
  })
  .map(({ network, vtep, mac, located, ips }) => {
    const one = (ip: IpAddress | undefined, stamp: SavedClaim['stamp']) => ({ vtep, mac, ip, stamp });
    const all = mac === undefined ? [] : ips.map(([ip, stamp]) => one(ip, stamp));
    return { network, vtep, mac, claims: located === undefined ? all : [one(undefined, located), ...all] };
  });

export const entry: fc.Arbitrary<Entry> = fc.record({
  id: fc.integer({ min: 1, max: 30 }),
  key: text,
  kind: fc.constantFrom(...ENTRY_KINDS),
  network: optional(fc.constantFrom(network(1), network(2))),
  state: fc.constantFrom(...ENTRY_STATES),
  blockedOn: optional(text),
  attempts: fc.nat(9),
  notBefore: time,
  lastError: optional(text),
  origin: optional(fc.record({ uniqueId: optional(text), requestId: optional(text), queue: text, receivedAt: time })),
  createdAt: time,
  updatedAt: time,
});

export const batch: fc.Arbitrary<JournalBatch> = fc.record({
  gone: fc.subarray(NETWORKS.map(({ id, segment }) => networkKey(id, segment))),
  networks: fc
    .subarray([...NETWORKS])
    .chain((some) => fc.tuple(...some.map((one) => fc.boolean().map((settled) => ({ ...one, settled }))))),
  claims: fc.array(claims, { maxLength: 6 }),
  vifs: fc.subarray(PORTS),
  vifsGone: fc.subarray(PORTS),
  entries: fc.array(entry, { maxLength: 6 }),
  messages: fc.array(text, { maxLength: 3 }),
  offsets: fc.array(fc.tuple(text, fc.maxSafeNat()), { maxLength: 2 }).map((pairs) => new Map(pairs)),
  sequence: fc.integer({ min: 0, max: 99 }).map((n) => n / 2),
  at: time,
});

export const header: fc.Arbitrary<JournalHeader> = fc.record({
  host: fc.constantFrom('host1', 'host2'),
  localIp: fc.constantFrom(...VTEPS),
  boot: fc.constantFrom('boot1', 'boot2'),
});

export interface Limits {
  readonly now: number;
  readonly keepMs: number;
  readonly keepCount: number;
}

/** What the journal is to hold, said in the plainest way. */
export class Model {
  #header: JournalHeader | undefined;
  #sequence = 0;
  #lastId = 0;
  readonly #networks = new Map<string, { network: SavedNetwork; readonly claims: Map<string, SavedClaim[]> }>();
  readonly entries = new Map<number, Entry>();
  readonly #vifs = new Set<PortId>();
  #messages: string[] = [];
  readonly #offsets = new Map<string, number>();

  /** What of a batch can be written: claims of networks that are there by then. */
  possible(batch: JournalBatch): JournalBatch {
    const there = new Set(this.#networks.keys());
    for (const key of batch.gone) there.delete(key);
    for (const { id, segment } of batch.networks) there.add(networkKey(id, segment));
    return { ...batch, claims: batch.claims.filter(({ network }) => there.has(network)) };
  }

  begin(header: JournalHeader, anew: boolean): void {
    const former = this.#header;
    this.#header = header;
    if (former === undefined) return;
    if (former.boot !== header.boot) {
      for (const known of this.#networks.values()) known.network = { ...known.network, settled: false };
    }
    if (!anew && former.host === header.host && former.localIp === header.localIp) return;
    this.#networks.clear();
    this.#vifs.clear();
    this.#messages = [];
    this.#offsets.clear();
    this.#sequence = 0;
    this.#lastId = 0;
    const remark = `given up: of host ${former.host}, local_ip ${former.localIp}, before the journal was begun anew`;
    const all = [...this.entries.values()];
    const past = 1 + Math.max(...all.map(({ id }) => id)) - Math.min(0, ...all.map(({ id }) => id));
    this.entries.clear();
    for (const entry of all) {
      const closed = { state: 'completed', blockedOn: undefined, lastError: remark } as const;
      const id = entry.id - past;
      this.entries.set(id, { ...entry, ...(entry.state === 'completed' ? {} : closed), id });
    }
  }

  commit(batch: JournalBatch): void {
    for (const key of batch.gone) this.#networks.delete(key);
    for (const network of batch.networks) {
      const key = networkKey(network.id, network.segment);
      this.#networks.set(key, { network, claims: this.#networks.get(key)?.claims ?? new Map() });
    }
    for (const { network, vtep, mac, claims } of batch.claims) {
      this.#networks.get(network)!.claims.set(`${vtep} ${mac}`, [...claims]);
    }
    for (const port of batch.vifsGone) this.#vifs.delete(port);
    for (const port of batch.vifs) this.#vifs.add(port);
    for (const entry of batch.entries) {
      this.entries.set(entry.id, entry);
      this.#lastId = Math.max(this.#lastId, entry.id);
    }
    this.#messages.push(...batch.messages);
    this.#offsets.clear();
    for (const [topic, offset] of batch.offsets) this.#offsets.set(topic, offset);
    this.#sequence = batch.sequence;
  }

  /** Of equals in age any may go: their ids are what is returned to choose from, with how many stay. */
  trim({ now, keepMs, keepCount }: Limits): { readonly stay: number; readonly youngest: number[] } {
    const completed = [...this.entries.values()].filter(({ state }) => state === 'completed');
    const young = completed.filter(({ updatedAt }) => updatedAt >= now - keepMs);
    const ages = young.map(({ updatedAt }) => updatedAt).sort((a, b) => b - a);
    return { stay: Math.min(keepCount, young.length), youngest: ages.slice(0, keepCount) };
  }

  contents(): JournalContents | undefined {
    if (this.#header === undefined) return undefined;
    return {
      header: this.#header,
      sequence: this.#sequence,
      lastId: this.#lastId,
      networks: [...this.#networks.values()].map(({ network, claims }) => ({
        ...network,
        claims: [...claims.values()].flat(),
      })),
      vifs: [...this.#vifs],
      open: [...this.entries.values()].filter(({ state }) => state !== 'completed'),
      messages: this.#messages,
      offsets: this.#offsets,
    };
  }
}

/** Without the order of what has none. */
export function sorted(contents: JournalContents | undefined): unknown {
  if (contents === undefined) return undefined;
  return {
    ...contents,
    networks: byText(contents.networks.map((network) => ({ ...network, claims: byText(network.claims) }))),
    vifs: contents.vifs.toSorted(),
    open: contents.open.toSorted((a, b) => a.id - b.id),
    offsets: byText([...contents.offsets]),
  };
}

function byText<T>(items: readonly T[]): T[] {
  const keyed = items.map((item) => ({ item, key: JSON.stringify(item) }));
  return keyed.sort((a, b) => (a.key < b.key ? -1 : 1)).map(({ item }) => item);
}

function network(n: number): NetworkId {
  return `00000000-0000-4000-8000-00000000000${n}` as NetworkId;
}
