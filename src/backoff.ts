/** Waiting longer after each failure, up to a limit. */
export class Backoff {
  readonly #first: number;
  readonly #limit: number;
  #next: number;

  /** Milliseconds. */
  constructor(first: number, limit: number) {
    this.#first = first;
    this.#limit = limit;
    this.#next = first;
  }

  /** How long to wait now, in milliseconds. */
  next(): number {
    const delay = this.#next;
    this.#next = Math.min(this.#next * 2, this.#limit);
    return delay;
  }

  reset(): void {
    this.#next = this.#first;
  }
}
