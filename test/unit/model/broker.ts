/** The broker as the model has it: two queues of the host, what is in them and what waits for its acknowledgement. */
import type { JsonObject } from '../../../src/rpc/types.ts';

export interface Message {
  /** As oslo.messaging's `_unique_id`: what comes again has the same. */
  readonly id: string;
  readonly method: string;
  readonly args: JsonObject;
}

export class Queue {
  isThere = true;
  /** Of a fanout: exchange and queue are bound to each other. */
  isBound = true;
  /** While it is gone: not to be made anew before (ms since the epoch). */
  goneUntil = 0;
  /** Who consumes: a connection, by its number. */
  consumer: number | undefined;
  #ready: Message[] = [];
  #unacknowledged: Message[] = [];

  /** @returns whether somebody will hear of it. */
  publish(message: Message): boolean {
    if (!this.isThere || !this.isBound) return false;
    this.#ready.push(message);
    return true;
  }

  /** The next one for its consumer. */
  deliver(): Message | undefined {
    const message = this.#ready.shift();
    if (message !== undefined) this.#unacknowledged.push(message);
    return message;
  }

  acknowledge(message: Message): void {
    this.#unacknowledged = this.#unacknowledged.filter((one) => one !== message);
  }

  /** The consumer is gone: what it has not acknowledged comes again, where it was. */
  release(): void {
    this.consumer = undefined;
    this.#ready = [...this.#unacknowledged, ...this.#ready];
    this.#unacknowledged = [];
  }

  /** With what is in it. */
  delete(until = 0): void {
    this.isThere = false;
    this.goneUntil = until;
    this.consumer = undefined;
    this.#ready = [];
    this.#unacknowledged = [];
  }

  /** By its owner, empty. */
  declare(): void {
    this.isThere = true;
    this.isBound = true;
  }
}

export class Broker {
  readonly fanout = new Queue();
  readonly byName = new Queue();

  get queues(): readonly ['fanout' | 'by-name', Queue][] {
    return [
      ['fanout', this.fanout],
      ['by-name', this.byName],
    ];
  }

  /** As after a restart with empty memory. */
  forget(): void {
    for (const [, queue] of this.queues) queue.delete();
  }
}
