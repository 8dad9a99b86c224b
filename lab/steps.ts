/** A list of steps, run one after the other with a line each: what, and how long it took. Stops at the first that fails. */

export interface Step<Context> {
  readonly title: string;
  /** Rejects when the step does not hold. `note` adds a line below the step's. */
  readonly run: (context: Context, note: (text: string) => void) => Promise<void>;
}

/** Which step failed; `cause` is what it threw. */
export class StepError extends Error {
  readonly code = 'STEP_FAILED';

  constructor(title: string, cause: unknown) {
    super(`step "${title}" failed: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.name = 'StepError';
  }
}

/** Runs all steps; `print` gets lines without a newline. Throws {@link StepError}. */
export async function runSteps<Context>(
  steps: readonly Step<Context>[],
  context: Context,
  print: (line: string) => void,
): Promise<void> {
  const start = performance.now();
  for (const [index, step] of steps.entries()) {
    const before = performance.now();
    const since = (): string => `${((performance.now() - before) / 1000).toFixed(2)} s`;
    print(`[${index + 1}/${steps.length}] ${step.title}`);
    try {
      await step.run(context, (text) => print(`      ${since().padStart(8)}  ${text}`));
    } catch (error) {
      print(`      ${since().padStart(8)}  FAILED`);
      throw new StepError(step.title, error);
    }
    print(`      ${since().padStart(8)}  ok`);
  }
  print(`all ${steps.length} steps held, ${((performance.now() - start) / 1000).toFixed(1)} s`);
}

/** What a step throws when something is not as it must be. */
export function check(condition: boolean, otherwise: string): asserts condition {
  if (!condition) throw new Error(otherwise);
}
