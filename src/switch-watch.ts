/**
 * Sees what others do to the flows of our bridges, and that ovs-vswitchd died or is back, within a fraction of a second
 * (DESIGN, rule 9). All that follows is a comparison: what the monitors tell is a reason to look, never the truth.
 *
 *     flow monitor ─► events ─► doubts ─► settled? ─► compare
 *          up, down ──────────────────────────────────┘
 */
import type { Logger } from 'pino';
import { parseCookie } from './flows/cookie.ts';
import type { FlowLedger } from './flows/ledger.ts';
import { Doubts } from './flows/monitor-doubts.ts';
import type { FlowEvent } from './flows/monitor-events.ts';

export interface Monitor {
  start(): void;
  stop(): Promise<void>;
}

export interface MonitorHandlers {
  onEvents(events: readonly FlowEvent[]): void;
  onUp(): void;
  onDown(reason: string): void;
}

export interface SwitchWatchParts {
  readonly bridges: readonly { readonly name: string; readonly ledger: Pick<FlowLedger, 'expects'> }[];
  monitor(bridge: string, handlers: MonitorHandlers): Monitor;
  /** Runs something while no batch does. */
  between<T>(run: () => Promise<T>): Promise<T>;
  /** Compares with the switch now, and repairs. Rejects if that is not possible now: it is tried again without us. */
  compare(): Promise<unknown>;
  readonly log: Logger;
  now(): number;
}

/** Of one bridge: whether its monitor is up, and since when (milliseconds since the epoch). */
export interface MonitorState {
  readonly bridge: string;
  readonly up: boolean;
  readonly since: number;
}

/** Milliseconds from the first doubt to the look at all of them: events of one doing come together, ours settle. */
const SETTLE = 50;
/** Milliseconds from one comparison that doubts made necessary to the next; more where comparing takes long. */
const MIN_PAUSE = 500;
const MAX_PAUSE = 60_000;
const PAUSE_FACTOR = 4;

interface Watched {
  readonly name: string;
  readonly doubts: Doubts;
  readonly monitor: Monitor;
  up: boolean;
  since: number;
  reason: string | undefined;
}

export class SwitchWatch {
  readonly #parts: SwitchWatchParts;
  readonly #watched: readonly Watched[];
  #timer: NodeJS.Timeout | undefined;
  #isLooking = false;
  #stopped = false;
  /** A monitor came or went: what happened meanwhile is not known. */
  #isBlind = false;
  #notBefore = 0;

  constructor(parts: SwitchWatchParts) {
    this.#parts = parts;
    const since = parts.now();
    this.#watched = parts.bridges.map(({ name, ledger }) => {
      const monitor = parts.monitor(name, {
        onEvents: (events) => this.#onEvents(watched, events),
        onUp: () => this.#onUp(watched),
        onDown: (reason) => this.#onDown(watched, reason),
      });
      const watched: Watched = { name, doubts: new Doubts(ledger), monitor, up: false, since, reason: undefined };
      return watched;
    });
  }

  start(): void {
    for (const { monitor } of this.#watched) monitor.start();
  }

  /** Resolves when no process is left. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await Promise.all(this.#watched.map(({ monitor }) => monitor.stop()));
  }

  /** ovs-vswitchd was alive a moment ago; false before its first sign of life. */
  get seesSwitch(): boolean {
    return this.#watched.some(({ up }) => up);
  }

  get monitors(): MonitorState[] {
    return this.#watched.map(({ name, up, since }) => ({ bridge: name, up, since }));
  }

  #onEvents(watched: Watched, events: readonly FlowEvent[]): void {
    for (const event of events) watched.doubts.note(event);
    if (!watched.doubts.isEmpty) this.#soon(SETTLE);
  }

  #onUp(watched: Watched): void {
    watched.up = true;
    watched.since = this.#parts.now();
    watched.reason = undefined;
    this.#parts.log.info({ bridge: watched.name }, 'flow monitor connected');
    this.#isBlind = true;
    this.#soon(SETTLE);
  }

  #onDown(watched: Watched, reason: string): void {
    const wasUp = watched.up;
    watched.up = false;
    if (wasUp) watched.since = this.#parts.now();
    if (wasUp || reason !== watched.reason) {
      const what = wasUp ? 'flow monitor ended: ovs-vswitchd or the bridge is gone?' : 'no flow monitor yet';
      this.#parts.log[wasUp ? 'warn' : 'info']({ bridge: watched.name, reason }, what);
    }
    watched.reason = reason;
    if (!wasUp) return;
    this.#isBlind = true;
    this.#soon(0);
  }

  #soon(delay: number): void {
    if (this.#stopped || this.#isLooking) return;
    // What is urgent does not wait for what is not.
    if (this.#timer !== undefined && delay > 0) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#look();
    }, delay);
  }

  async #look(): Promise<void> {
    const { now } = this.#parts;
    const pause = this.#notBefore - now();
    if (!this.#isBlind && pause > 0) {
      this.#soon(pause);
      return;
    }
    this.#isLooking = true;
    if (this.#isBlind || (await this.#isChanged())) await this.#compare();
    this.#isLooking = false;
    if (this.#isBlind || this.#watched.some(({ doubts }) => !doubts.isEmpty)) this.#soon(SETTLE);
  }

  /** While no batch runs what is wanted is what should be there. */
  async #isChanged(): Promise<boolean> {
    const { between, log } = this.#parts;
    const standing = await between(async () =>
      this.#watched.map(({ name, doubts }) => [name, doubts.standing()] as const),
    );
    let isChanged = false;
    for (const [bridge, events] of standing) {
      if (events.length === 0) continue;
      isChanged = true;
      const counts = { added: 0, deleted: 0, modified: 0 };
      for (const { kind } of events) counts[kind]++;
      const [example] = events;
      // What others do with flows of their own is their business.
      const level = events.some(({ cookie }) => parseCookie(cookie) !== undefined) ? 'warn' : 'info';
      log[level]({ bridge, ...counts, example }, 'somebody else changes flows here: comparing');
    }
    return isChanged;
  }

  async #compare(): Promise<void> {
    const { compare, now } = this.#parts;
    this.#isBlind = false;
    for (const { doubts } of this.#watched) doubts.clear();
    const started = now();
    // Why the switch cannot be reached is said, and tried again, by whoever compares.
    await compare().catch((error: unknown) => {
      if (!(error instanceof Error && 'code' in error)) throw error;
    });
    const took = now() - started;
    this.#notBefore = now() + Math.min(Math.max(took * PAUSE_FACTOR, MIN_PAUSE), MAX_PAUSE);
  }
}
