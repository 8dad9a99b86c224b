/** `l2popctl flows` as text: a table of explained flows, or the difference as lines. */
import type { FlowReport, FlowsReport } from '../report/types.ts';
import { type Column, clean, paint, type Screen, type Style, table, textLine } from './table.ts';
import { shortener } from './words.ts';

export function showFlows(report: FlowsReport, screen: Screen): string {
  if (report.view === 'diff') return report.flows.map((flow) => difference(flow, screen)).join('');
  const { flows, blocked } = report;
  const short = shortIds(flows, screen);
  const bridges = new Set(flows.map(({ bridge }) => bridge));
  const text =
    flows.length === 0 ? textLine('no flow that fits', screen) : table(columns(short, bridges.size), flows, screen);
  if (blocked.length === 0) return text;
  const lines = blocked.map(({ subject, waitsFor }) =>
    textLine(`  ${short(subject)} waits for the ${waitsFor}`, screen),
  );
  return `${text}\n${paint(textLine('not there yet', screen), 'bold', screen)}${lines.join('')}`;
}

function columns(short: (text: string) => string, bridges: number): Column<FlowReport>[] {
  return [
    { header: 'BRIDGE', cell: ({ bridge }) => (bridges > 1 ? bridge : '') },
    {
      header: 'TABLE',
      cell: ({ table: number, tableName }) =>
        `${String(number).padStart(2)} ${tableName === String(number) ? '' : tableName}`,
    },
    { header: 'PRIO', cell: ({ priority }) => priority, align: 'right' },
    { header: 'PACKETS', cell: ({ packets }) => packets, align: 'right' },
    { header: 'NETWORK', cell: ({ network }) => (network === null ? '-' : short(network)) },
    { header: 'VTEP', cell: ({ vtep }) => vtep ?? '-' },
    {
      header: 'STATE',
      cell: ({ state }) => (state === 'in place' ? '' : state),
      style: ({ state }) => STYLES[state ?? 'in place'],
    },
    { header: 'OWNER', cell: ({ owner }) => (owner === 'ours' ? '' : owner) },
    { header: 'PURPOSE', cell: ({ purpose }) => short(purpose) },
    { header: 'MATCH', cell: ({ match }) => match || 'every packet' },
    { header: 'ACTIONS', cell: ({ actions }) => actions },
  ];
}

const STYLES: Readonly<Record<NonNullable<FlowReport['state']>, Style | undefined>> = {
  'in place': undefined,
  missing: 'red',
  different: 'yellow',
  unexpected: 'yellow',
};

/** `-` is there and should not be so, `+` should be there. Never cut: this is exact. */
function difference(flow: FlowReport, screen: Screen): string {
  const head = `${flow.bridge} cookie=`;
  const key = `table=${flow.table},priority=${flow.priority}${flow.match === '' ? '' : `,${flow.match}`}`;
  const line = (sign: '-' | '+', { actions, cookie }: { actions: string; cookie: string }) =>
    paint(clean(`${sign} ${head}${cookie},${key},actions=${actions}`), sign === '-' ? 'red' : 'green', screen);
  const lines = flow.state === 'missing' ? [line('+', flow)] : [line('-', flow)];
  if (flow.wanted !== null) lines.push(line('+', flow.wanted));
  const comment = paint(clean(`# ${flow.state}: ${flow.purpose}`), 'dim', screen);
  return `${[comment, ...lines].join('\n')}\n`;
}

/** Shortens the ids in a text that has some, too. */
function shortIds(flows: readonly FlowReport[], screen: Screen): (text: string) => string {
  if (screen.width === undefined) return (text) => text;
  const networks = new Set(flows.map(({ network }) => network).filter((id) => id !== null));
  const short = shortener(networks);
  return (text) =>
    text.replace(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, (id) => (networks.has(id) ? short(id) : id));
}
