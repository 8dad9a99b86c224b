/**
 * How much of the server's word one network has (DESIGN, rule 6).
 *
 *      unsynced ──ask──► asked ──marker──► synced ──confirm, audit, by hand──► asked
 *         ▲                │                 │
 *         └── gap, failure ┴────── gap ──────┘
 *
 * A snapshot counts between the two markers of an ask: before the first, it was meant for somebody else. It adds at
 * once. What it lacks becomes *suspect* and stays programmed; only a second snapshot, `snapshot_confirm` later, that
 * lacks it too lets it go, and only if no notification spoke of it since shortly before the question. Whatever an answer
 * left in doubt is asked for again after the same time.
 */
import type { Claim, Entry, NetworkFdb, Touched } from './fdb.ts';
import type { EntriesChange, FdbChange } from './parse.ts';

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
  /** The snapshot had what a notification took back: which of the two is newer, the next one tells. */
  isContradicted: boolean;
}

/** What a notification took back: a port with its MAC, or an IP of a MAC that stays. */
interface TakenBack {
  readonly at: number;
  readonly by: 'remove' | 'chg_ip';
}

export interface SyncTimes {
  /** Milliseconds, `snapshot_grace` and `snapshot_confirm`. */
  readonly grace: number;
  readonly confirm: number;
}

export interface Conclusion extends SyncTimes {
  /** What the server does not say may be gone; false while nothing shows that it has l2population. */
  readonly sweep: boolean;
  /** Milliseconds until the network is asked for though nothing has happened; `undefined`: never. */
  readonly audit: number | undefined;
}

/** Milliseconds after which an answer is not waited for any more: its marker was lost. */
const ASK_DEADLINE = 300_000;

export class NetworkSync {
  #status: SyncStatus;
  #since: number;
  #ask: Ask | undefined;
  /** Claim → when a snapshot first lacked it. */
  readonly #suspects = new Map<string, number>();
  /** What notifications took back, the oldest first. */
  readonly #takenBack = new Map<string, TakenBack>();
  /** When notifications were lost last; 0: never. */
  #gapAt = 0;
  /** When the suspects want their second snapshot. */
  #confirmAt: number | undefined;
  /** When it is asked for though nothing has happened. */
  #auditAt: number | undefined;
  /** Not to be asked for before: every host would like to, now. */
  #notBefore = 0;
  /**
   * Until when the answer to an earlier question may come yet, and be taken for that to the next: a while after the next
   * answer, and without an end until that has come. `undefined`: none is owed.
   */
  #lateUntil: number | undefined;
  /** An answer was not swept by, because nothing showed that the server has l2population. */
  #isUnswept = false;
  #snapshotAt: number | undefined;
  readonly #onChange: () => void;

  /**
   * `synced`: its FDB is the server's word, kept over a restart; `audit` as in {@link Conclusion}. `onChange`: called when
   * {@link status}, {@link isSettled} or {@link isLateAnswerPossible} may be another.
   */
  constructor(
    now: number,
    status: Extract<SyncStatus, 'unsynced' | 'synced'> = 'unsynced',
    audit: number | undefined = undefined,
    onChange: () => void = () => undefined,
  ) {
    this.#onChange = onChange;
    this.#since = now;
    this.#status = status;
    if (status === 'synced') this.#setAudit(audit, now);
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
    return this.#status === 'synced' && this.#suspects.size === 0 && this.#confirmAt === undefined && !this.#isUnswept;
  }

  get suspects(): number {
    return this.#suspects.size;
  }

  /** Id of the question whose answer is awaited. */
  get question(): string | undefined {
    return this.#ask?.id;
  }

  /** When a snapshot came last, asked for or not. */
  get snapshotAt(): number | undefined {
    return this.#snapshotAt;
  }

  get confirmAt(): number | undefined {
    return this.#confirmAt;
  }

