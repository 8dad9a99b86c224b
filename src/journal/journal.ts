/**
 * The life of intents (DESIGN, rule 10): what was meant to become of the switch is recorded before its message is
 * acknowledged, and followed until it is there or the switch has refused it too often. What an intent is for, it has by
 * name only, the ledgers' subjects; what it wants, the state says. So several changes of one thing are one intent, the last.
 */
import { type NetworkId, parseNetworkId } from '../values.ts';
import { ENTRY_KINDS, type Entry, type EntryKind, type Origin } from './record.ts';

export interface JournalLimits {
  /** How often the switch may refuse an intent until it has failed. */
  readonly attempts: number;
  /** Milliseconds before the second attempt; doubled for each further one. */
  readonly retry: number;
}

/** What an intent waits for, in words; `undefined`: nothing. */
export type BlockedOn = (key: string) => string | undefined;

export class Journal {
  readonly #limits: JournalLimits;
  /** All that are not completed, by key. The sets below name some of them, so that a batch looks at few (DESIGN, rule 4). */
  readonly #open = new Map<string, Entry>();
  /** Pending, and waiting for nothing but a plan. */
  readonly #ready = new Set<string>();
  readonly #processing = new Set<string>();
  /** Those with a time to be tried again at. */
  readonly #timed = new Set<string>();
  /** What they wait for may be something else than what they say. */
  readonly #unchecked = new Set<string>();
  /** Not written yet, by id. */
  readonly #unsaved = new Map<number, Entry>();
  #lastId = 0;

  constructor(limits: JournalLimits) {
    this.#limits = limits;
  }

  /** Those that are not completed. */
  get open(): Iterable<Entry> {
    return this.#open.values();
  }

  get(key: string): Entry | undefined {
    return this.#open.get(key);
  }

  /** The thing is to become as the state says. An open intent for it begins anew. */
  record(key: string, origin: Origin | undefined, now: number): void {
    const known = this.#open.get(key);
    // What was refused is left out of every plan until it is due.
    const isLeftOut = known !== undefined && (known.attempts > 0 || known.notBefore > 0);
    const started = { attempts: 0, notBefore: isLeftOut ? now : 0, blockedOn: undefined, lastError: undefined };
    if (known === undefined) this.#put({ ...blank(++this.#lastId, key, now), origin });
    else this.#put({ ...known, ...started, state: 'pending', origin: origin ?? known.origin, updatedAt: now });
  }

