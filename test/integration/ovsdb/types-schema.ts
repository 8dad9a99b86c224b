/** A schema with a column of every shape that a type can have, and random rows of it. */
import fc from 'fast-check';
import { encodeValue, type Row, type WireValue } from '../../../src/ovsdb/notation.ts';
import type { WireRow } from '../../../src/ovsdb/operations.ts';
import type { AtomType, ColumnType } from '../../../src/ovsdb/schema.ts';
import { value } from '../../unit/ovsdb/arbitraries.ts';

const ATOMS: readonly AtomType[] = ['integer', 'real', 'boolean', 'string', 'uuid'];
const UNLIMITED = Number.POSITIVE_INFINITY;

/** Of every atomic type: a scalar, an optional, sets and maps that may be empty and that may not, at most one, a few, or without limit. */
export const COLUMNS: ReadonlyMap<string, ColumnType> = new Map<string, ColumnType>(
  ATOMS.flatMap((key): [string, ColumnType][] => [
    [`${key}_scalar`, { kind: 'scalar', key }],
    [`${key}_optional`, { kind: 'set', key, min: 0, max: 1 }],
    [`${key}_few`, { kind: 'set', key, min: 0, max: 4 }],
    [`${key}_set`, { kind: 'set', key, min: 0, max: UNLIMITED }],
    [`${key}_one_or_two`, { kind: 'set', key, min: 1, max: 2 }],
    [`${key}_some`, { kind: 'set', key, min: 1, max: UNLIMITED }],
    ...ATOMS.flatMap((element): [string, ColumnType][] => [
      [`${key}_to_${element}`, { kind: 'map', key, value: element, min: 0, max: UNLIMITED }],
      [`${key}_to_${element}_optional`, { kind: 'map', key, value: element, min: 0, max: 1 }],
      [`${key}_to_${element}_one`, { kind: 'map', key, value: element, min: 1, max: 1 }],
      [`${key}_to_${element}_few`, { kind: 'map', key, value: element, min: 1, max: 4 }],
    ]),
  ]),
);

export const SCHEMA = {
  name: 'Types',
  version: '1.0.0',
  tables: {
    T: {
      isRoot: true,
      columns: Object.fromEntries([...COLUMNS].map(([column, type]) => [column, { type: schemaType(type) }])),
    },
  },
};

/** No text with NUL, which ovsdb-server takes for the end of the text. */
export const row: fc.Arbitrary<Row> = fc
  .record(Object.fromEntries([...COLUMNS].map(([column, type]) => [column, value(type)])))
  .filter((given) => !JSON.stringify(encode(given)).includes('\\u0000'));

export function encode(given: Row, columns: ReadonlyMap<string, ColumnType> = COLUMNS): WireRow {
  const encoded: Record<string, WireValue> = {};
  for (const [column, given_] of Object.entries(given)) {
    const type = columns.get(column);
    const wire = type === undefined ? undefined : encodeValue(type, given_);
    if (wire === undefined) throw new Error(`column ${column} cannot be written`);
    encoded[column] = wire;
  }
  return encoded;
}

function schemaType(type: ColumnType): unknown {
  if (type.kind === 'scalar') return type.key;
  const max = type.max === UNLIMITED ? 'unlimited' : type.max;
  return { key: type.key, ...(type.kind === 'map' ? { value: type.value } : {}), min: type.min, max };
}
