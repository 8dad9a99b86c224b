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
import type { Store, StoreRecord } from './journal/store.ts';
import { BINDING_ACTIVATE_TOPIC, L2POPULATION_TOPIC, PORT_DELETE_TOPIC, PORT_UPDATE_TOPIC } from './neutron/topics.ts';
import { reduce } from './reduce.ts';
import { timestamp } from './report/time.ts';
import type { CompareReport } from './report/types.ts';
import type { Delivery } from './rpc/types.ts';
import type { ServerLane } from './server-lane.ts';
import type { State } from './state.ts';

export interface AgentParts {
  readonly state: State;
  readonly store: Store;
  readonly executor: Executor;
  readonly log: Logger;
  now(): number;
}

/** Setting a timer further ahead than this overflows (Node's `setTimeout`, 2^31−1 ms). */
const MAX_TIMER = 2 ** 31 - 1;

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
  readonly counters = { notifications: 0, badEntries: 0 };
  batches = 0;
  /** Milliseconds a batch took, and from its oldest notification to the commit of its flows. */
  lastMs: number | undefined;
  lastLatencyMs: number | undefined;
  /** Why the switch cannot be programmed now. */
  failure: Error | undefined;

  constructor(parts: AgentParts) {
    this.#parts = parts;
  }

  /** `lane`: kicked whenever the state has changed. */
  start(lane: ServerLane): void {
    this.#lane = lane;
    const every = this.#parts.state.config.own.compareInterval * 1000;
    this.#compareTimer = setInterval(() => this.apply({ kind: 'compare' }), every);
    this.#kick();
  }

  /** Finishes the batch that runs. Flows stay as they are. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const timer of [this.#retry, this.#wake, this.#compareTimer]) clearTimeout(timer);
    await this.#batches.onIdle();
  }

  /** Runs something between batches, when what is wanted and what is there belong together. */
  async between<T>(run: () => Promise<T>): Promise<T> {
    return await this.#batches.add(run);
  }

  /** Compares with the switch now and repairs. @throws the failure if the switch cannot be reached. */
  async compare(): Promise<CompareReport> {
    const { state, executor } = this.#parts;
    state.compareWanted = true;
    clearTimeout(this.#retry);
    this.#retry = undefined;
    await this.#batches.add(() => this.#batch());
    if (this.failure !== undefined) throw this.failure;
    if (state.compareWanted || executor.lastCompare === undefined) throw new NotReadyError(executor.waitingFor);
    const { at, drift } = executor.lastCompare;
    return { at: timestamp(at), drift };
  }

  apply(event: Event): void {
    reduce(this.#parts.state, event, this.#parts.now());
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
    const deliveries = this.#inbox;
    this.#inbox = [];
    try {
      await this.#takeIn(deliveries);
      this.#lane?.kick();
      if (this.#retry === undefined) {
        let progress = await executor.advance();
        while (progress === 'again') progress = await executor.advance();
        if (progress === 'done') {
          if (this.failure !== undefined) log.info('the switch can be programmed again');
          this.failure = undefined;
          this.#backoff.reset();
        }
      }
    } catch (error) {
      this.#failed(error);
    }
    this.batches++;
    this.lastMs = now() - started;
    const [oldest] = deliveries;
    if (oldest !== undefined) this.lastLatencyMs = now() - oldest.receivedAt.getTime();
    const finished = now();
    this.#lane?.kick();
    this.#setWake(finished);
  }

  /** Parse, commit, acknowledge, reduce: in this order, so that nothing acknowledged is lost (DESIGN, rule 10). */
  async #takeIn(deliveries: readonly Delivery[]): Promise<void> {
    if (deliveries.length === 0) return;
    const { state, store, log, now } = this.#parts;
    const events: Event[] = [];
    const records: StoreRecord[] = [];
    for (const delivery of deliveries) {
      const read = readDelivery(delivery, state.config);
      events.push(...read.events);
      records.push(...read.records);
      if (read.problems.length > 0) this.#reportProblems(delivery, read.problems);
      const { topic, request } = delivery;
      const facts = { topic, method: request.method, requestId: request.requestId, uniqueId: request.uniqueId };
      this.#parts.log.debug({ ...facts, changes: read.records.length }, 'notification');
    }
    try {
      await store.commit(records);
    } catch (error) {
      this.#inbox.unshift(...deliveries);
      throw error;
    }
    for (const delivery of deliveries) delivery.ack();
    this.counters.notifications += deliveries.length;
    const wasSilent = state.isServerSilent;
    for (const event of events) reduce(state, event, now());
    if (state.isServerSilent && !wasSilent) {
      log.warn('neutron-server sends no FDB snapshots: is l2population among its mechanism_drivers? Nothing is swept');
    }
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
    clearTimeout(this.#retry);
    if (this.#stopped) return;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#kick();
    }, delay);
  }

  /** `since`: whatever was due by then has been looked at. */
  #setWake(since: number): void {
    clearTimeout(this.#wake);
    const at = nextWake(this.#parts.state, since);
    if (at === undefined || this.#stopped) return;
    const delay = Math.min(Math.max(at - this.#parts.now(), 0), MAX_TIMER);
    this.#wake = setTimeout(() => this.apply({ kind: 'wake' }), delay);
  }
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
