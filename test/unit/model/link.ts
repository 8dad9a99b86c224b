/**
 * A process's side of the broker, as `rpc/client.ts` and `rpc/subscriptions.ts` have it: queues are looked for, said to be
 * missing before they are made anew, consumed; what comes again is known by its id (the real `Duplicates`).
 */
import type { Agent } from '../../../src/agent.ts';
import { L2POPULATION_TOPIC, PORT_UPDATE_TOPIC } from '../../../src/neutron/topics.ts';
import { Duplicates } from '../../../src/rpc/duplicates.ts';
import { RpcError } from '../../../src/rpc/types.ts';
import type { Broker, Message, Queue } from './broker.ts';
import type { Chance } from './chance.ts';

/** Milliseconds between looks at our bindings (`rpc/client.ts`). */
const BINDING_INTERVAL = 60_000;
const LOST = [L2POPULATION_TOPIC, PORT_UPDATE_TOPIC];

export interface LinkParts {
  readonly broker: Broker;
  readonly chance: Chance;
  readonly agent: Pick<Agent, 'apply' | 'gap' | 'missing'>;
  /** The daemon started with a complete FDB. */
  readonly isRestored: boolean;
  /** Ids of messages that a predecessor took in. */
  readonly seen: readonly string[];
  /** Of a hundred messages so many come a second time under another id. */
  readonly redelivered: number;
  isAlive(): boolean;
  /** neutron-server can be called, or not. */
  onReady(isReady: boolean): void;
  /** `settle` when it is stored. */
  onMessage(source: 'fanout' | 'by-name', message: Message, settle: () => void): void;
}

let connections = 0;

export class Link {
  readonly #parts: LinkParts;
  readonly #duplicates = new Duplicates(10_000);
  readonly #waiters = new Set<(error: RpcError) => void>();
  /** Number of the connection; `undefined`: there is none. */
  #session: number | undefined;
  #isUp = false;
  #hasBeenUp: boolean;
  #isGapOwed = false;

  constructor(parts: LinkParts) {
    this.#parts = parts;
    this.#hasBeenUp = parts.isRestored;
    for (const id of parts.seen) this.#duplicates.known(id);
  }

  connect(): void {
    if (!this.#parts.isAlive() || this.#session !== undefined) return;
    const session = ++connections;
    this.#session = session;
    let missing = this.#parts.broker.queues.length;
    for (const [source, queue] of this.#parts.broker.queues) {
      this.#subscribe(source, queue, () => {
        if (--missing === 0) this.#up();
      });
    }
    this.#lookAtBindings();
  }

  /** The connection breaks, or the process dies. */
  disconnect(): void {
    const { broker, agent, onReady, isAlive } = this.#parts;
    for (const [, queue] of broker.queues) if (queue.consumer === this.#session) queue.release();
    this.#session = undefined;
    if (!isAlive()) return;
    for (const fail of [...this.#waiters]) fail(new RpcError('not-connected', 'the connection is lost'));
    if (!this.#isUp) return;
    this.#isUp = false;
    agent.apply({ kind: 'link-down' });
    onReady(false);
  }

  /** A call, or a cast that waits to be confirmed: fails when the connection does. */
  async call<T>(begin: (resolve: (value: T) => void, reject: (error: RpcError) => void) => void): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    if (this.#session === undefined) reject(new RpcError('not-connected', 'there is no connection'));
    else {
      const fail = (error: RpcError) => {
        if (this.#waiters.delete(fail) && this.#parts.isAlive()) reject(error);
      };
      this.#waiters.add(fail);
      begin((value) => {
        if (this.#waiters.delete(fail) && this.#parts.isAlive()) resolve(value);
      }, fail);
    }
    return await promise;
  }

  /** The broker took a queue away that we consumed. */
  cancelled(source: 'fanout' | 'by-name', queue: Queue): void {
    this.#subscribe(source, queue, () => this.#later(300, () => this.#gap()));
  }

  /** Hands over what is there, the queues in any order. */
  drain(): void {
    const { broker, chance, isAlive } = this.#parts;
    while (isAlive() && this.#session !== undefined) {
      const queues = broker.queues.filter(([, queue]) => queue.consumer === this.#session);
      if (chance.percent(50)) queues.reverse();
      const found = queues.map(([source, queue]) => ({ source, queue, message: queue.deliver() }));
      const [first, second] = found.filter(({ message }) => message !== undefined);
      if (first?.message === undefined) return;
      this.#receive(first.source, first.queue, first.message);
      if (second?.message !== undefined) this.#receive(second.source, second.queue, second.message);
    }
  }

  #subscribe(source: 'fanout' | 'by-name', queue: Queue, done: () => void): void {
    this.#later(200, () => {
      if (queue.isThere && queue.isBound) {
        this.#consume(source, queue, done);
        return;
      }
      this.#missing();
      const declare = () => {
        const wait = queue.goneUntil - Date.now();
        if (wait > 0) {
          this.#after(wait, declare);
          return;
        }
        queue.declare();
        this.#later(300, () => this.#consume(source, queue, done));
      };
      this.#later(1_000, declare);
    });
  }

  #consume(source: 'fanout' | 'by-name', queue: Queue, done: () => void): void {
    if (!queue.isThere) {
      this.#subscribe(source, queue, done);
      return;
    }
    queue.consumer = this.#session;
    this.#later(100, () => this.drain());
    done();
  }

  /** The witness tells that the exchange was gone. */
  #lookAtBindings(): void {
    this.#after(BINDING_INTERVAL, () => {
      const { fanout } = this.#parts.broker;
      this.#lookAtBindings();
      if (fanout.isBound || !fanout.isThere) return;
      this.#missing();
      this.#later(300, () => {
        fanout.isBound = true;
        this.#later(100, () => this.#gap());
      });
    });
  }

  #missing(): void {
    this.#isGapOwed = true;
    this.#parts.agent.missing(L2POPULATION_TOPIC);
  }

  #up(): void {
    const { agent, onReady } = this.#parts;
    this.#isUp = true;
    const isLost = this.#isGapOwed;
    this.#isGapOwed = false;
    // As in `daemon.ts`.
    agent.apply({ kind: 'link-up' });
    if (isLost && this.#hasBeenUp) agent.gap(LOST);
    this.#hasBeenUp = true;
    this.#later(1_000, () => onReady(true));
  }

  #gap(): void {
    this.#isGapOwed = false;
    if (this.#hasBeenUp) this.#parts.agent.gap(LOST);
  }

  #receive(source: 'fanout' | 'by-name', queue: Queue, message: Message): void {
    const { chance, redelivered, isAlive, onMessage } = this.#parts;
    const session = this.#session;
    const { id } = message;
    // On a channel that is gone it does nothing.
    const acknowledge = () => {
      if (isAlive() && session === this.#session) queue.acknowledge(message);
    };
    if (!this.#duplicates.first(id, acknowledge)) return;
    onMessage(source, message, () => this.#duplicates.settle(id));
    if (!chance.percent(redelivered)) return;
    this.#later(10_000, () => onMessage(source, { ...message, id: `${id} again` }, () => undefined));
  }

  /** In this process and connection. */
  #after(ms: number, run: () => void): void {
    const session = this.#session;
    setTimeout(() => {
      if (this.#parts.isAlive() && session !== undefined && session === this.#session) run();
    }, ms);
  }

  #later(ms: number, run: () => void): void {
    this.#after(this.#parts.chance.upTo(ms), run);
  }
}
