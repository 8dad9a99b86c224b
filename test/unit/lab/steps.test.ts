import { expect, test } from 'vitest';
import { check, runSteps, type Step, StepError } from '../../../lab/steps.ts';

/** What was run and what was printed, times left out. */
async function run(steps: readonly Step<string[]>[]): Promise<{ ran: string[]; lines: string[]; error: unknown }> {
  const ran: string[] = [];
  const lines: string[] = [];
  const print = (line: string) => lines.push(line.replace(/\d+\.\d+ s/, 'T').trim());
  const error = await runSteps(steps, ran, print).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return { ran, lines, error };
}

const good = (title: string): Step<string[]> => ({
  title,
  run: (ran, note) => {
    ran.push(title);
    note(`a line of ${title}`);
    return Promise.resolve();
  },
});
const bad: Step<string[]> = {
  title: 'bad',
  run: () => Promise.resolve().then(() => check(false, 'it does not hold')),
};

test('all steps in order, a line each and their notes', async () => {
  const { ran, lines, error } = await run([good('one'), good('two')]);
  expect([ran, error]).toEqual([['one', 'two'], undefined]);
  expect(lines).toEqual([
    ...['[1/2] one', 'T  a line of one', 'T  ok'],
    ...['[2/2] two', 'T  a line of two', 'T  ok'],
    'all 2 steps held, T',
  ]);
});

test('the step that fails is named, and none runs after it', async () => {
  const { ran, lines, error } = await run([good('one'), bad, good('three')]);
  expect(ran).toEqual(['one']);
  expect(lines.at(-1)).toBe('T  FAILED');
  expect(error).toBeInstanceOf(StepError);
  expect(String(error)).toContain('step "bad" failed: it does not hold');
});
