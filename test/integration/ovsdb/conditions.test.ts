/** Every condition function and mutator of RFC 7047 §5.1 with the real server, on columns of every shape, and what it says when one is wrong. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { map, type Row, set, uuid, type WireValue } from '../../../src/ovsdb/notation.ts';
import * as ops from '../../../src/ovsdb/operations.ts';
import { rejection } from '../../unit/ovsdb/watched-client.ts';
import { ID, Rig, WHERE_A } from './operations-rig.ts';

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.start();
});
afterAll(() => rig?.remove());
beforeEach(() => rig.fill());

describe('conditions: rows a, b and c', () => {
  test.each<[ops.Condition, string]>([
    [['integer', '==', 2], 'b'],
    [['integer', '!=', 2], 'ac'],
    [['integer', '<', 2], 'a'],
    [['integer', '<=', 2], 'ab'],
    [['integer', '>', 2], 'c'],
    [['integer', '>=', 2], 'bc'],
    [['integer', 'includes', 2], 'b'],
    [['integer', 'excludes', 2], 'ac'],
    [['real', '==', 1.5], 'a'],
    [['real', '!=', 1.5], 'bc'],
    [['real', '<', 0], 'c'],
    [['real', '<=', 1.5], 'ac'],
    [['real', '>', 1.5], 'b'],
    [['real', '>=', 1.5], 'ab'],
    [['boolean', '==', true], 'ac'],
    [['boolean', '!=', true], 'b'],
    [['boolean', 'includes', false], 'b'],
    [['boolean', 'excludes', false], 'ac'],
    [['name', '==', 'a'], 'a'],
    [['name', '!=', 'a'], 'bc'],
    [['name', 'includes', 'a'], 'a'],
    [['name', 'excludes', 'a'], 'bc'],
    [['uuid', '==', uuid(ID)], 'a'],
    [['uuid', '!=', uuid(ID)], 'bc'],
    [['_uuid', '==', uuid(ID)], 'a'],
    [['_uuid', 'excludes', uuid(ID)], 'bc'],
    [['maybe_integer', '==', 5], 'b'],
    [['maybe_integer', '==', set([])], 'a'],
    [['maybe_integer', '!=', set([])], 'bc'],
    [['maybe_integer', '<', 7], 'b'],
    [['maybe_integer', '<=', 7], 'bc'],
    [['maybe_integer', '>', 5], 'c'],
    [['maybe_integer', '>=', 5], 'bc'],
    [['maybe_integer', 'includes', 5], 'b'],
    [['maybe_integer', 'excludes', 5], 'ac'],
    [['maybe_integer', 'includes', set([])], 'abc'],
    [['maybe_real', '<', 1], 'b'],
    [['maybe_real', '>=', 1], ''],
    [['maybe_string', '==', 'x'], 'b'],
    [['maybe_string', '!=', 'x'], 'ac'],
    [['integers', '==', set([2, 1])], 'b'],
    [['integers', '!=', set([2, 1])], 'ac'],
    [['integers', 'includes', 2], 'bc'],
    [['integers', 'includes', set([1, 2])], 'b'],
    [['integers', 'excludes', 1], 'ac'],
    [['integers', 'excludes', set([1, 3])], 'a'],
    [['map', '==', map({ k: 1 })], 'b'],
    [['map', '!=', map({})], 'bc'],
    [['map', 'includes', map({ k: 1 })], 'bc'],
    [['map', 'includes', map({ k: 2 })], ''],
    [['map', 'excludes', map({ l: 2 })], 'ab'],
    [['map', 'excludes', map({ l: 3 })], 'abc'],
  ])('%j: %s', async (condition, found) => {
    expect(await rig.names(condition)).toBe(found);
  });

  test('all of several', async () => {
    expect(await rig.names(['integer', '>', 1], ['boolean', '==', true])).toBe('c');
    expect(await rig.names(['integer', '>', 1], ['integer', '<', 2])).toBe('');
  });

  const BAD: [ops.Condition, string, RegExp][] = [
    [['z', '==', 1], 'unknown column', /No column z/],
    [['integer', '==', 'x'], 'syntax error', /expected integer/],
    [['name', '<', 'b'], 'syntax error', /"<" operator may not be applied to column name of type string/],
    [['boolean', '>=', true], 'syntax error', />=.* may not be applied to column boolean/],
    [['integers', '<', 1], 'syntax error', /may not be applied to column integers of type set of integers/],
    [['map', '>', map({})], 'syntax error', /may not be applied to column map/],
    // @ts-expect-error: no function
    [['integer', '=~', 1], 'unknown function', /No function named =~/],
  ];
  test.each(BAD)('%j: %s', async (condition, code, details) => {
    const error = await rejection(rig.names(condition));
    expect(error).toMatchObject({ operation: 0, code, details: expect.stringMatching(details) });
  });
});

describe('mutators', () => {
  test.each<[string, WireValue, ops.Mutator, WireValue, Row[string]]>([
    ['integer', 7, '+=', 3, 10],
    ['integer', 7, '-=', 10, -3],
    ['integer', 7, '*=', 3, 21],
    ['integer', 7, '/=', 2, 3],
    ['integer', -7, '%=', 4, -3],
    ['real', 1.5, '+=', 1, 2.5],
    ['real', 1.5, '-=', 2, -0.5],
    ['real', 1.5, '*=', 2, 3],
    ['real', 1.5, '/=', 2, 0.75],
    ['maybe_integer', set([]), '+=', 3, []],
    ['maybe_integer', 7, '+=', 3, [10]],
    ['integers', set([1, 2]), '*=', 10, [10, 20]],
    ['integers', set([1, 2]), 'insert', 3, [1, 2, 3]],
    ['integers', set([1, 2]), 'insert', set([2, 3]), [1, 2, 3]],
    ['integers', set([1, 2]), 'delete', 1, [2]],
    ['integers', set([1, 2]), 'delete', set([2, 3]), [1]],
    ['integers', set([1, 2]), 'delete', set([]), [1, 2]],
    [
      'map',
      map({ a: 1 }),
      'insert',
      map({ b: 2 }),
      new Map([
        ['a', 1],
        ['b', 2],
      ]),
    ],
    ['map', map({ a: 1 }), 'insert', map({ a: 2 }), new Map([['a', 1]])],
    ['map', map({ a: 1, b: 2 }), 'delete', map({ a: 1, b: 3 }), new Map([['b', 2]])],
    ['map', map({ a: 1, b: 2 }), 'delete', set(['a', 'c']), new Map([['b', 2]])],
    ['map', map({ a: 1, b: 2 }), 'delete', 'a', new Map([['b', 2]])],
  ])('%s %j %s %j', async (column, before, mutator, argument, after) => {
    const [updated, mutated] = await rig.run(
      ops.update('T', WHERE_A, { [column]: before }),
      ops.mutate('T', WHERE_A, [[column, mutator, argument]]),
    );
    expect([updated, mutated]).toEqual([{ count: 1 }, { count: 1 }]);
    expect(await rig.rowA(column)).toEqual({ [column]: after });
  });

  const BAD: [ops.Mutation, string, RegExp][] = [
    [['integer', '/=', 0], 'domain error', /Division by zero/],
    [['integer', '%=', 0], 'domain error', /Division by zero/],
    [['real', '/=', 0], 'domain error', /Division by zero/],
    [['real', '%=', 2], 'syntax error', /"%=" operator may not be applied to column real/],
    [['integer', '*=', 2 ** 52], 'range error', /out of range/],
    [['real', '*=', 1e308], 'range error', /out of range/],
    [['name', '+=', 1], 'syntax error', /may not be applied to column name/],
    [['name', 'insert', 'x'], 'syntax error', /may not be applied to column name/],
    [['map', '+=', 1], 'syntax error', /may not be applied to column map/],
    [['percent', '+=', 101], 'constraint violation', /range 0 to 100/],
    [['one_or_two', 'delete', 'x'], 'constraint violation', /0 elements/],
    [['one_or_two', 'insert', set(['y', 'z'])], 'constraint violation', /3 elements/],
    [['integers', '*=', 0], 'constraint violation', /contains duplicates/],
    [['colour', 'insert', 'green'], 'constraint violation', /green is not one/],
    [['constant', 'insert', 'x'], 'constraint violation', /immutable column constant/],
    [['_uuid', 'insert', 'x'], 'constraint violation', /immutable column _uuid/],
    [['z', '+=', 1], 'unknown column', /No column z/],
    // @ts-expect-error: no mutator
    [['integer', '^=', 1], 'unknown mutator', /No mutator named \^=/],
  ];
  test.each(BAD)('%j: %s', async (mutation, code, details) => {
    const row = { integer: 2 ** 52, real: 1e300, integers: set([1, 2]), one_or_two: 'x' };
    const error = await rejection(rig.run(ops.update('T', WHERE_A, row), ops.mutate('T', WHERE_A, [mutation])));
    expect(error).toMatchObject({ operation: 1, code, details: expect.stringMatching(details) });
    expect(await rig.rowA('integer')).toEqual({ integer: 1 });
  });
});
