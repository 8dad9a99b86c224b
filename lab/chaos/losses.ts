/** Which requests of a steady ping were never answered, and when they were sent. Pure; milliseconds since the epoch. */

export interface Answer {
  readonly seq: number;
  readonly at: number;
}

export interface Loss {
  readonly seq: number;
  /** Worked out from the answers around it. */
  readonly at: number;
  /** How many were lost in a row with it, itself included. */
  readonly run: number;
}

/**
 * @param answers in any order, the first one ever included
 * @param interval milliseconds between requests
 * @param until a request that was sent before then and is not answered is lost
 */
export function losses(answers: readonly Answer[], interval: number, until: number): Loss[] {
  const sorted = [...answers].sort((a, b) => a.seq - b.seq);
  const found: Loss[] = [];
  for (const [i, answer] of sorted.entries()) {
    const next = sorted[i + 1];
    // After the last one they go on at their pace, or nobody would know that all are lost.
    const count =
      next === undefined ? Math.max(0, Math.floor((until - answer.at) / interval)) : next.seq - answer.seq - 1;
    const pace = next === undefined ? interval : (next.at - answer.at) / (next.seq - answer.seq);
    for (let n = 1; n <= count; n++) {
      const at = answer.at + n * pace;
      if (at < until) found.push({ seq: answer.seq + n, at, run: count });
    }
  }
  return found;
}

/** Losses in a row, for the log: from, to and how many. */
export function rowsOf(lost: readonly Loss[]): { from: string; to: string; count: number }[] {
  const rows: { from: string; to: string; count: number; last: number }[] = [];
  for (const { seq, at } of lost) {
    const row = rows.at(-1);
    const time = new Date(at).toISOString();
    if (row?.last === seq - 1) Object.assign(row, { to: time, count: row.count + 1, last: seq });
    else rows.push({ from: time, to: time, count: 1, last: seq });
  }
  return rows.map(({ last: _, ...row }) => row);
}

/** `[1732179159.123456] 64 bytes from 10.1.0.12: icmp_seq=17 ttl=64 time=0.41 ms` (ping(8), `-D`) */
export function parseAnswer(line: string): Answer | undefined {
  const match = /^\[([\d.]+)\].* icmp_seq=(\d+) .*time=/.exec(line);
  return match === null ? undefined : { seq: Number(match[2]), at: Number(match[1]) * 1000 };
}
