/** Aligned tables for people: a header, one line a row, as wide as its widest cell. */
import { stripVTControlCharacters, styleText } from 'node:util';

export type Style = 'red' | 'yellow' | 'green' | 'dim' | 'bold';

export interface Column<Row> {
  readonly header: string;
  /** Empty in every row: the column is left out. */
  readonly cell: (row: Row) => string | number | null;
  readonly align?: 'right';
  readonly style?: (row: Row) => Style | undefined;
}

export interface Screen {
  /** Columns of the terminal; longer lines are cut. `undefined`: no terminal, nothing is cut. */
  readonly width: number | undefined;
  readonly color: boolean;
}

/** Lines with an end of line each; empty without rows. Put wide columns last: they are what is cut. */
export function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[], screen: Screen): string {
  if (rows.length === 0) return '';
  const filled = columns
    .map((column) => ({ ...column, cells: rows.map((row) => clean(column.cell(row))) }))
    .filter(({ cells }) => cells.some((cell) => cell !== ''));
  const widths = filled.map(({ header, cells }) =>
    cells.reduce((width, { length }) => Math.max(width, length), header.length),
  );
  const line = (texts: readonly string[], styleOf: (index: number) => Style | undefined): string => {
    let left = screen.width ?? Number.POSITIVE_INFINITY;
    const parts: string[] = [];
    for (const [index, text] of texts.entries()) {
      const isLast = index === texts.length - 1;
      const width = widths[index] ?? 0;
      const padded = filled[index]?.align === 'right' ? text.padStart(width) : isLast ? text : text.padEnd(width);
      const shown = cut(padded, left);
      parts.push(paint(shown, styleOf(index), screen));
      left -= shown.length + 2;
      if (left < 1) break;
    }
    return `${parts.join('  ').trimEnd()}\n`;
  };
  const header = line(
    filled.map(({ header }) => header),
    () => 'bold',
  );
  const body = rows.map((row, at) =>
    line(
      filled.map(({ cells }) => cells[at] ?? ''),
      (index) => filled[index]?.style?.(row),
    ),
  );
  return header + body.join('');
}

/** One line of text, cut to the screen. */
export function textLine(text: string, screen: Screen): string {
  return `${cut(clean(text), screen.width ?? Number.POSITIVE_INFINITY)}\n`;
}

export function paint(text: string, style: Style | undefined, screen: Pick<Screen, 'color'>): string {
  return style === undefined || !screen.color ? text : styleText(style, text, { validateStream: false });
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}

/** Names and messages come from others: nothing in them moves the cursor. */
export function clean(value: string | number | null): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is to go
  return stripVTControlCharacters(String(value ?? '')).replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ');
}
