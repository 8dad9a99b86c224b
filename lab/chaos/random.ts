/** Numbers that follow from a seed alone: the same seed, the same run. Pure. */

export class Random {
  #state: number;

  /** @param seed 0 to 2^32−1 */
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0, without 1. Mulberry32 (Tommy Ettinger, public domain): good enough to choose with, and a few lines. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number, both ends included. */
  between(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** @param list not empty */
  pick<T>(list: readonly T[]): T {
    return list[this.between(0, list.length - 1)] as T;
  }

  /** @param weights not empty, all above 0 */
  weighted<T>(weights: readonly (readonly [T, number])[]): T {
    let rest = this.next() * weights.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [choice, weight] of weights) {
      rest -= weight;
      if (rest < 0) return choice;
    }
    return (weights.at(-1) as readonly [T, number])[0];
  }

  /** Of version 4, as Neutron's ids. */
  uuid(): string {
    const digits = Array.from({ length: 32 }, (_, i) => {
      if (i === 12) return '4';
      return (i === 16 ? this.between(8, 11) : this.between(0, 15)).toString(16);
    }).join('');
    return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  }

  /** In Neutron's default range, `base_mac`. */
  mac(): string {
    const byte = () => this.between(0, 255).toString(16).padStart(2, '0');
    return `fa:16:3e:${byte()}:${byte()}:${byte()}`;
  }
}
