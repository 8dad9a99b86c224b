import { describe, expect, it } from 'vitest';
import { parsePingLines } from '../../../../lab/neutron/ping-lines.ts';

/** Answers at 50 ms each; `transmitted` as in ping's summary. */
function output(answered: readonly number[], transmitted: number): string {
  const lines = answered.map(
    (seq) => `[${(1000 + seq * 0.05).toFixed(6)}] 64 bytes from 10.0.0.2: icmp_seq=${seq} ttl=64 time=0.3 ms`,
  );
  return [
    'PING 10.0.0.2 (10.0.0.2) 56(84) bytes of data.',
    ...lines,
    '--- 10.0.0.2 ping statistics ---',
    `${transmitted} packets transmitted, ${answered.length} received, 0% packet loss`,
  ].join('\n');
}

const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1);
const without = (n: number, ...lost: number[]) => upTo(n).filter((seq) => !lost.includes(seq));

describe('losses of a steady ping', () => {
  it.each([
    { what: 'none', answered: upTo(5), transmitted: 5, sent: 5, lost: 0, gaps: [] },
    { what: 'the last two are on their way', answered: upTo(5), transmitted: 7, sent: 5, lost: 0, gaps: [] },
    {
      what: 'a hole',
      answered: without(9, 4, 5),
      transmitted: 9,
      sent: 9,
      lost: 2,
      gaps: [{ from: 4, to: 5, ms: 150 }],
    },
    {
      what: 'two holes, the first at the beginning',
      answered: without(9, 1, 6),
      transmitted: 9,
      sent: 9,
      lost: 2,
      gaps: [
        { from: 1, to: 1, ms: 0 },
        { from: 6, to: 6, ms: 100 },
      ],
    },
    {
      what: 'never came back',
      answered: upTo(5),
      transmitted: 25,
      sent: 25,
      lost: 20,
      gaps: [{ from: 6, to: 25, ms: 1000 }],
    },
  ])('$what', ({ answered, transmitted, ...expected }) => {
    const { sent, lost, gaps } = parsePingLines(output(answered, transmitted), 0.05);
    expect({ sent, lost, gaps }).toEqual({ sent: expected.sent, lost: expected.lost, gaps: expected.gaps });
  });

  it('answers out of order are answers', () => {
    expect(parsePingLines(output([1, 3, 2, 4], 4), 0.05)).toEqual({ sent: 4, lost: 0, gaps: [] });
  });

  it('throws when ping did not get that far', () => {
    expect(() => parsePingLines('ping: connect: Network is unreachable', 0.05)).toThrow('Network is unreachable');
  });
});
