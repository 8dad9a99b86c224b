/**
 * What the operator is shown, as plain JSON: the shapes that the control socket answers with and `l2popctl` prints.
 * `null` means "there is none" or "not known"; no member is ever missing.
 */

/** ISO 8601, UTC, with milliseconds. */
export type Timestamp = string;

export interface StatusReport {
  readonly version: string;
  /** `[DEFAULT] host`. */
  readonly host: string;
  readonly pid: number;
  /** When the report was made. */
  readonly at: Timestamp;
  /** When the daemon started. */
  readonly since: Timestamp;
  readonly uptimeSeconds: number;
  readonly links: {
    readonly broker: BrokerReport;
    readonly server: ServerReport;
    readonly ovsdb: { readonly connected: boolean; readonly since: Timestamp | null };
  };
  readonly switch: SwitchReport;
  readonly counts: Counts;
  readonly journal: JournalStatus;
  readonly batches: {
    readonly total: number;
    /** How long the last one took. */
    readonly lastMs: number | null;
    /** From the delivery of the oldest notification of the last batch that had any to its end. */
    readonly lastLatencyMs: number | null;
  };
  /** Since start, by name. */
  readonly counters: Readonly<Record<string, number>>;
  readonly blocked: readonly BlockedReport[];
  /** By network with a VIF here. */
  readonly sync: readonly NetworkSyncReport[];
  /** Recent ones, oldest first. */
  readonly failures: readonly FailureReport[];
  readonly refused: readonly RefusedReport[];
}

export interface BrokerReport {
  readonly up: boolean;
  /** `host:port`. */
  readonly name: string | null;
  /** When it became up or down. */
  readonly since: Timestamp | null;
  /** Why it is down. */
  readonly reason: string | null;
}

export interface ServerReport {
  /** The server has taken a report of ours. */
  readonly registered: boolean;
  /** `new`, `alive`, `revived`; `null`: it said nothing (WIRE.md, `report_state`). */
  readonly lastVerdict: string | null;
  readonly lastReportAt: Timestamp | null;
}

export interface SwitchReport {
  readonly ovsVersion: string | null;
  /** `flow-restore-wait` is set: nothing is programmed. */
  readonly restoring: boolean;
  readonly bridges: readonly { readonly name: string; readonly there: boolean }[];
  /** The flows there are known. */
  readonly compared: boolean;
  /** The first complete pass over the switch is done. */
  readonly passed: boolean;
  /** What has to happen before anything is programmed: `other_config:flow-restore-wait to be cleared`, … */
  readonly waitsFor: string | null;
  /** Why it cannot be programmed now: ovs-vswitchd is away, … */
  readonly problem: string | null;
  /** Whether changes by others are seen at once, and since when that is so or not. */
  readonly monitors: readonly { readonly bridge: string; readonly up: boolean; readonly since: Timestamp }[];
  readonly lastCompare: CompareReport | null;
}

/** What a full compare found, before it was repaired. */
export interface CompareReport {
  readonly at: Timestamp;
  readonly drift: Drift;
}

/** Of both bridges together. */
export interface Drift {
  /** Flows that were missing, or there with other actions or another cookie. */
  readonly adds: number;
  /** Flows of ours, or of a predecessor, that should not have been there. */
  readonly deletes: number;
  /** Somebody else's: left alone. */
  readonly foreign: number;
}

export interface Counts {
  /** `awaited`: wired or dead as found, the server has not been heard yet; not counted in the others. */
  readonly vifs: { readonly wired: number; readonly dead: number; readonly awaited: number };
  readonly networks: number;
  readonly sync: SyncCounts;
  readonly tunnels: { readonly wanted: number; readonly withOfport: number };
  /** MACs, of networks with a VIF here and of all others. */
  readonly fdb: { readonly local: number; readonly elsewhere: number };
  /** By bridge. `actual`: ours, as of the last compare and what was applied since. */
  readonly flows: Readonly<
    Record<string, { readonly wanted: number; readonly actual: number; readonly foreign: number }>
  >;
  readonly blocked: number;
}

