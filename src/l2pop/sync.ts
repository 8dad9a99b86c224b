/**
 * How much of the server's word one network has (DESIGN, rule 6).
 *
 *      unsynced ──ask──► asked ──marker──► synced
 *         ▲                │                 │
 *         └── gap, failure ┴────── gap ──────┘
 *
 * A snapshot counts between the two markers of an ask: before the first, it was meant for somebody else. It adds at
 * once. What it lacks becomes *suspect* and stays programmed; only a second snapshot, `snapshot_confirm` later, that
 * lacks it too lets it go, and only if no notification spoke of it since shortly before the question.
 */
import type { Claim, NetworkFdb, Touched } from './fdb.ts';
import type { EntriesChange } from './parse.ts';

export type SyncStatus = 'unsynced' | 'asked' | 'synced';

interface Ask {
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** A refresh is answered for certain: no snapshot before its second marker means there are no remote VTEPs. */
  readonly refresh: boolean;
  open: boolean;
  /** Claims of the snapshot, once it came. */
  seen: Set<string> | undefined;
}

export interface SyncTimes {
  /** Milliseconds, `snapshot_grace` and `snapshot_confirm`. */
  readonly grace: number;
  readonly confirm: number;
}

/** Milliseconds after which an answer is not waited for any more: its marker was lost. */
const ASK_DEADLINE = 300_000;

export class NetworkSync {
  #status: SyncStatus;
  #since: number;
  #ask: Ask | undefined;
  /** Claim → when a snapshot first lacked it. */
  readonly #suspects = new Map<string, number>();
  /** What notifications took back, and when. */
  readonly #takenBack = new Map<string, number>();
  /** When notifications were lost last; 0: never. */
  #gapAt = 0;
  /** When the suspects want their second snapshot. */
  #confirmAt: number | undefined;

  /** `synced`: its FDB is the server's word, kept over a restart. */
  constructor(now: number, status: Extract<SyncStatus, 'unsynced' | 'synced'> = 'unsynced') {
    this.#since = now;
    this.#status = status;
  }

  get status(): SyncStatus {
    return this.#status;
  }

  /** Milliseconds since the epoch when the status became what it is. */
  get since(): number {
    return this.#since;
  }

  /** The server's word is complete, and nothing of it is in doubt. */
  get isSettled(): boolean {
    return this.#status === 'synced' && this.#suspects.size === 0 && this.#confirmAt === undefined;
  }

  get suspects(): number {
    return this.#suspects.size;
  }

  /** When the answer to a question is given up. */
  get deadline(): number | undefined {
    return this.#ask && this.#ask.at + ASK_DEADLINE;
  }

  get confirmAt(): number | undefined {
    return this.#confirmAt;
  }

  /** A refresh is wanted now. */
  wantsRefresh(now: number): boolean {
    if (this.#status === 'asked') return this.deadline !== undefined && now >= this.deadline;
    return this.#status === 'unsynced' || (this.#confirmAt !== undefined && now >= this.#confirmAt);
  }

  asked(id: string, refresh: boolean, now: number): void {
    this.#ask = { id, at: now, refresh, open: false, seen: undefined };
    this.#to('asked', now);
  }

  /** The question was not put, its answer will not come, or what was sent meanwhile is lost. */
  lost(now: number): void {
    this.#ask = undefined;
    this.#to('unsynced', now);
  }

  /** Notifications were lost: what was heard before outranks no snapshot that comes now. */
  gap(now: number): void {
    this.#gapAt = now;
    this.#takenBack.clear();
    this.lost(now);
  }

  /** `sweep`: what the server does not say may be gone; false while it has not sent a single snapshot. */
  marker(
    id: string,
    edge: 'start' | 'end',
    fdb: NetworkFdb,
    { sweep, ...times }: SyncTimes & { sweep: boolean },
    now: number,
    touched: Touched,
  ): void {
    const ask = this.#ask;
    if (ask?.id !== id) return;
    if (edge === 'start') {
      ask.open = true;
      return;
    }
    this.#ask = undefined;
    if (ask.seen === undefined && !ask.refresh) {
      this.#to('unsynced', now);
      return;
    }
    if (sweep) this.#sweep(ask, fdb, times, now, touched);
    this.#to('synced', now);
  }

  /** A notification took these back: a snapshot that was read before does not bring them again. */
  takenBack(
    { vtep, flooding, entries }: Pick<EntriesChange, 'vtep' | 'flooding' | 'entries'>,
    times: SyncTimes,
    now: number,
  ): void {
    const keys = entries.map(({ mac, ip }) => claimKey({ vtep, mac, ip }));
    if (flooding) keys.push(claimKey({ vtep, mac: undefined, ip: undefined }));
    for (const key of keys) {
      this.#takenBack.delete(key);
      this.#takenBack.set(key, now);
    }
    this.#forgetTakenBack(times, now);
  }

  /** The oldest come first. */
  #forgetTakenBack(times: SyncTimes, now: number): void {
    const since = this.outranksSince(times, now);
    for (const [key, at] of this.#takenBack) {
      if (at >= since) break;
      this.#takenBack.delete(key);
    }
  }

