/**
 * Sends notifications and counts them, so that tests and the demo can say what the server told whom. Without a broker they
 * wait for one, in order, as oslo.messaging's casts do (`retry` is for ever unless it is given): the change is made, so
 * everybody has to hear of it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { RpcError, type RpcSender } from '../../src/rpc/types.ts';
import type { Notification } from './notifications.ts';

/** Milliseconds between attempts while there is no broker. */
const RETRY_INTERVAL = 100;

/** Since the server started. */
export interface SentCounters {
  /** FDB tables sent to a host by name, in all and by host. */
  readonly snapshots: number;
  readonly snapshotsByHost: Readonly<Record<string, number>>;
  /** Fanouts in all and by method. */
  readonly fanouts: number;
  readonly fanoutsByMethod: Readonly<Record<string, number>>;
}

export class Publisher {
  readonly #sender: RpcSender;
  /** Notifications that found no broker; while there are any, those that come stand behind them. */
  readonly #waiting: { readonly send: () => Promise<void>; readonly done: PromiseWithResolvers<void> }[] = [];
  readonly #snapshots = new Map<string, number>();
  readonly #fanouts = new Map<string, number>();

  constructor(sender: RpcSender) {
    this.#sender = sender;
  }

  /** In order; resolves when the broker has them all in its queues. @throws RpcError */
  async publish(notifications: readonly Notification[]): Promise<void> {
    await Promise.all(notifications.map((notification) => this.#send(notification)));
  }

  counters(): SentCounters {
    return {
      snapshots: sum(this.#snapshots),
      snapshotsByHost: Object.fromEntries(this.#snapshots),
      fanouts: sum(this.#fanouts),
      fanoutsByMethod: Object.fromEntries(this.#fanouts),
    };
  }

  #send({ topic, host, method, version, args }: Notification): Promise<void> {
    if (host === undefined) {
      count(this.#fanouts, method);
      return this.#persist(() => this.#sender.fanout(topic, method, args, { version }));
    }
    count(this.#snapshots, host);
    return this.#persist(() => this.#sender.cast(`${topic}.${host}`, method, args, { version }));
  }

  async #persist(send: () => Promise<void>): Promise<void> {
    if (this.#waiting.length === 0) {
      try {
        await send();
        return;
      } catch (error) {
        if (!isOutage(error)) throw error;
      }
    }
    const done = Promise.withResolvers<void>();
    this.#waiting.push({ send, done });
    if (this.#waiting.length === 1) void this.#catchUp();
    await done.promise;
  }

  async #catchUp(): Promise<void> {
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      try {
        await first.send();
        first.done.resolve();
      } catch (error) {
        if (isOutage(error)) {
          await sleep(RETRY_INTERVAL, undefined, { ref: false });
          continue;
        }
        first.done.reject(error);
      }
      this.#waiting.shift();
    }
  }
}

function isOutage(error: unknown): boolean {
  return error instanceof RpcError && error.code === 'not-connected';
}

function count(counters: Map<string, number>, key: string): void {
  counters.set(key, (counters.get(key) ?? 0) + 1);
}

function sum(counters: ReadonlyMap<string, number>): number {
  return [...counters.values()].reduce((total, value) => total + value, 0);
}
