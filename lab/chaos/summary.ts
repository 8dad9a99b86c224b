/** What a run that held has shown, in a few lines. Pure, but for the pairs that it asks. */
import type { Resources } from './invariants.ts';
import type { Loss } from './losses.ts';
import type { HostNumber, Step } from './steps.ts';
import { type Blow, endOf, explain, type Span } from './windows.ts';

export interface Held {
  readonly steps: readonly Step[];
  readonly pairs: readonly {
    readonly name: string;
    readonly hosts: readonly HostNumber[];
    readonly answered: number;
    losses(now: number): Loss[];
  }[];
  readonly blows: readonly Blow[];
  readonly absences: readonly Span[];
  readonly samples: number;
  readonly ports: number;
  /** Seconds. */
  readonly restedAfter: number;
  readonly resources: readonly (Resources | undefined)[];
}

export function summary(held: Held, now = Date.now()): string {
  const lost = held.pairs.flatMap((pair) => pair.losses(now).map((loss) => ({ ...loss, hosts: pair.hosts })));
  const answered = held.pairs.reduce((sum, pair) => sum + pair.answered, 0);
  const lines = held.blows.map((blow) => {
    const its = lost.filter((loss) => explain(loss.at, loss.hosts, held.blows, held.absences) === blow);
    const last = Math.max(...its.map(({ at }) => at));
    const after =
      its.length === 0 ? '' : `, the last ${((last - (blow.to ?? last)) / 1000).toFixed(2)} s after its end`;
    const allowed = ((endOf(blow, held.absences) ?? 0) - (blow.to ?? 0)) / 1000;
    return `  ${blow.what.padEnd(20)} host${blow.host}: ${its.length} lost${after} (${allowed.toFixed(1)} s allowed)`;
  });
  const memory = held.resources.map((one) => (one === undefined ? '?' : `${one.resident} MiB, ${one.descriptors} fds`));
  return [
    `all held: ${held.steps.length} steps, ${held.ports} ports at the end, ${held.samples} looks; rest after ${held.restedAfter.toFixed(1)} s`,
    `steady pairs: ${answered} answers, ${lost.length} packets lost, each of them inside a window:`,
    ...lines,
    `daemons: ${memory.join('; ')}`,
  ].join('\n');
}
