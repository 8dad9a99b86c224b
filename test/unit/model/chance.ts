/** Chance in the model: the same for the same seed. */
import { Random } from '../../../lab/chaos/random.ts';

export class Chance extends Random {
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
