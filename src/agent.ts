/**
 * The loop. Events change the state at once; notifications first go through the store and are acknowledged; then one
 * batch at a time brings the switch in line. No polling: whatever happens kicks the next batch.
 *
 *     deliveries ─► store ─► ack ─┐
 *     OVSDB rows ─────────────────┼─► reduce ─► state ─► plan ─► switch
 *     replies of neutron-server ──┘                └───► duties ─► neutron-server
 */
import PQueue from 'p-queue';
import type { Logger } from 'pino';
import { Backoff } from './backoff.ts';
import { nextWake } from './duties.ts';
import type { Event } from './events.ts';
import type { Executor } from './executor.ts';
import { readDelivery } from './inbox.ts';
import type { JournalKeeper } from './journal/keeper.ts';
import { BINDING_ACTIVATE_TOPIC, L2POPULATION_TOPIC, PORT_DELETE_TOPIC, PORT_UPDATE_TOPIC } from './neutron/topics.ts';
import { reduce } from './reduce.ts';
import { renderDirty } from './render.ts';
import { timestamp } from './report/time.ts';
import type { CompareReport } from './report/types.ts';
import type { Delivery } from './rpc/types.ts';
import { forgetSaved, takeUnsaved } from './save.ts';
import type { ServerLane } from './server-lane.ts';
import type { State } from './state.ts';

export interface AgentParts {
  readonly state: State;
  readonly journal: Pick<JournalKeeper, 'save'>;
  /** Streams: where a successor has to go on, by topic. */
  offsets(): ReadonlyMap<string, number>;
  readonly executor: Executor;
  readonly log: Logger;
  now(): number;
}

/** Setting a timer further ahead than this overflows (Node's `setTimeout`, 2^31−1 ms). */
const MAX_TIMER = 2 ** 31 - 1;
/** Milliseconds between commits of nothing but offsets: news of networks that are not here move them, and a stream forgets. */
const OFFSETS_EVERY = 5_000;

export class Agent {
  readonly #parts: AgentParts;
  readonly #batches = new PQueue({ concurrency: 1 });
  readonly #backoff = new Backoff(500, 15_000);
  #lane: ServerLane | undefined;
  #inbox: Delivery[] = [];
  /** A batch waits for its turn. */
  #isQueued = false;
  #stopped = false;
  #retry: NodeJS.Timeout | undefined;
  #wake: NodeJS.Timeout | undefined;
  #compareTimer: NodeJS.Timeout | undefined;
  #maintenanceTimer: NodeJS.Timeout | undefined;
  readonly counters = { notifications: 0, badEntries: 0 };
  batches = 0;
  /** Milliseconds a batch took, and from its oldest notification to the commit of its flows. */
  lastMs: number | undefined;
  lastLatencyMs: number | undefined;
  /** Why the switch could not be programmed at the last attempt; `undefined`: it could. */
  failure: Error | undefined;
  /** The last look ended with something to wait for: since then nothing has been attempted. */
  #isWaiting = false;
  /** Streams: as they are in the journal, and since when (milliseconds since the epoch). */
  #saved: { readonly offsets: ReadonlyMap<string, number>; readonly at: number } = { offsets: new Map(), at: 0 };

  constructor(parts: AgentParts) {
    this.#parts = parts;
  }

  /** `lane`: kicked whenever the state has changed. */
  start(lane: ServerLane): void {
    this.#lane = lane;
    const { compareInterval, maintenanceInterval } = this.#parts.state.config.own;
    this.#compareTimer = setInterval(() => this.apply({ kind: 'compare' }), compareInterval * 1000);
    this.#maintenanceTimer = setInterval(() => this.apply({ kind: 'maintain' }), maintenanceInterval * 1000);
    this.#kick();
  }

