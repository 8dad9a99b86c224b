/** The demo's scenario, step by step, as tests: a step that fails makes those after it fail too, and its logs are kept. */
import { afterAll, describe, it } from 'vitest';
import { Demo, demoSteps } from '../../lab/demo.ts';
import { RunDirectory } from '../../lab/run-directory.ts';

describe('the main job', () => {
  const run = RunDirectory.createForTest();
  const demo = new Demo(run);
  let held = 0;

  afterAll(async () => {
    if (held === demoSteps.length) await run.remove();
    else await run.takeDown();
  });

  it.each(demoSteps.map((step, index) => ({ ...step, index })))('$title', async (step) => {
    if (held < step.index) throw new Error(`not tried: "${demoSteps[held]?.title}" failed`);
    await step.run(demo, () => undefined);
    held += 1;
  });
});
