import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  decodeValue,
  defaultValue,
  encodeValue,
  map,
  named,
  set,
  uuid,
  type Value,
  valuesEqual,
  ZERO_UUID,
} from '../../../src/ovsdb/notation.ts';
import type { AtomType, ColumnType } from '../../../src/ovsdb/schema.ts';
import { columnType, value } from './arbitraries.ts';

const ID = '550e8400-e29b-41d4-a716-446655440000';
const scalar = (key: AtomType): ColumnType => ({ kind: 'scalar', key });
const optional = (key: AtomType): ColumnType => ({ kind: 'set', key, min: 0, max: 1 });
const many = (key: AtomType): ColumnType => ({ kind: 'set', key, min: 0, max: Number.POSITIVE_INFINITY });
const pairs = (key: AtomType, element: AtomType): ColumnType => ({
  kind: 'map',
  key,
  value: element,
  min: 0,
  max: Number.POSITIVE_INFINITY,
});

test.each<[string, ColumnType, unknown, Value]>([
  ['integer', scalar('integer'), 7, 7],
  ['the largest integer', scalar('integer'), Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  ['real', scalar('real'), 0.5, 0.5],
  ['boolean', scalar('boolean'), true, true],
  ['string', scalar('string'), 'x', 'x'],
  ['uuid', scalar('uuid'), ['uuid', ID], ID],
  ['optional, absent', optional('string'), ['set', []], []],
  ['optional, present', optional('string'), 'x', ['x']],
  ['set of one, written as the atom', many('uuid'), ['uuid', ID], [ID]],
  ['set of one, written as a set', many('integer'), ['set', [4]], [4]],
  ['set, sorted by number', many('integer'), ['set', [10, 9, -1]], [-1, 9, 10]],
  ['set, sorted by text', many('string'), ['set', ['b', 'B', 'a']], ['B', 'a', 'b']],
  ['map, empty', pairs('string', 'string'), ['map', []], new Map()],
  ['map with keys that are no text', pairs('integer', 'uuid'), ['map', [[1, ['uuid', ID]]]], new Map([[1, ID]])],
  ['map with an odd key', pairs('string', 'string'), ['map', [['__proto__', 'x']]], new Map([['__proto__', 'x']])],
])('reads %s', (_name, type, wire, expected) => {
  expect(decodeValue(type, wire)).toEqual(expected);
});

test.each<[string, ColumnType, unknown]>([
  ['an integer beyond 2^53-1', scalar('integer'), JSON.parse('9007199254740993')],
  ['a fraction as integer', scalar('integer'), 0.5],
  ['text as integer', scalar('integer'), '7'],
  ['a number as text', scalar('string'), 7],
  ['null', scalar('string'), null],
  ['a uuid without its tag', scalar('uuid'), ID],
  ['a uuid that is none', scalar('uuid'), ['uuid', 'x']],
  ['a named-uuid: only we send these', scalar('uuid'), ['named-uuid', 'x']],
  ['a set as scalar', scalar('integer'), ['set', [1]]],
  ['a set with an element of another type', many('integer'), ['set', [1, 'x']]],
  ['a set whose elements are no array', many('integer'), ['set', 1]],
  ['an atom as map', pairs('string', 'string'), 'x'],
  ['a map with half a pair', pairs('string', 'string'), ['map', [['x']]]],
  ['a map with a value of another type', pairs('string', 'string'), ['map', [['x', 1]]]],
])('does not read %s', (_name, type, wire) => {
  expect(decodeValue(type, wire)).toBeUndefined();
});

test.each<[string, ColumnType, Value]>([
  ['an array as scalar', scalar('string'), ['x']],
  ['an atom as set', many('string'), 'x'],
  ['an array as map', pairs('string', 'string'), ['x']],
  ['a text that is no uuid', scalar('uuid'), 'x'],
  ['an integer beyond 2^53-1', many('integer'), [2 ** 53]],
])('does not write %s', (_name, type, given) => {
  expect(encodeValue(type, given)).toBeUndefined();
});

test.each<[string, ColumnType, Value]>([
  ['integer', scalar('integer'), 0],
  ['real', scalar('real'), 0],
  ['boolean', scalar('boolean'), false],
  ['string', scalar('string'), ''],
  ['uuid', scalar('uuid'), ZERO_UUID],
  ['optional', optional('integer'), []],
  ['set of at least one', { kind: 'set', key: 'string', min: 1, max: 3 }, ['']],
  ['map', pairs('string', 'string'), new Map()],
])('default of %s', (_name, type, expected) => {
  expect(defaultValue(type)).toEqual(expected);
});

test('law: what is written and sent reads back the same', () => {
  const typed = columnType.chain((type) => fc.tuple(fc.constant(type), value(type)));
  fc.assert(
    fc.property(typed, ([type, original]) => {
      const wire: unknown = JSON.parse(JSON.stringify(encodeValue(type, original)));
      const read = decodeValue(type, wire);
      expect(read).toEqual(original);
      expect(read !== undefined && valuesEqual(read, original)).toBe(true);
    }),
  );
});

test('law: values are equal exactly if their notations are', () => {
  const two = columnType.chain((type) => fc.tuple(fc.constant(type), value(type), value(type)));
  const canonical = (type: ColumnType, x: Value) => {
    const wire = encodeValue(type, x);
    const elements = Array.isArray(wire) && Array.isArray(wire[1]) ? wire[1].map((e) => JSON.stringify(e)) : [];
    return type.kind === 'scalar' ? JSON.stringify(wire) : JSON.stringify(elements.sort());
  };
  fc.assert(
    fc.property(two, ([type, a, b]) => {
      expect(valuesEqual(a, b)).toBe(canonical(type, a) === canonical(type, b));
    }),
  );
});

test('helpers write the notation of RFC 7047 §5.1', () => {
  expect(uuid(ID)).toEqual(['uuid', ID]);
  expect(named('row')).toEqual(['named-uuid', 'row']);
  expect(set([1, 2])).toEqual(['set', [1, 2]]);
  expect(set(new Set([named('a')]))).toEqual(['set', [['named-uuid', 'a']]]);
  expect(map({ a: 'b' })).toEqual(['map', [['a', 'b']]]);
  expect(map(new Map([[1, uuid(ID)]]))).toEqual(['map', [[1, ['uuid', ID]]]]);
  expect(map([['a', 1]])).toEqual(['map', [['a', 1]]]);
});
