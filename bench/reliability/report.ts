/** Figures of several runs put together, and their table in Markdown. Pure. */
import type { AgentKind } from '../../lab/neutron/host-agent.ts';
import { FAULTS, type FaultName } from './faults.ts';
import type { Figure } from './measure.ts';

export interface Result extends Figure {
  readonly fault: FaultName;
  /** On the network that the hosts share. */
  readonly entries: number;
}

/** The same fault of the same agent with as many entries: the newer figure takes the older one's place. */
export function merge(older: readonly Result[], newer: readonly Result[]): Result[] {
  const key = ({ fault, agent, entries }: Result) => `${fault} ${agent} ${entries}`;
  return [...new Map([...older, ...newer].map((one) => [key(one), one])).values()];
}

/** One table for each number of entries; the most first. */
export function markdown(results: readonly Result[]): string {
  const sizes = [...new Set(results.map(({ entries }) => entries))].sort((a, b) => b - a);
  return sizes
    .map((size) => `${caption(size)}\n\n${tableOf(results.filter(({ entries }) => entries === size))}`)
    .join('\n');
}

function caption(entries: number): string {
  return `With ${entries.toLocaleString('en')} entries on the network:`;
}

function tableOf(results: readonly Result[]): string {
  const names = (Object.keys(FAULTS) as FaultName[]).filter((name) => results.some(({ fault }) => fault === name));
  const figure = (fault: FaultName, agent: AgentKind) =>
    results.find((one) => one.fault === fault && one.agent === agent);
  const lines = names.map((name) => {
    const pair = [figure(name, 'ours'), figure(name, 'reference')];
    const cells = [...pair.map(lost), ...pair.map(gap), ...pair.map(repair), ...pair.map(traffic)];
    return `| ${FAULTS[name].title} | ${cells.join(' | ')} |`;
  });
  return [
    '| fault | pings lost: ours | reference | longest gap, s: ours | reference | flows right again, s: ours | reference | asked, told: ours | reference |',
    '|---|---:|---:|---:|---:|---:|---:|---|---|',
    ...lines,
    '',
  ].join('\n');
}

function lost(one: Figure | undefined): string {
  return one === undefined ? '' : `${one.lost} of ${one.sent}`;
}

function gap(one: Figure | undefined): string {
  return one === undefined ? '' : one.longestGap === 0 ? '–' : one.longestGap.toFixed(1);
}

function repair(one: Figure | undefined): string {
  if (one === undefined) return '';
  const never = `not in ${one.patience}`;
  if (one.complete === null) return never;
  const complete = one.complete.toFixed(1);
  if (one.clean === null) return `${complete}; stale ones ${never}`;
  return one.clean > one.complete + 1 ? `${complete}; stale ones ${one.clean.toFixed(1)}` : complete;
}

function traffic(one: Figure | undefined): string {
  if (one?.traffic === undefined) return '';
  const { calls, snapshots, fanouts } = one.traffic;
  return `${calls}, ${snapshots}, ${fanouts}`;
}
