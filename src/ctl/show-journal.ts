/** `l2popctl journal` as text. On a terminal network ids are shortened; elsewhere they are whole. */
import type { JournalEntryReport, JournalReport, JournalStatus } from '../report/types.ts';
import { type Column, paint, type Screen, type Style, table, textLine } from './table.ts';
import { ago, shortener, span } from './words.ts';

const STYLES: Readonly<Record<string, Style>> = { failed: 'red', pending: 'yellow', completed: 'dim' };

export function showJournal(report: JournalReport, screen: Screen): string {
  const { at, entries } = report;
  const networks = entries.map(({ network }) => network).filter((network) => network !== null);
  const short = screen.width === undefined ? (id: string) => id : shortener(networks);
  const head = paint(textLine(journalText(report, at), screen), report.reason === null ? undefined : 'red', screen);
  return `${head}${entries.length === 0 ? textLine('no entry that fits', screen) : table(columns(at, short), entries, screen)}`;
}

/** Where it is kept, since when, and how many entries are in which state. */
export function journalText({ path, since, reason, counts }: JournalStatus, at: string): string {
  const where = path === null ? 'in memory alone' : `in ${path}`;
  const states = Object.entries(counts).map(([state, count]) => `${count} ${state}`);
  const why = reason === null ? '' : `; ${reason}`;
  return `${where}${since === null ? '' : ` for ${span(since, at)}`}: ${states.join(', ')}${why}`;
}

function columns(at: string, short: (id: string) => string): Column<JournalEntryReport>[] {
  return [
    { header: 'ID', cell: ({ id }) => id, align: 'right' },
    { header: 'STATE', cell: ({ state }) => state, style: ({ state }) => STYLES[state] },
    { header: 'SINCE', cell: ({ updatedAt }) => ago(updatedAt, at) },
    { header: 'HEARD', cell: ({ origin }) => ago(origin?.receivedAt ?? null, at) },
    { header: 'ATTEMPTS', cell: ({ attempts }) => (attempts === 0 ? '' : attempts), align: 'right' },
    {
      header: 'WHAT',
      cell: ({ key, network }) => (network === null ? key : key.replace(network, short(network))),
    },
    { header: 'WAITS FOR', cell: (entry) => waitsFor(entry, at) },
    { header: 'ERROR', cell: ({ lastError }) => lastError },
    { header: 'MESSAGE', cell: ({ origin }) => origin?.requestId ?? origin?.uniqueId ?? '' },
  ];
}

function waitsFor({ state, blockedOn, notBefore }: JournalEntryReport, at: string): string {
  if (blockedOn !== null) return blockedOn;
  return state === 'pending' && notBefore !== null && notBefore > at ? `another attempt in ${span(at, notBefore)}` : '';
}
