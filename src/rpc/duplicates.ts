/**
 * Which messages were seen before, by `_unique_id`, and when a repeat may be acknowledged.
 *
 *     unseen ──first()──▶ pending ──settle()──▶ settled ──(after `limit` later ones)──▶ forgotten
 *
 * Pending means handed over but not stored yet. A repeat that comes then is not handed over again, nor acknowledged
 * before the first one is: after a broken connection the "repeat" is the first one's only copy on the broker, and
 * whoever holds the first one will settle both. A repeat of a settled message is acknowledged at once: this covers an
 * acknowledgement that was lost with its connection. A successor finds the unsettled messages
 * in the queue and is told of the settled ones.
 */
export class Duplicates {
  readonly #limit: number;
  readonly #pending = new Map<string, (() => void)[]>();
  /** In the order in which they were settled. */
  readonly #settled = new Set<string>();

  /** `limit`: how many settled ids are remembered; the pending ones are as many as the prefetch allows. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** True: hand it over, and `settle(id)` later. False: a repeat, `ack` is taken care of. */
  first(id: string, ack: () => void): boolean {
    if (this.#settled.has(id)) {
      ack();
      return false;
    }
    const copies = this.#pending.get(id);
    if (copies !== undefined) {
      copies.push(ack);
      return false;
    }
    this.#pending.set(id, [ack]);
    return true;
  }

  /** Settled by a predecessor. */
  known(id: string): void {
    this.#settled.add(id);
  }

  /** The message is stored: acknowledges every copy of it that has come. */
  settle(id: string): void {
    const copies = this.#pending.get(id);
    if (copies === undefined) return;
    this.#pending.delete(id);
    this.#settled.add(id);
    for (const oldest of this.#settled) {
      if (this.#settled.size <= this.#limit) break;
      this.#settled.delete(oldest);
    }
    for (const ack of copies) ack();
  }
}
