/** Where in a stream we are: after the last message handed over, and before the first that is not acknowledged. */
export class StreamPosition {
  #next: number;
  /** Handed over and not acknowledged, ascending. */
  readonly #open = new Set<number>();

  /** `next`: the offset that is read first. */
  constructor(next: number) {
    this.#next = next;
  }

  /** Where this process goes on. */
  get next(): number {
    return this.#next;
  }

  /** Where a successor has to go on: messages are acknowledged in any order, bad ones at once. */
  get settled(): number {
    const [first] = this.#open;
    return first ?? this.#next;
  }

  handed(offset: number): void {
    this.#next = offset + 1;
    this.#open.add(offset);
  }

  acknowledged(offset: number): void {
    this.#open.delete(offset);
  }
}
