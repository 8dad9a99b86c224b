import { expect, it } from 'vitest';
import { parsePing } from '../../../lab/ping.ts';

it.each([
  [
    'answers',
    '3 packets transmitted, 2 received, 33.3333% packet loss, time 402ms\nrtt min/avg/max/mdev = 0.341/0.579/0.817/0.238 ms',
    { sent: 3, received: 2, averageMs: 0.579 },
  ],
  [
    'duplicates',
    '3 packets transmitted, 3 received, +3 duplicates, 0% packet loss, time 400ms',
    { sent: 3, received: 3, averageMs: undefined },
  ],
  [
    'nothing',
    '1 packets transmitted, 0 received, +1 errors, 100% packet loss, time 0ms',
    { sent: 1, received: 0, averageMs: undefined },
  ],
])('reads the summary of ping: %s', (_name, text, expected) => {
  expect(parsePing(text)).toEqual(expected);
});

it('does not take silence for an answer', () => {
  expect(() => parsePing('ping: connect: Network is unreachable')).toThrow('no summary');
});
