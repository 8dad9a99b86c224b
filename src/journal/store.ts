/**
 * The record of what was heard, committed before its message is acknowledged (DESIGN, rule 10). This is the seam for
 * the durable journal: one commit a batch, whatever keeps it.
 */
import type { FdbChange } from '../l2pop/parse.ts';
import type { Notification } from '../neutron/notifications.ts';

export interface StoreRecord {
  readonly change: FdbChange | Notification;
  /** Where it came from, for whoever asks why a flow is there. */
  readonly uniqueId: string | undefined;
  readonly requestId: string | undefined;
  readonly queue: string;
  /** Milliseconds since the epoch. */
  readonly receivedAt: number;
}

export interface Store {
  /** Resolves when a restart would find the records; rejects and keeps none of them otherwise. */
  commit(records: readonly StoreRecord[]): Promise<void>;
}

/** Keeps the last records in memory: a restart finds the switch and asks the server (`recover.ts`, `sync.ts`). */
export class MemoryStore implements Store {
  readonly #limit: number;
  #records: StoreRecord[] = [];

  constructor(limit = 1000) {
    this.#limit = limit;
  }

  commit(records: readonly StoreRecord[]): Promise<void> {
    this.#records = [...this.#records, ...records].slice(-this.#limit);
    return Promise.resolve();
  }

  recent(): readonly StoreRecord[] {
    return this.#records;
  }
}
