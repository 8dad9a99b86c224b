/** Sends notifications and counts them, so that tests and the demo can say what the server told whom. */
import type { RpcSender } from '../../src/rpc/types.ts';
import type { Notification } from './notifications.ts';

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
      return this.#sender.fanout(topic, method, args, { version });
    }
    count(this.#snapshots, host);
    return this.#sender.cast(`${topic}.${host}`, method, args, { version });
  }
}

function count(counters: Map<string, number>, key: string): void {
  counters.set(key, (counters.get(key) ?? 0) + 1);
}

function sum(counters: ReadonlyMap<string, number>): number {
  return [...counters.values()].reduce((total, value) => total + value, 0);
}
