/** Chance in the model: the same for the same seed. */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** In [0, 1); mulberry32. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** So often of a hundred times. */
  percent(share: number): boolean {
    return this.next() * 100 < share;
  }

  /** Milliseconds: most often few, now and then all of them. */
  upTo(ms: number): number {
    const [roll, share] = [this.next(), this.next()];
    return Math.floor(roll < 0.3 ? 0 : roll < 0.7 ? Math.min(ms, 50) * share : ms * share);
  }
}
