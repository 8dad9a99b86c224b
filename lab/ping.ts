/** What ping(8) of iputils says at its end, as numbers. Pure. */

export interface PingResult {
  readonly sent: number;
  readonly received: number;
  /** Average round trip in milliseconds; `undefined` when nothing came back. */
  readonly averageMs: number | undefined;
}

/** Throws when the text has no summary line: ping was killed or could not start. */
export function parsePing(output: string): PingResult {
  const counts = /(\d+) packets transmitted, (\d+) received/.exec(output);
  if (counts === null) throw new Error(`no summary in the output of ping: ${output.trim().slice(-200)}`);
  const times = /= [\d.]+\/([\d.]+)\//.exec(output);
  return {
    sent: Number(counts[1]),
    received: Number(counts[2]),
    averageMs: times === null ? undefined : Number(times[1]),
  };
}