  /** When a refresh is wanted next if nothing happens until then: later than `now`, or `undefined`. */
  nextAt(now: number): number | undefined {
    const times = { unsynced: [this.#notBefore], asked: [this.#deadline], synced: [this.#confirmAt, this.#auditAt] };
    const later = times[this.#status].filter((at) => at !== undefined && at > now);
    return later.length === 0 ? undefined : Math.min(...(later as number[]));
  }

  /** A refresh is wanted now. */
  wantsRefresh(now: number): boolean {
    const isDue = (at: number | undefined) => at !== undefined && now >= at;
    if (this.#status === 'asked') return isDue(this.#deadline);
    return this.#status === 'unsynced' ? isDue(this.#notBefore) : isDue(this.#confirmAt) || isDue(this.#auditAt);
  }

  /** A question is under way whose answer may still come. */
  isInFlight(now: number): boolean {
    return this.#status === 'asked' && !this.wantsRefresh(now);
  }

  asked(id: string, refresh: boolean, now: number): void {
    if (this.#ask !== undefined) this.#lateUntil = Number.POSITIVE_INFINITY;
    this.#ask = { id, at: now, refresh, open: false, seen: undefined, isContradicted: false };
    this.#notBefore = 0;
    this.#to('asked', now);
  }

  /** Of a question that was given up, ours or a predecessor's. */
  get isLateAnswerPossible(): boolean {
    return this.#lateUntil !== undefined;
  }

  /**
   * A call that was not answered, ours or a predecessor's, may bring a snapshot after our next question is put; that is
   * put at `confirmAt` at the latest (milliseconds since the epoch).
   */
  expectLateAnswer(confirmAt: number): void {
    this.#lateUntil = Number.POSITIVE_INFINITY;
    if (this.#status === 'synced') this.#confirmAt ??= confirmAt;
    this.#onChange();
  }

  /** The question was not put, its answer will not come, or what was sent meanwhile is lost. */
  lost(now: number): void {
    if (this.#ask !== undefined) this.#lateUntil = Number.POSITIVE_INFINITY;
    this.#ask = undefined;
    this.#to('unsynced', now);
  }

  /**
   * Notifications were lost: what was heard before outranks no snapshot that is asked for now. `delay`: milliseconds, for
   * a host that is not to be the first to ask.
   */
  gap(now: number, delay = 0): void {
    this.#gapAt = now;
    this.lost(now);
    this.#notBefore = now + delay;
  }

  /** Somebody wants it asked for. */
  want(now: number): void {
    this.#notBefore = 0;
    this.#auditAt = now;
  }

  /** The server has l2population after all: an answer that was not swept by is asked for again. */
  serverSpoke(now: number): void {
    if (!this.#isUnswept) return;
    this.#isUnswept = false;
    this.#confirmAt = now;
  }

  marker(
    id: string,
    edge: 'start' | 'end',
    fdb: NetworkFdb,
    { sweep, audit, ...times }: Conclusion,
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
    // One that was put before the earlier answer can have come settles nothing: somebody may ask at any time.
    const lateUntil = this.#lateUntil ?? 0;
    const isEarlier = ask.at < lateUntil;
    this.#lateUntil = sweep && isEarlier ? Math.min(lateUntil, now + times.confirm) : undefined;
    const isDoubtful = ask.isContradicted || isEarlier;
    this.#isUnswept = !sweep && !fdb.isEmpty;
    if (sweep) this.#sweep(ask, fdb, times, now, touched);
    if (sweep && isDoubtful) this.#confirmAt = now + times.confirm;
    this.#setAudit(audit, now);
    this.#to('synced', now);
  }

  /** What a notification takes back is not brought again by a snapshot that was read before. */
  takenBack(change: FdbChange, times: SyncTimes, now: number): void {
    const { kind, vtep } = change;
    const note = (mac: Claim['mac'], ip: Claim['ip'], by: TakenBack['by']) => {
      const key = claimKey({ vtep, mac, ip });
      // Behind the others, as the newest.
      this.#takenBack.delete(key);
      this.#takenBack.set(key, { at: now, by });
    };
    if (kind === 'chg_ip') for (const { mac, ip } of change.before) note(mac, ip, 'chg_ip');
    if (kind === 'remove') {
      if (change.flooding) note(undefined, undefined, 'remove');
      for (const { mac } of change.entries) note(mac, undefined, 'remove');
    }
    this.#forgetTakenBack(times, now);
  }

  #forgetTakenBack(times: SyncTimes, now: number): void {
    const since = (this.#ask?.at ?? now) - times.grace;
    for (const [key, { at }] of this.#takenBack) {
      if (at >= since) break;
      this.#takenBack.delete(key);
    }
  }

  /**
   * Since when a notification outranks a snapshot that comes now. One that we asked for after a gap knows more than what
   * was heard before it; one that we did not ask for may be older than that.
   */
  outranksSince(times: SyncTimes, now: number): number {
    const ask = this.#ask;
    const since = (ask?.at ?? now) - times.grace;
    return ask?.open === true ? Math.max(since, this.#gapAt) : since;
  }

  /**
   * A part of a snapshot without what notifications took back after it may have been read. A chg_ip takes back an IP but
   * not the MAC: that is `located` all the same.
   */
  withoutTakenBack(change: EntriesChange, times: SyncTimes, now: number): EntriesChange {
    this.#forgetTakenBack(times, now);
    if (this.#takenBack.size === 0) return change;
    const { vtep } = change;
    const since = this.outranksSince(times, now);
    const isTaken = (mac: Claim['mac'], ip: Claim['ip'], by: TakenBack['by']) => {
      const known = this.#takenBack.get(claimKey({ vtep, mac, ip }));
      return known !== undefined && known.by === by && known.at >= since;
    };
    const entries: Entry[] = [];
    const located = new Set<Entry['mac']>();
    for (const entry of change.entries) {
      if (isTaken(entry.mac, undefined, 'remove')) continue;
      if (isTaken(entry.mac, entry.ip, 'chg_ip')) located.add(entry.mac);
      else entries.push(entry);
    }
    const flooding = change.flooding && !isTaken(undefined, undefined, 'remove');
    const isWhole = flooding === change.flooding && entries.length === change.entries.length;
    if (isWhole) return change;
    if (this.#ask !== undefined) this.#ask.isContradicted = true;
    return { ...change, flooding, entries, located: [...located] };
  }

  /** A message to our host by name; its entries have been added. Counts only while an ask is open. */
  snapshot(changes: readonly EntriesChange[], now: number): void {
    this.#snapshotAt = now;
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
      const first = known === undefined || claim.stamp.at >= known ? now : known;
      if (now - first >= times.confirm) fdb.drop(claim, touched);
      else suspects.set(key, first);
    }
    this.#suspects.clear();
    for (const [key, first] of suspects) this.#suspects.set(key, first);
    // What was heard only lately is looked for again, too.
    this.#confirmAt = suspects.size > 0 || isSpared ? now + times.confirm : undefined;
  }

  #setAudit(audit: number | undefined, now: number): void {
    this.#auditAt = audit === undefined ? undefined : now + audit;
  }

  /** When the answer to a question is given up. */
  get #deadline(): number | undefined {
    return this.#ask && this.#ask.at + ASK_DEADLINE;
  }

  #to(status: SyncStatus, now: number): void {
    if (status !== this.#status) this.#since = now;
    this.#status = status;
    this.#onChange();
  }
}

function claimKey({ vtep, mac, ip }: Pick<Claim, 'vtep' | 'mac' | 'ip'>): string {
  return `${vtep} ${mac ?? ''} ${ip ?? ''}`;
}
