/** Rows of a host's OVSDB as plain values: a set as a list, a map as an object (ovs-vsctl(8), `--format=json`). */
import type { Host } from '../host.ts';

export type Row = Readonly<Record<string, unknown>>;

type Notation = string | number | boolean | readonly [string, unknown];

/** Rows of a table; a column that may have one value at most is a list of none or one. */
export async function rows(host: Host, table: string, columns: readonly string[]): Promise<Row[]> {
  const text = await host.vsctl('--format=json', `--columns=${columns.join(',')}`, 'list', table);
  const { headings, data } = JSON.parse(text) as { headings: string[]; data: Notation[][] };
  return data.map((cells) => Object.fromEntries(cells.map((cell, i) => [headings[i], toPlain(cell)])));
}

function toPlain(value: Notation): unknown {
  if (!Array.isArray(value)) return value;
  const [kind, content] = value as [string, unknown];
  if (kind === 'set') return (content as Notation[]).map(toPlain);
  if (kind === 'map') return Object.fromEntries(content as [string, string][]);
  return content;
}
