import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { type Column, table, textLine } from '../../../src/ctl/table.ts';

interface Row {
  readonly name: string;
  readonly count: number | null;
  readonly note: string;
}

const COLUMNS: readonly Column<Row>[] = [
  { header: 'NAME', cell: ({ name }) => name },
  { header: 'COUNT', cell: ({ count }) => count, align: 'right' },
  { header: 'NOTE', cell: ({ note }) => note, style: ({ note }) => (note === '' ? undefined : 'red') },
];
const ROWS: readonly Row[] = [
  { name: 'a', count: 5, note: 'short' },
  { name: 'longer', count: 12345, note: 'a much longer note than the others' },
  { name: 'b', count: null, note: '' },
];
const PIPE = { width: undefined, color: false };

test('columns are aligned, numbers to the right, the last one is not padded', () => {
  expect(table(COLUMNS, ROWS, PIPE)).toBe(
    ['NAME    COUNT  NOTE', 'a           5  short', 'longer  12345  a much longer note than the others', 'b', ''].join(
      '\n',
    ),
  );
});

test('without rows there is nothing, not even a header', () => {
  expect(table(COLUMNS, [], PIPE)).toBe('');
});

test('a column that is empty everywhere is left out', () => {
  expect(table(COLUMNS, [{ name: 'a', count: null, note: 'x' }], PIPE)).toBe('NAME  NOTE\na     x\n');
});

test('a terminal cuts lines and says so; a column that has no room is left out of the line', () => {
  expect(table(COLUMNS, ROWS, { width: 22, color: false }).split('\n').slice(0, 3)).toEqual([
    'NAME    COUNT  NOTE',
    'a           5  short',
    'longer  12345  a much…',
  ]);
  expect(table(COLUMNS, ROWS, { width: 9, color: false }).split('\n')[2]).toBe('longer  …');
});

test('colours do not count in the width', () => {
  const plain = table(COLUMNS, ROWS, { width: 22, color: false });
  const colored = table(COLUMNS, ROWS, { width: 22, color: true });
  expect(colored).toContain('\u001b[31m');
  expect(stripVTControlCharacters(colored)).toBe(plain);
});

describe('text of others does not reach the terminal as it is', () => {
  it.each([
    ['\u001b[2Jgone', 'gone'],
    ['two\nlines\tand a tab', 'two lines and a tab'],
    ['bell\u0007', 'bell'],
    ['\u009b31mred', 'red'],
  ])('%j', (text, shown) => {
    expect(textLine(text, PIPE).trimEnd()).toBe(shown);
    expect(table([{ header: 'X', cell: () => text }], [0], PIPE).split('\n')[1]).toBe(shown);
  });
});

test('no line is wider than the terminal, and none is cut without one', () => {
  const row = fc.record({
    name: fc.string(),
    count: fc.option(fc.nat()),
    note: fc.string({ maxLength: 60 }),
  });
  fc.assert(
    fc.property(fc.array(row, { minLength: 1 }), fc.integer({ min: 1, max: 120 }), (rows, width) => {
      const lines = table(COLUMNS, rows, { width, color: false }).split('\n');
      expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(width);
      expect(lines).toHaveLength(rows.length + 2);
      const whole = table(COLUMNS, rows, PIPE);
      expect(whole.split('\n')).toHaveLength(rows.length + 2);
      for (const { count } of rows) if (count !== null) expect(whole).toContain(String(count));
    }),
  );
});
