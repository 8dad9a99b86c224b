/** What a steady ping(8) -D printed, as losses and gaps. Pure. */

export interface Gap {
  /** Sequence numbers of the requests that were not answered, first and last. */
  readonly from: number;
  readonly to: number;
  /** Milliseconds between the answers before and after it. */
  readonly ms: number;
}

export interface SteadyPing {
  /** Requests whose answer is there or overdue. */
  readonly sent: number;
  readonly lost: number;
  readonly gaps: readonly Gap[];
}

/**
 * @param interval seconds between the requests
 * Throws when the text has no answer or no summary.
 */
export function parsePingLines(output: string, interval: number): SteadyPing {
  const summary = /(\d+) packets transmitted/.exec(output);
  const answers = [...output.matchAll(/^\[([\d.]+)\].* icmp_seq=(\d+) .*time=/gm)].map(([, time, seq]) => ({
    seq: Number(seq),
    at: Number(time) * 1000,
  }));
  if (summary === null || answers.length === 0) throw new Error(`no summary of ping: ${output.trim().slice(-200)}`);
  answers.sort((a, b) => a.seq - b.seq);
  const gaps = answers.flatMap((answer, i): Gap[] => {
    const before = answers[i - 1] ?? { seq: 0, at: answer.at };
    return answer.seq <= before.seq + 1
      ? []
      : [{ from: before.seq + 1, to: answer.seq - 1, ms: Math.round(answer.at - before.at) }];
  });
  const last = answers.at(-1)?.seq ?? 0;
  const unanswered = Number(summary[1]) - last;
  // The last one or two are still on their way.
  const overdue = unanswered > 2 ? unanswered : 0;
  const tail = overdue === 0 ? [] : [{ from: last + 1, to: last + overdue, ms: Math.round(overdue * interval * 1000) }];
  const all = [...gaps, ...tail];
  return { sent: last + overdue, lost: all.reduce((sum, { from, to }) => sum + to - from + 1, 0), gaps: all };
}