  /** Finishes the batch that runs. Flows stay as they are. */
  async stop(): Promise<void> {
    this.#stopped = true;
    const timers = [this.#retry, this.#wake, this.#compareTimer, this.#maintenanceTimer];
    for (const timer of timers) clearTimeout(timer);
    await this.#batches.onIdle();
    this.#save([], 'last');
  }

  /** Why the switch cannot be programmed now, unless something is waited for: the executor says for what. */
  get problem(): string | undefined {
    return this.#isWaiting ? undefined : this.failure?.message;
  }

  /** Runs something between batches, when what is wanted and what is there belong together. */
  async between<T>(run: () => Promise<T>): Promise<T> {
    return await this.#batches.add(run);
  }

  /** Compares with the switch now and repairs. @throws the failure if the switch cannot be reached. */
  async compare(): Promise<CompareReport> {
    const { state, executor } = this.#parts;
    // A batch would acknowledge what the journal does not take any more.
    if (this.#stopped) throw new NotReadyError('the next daemon: this one stops');
    state.compareWanted = true;
    clearTimeout(this.#retry);
    this.#retry = undefined;
    await this.#batches.add(() => this.#batch());
    if (this.failure !== undefined && !this.#isWaiting) throw this.failure;
    if (state.compareWanted || executor.lastCompare === undefined) throw new NotReadyError(executor.waitingFor);
    const { at, drift } = executor.lastCompare;
    return { at: timestamp(at), drift };
  }

  apply(event: Event): void {
    reduce(this.#parts.state, event, this.#parts.now());
    if (isForSuccessor(event)) this.#save([]);
    this.#kick();
  }

  deliver(delivery: Delivery): void {
    this.#inbox.push(delivery);
    this.#kick();
  }

  /** Topics whose fanout queue was gone: what was sent to them meanwhile is lost. */
  gap(topics: readonly string[]): void {
    const l2population = topics.includes(L2POPULATION_TOPIC);
    const ports = [PORT_UPDATE_TOPIC, PORT_DELETE_TOPIC, BINDING_ACTIVATE_TOPIC].some((topic) =>
      topics.includes(topic),
    );
    if (topics.length > 0) this.#parts.log.warn({ topics }, 'notifications were lost, asking for what they said');
    this.apply({ kind: 'gap', l2population, ports });
  }

  /**
   * A queue is gone and about to be made anew: written down at once, for a process that dies now leaves one that looks
   * complete. {@link gap}, or the link's return, says when it is there.
   */
  missing(topic: string): void {
    if (topic !== L2POPULATION_TOPIC) return;
    this.apply({ kind: 'deaf' });
  }

  #kick(): void {
    // One that waits will see everything that has happened by then.
    if (this.#stopped || this.#isQueued) return;
    this.#isQueued = true;
    void this.#batches.add(() => this.#batch());
  }

  async #batch(): Promise<void> {
    const { executor, log, now } = this.#parts;
    const started = now();
    this.#isQueued = false;
    const deliveries = this.#ready();
    try {
      this.#takeIn(deliveries);
      this.#lane?.kick();
      if (this.#retry === undefined) {
        let progress = await executor.advance();
        while (progress === 'again') progress = await executor.advance();
        this.#isWaiting = progress === 'waiting';
        if (progress === 'done') {
          if (this.failure !== undefined) log.info('the switch can be programmed again');
          this.failure = undefined;
          this.#backoff.reset();
        }
      }
    } catch (error) {
      this.#failed(error);
    }
    this.#save([]);
    this.batches++;
    this.lastMs = now() - started;
    const [oldest] = deliveries;
    if (oldest !== undefined) this.lastLatencyMs = now() - oldest.receivedAt.getTime();
    const finished = now();
    this.#lane?.kick();
    this.#setWake(started, finished);
    if (this.#inbox.length > 0 && this.#parts.state.recovered) this.#kick();
  }

  /**
   * What can be taken in now. News of the FDB wait until it has been read back from the switch: a remove would find nothing
   * to take away. Meanwhile the broker keeps what is more than the prefetch.
   */
  #ready(): Delivery[] {
    const { recovered } = this.#parts.state;
    const [ready, held]: [Delivery[], Delivery[]] = [[], []];
    for (const delivery of this.#inbox) {
      (recovered || delivery.topic !== L2POPULATION_TOPIC ? ready : held).push(delivery);
    }
    this.#inbox = held;
    return ready;
  }

  /** Parse, reduce, commit, acknowledge: in this order, so that nothing acknowledged is lost (DESIGN, rule 10). */
  #takeIn(deliveries: readonly Delivery[]): void {
    if (deliveries.length === 0) return;
    const { state, log, now } = this.#parts;
    const wasSilent = state.isServerSilent;
    /** Ids of those that speak of networks here: to take one in again would be wrong. */
    const taken: string[] = [];
    for (const delivery of deliveries) {
      const { topic, request } = delivery;
      const { events, problems } = readDelivery(delivery, state.config);
      if (problems.length > 0) this.#reportProblems(delivery, problems);
      const before = state.touches;
      for (const event of events) reduce(state, event, now());
      if (state.touches !== before && request.uniqueId !== undefined) taken.push(request.uniqueId);
      const facts = { topic, method: request.method, requestId: request.requestId, uniqueId: request.uniqueId };
      log.debug(facts, 'notification');
    }
    // What the new intents wait for is known when they are rendered.
    renderDirty(state);
    state.journal.block((subject) => state.blockedOn(subject), now());
    this.#save(taken);
    for (const delivery of deliveries) delivery.ack();
    this.counters.notifications += deliveries.length;
    if (state.isServerSilent && !wasSilent) {
      log.warn('neutron-server sends no FDB snapshots: is l2population among its mechanism_drivers? Nothing is swept');
    }
  }

  #save(messages: readonly string[], which?: 'last'): void {
    const { state, journal, offsets, now } = this.#parts;
    journal.save((what) => {
      if (what === 'all') forgetSaved(state);
      const at = now();
      const unsaved = takeUnsaved(state, at);
      const { gone, networks, claims, vifs, vifsGone, entries } = unsaved;
      const changes = [gone, networks, claims, vifs, vifsGone, entries, messages];
      const next = offsets();
      const isStale = which === 'last' || at - this.#saved.at >= OFFSETS_EVERY;
      const isMoved = isStale && [...next].some(([topic, offset]) => this.#saved.offsets.get(topic) !== offset);
      if (!isMoved && changes.every(({ length }) => length === 0)) return;
      this.#saved = { offsets: next, at };
      return { ...unsaved, messages, offsets: next, sequence: state.sequence, at };
    });
  }

  #reportProblems({ topic, queue, request }: Delivery, problems: readonly string[]): void {
    this.counters.badEntries += problems.length;
    const facts = { topic, queue, method: request.method, requestId: request.requestId };
    const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
    this.#parts.log.error({ ...facts, problems: problems.slice(0, 5) }, `bad notification: ${problems[0]}${more}`);
  }

  #failed(error: unknown): void {
    if (!isExpected(error)) throw error;
    const delay = this.#backoff.next();
    if (this.failure === undefined) {
      this.#parts.log.warn({ err: error, retryMs: delay }, 'the switch cannot be programmed now, to be tried again');
    }
    this.failure = error;
    this.#isWaiting = false;
    clearTimeout(this.#retry);
    if (this.#stopped) return;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#kick();
    }, delay);
  }

  /** Whatever was due by then has been looked at: what was refused at the beginning of the batch, duties at its end. */
  #setWake(started: number, finished: number): void {
    clearTimeout(this.#wake);
    const { state } = this.#parts;
    const times = [nextWake(state, finished), state.journal.nextDue(started)].filter((time) => time !== undefined);
    if (times.length === 0 || this.#stopped) return;
    const at = Math.min(...times);
    const delay = Math.min(Math.max(at - this.#parts.now(), 0), MAX_TIMER);
    this.#wake = setTimeout(() => this.apply({ kind: 'wake' }), delay);
  }
}

/**
 * Written down before anything else happens, however long the batch that runs takes: nothing else would tell a successor
 * that the FDB has a gap, or that an answer is on its way to it.
 */
function isForSuccessor(event: Event): boolean {
  return event.kind === 'deaf' || event.kind === 'gap' || (event.kind === 'duty-started' && event.duty.kind === 'up');
}

/** The switch is not ready to be compared with. */
export class NotReadyError extends Error {
  override readonly name = 'NotReadyError';
  readonly code = 'not-ready';

  constructor(waitingFor: string) {
    super(waitingFor === '' ? 'the switch is not connected' : `waiting for ${waitingFor}`);
  }
}

/** An I/O error has a code; anything else is a mistake of ours and ends the process (STYLE). */
function isExpected(error: unknown): error is Error {
  return error instanceof Error && 'code' in error;
}
