/** The command line of `./dev chaos`, read. Pure. */

export interface ChaosArguments {
  readonly seconds: number;
  /** `undefined`: one that has not been given. */
  readonly seed: number | undefined;
}

/** What a person has typed wrong. */
export class UsageError extends Error {
  readonly code = 'USAGE';
  override readonly name = 'UsageError';
}

const RANGES = {
  '--seconds': { name: 'seconds', low: 1, high: 3_000 },
  '--seed': { name: 'seed', low: 0, high: 2 ** 32 - 1 },
} as const;

/** @throws UsageError */
export function parseArguments(args: readonly string[]): ChaosArguments {
  const given: { seconds?: number; seed?: number } = {};
  for (let i = 0; i < args.length; i += 2) {
    const [option = '', value = ''] = [args[i], args[i + 1]];
    const range = Object.entries(RANGES).find(([name]) => name === option)?.[1];
    if (range === undefined) throw new UsageError(`chaos does not know "${option}"; it takes --seconds N and --seed N`);
    const { name, low, high } = range;
    const number = Number(value);
    if (!/^\d+$/.test(value) || number < low || number > high) {
      throw new UsageError(`${option} needs a whole number from ${low} to ${high}, not "${value}"`);
    }
    given[name] = number;
  }
  return { seconds: given.seconds ?? 120, seed: given.seed };
}