  /** The server's word on a network is wanted and waits for this; `undefined`: it is complete. */
  refresh(key: string, blockedOn: string | undefined, now: number): void {
    const known = this.#open.get(key);
    if (blockedOn === known?.blockedOn) return;
    const entry = known ?? blank(++this.#lastId, key, now);
    if (blockedOn === undefined) this.#put({ ...entry, state: 'completed', blockedOn, updatedAt: now });
    else this.#put({ ...entry, blockedOn, updatedAt: now });
  }

  /** What this waits for has changed; without a key: any of them may wait for something else. */
  recheck(key?: string): void {
    if (key === undefined) for (const known of this.#open.keys()) this.#unchecked.add(known);
    else if (this.#open.has(key)) this.#unchecked.add(key);
  }

  /** Says of those that wait what they wait for now. */
  block(blockedOn: BlockedOn, now: number): void {
    for (const entry of this.#entries(this.#unchecked)) {
      if (entry.state !== 'pending' || entry.kind === 'refresh') continue;
      const reason = blockedOn(entry.key);
      if (reason === entry.blockedOn) continue;
      // That it was not the time has passed: it is this that it waits for now.
      const lastError = reason !== undefined && entry.attempts === 0 ? undefined : entry.lastError;
      this.#put({ ...entry, blockedOn: reason, lastError, updatedAt: now });
    }
    this.#unchecked.clear();
  }

  /** A plan is about to be carried out: those that wait for nothing are in it. */
  begin(blockedOn: BlockedOn, now: number): void {
    this.block(blockedOn, now);
    for (const entry of this.#entries(this.#ready)) this.#put({ ...entry, state: 'processing', updatedAt: now });
  }

  /** The plan was carried out; what was refused of it has been said by then. */
  done(now: number): void {
    for (const entry of this.#entries(this.#processing)) {
      this.#put({ ...entry, state: 'completed', lastError: undefined, updatedAt: now });
    }
  }

  /** The switch is away, or half a plan was carried out: that is no attempt. */
  notNow(reason: string, now: number): void {
    for (const entry of this.#entries(this.#processing)) {
      this.#put({ ...entry, state: 'pending', lastError: reason, updatedAt: now });
    }
  }

  /** The switch refused it. */
  rejected(key: string, reason: string, now: number): void {
    const entry = this.#open.get(key) ?? blank(++this.#lastId, key, now);
    const attempts = entry.attempts + 1;
    const hasFailed = attempts >= this.#limits.attempts;
    this.#put({
      ...entry,
      attempts,
      state: hasFailed ? 'failed' : 'pending',
      blockedOn: undefined,
      notBefore: hasFailed ? 0 : now + this.#limits.retry * 2 ** (attempts - 1),
      lastError: reason,
      updatedAt: now,
    });
  }

  /** Those whose next attempt is due, once: they are to be planned again. */
  takeDue(now: number): string[] {
    const due = this.#entries(this.#timed).filter(({ notBefore }) => notBefore <= now);
    for (const entry of due) this.#set({ ...entry, notBefore: 0 });
    return due.map(({ key }) => key);
  }

  /** When the next attempt will be due (ms since the epoch). */
  nextDue(now: number): number | undefined {
    let next: number | undefined;
    for (const { notBefore } of this.#entries(this.#timed)) {
      if (notBefore > now && (next === undefined || notBefore < next)) next = notBefore;
    }
    return next;
  }

  /**
   * Maintenance: what failed is tried once more, from the beginning; true: there is any. The next plan, made after a
   * compare, finds what of it is there, is there otherwise, waits for something, or is not wanted any more.
   */
  reopen(now: number): boolean {
    const failed = [...this.#open.values()].filter(({ state }) => state === 'failed');
    for (const entry of failed) this.#put({ ...entry, state: 'pending', attempts: 0, notBefore: now, updatedAt: now });
    return failed.length > 0;
  }

  /** A predecessor's: what it had under way is pending again. */
  restore(entries: readonly Entry[], lastId: number): void {
    this.#lastId = lastId;
    for (const entry of entries) this.#set({ ...entry, state: 'pending', notBefore: 0 });
  }

  /** What is to be written, once. */
  takeUnsaved(): Entry[] {
    const entries = [...this.#unsaved.values()];
    this.#unsaved.clear();
    return entries;
  }

  /** The file is a new one: whatever is open is to be written. */
  forgetSaved(): void {
    for (const entry of this.#open.values()) this.#unsaved.set(entry.id, entry);
  }

  #entries(keys: ReadonlySet<string>): Entry[] {
    return [...keys].map((key) => this.#open.get(key)).filter((entry) => entry !== undefined);
  }

  #put(entry: Entry): void {
    this.#set(entry);
    this.#unsaved.set(entry.id, entry);
  }

  #set(entry: Entry): void {
    const { key, kind, state, blockedOn, notBefore } = entry;
    if (state === 'completed') this.#open.delete(key);
    else this.#open.set(key, entry);
    if (state === 'pending') this.#unchecked.add(key);
    const isIntent = kind !== 'refresh' && state === 'pending';
    mark(this.#ready, key, isIntent && blockedOn === undefined && notBefore === 0);
    mark(this.#processing, key, state === 'processing');
    mark(this.#timed, key, state !== 'completed' && notBefore !== 0);
  }
}

function mark(set: Set<string>, key: string, isIn: boolean): void {
  if (isIn) set.add(key);
  else set.delete(key);
}

function blank(id: number, key: string, now: number): Entry {
  const [word, second] = key.split(' ');
  const kind: EntryKind = ENTRY_KINDS.find((known) => known === word) ?? 'base';
  const network: NetworkId | undefined = kind === 'vif' ? undefined : parseNetworkId(second);
  return {
    ...{ id, key, kind, network, state: 'pending', blockedOn: undefined, attempts: 0, notBefore: 0 },
    ...{ lastError: undefined, origin: undefined, createdAt: now, updatedAt: now },
  };
}
