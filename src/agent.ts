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
import { L2POPULATION_TOPIC, PORT_DELETE_TOPIC, PORT_UPDATE_TOPIC } from './neutron/topics.ts';
import { reduce } from './reduce.ts';
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
  #failing = false;
  #stopped = false;
  #retry: NodeJS.Timeout | undefined;
  #wake: NodeJS.Timeout | undefined;
  #compareTimer: NodeJS.Timeout | undefined;
  readonly counters = { batches: 0, deliveries: 0, problems: 0, lastBatchMs: 0, lastLatencyMs: 0 };

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
    const ports = topics.includes(PORT_UPDATE_TOPIC) || topics.includes(PORT_DELETE_TOPIC);
    if (topics.length > 0) this.#parts.log.warn({ topics }, 'notifications were lost, asking for what they said');
    this.apply({ kind: 'gap', l2population, ports });
  }

  #kick(): void {
    // One that waits will see everything that has happened by then.
    if (this.#stopped || this.#batches.size > 0) return;
    void this.#batches.add(() => this.#batch());
  }

  async #batch(): Promise<void> {
    const { executor, log, now } = this.#parts;
    const started = now();
    const deliveries = this.#inbox;
    this.#inbox = [];
    try {
      await this.#takeIn(deliveries);
      this.#lane?.kick();
      if (this.#retry === undefined) {
        while ((await executor.advance()) === 'again');
        if (this.#failing) log.info('the switch is reachable again');
        this.#failing = false;
        this.#backoff.reset();
      }
    } catch (error) {
      this.#failed(error);
    }
    this.counters.batches++;
    this.counters.lastBatchMs = now() - started;
    const [oldest] = deliveries;
    if (oldest !== undefined) this.counters.lastLatencyMs = now() - oldest.receivedAt.getTime();
    this.#lane?.kick();
    this.#setWake();
  }

  /** Parse, commit, acknowledge, reduce: in this order, so that nothing acknowledged is lost (DESIGN, rule 10). */
  async #takeIn(deliveries: readonly Delivery[]): Promise<void> {
    if (deliveries.length === 0) return;
    const { state, store, now } = this.#parts;
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
    this.counters.deliveries += deliveries.length;
    for (const event of events) reduce(state, event, now());
  }

  #reportProblems({ topic, queue, request }: Delivery, problems: readonly string[]): void {
    this.counters.problems += problems.length;
    const facts = { topic, queue, method: request.method, requestId: request.requestId };
    const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
    this.#parts.log.error({ ...facts, problems: problems.slice(0, 5) }, `bad notification: ${problems[0]}${more}`);
  }

  #failed(error: unknown): void {
    if (!isExpected(error)) throw error;
    const delay = this.#backoff.next();
    if (!this.#failing) this.#parts.log.warn({ err: error, retryMs: delay }, 'the switch cannot be programmed now');
    this.#failing = true;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#kick();
    }, delay);
  }

  #setWake(): void {
    clearTimeout(this.#wake);
    const at = nextWake(this.#parts.state, this.#parts.now());
    if (at === undefined || this.#stopped) return;
    const delay = Math.min(at - this.#parts.now(), MAX_TIMER);
    this.#wake = setTimeout(() => this.apply({ kind: 'wake' }), delay);
  }
}

/** An I/O error has a code; anything else is a mistake of ours and ends the process (STYLE). */
function isExpected(error: unknown): boolean {
  return error instanceof Error && 'code' in error;
}
