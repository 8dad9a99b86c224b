import { describe, expect, it } from 'vitest';
import { losses, parseAnswer } from '../../../../lab/chaos/losses.ts';

const answer = (seq: number) => ({ seq, at: 1_000 + seq * 50 });
const seqs = (answers: number[], until: number) => losses(answers.map(answer), 50, until).map(({ seq }) => seq);

describe('requests that were not answered', () => {
  it.each([
    ['none', [1, 2, 3], 1_160, []],
    ['one', [1, 3], 1_160, [2]],
    ['some in a row', [1, 5, 6], 1_310, [2, 3, 4]],
    ['answers out of order', [3, 1, 2], 1_160, []],
    ['all since then', [1, 2], 1_340, [3, 4, 5, 6]],
    ['those that may still come are not lost', [1, 2, 6], 1_160, [3]],
  ])('%s', (_, answers, until, lost) => {
    expect(seqs(answers, until)).toEqual(lost);
  });

  it('when they were sent, and how many were lost in a row', () => {
    expect(losses([answer(1), answer(4)], 50, 9_000).slice(0, 2)).toEqual([
      { seq: 2, at: 1_100, run: 2 },
      { seq: 3, at: 1_150, run: 2 },
    ]);
  });
});

it.each([
  ['[1732179159.250000] 64 bytes from 10.1.0.12: icmp_seq=17 ttl=64 time=0.41 ms', { seq: 17, at: 1732179159250 }],
  ['[1732179159.250000] From 10.1.0.11 icmp_seq=17 Destination Host Unreachable', undefined],
  ['PING 10.1.0.12 (10.1.0.12) 56(84) bytes of data.', undefined],
])('%s', (line, expected) => {
  expect(parseAnswer(line)).toEqual(expected);
});
