import { expect, it } from 'vitest';
import { parseArguments } from '../../../../lab/chaos/arguments.ts';

it.each([
  [[], { seconds: 120, seed: undefined }],
  [['--seed', '0'], { seconds: 120, seed: 0 }],
  [['--seconds', '30', '--seed', '4294967295'], { seconds: 30, seed: 2 ** 32 - 1 }],
])('%j', (args, expected) => {
  expect(parseArguments(args)).toEqual(expected);
});

it.each([
  [['--seed'], '--seed needs a whole number from 0 to 4294967295, not ""'],
  [['--seed', '-1'], '--seed needs a whole number from 0 to 4294967295, not "-1"'],
  [['--seconds', '0'], '--seconds needs a whole number from 1 to 3000, not "0"'],
  [['--seconds', '1e2'], '--seconds needs a whole number from 1 to 3000, not "1e2"'],
  [['30'], 'chaos does not know "30"; it takes --seconds N and --seed N'],
])('%j is wrong', (args, message) => {
  expect(() => parseArguments(args)).toThrow(message);
});