  /** Since when a notification outranks a snapshot that comes now. */
  outranksSince(times: SyncTimes, now: number): number {
    return Math.max((this.#ask?.at ?? now) - times.grace, this.#gapAt);
  }

  /** A part of a snapshot without what notifications took back after it may have been read. */
  withoutTakenBack(change: EntriesChange, times: SyncTimes, now: number): EntriesChange {
    this.#forgetTakenBack(times, now);
    if (this.#takenBack.size === 0) return change;
    const { vtep } = change;
    return {
      ...change,
      flooding: change.flooding && !this.#takenBack.has(claimKey({ vtep, mac: undefined, ip: undefined })),
      entries: change.entries.filter(({ mac, ip }) => !this.#takenBack.has(claimKey({ vtep, mac, ip }))),
    };
  }

  /** A message to our host by name; its entries have been added. Counts only while an ask is open. */
  snapshot(changes: readonly EntriesChange[]): void {
    if (this.#ask?.open !== true) return;
    // Each device that was reported may cause one; together they are what the server said.
    this.#ask.seen ??= new Set();
    const { seen } = this.#ask;
    for (const { vtep, flooding, entries } of changes) {
      if (flooding) seen.add(claimKey({ vtep, mac: undefined, ip: undefined }));
      for (const { mac, ip } of entries) {
        seen.add(claimKey({ vtep, mac, ip: undefined }));
        seen.add(claimKey({ vtep, mac, ip }));
      }
    }
  }

  #sweep(ask: Ask, fdb: NetworkFdb, times: SyncTimes, now: number, touched: Touched): void {
    const suspects = new Map<string, number>();
    let isSpared = false;
    for (const claim of [...fdb.claims()]) {
      const key = claimKey(claim);
      if (ask.seen?.has(key) === true) continue;
      if (claim.stamp.at >= ask.at - times.grace) {
        isSpared = true;
        continue;
      }
      const known = this.#suspects.get(key);
      // Said again since then: it begins anew.
      const first = known === undefined || claim.stamp.at > known ? now : known;
      if (now - first >= times.confirm) fdb.drop(claim, touched);
      else suspects.set(key, first);
    }
    this.#suspects.clear();
    for (const [key, first] of suspects) this.#suspects.set(key, first);
    // What was heard only lately is looked for again, too.
    this.#confirmAt = suspects.size > 0 || isSpared ? now + times.confirm : undefined;
  }

  #to(status: SyncStatus, now: number): void {
    if (status !== this.#status) this.#since = now;
    this.#status = status;
  }
}

function claimKey({ vtep, mac, ip }: Pick<Claim, 'vtep' | 'mac' | 'ip'>): string {
  return `${vtep} ${mac ?? ''} ${ip ?? ''}`;
}