export interface BlockedReport {
  /** What the flows are for: `mac <network> <type> <id> <mac>`, `flood …`, `tunnel …`. */
  readonly subject: string;
  readonly waitsFor: string;
}

export interface FailureReport {
  readonly at: Timestamp;
  readonly what: string;
  readonly reason: string;
}

export interface RefusedReport {
  readonly at: Timestamp;
  readonly bridge: string;
  /** The line that the switch refused. */
  readonly line: string;
  readonly reason: string;
}

export interface NetworksReport {
  readonly at: Timestamp;
  readonly networks: readonly NetworkReport[];
  /** VIFs on no network: on the dead VLAN. */
  readonly unwired: readonly VifReport[];
}

export interface NetworkReport {
  readonly id: string;
  readonly type: string;
  readonly segmentationId: number;
  readonly vlan: number;
  readonly vifs: readonly VifReport[];
  readonly vteps: readonly { readonly ip: string; readonly ofport: number | null }[];
  /** Remote MACs known. */
  readonly macs: number;
  readonly sync: SyncReport;
}

export interface NetworkSyncReport extends SyncReport {
  readonly network: string;
  readonly type: string;
  readonly segmentationId: number;
}

export interface SyncReport {
  /** `unsynced`, `asked` or `synced` with the server's table (DESIGN, rule 6). */
  readonly status: string;
  readonly since: Timestamp;
  /** Entries that the last snapshot lacked and that are kept until a second one lacks them too. */
  readonly suspects: number;
  /** When that second snapshot, or whatever else was left in doubt, is due. */
  readonly confirmAt: Timestamp | null;
  /** When it will be asked for next if nothing happens until then; `null`: it is being asked for, or never. */
  readonly nextAt: Timestamp | null;
  /** When a snapshot came last. */
  readonly snapshotAt: Timestamp | null;
}

/** Of all networks with a VIF here. */
export interface SyncCounts {
  readonly unsynced: number;
  readonly asked: number;
  readonly synced: number;
  /** Entries, of all networks. */
  readonly suspects: number;
  /** Since when one of them is not in sync. */
  readonly since: Timestamp | null;
}

/** Networks that were asked for by hand. */
export interface ResyncReport {
  readonly at: Timestamp;
  /** What the answer lacks goes when a second one, so many seconds later, lacks it too. */
  readonly confirmSeconds: number;
  readonly networks: readonly {
    readonly id: string;
    readonly type: string;
    readonly segmentationId: number;
    /** `queued`: to be asked for as soon as those before it are answered; `under way`: it was asked for already. */
    readonly outcome: 'queued' | 'under way' | 'no ACTIVE port';
  }[];
}

export interface VifReport {
  /** Neutron port id, the `iface-id`. */
  readonly port: string;
  readonly name: string | null;
  readonly ofport: number | null;
  readonly wiring: 'wired' | 'dead';
  /** Why it is dead. */
  readonly reason: string | null;
  readonly mac: string | null;
  /** The server's status of the port as we know it: `ACTIVE`, `DOWN`, `BUILD`, …; `awaited`: asked for; `absent`: no such port. */
  readonly status: string;
}

export interface TunnelsReport {
  readonly at: Timestamp;
  readonly localIp: string;
  readonly tunnels: readonly TunnelReport[];
}

export interface TunnelReport {
  readonly type: string;
  readonly remoteIp: string;
  /** `null`: there is no port yet. */
  readonly port: string | null;
  readonly ofport: number | null;
  /** `adopt`: somebody else's, wanted, and about to become ours. `foreign`: not wanted and not ours: left alone. */
  readonly owner: 'ours' | 'adopt' | 'foreign' | null;
  readonly wanted: boolean;
  /** Ids of the networks that reach the VTEP through it. */
  readonly networks: readonly string[];
}

export interface FdbReport {
  readonly at: Timestamp;
  /** Networks with a VIF here. */
  readonly networks: readonly FdbNetworkReport[];
}

export interface FdbNetworkReport {
  readonly id: string;
  readonly type: string;
  readonly segmentationId: number;
  readonly vlan: number;
  readonly flooding: readonly { readonly vtep: string; readonly assertedAt: Timestamp | null }[];
  readonly entries: readonly FdbEntryReport[];
}

