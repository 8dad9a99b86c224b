/**
 * What the journal keeps, as data (DESIGN, rule 10). `database.ts` writes it and reads it back; `journal.ts` and
 * `restore.ts` say what it means.
 */
import type { Claim } from '../l2pop/fdb.ts';
import type { IpAddress, MacAddress, NetworkId, PortId } from '../values.ts';
import type { Segment } from '../vif/facts.ts';
import type { NetworkKey } from '../vif/local-vlans.ts';

/**
 *     pending ──plan──► processing ──carried out──► completed
 *        ▲  ▲               │
 *        │  └── not now ────┤
 *        │                  └── not this, too often ──► failed
 *        └───────────── maintenance ─────────────────────┘
 */
export const ENTRY_STATES = ['pending', 'processing', 'completed', 'failed'] as const;
export type EntryState = (typeof ENTRY_STATES)[number];

/**
 * `mac`: where a MAC of a network is. `ip`: whose an IP is. `flood`: where to a network is flooded. `tunnel`: whether a
 * tunnel port is there. `vif`: a VIF and what it may send. `segment`: what a segment is called here. `base`: a bridge's
 * structural flows. `refresh`: the server's whole word on a network. All but the last are kinds of a ledger's subjects.
 */
export const ENTRY_KINDS = ['mac', 'ip', 'flood', 'tunnel', 'vif', 'segment', 'base', 'refresh'] as const;
export type EntryKind = (typeof ENTRY_KINDS)[number];

/** The message that an intent came from; an intent without one followed from something else (a refresh, a restart). */
export interface Origin {
  readonly uniqueId: string | undefined;
  /** `req-<uuid>`: under it the server's own log tells its side. That of the MAC's last `port_update`, if one was heard. */
  readonly requestId: string | undefined;
  readonly queue: string;
  /** Milliseconds since the epoch. */
  readonly receivedAt: number;
}

/** One intent: something of the switch is to become as the state says. Changes of one key that wait are one entry. */
export interface Entry {
  /** Unique in one journal, ascending in the order in which intents were recorded; below 0: of a journal before this one. */
  readonly id: number;
  /** Names the thing, its kind first: `mac <network key> <MAC>`, `tunnel <type> <VTEP>`, `refresh <network key>`, … */
  readonly key: string;
  readonly kind: EntryKind;
  /** `undefined`: no network's alone, as a tunnel. */
  readonly network: NetworkId | undefined;
  readonly state: EntryState;
  /** What has to happen first, in words: `ofport of tunnel vxlan 172.30.0.12`. Only of pending ones. */
  readonly blockedOn: string | undefined;
  /** How often the switch said "not this"; "not now" does not count. */
  readonly attempts: number;
  /** Not to be tried again before (ms since the epoch); 0: at once. */
  readonly notBefore: number;
  readonly lastError: string | undefined;
  readonly origin: Origin | undefined;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** A claim of the FDB with its date; without the mark that says it came with a snapshot, which matters for an instant only. */
export interface SavedClaim extends Pick<Claim, 'vtep' | 'mac' | 'ip'> {
  readonly stamp: Omit<Claim['stamp'], 'snapshot'>;
}

export interface SavedNetwork {
  readonly id: NetworkId;
  readonly segment: Segment;
  /** The server's word of it is complete and nothing of it is in doubt: nothing has to be asked. */
  readonly settled: boolean;
}

/** All claims of one MAC (or, without one, the flooding entry) by one VTEP: they replace what was there. */
export interface ClaimsWrite {
  readonly network: NetworkKey;
  readonly vtep: IpAddress;
  readonly mac: MacAddress | undefined;
  readonly claims: readonly SavedClaim[];
}

/** What one transaction writes, in this order. Whatever it does not name stays, but for the offsets: they are all there are. */
export interface JournalBatch {
  /** Networks that have no VIF here any more: they and their claims go. */
  readonly gone: readonly NetworkKey[];
  readonly networks: readonly SavedNetwork[];
  readonly claims: readonly ClaimsWrite[];
  /** Ports whose VIF is plugged here from now on, and those of which nothing is owed any more. */
  readonly vifs: readonly PortId[];
  readonly vifsGone: readonly PortId[];
  /** By their ids: new ones and changed ones. */
  readonly entries: readonly Entry[];
  /** Ids of messages whose effect is in this batch or an earlier one, oldest first. */
  readonly messages: readonly string[];
  /** Streams: the first offset that is not acknowledged, by topic. */
  readonly offsets: ReadonlyMap<string, number>;
  /** The newest stamp's. */
  readonly sequence: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** Whose FDB it is. If any of it is another at the next start, the FDB is of no use (`boot`: it is to be confirmed). */
export interface JournalHeader {
  readonly host: string;
  readonly localIp: IpAddress;
  /** The kernel's boot id: a power loss may have taken the last commits with it (WAL, synchronous=NORMAL). */
  readonly boot: string;
}

/** What a start finds. */
export interface JournalContents {
  readonly header: JournalHeader;
  readonly sequence: number;
  readonly networks: readonly (SavedNetwork & { readonly claims: readonly SavedClaim[] })[];
  /** Ports whose VIF was plugged here, or went without the server having been told. */
  readonly vifs: readonly PortId[];
  /** Those that are not completed. */
  readonly open: readonly Entry[];
  /** The greatest id ever given. */
  readonly lastId: number;
  /** Oldest first. */
  readonly messages: readonly string[];
  readonly offsets: ReadonlyMap<string, number>;
}
