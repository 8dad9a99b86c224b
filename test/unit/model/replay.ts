/**
 * How many stories a law is held against, which ones, and how a failing one is found again. Every run takes others.
 *
 *     SEED=1234 STORY=17:0:3 npx vitest run --project unit test/unit/model    (this story, as short as it was made)
 *     RUNS=10000 npx vitest run --project unit test/unit/model                (look longer)
 *
 * `QUICK=1` does not make a failing story shorter.
 */
import fc from 'fast-check';

const { RUNS, SEED, STORY, QUICK } = process.env;

/** @throws Error: the story, as short as it could be made, and how to see it again. */
export async function hold<T>(law: fc.IAsyncProperty<T>): Promise<void> {
  const result = await fc.check(law, {
    numRuns: Number(RUNS ?? 200),
    ...(SEED === undefined ? {} : { seed: Number(SEED) }),
    endOnFailure: QUICK === '1',
    ...(STORY === undefined ? {} : { path: STORY }),
  });
  if (!result.failed) return;
  const words = `SEED=${result.seed} STORY=${result.counterexamplePath} npx vitest run --project unit test/unit/model`;
  const why = result.errorInstance instanceof Error ? result.errorInstance.message : String(result.errorInstance);
  throw new Error(`${await fc.asyncDefaultReportMessage(result)}\n\n${why}\n\nThis story again: ${words}`);
}