/** One VTEP's claim of one MAC. */
export interface FdbEntryReport {
  readonly vtep: string;
  readonly mac: string;
  /** This claim is the newest: packets for the MAC go to this VTEP. */
  readonly rendered: boolean;
  /** False: only IPs of the MAC were heard, not where it is (`chg_ip`). */
  readonly located: boolean;
  /** `null`: read back from the switch at start. */
  readonly assertedAt: Timestamp | null;
  readonly ips: readonly {
    readonly ip: string;
    /** This claim owns the IP: the MAC is what is answered for it. */
    readonly rendered: boolean;
    readonly assertedAt: Timestamp | null;
  }[];
}

export type FlowsView = 'actual' | 'desired' | 'diff';

export interface FlowsReport {
  readonly at: Timestamp;
  readonly view: FlowsView;
  readonly flows: readonly FlowReport[];
  /** Empty when made without the daemon. */
  readonly blocked: readonly BlockedReport[];
}

/** `different`: other actions or another cookie than wanted. */
export type FlowState = 'in place' | 'missing' | 'different' | 'unexpected';

export interface FlowReport {
  readonly bridge: string;
  readonly table: number;
  readonly tableName: string;
  readonly priority: number;
  readonly match: string;
  /** What the switch does; of a missing flow, what is wanted. */
  readonly actions: string;
  readonly cookie: string;
  /** `structural`, `vlan`, `tunnel`, `unicast`, `arp`, `flood`, `learned`, `vif`, `foreign`. */
  readonly kind: string;
  readonly vlan: number | null;
  /** Network id. */
  readonly network: string | null;
  readonly vtep: string | null;
  readonly mac: string | null;
  /** One short sentence. */
  readonly purpose: string;
  readonly owner: 'ours' | 'predecessor' | 'learned' | 'foreign';
  /** `null`: not ours to judge (learned, foreign), or made without the daemon. */
  readonly state: FlowState | null;
  /** What is wanted instead, where the state is `different`. */
  readonly wanted: { readonly actions: string; readonly cookie: string } | null;
  /** Seconds, of flows that go by themselves. */
  readonly hardTimeout: number | null;
  /** `null`: not counted, or not there. */
  readonly packets: number | null;
  readonly bytes: number | null;
}

export interface JournalReport extends JournalStatus {
  readonly at: Timestamp;
  /** Those that fit, newest first, at most as many as were asked for. */
  readonly entries: readonly JournalEntryReport[];
}

export interface JournalStatus {
  /** Its file; `null`: memory alone, where what is completed is not kept. */
  readonly path: string | null;
  /** Since when it is kept there. `null`: read without the daemon. */
  readonly since: Timestamp | null;
  /** Why it is in memory alone. */
  readonly reason: string | null;
  /** Of all entries, by state: `pending`, `processing`, `completed`, `failed`. */
  readonly counts: Readonly<Record<string, number>>;
}

/** One intent: something of the switch is to become as the server or the switch said. */
export interface JournalEntryReport {
  /** Ascending as intents came; below 0: of a journal before this one. */
  readonly id: number;
  /** `mac <network> <type> <id> <mac>`, `tunnel <type> <VTEP>`, `refresh …`: its kind first. */
  readonly key: string;
  readonly kind: string;
  readonly network: string | null;
  readonly state: string;
  /** What has to happen first. */
  readonly blockedOn: string | null;
  /** How often the switch refused it. */
  readonly attempts: number;
  /** Not tried again before. */
  readonly notBefore: Timestamp | null;
  readonly lastError: string | null;
  /** The message it came from; `null`: it followed from something else. */
  readonly origin: {
    readonly uniqueId: string | null;
    /** `req-<uuid>`, as in neutron-server's log. */
    readonly requestId: string | null;
    readonly queue: string;
    readonly receivedAt: Timestamp;
  } | null;
  readonly createdAt: Timestamp;
  readonly updatedAt: Timestamp;
}

/** Why a query cannot be answered: one sentence. */
export interface QueryProblem {
  readonly problem: string;
}
