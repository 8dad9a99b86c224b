/** `l2popctl resync` as text. */
import type { ResyncReport } from '../report/types.ts';
import { type Screen, table, textLine } from './table.ts';
import { shortener } from './words.ts';

export function showResync({ networks, confirmSeconds }: ResyncReport, screen: Screen): string {
  if (networks.length === 0) return textLine('no network is here: there is nothing to ask for', screen);
  const short = screen.width === undefined ? (id: string) => id : shortener(networks.map(({ id }) => id));
  const list = table(
    [
      { header: 'NETWORK', cell: ({ id }) => short(id) },
      { header: 'TYPE', cell: ({ type }) => type },
      { header: 'ID', cell: ({ segmentationId }) => segmentationId, align: 'right' },
      {
        header: 'REFRESH',
        cell: ({ outcome }) => outcome,
        style: ({ outcome }) => (outcome === 'no ACTIVE port' ? 'yellow' : undefined),
      },
    ],
    networks,
    screen,
  );
  const rule = `what the server names is added at once; what it does not, goes when it is confirmed, ${confirmSeconds} s later`;
  return `${list}${textLine(rule, screen)}`;
}
