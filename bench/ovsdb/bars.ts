/** The bars that a part's figures are held against. */

export interface Bar {
  /** What must hold, in words. */
  readonly bar: string;
  readonly limit: number;
  readonly at: 'most' | 'least';
  readonly figure: number;
  readonly met: boolean;
}

export function atMost(limit: number, bar: string, figure: number): Bar {
  return { bar, limit, at: 'most', figure, met: figure <= limit };
}

export function atLeast(limit: number, bar: string, figure: number): Bar {
  return { bar, limit, at: 'least', figure, met: figure >= limit };
}
