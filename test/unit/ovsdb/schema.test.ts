import { expect, test } from 'vitest';
import { type ColumnType, parseColumnType, parseSchema } from '../../../src/ovsdb/schema.ts';

const UNLIMITED = Number.POSITIVE_INFINITY;

test.each<[string, unknown, ColumnType]>([
  ['an atomic type', 'string', { kind: 'scalar', key: 'string' }],
  ['a key alone', { key: 'integer' }, { kind: 'scalar', key: 'integer' }],
  ['a key with constraints', { key: { type: 'integer', minInteger: 0 } }, { kind: 'scalar', key: 'integer' }],
  ['an optional', { key: 'uuid', min: 0, max: 1 }, { kind: 'set', key: 'uuid', min: 0, max: 1 }],
  ['an optional by min alone', { key: 'uuid', min: 0 }, { kind: 'set', key: 'uuid', min: 0, max: 1 }],
  [
    'a set',
    { key: { type: 'uuid', refTable: 'Port' }, min: 0, max: 'unlimited' },
    { kind: 'set', key: 'uuid', min: 0, max: UNLIMITED },
  ],
  [
    'a map',
    { key: 'string', value: { type: 'uuid' }, min: 0, max: 'unlimited' },
    { kind: 'map', key: 'string', value: 'uuid', min: 0, max: UNLIMITED },
  ],
])('column type: %s', (_name, type, expected) => {
  expect(parseColumnType(type)).toEqual(expected);
});

test.each([
  ['an unknown atomic type', 'float'],
  ['no key', { min: 0 }],
  ['a key of an unknown type', { key: { type: 'x' } }],
  ['a value of an unknown type', { key: 'string', value: 'x' }],
  ['a maximum that is neither number nor unlimited', { key: 'string', max: 'many' }],
])('no column type: %s', (_name, type) => {
  expect(parseColumnType(type)).toBeUndefined();
});

test('a schema: name, version, tables with their columns and the two that every table has', () => {
  const schema = parseSchema({
    name: 'DB',
    version: '1.2.3',
    cksum: '1 2',
    tables: { T: { columns: { name: { type: 'string', mutable: false } }, indexes: [['name']] } },
  });
  expect(schema?.name).toBe('DB');
  expect(schema?.version).toBe('1.2.3');
  expect([...(schema?.tables.get('T') ?? [])].map(([column, type]) => [column, type.key])).toEqual([
    ['_uuid', 'uuid'],
    ['_version', 'uuid'],
    ['name', 'string'],
  ]);
});

test.each([
  ['null', null],
  ['no tables', { name: 'DB' }],
  ['a table without columns', { name: 'DB', tables: { T: {} } }],
  ['a column without a type', { name: 'DB', tables: { T: { columns: { c: {} } } } }],
])('no schema: %s', (_name, reply) => {
  expect(parseSchema(reply)).toBeUndefined();
});
