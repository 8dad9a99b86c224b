import { expect, expectTypeOf, describe as group, test } from 'vitest';
import type { RowOf } from '../../../src/ovsdb/columns.ts';
import { describe, fits, mapOf, optional, scalar, setOf } from '../../../src/ovsdb/columns.ts';
import type { ColumnType } from '../../../src/ovsdb/schema.ts';

const UNLIMITED = Number.POSITIVE_INFINITY;
const SCALAR: ColumnType = { kind: 'scalar', key: 'string' };
const OPTIONAL: ColumnType = { kind: 'set', key: 'string', min: 0, max: 1 };
const SET: ColumnType = { kind: 'set', key: 'string', min: 0, max: UNLIMITED };
const MAP: ColumnType = { kind: 'map', key: 'string', value: 'integer', min: 0, max: UNLIMITED };

group('a declared column takes every value of the column of the server, or it does not fit', () => {
  test.each([
    [scalar('string'), [SCALAR]],
    [optional('string'), [OPTIONAL]],
    [setOf('string'), [OPTIONAL, SET]],
    [mapOf('string', 'integer'), [MAP]],
    [scalar('integer'), []],
    [optional('uuid'), []],
    [setOf('integer'), []],
    [mapOf('string', 'string'), []],
    [mapOf('integer', 'integer'), []],
  ])('%j', (column, fitting) => {
    expect([SCALAR, OPTIONAL, SET, MAP].filter((type) => fits(column, type))).toEqual(fitting);
  });
});

test.each([
  [scalar('uuid'), 'uuid'],
  [optional('integer'), 'optional integer'],
  [setOf('uuid'), 'set of uuid'],
  [mapOf('string', 'real'), 'map of string to real'],
])('%j is described as %s', (column, text) => {
  expect(describe(column)).toBe(text);
});

test('rows are typed by their columns', () => {
  const columns = {
    name: scalar('string'),
    up: scalar('boolean'),
    ofport: optional('integer'),
    interfaces: setOf('uuid'),
    ids: mapOf('string', 'integer'),
  };
  expectTypeOf<RowOf<typeof columns>>().toEqualTypeOf<{
    readonly name: string;
    readonly up: boolean;
    readonly ofport: readonly number[];
    readonly interfaces: readonly string[];
    readonly ids: ReadonlyMap<string, number>;
  }>();
});
