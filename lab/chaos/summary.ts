/** What a run that held has shown, in a few lines. Pure, but for the pairs that it asks. */
import type { Resources } from './invariants.ts';
import type { Loss } from './losses.ts';
import type { HostNumber, Step } from './steps.ts';
import { type Events, endOf, explain } from './windows.ts';

export interface Held {
  readonly steps: readonly Step[];
  readonly pairs: readonly {
    readonly name: string;
    readonly hosts: readonly HostNumber[];
    readonly answered: number;
    losses(now: number): Loss[];
  }[];
  readonly events: Events;
  readonly samples: number;
  readonly ports: number;
  /** Seconds. */
  readonly restedAfter: number;
  readonly resources: readonly (Resources | undefined)[];
}

export function summary(held: Held, now = Date.now()): string {
  const lost = held.pairs.flatMap((pair) => pair.losses(now).map((loss) => ({ ...loss, hosts: pair.hosts })));
  const answered = held.pairs.reduce((sum, pair) => sum + pair.answered, 0);
  const lines = held.events.blows.map((blow) => {
    const its = lost.filter((loss) => explain(loss.at, loss.hosts, held.events) === blow);
    const last = Math.max(...its.map(({ at }) => at));
    const after =
      its.length === 0 ? '' : `, the last ${((last - (blow.to ?? last)) / 1000).toFixed(2)} s after its end`;
    const allowed = ((endOf(blow, held.events.absences) ?? 0) - (blow.to ?? 0)) / 1000;
    return `  ${blow.what.padEnd(20)} host${blow.host}: ${its.length} lost${after} (${allowed.toFixed(1)} s allowed)`;
  });
  const alone = lost.filter((loss) => explain(loss.at, loss.hosts, held.events) === undefined).length;
  const memory = held.resources.map((one) => (one === undefined ? '?' : `${one.resident} MiB, ${one.descriptors} fds`));
  return [
    `all held: ${held.steps.length} steps, ${held.ports} ports at the end, ${held.samples} looks; rest after ${held.restedAfter.toFixed(1)} s`,
    `steady pairs: ${answered} answers, ${lost.length} packets lost: ${alone} alone while ports came and went, the others inside a window:`,
    ...lines,
    `daemons: ${memory.join('; ')}`,
  ].join('\n');
}
