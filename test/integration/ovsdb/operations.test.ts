/** Every operation, condition function and mutator of RFC 7047 §5 with the real server, and what it says to each when it is wrong. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Connection } from '../../../src/ovsdb/connection.ts';
import { OvsdbTransactionError } from '../../../src/ovsdb/errors.ts';
import { map, named, type Row, set, uuid, type WireValue } from '../../../src/ovsdb/notation.ts';
import * as ops from '../../../src/ovsdb/operations.ts';
import { getSchema, transact } from '../../../src/ovsdb/requests.ts';
import type { DatabaseSchema } from '../../../src/ovsdb/schema.ts';
import type { OperationResult } from '../../../src/ovsdb/transaction.ts';
import { connectTo } from '../../unit/ovsdb/open-connection.ts';
import { rejection } from '../../unit/ovsdb/watched-client.ts';
import { OvsdbServer } from './ovsdb-server.ts';

const UNLIMITED = { min: 0, max: 'unlimited' };
const SCHEMA = {
  name: 'Ops',
  version: '1.0.0',
  tables: {
    T: {
      isRoot: true,
      indexes: [['name']],
      columns: {
        name: { type: 'string' },
        integer: { type: 'integer' },
        real: { type: 'real' },
        boolean: { type: 'boolean' },
        uuid: { type: 'uuid' },
        maybe_integer: { type: { key: 'integer', min: 0, max: 1 } },
        maybe_real: { type: { key: 'real', min: 0, max: 1 } },
        maybe_string: { type: { key: 'string', min: 0, max: 1 } },
        integers: { type: { key: 'integer', ...UNLIMITED } },
        reals: { type: { key: 'real', ...UNLIMITED } },
        map: { type: { key: 'string', value: 'integer', ...UNLIMITED } },
        one_or_two: { type: { key: 'string', min: 1, max: 2 } },
        percent: { type: { key: { type: 'integer', minInteger: 0, maxInteger: 100 } } },
        colour: { type: { key: { type: 'string', enum: ['set', ['red', 'blue']] }, min: 0, max: 1 } },
        short: { type: { key: { type: 'string', maxLength: 3 } } },
        constant: { type: 'string', mutable: false },
        children: { type: { key: { type: 'uuid', refTable: 'Child' }, ...UNLIMITED } },
        weak: { type: { key: { type: 'uuid', refTable: 'Child', refType: 'weak' }, ...UNLIMITED } },
      },
    },
    Child: { columns: { name: { type: 'string' } } },
    Single: { isRoot: true, maxRows: 1, columns: { name: { type: 'string' } } },
  },
};
const ID = '10000000-0000-4000-8000-000000000000';
const NOTHING = '30000000-0000-4000-8000-000000000000';
const WHERE_A: ops.Where = [['name', '==', 'a']];

let server: OvsdbServer;
let connection: Connection;
let schema: DatabaseSchema;
beforeAll(async () => {
  server = await OvsdbServer.start({ schema: SCHEMA });
  ({ connection } = await connectTo(server.remote));
  schema = await getSchema(connection, 'Ops');
});
afterAll(async () => {
  connection?.end('ECLOSED', 'closed');
  await server?.remove();
});
beforeEach(async () => {
  // In one transaction a uuid cannot be deleted and come back.
  await run(ops.remove('T', []), ops.remove('Single', []));
  await run(
    ops.insert('T', { name: 'a', integer: 1, real: 1.5, boolean: true, uuid: uuid(ID) }, { uuid: ID }),
    ops.insert('T', {
      name: 'b',
      integer: 2,
      real: 2.5,
      maybe_integer: 5,
      maybe_real: 0.5,
      maybe_string: 'x',
      integers: set([1, 2]),
      reals: set([0.5, 1]),
      map: map({ k: 1 }),
      one_or_two: set(['x', 'y']),
    }),
    ops.insert('T', {
      name: 'c',
      integer: 3,
      real: -1,
      boolean: true,
      maybe_integer: 7,
      integers: set([2, 3]),
      map: map({ k: 1, l: 2 }),
    }),
  );
});

function run(...operations: ops.Operation[]): Promise<readonly OperationResult[]> {
  return transact(connection, schema, operations);
}

async function rowA(...columns: string[]): Promise<Row> {
  const [result] = await run(ops.select('T', WHERE_A, columns));
  return result?.rows?.[0] ?? {};
}

async function names(...where: ops.Condition[]): Promise<string> {
  const [result] = await run(ops.select('T', where, ['name']));
  return (result?.rows ?? [])
    .map(({ name }) => `${name}`)
    .sort()
    .join('');
}

describe('operations', () => {
  test('insert: defaults, a uuid of its own or ours, a name within the transaction', async () => {
    const [first, second, child] = await run(
      ops.insert('T', { name: 'd' }),
      ops.insert('T', { name: 'e', children: named('kid'), weak: named('kid') }, { uuid: NOTHING }),
      ops.insert('Child', { name: 'k' }, { name: 'kid' }),
    );
    expect(first?.uuid).toMatch(/^[0-9a-f-]{36}$/);
    expect(second).toEqual({ uuid: NOTHING });
    const [d, e] = await run(
      ops.select('T', [['name', '==', 'd']], ['integer', 'maybe_integer', 'map', 'one_or_two', 'uuid']),
      ops.select('T', ops.byUuid(NOTHING), ['children', 'weak']),
    );
    expect(d?.rows).toEqual([
      { integer: 0, maybe_integer: [], map: new Map(), one_or_two: [''], uuid: '00000000-0000-0000-0000-000000000000' },
    ]);
    expect(e?.rows).toEqual([{ children: [child?.uuid], weak: [child?.uuid] }]);
  });

  test('insert into a table that is no root: gone when nothing refers to it, and out of weak references too', async () => {
    const [orphan] = await run(ops.insert('Child', {}), ops.select('Child', []));
    const [after] = await run(ops.select('Child', ops.byUuid(orphan?.uuid ?? '')));
    expect(after?.rows).toEqual([]);
    await run(
      ops.insert('Child', {}, { uuid: NOTHING }),
      ops.update('T', WHERE_A, { weak: uuid(NOTHING) }),
      ops.update('T', [['name', '==', 'b']], { children: uuid(NOTHING) }),
    );
    expect(await rowA('weak')).toEqual({ weak: [NOTHING] });
    await run(ops.update('T', [['name', '==', 'b']], { children: set([]) }));
    expect(await rowA('weak')).toEqual({ weak: [] });
  });

  test('select: all columns, or those asked for; every row, or none', async () => {
    const [all, some, none] = await run(
      ops.select('T', WHERE_A),
      ops.select('T', [], ['_uuid', 'name']),
      ops.select('T', [['name', '==', 'z']]),
    );
    expect(Object.keys(all?.rows?.[0] ?? {}).sort()).toEqual(
      [...Object.keys(SCHEMA.tables.T.columns), '_uuid', '_version'].sort(),
    );
    expect(some?.rows).toHaveLength(3);
    expect(some?.rows).toContainEqual({ _uuid: ID, name: 'a' });
    expect(none?.rows).toEqual([]);
  });

  test('update: a count, whatever the number', async () => {
    expect(
      await run(
        ops.update('T', [], { integer: 9 }),
        ops.update('T', WHERE_A, { integer: 8, map: map([['k', 1]]) }),
        ops.update('T', [['name', '==', 'z']], { integer: 7 }),
      ),
    ).toEqual([{ count: 3 }, { count: 1 }, { count: 0 }]);
    expect(await rowA('integer', 'map')).toEqual({ integer: 8, map: new Map([['k', 1]]) });
  });

  test('mutate: several at once, in their order', async () => {
    const mutations: ops.Mutation[] = [
      ['integer', '+=', 4],
      ['integer', '*=', 10],
      ['integers', 'insert', set([1, 2])],
    ];
    expect(await run(ops.mutate('T', WHERE_A, mutations))).toEqual([{ count: 1 }]);
    expect(await rowA('integer', 'integers')).toEqual({ integer: 50, integers: [1, 2] });
  });

  test('delete', async () => {
    expect(await run(ops.remove('T', WHERE_A), ops.remove('T', WHERE_A))).toEqual([{ count: 1 }, { count: 0 }]);
    expect(await names()).toBe('bc');
  });

  test('wait: for rows to be so, or not to be so; commit and comment', async () => {
    const rows = [{ name: 'a', integer: 1 }];
    expect(
      await run(
        ops.wait('T', WHERE_A, '==', ['name', 'integer'], rows, 0),
        ops.update('T', WHERE_A, { integer: 2 }),
        ops.wait('T', WHERE_A, '!=', ['name', 'integer'], rows, 0),
        ops.comment('why'),
        ops.commit(true),
      ),
    ).toEqual([{}, { count: 1 }, {}, {}, {}]);
  });

  test('wait: the transaction goes on when another one makes it true', async () => {
    const waiting = run(
      ops.wait('T', WHERE_A, '==', ['integer'], [{ integer: 5 }]),
      ops.mutate('T', WHERE_A, [['integer', '+=', 1]]),
    );
    await run(ops.update('T', WHERE_A, { integer: 4 }));
    await run(ops.update('T', WHERE_A, { integer: 5 }));
    expect(await waiting).toEqual([{}, { count: 1 }]);
    expect(await rowA('integer')).toEqual({ integer: 6 });
  });

  test('abort: nothing is done', async () => {
    const error = await rejection(run(ops.remove('T', []), ops.abort(), ops.comment('never')));
    expect(error).toMatchObject({ operation: 1, code: 'aborted' });
    expect(await names()).toBe('abc');
  });

  const BAD: [string, ops.Operation, string, RegExp][] = [
    ['insert: no such table', ops.insert('Z', {}), 'syntax error', /No table named Z/],
    ['insert: no such column', ops.insert('T', { z: 1 }), 'unknown column', /No column z in table T/],
    ['insert: another type', ops.insert('T', { integer: 'x' }), 'syntax error', /expected integer/],
    ['insert: out of range', ops.insert('T', { percent: 101 }), 'constraint violation', /range 0 to 100/],
    [
      'insert: not in the enumeration',
      ops.insert('T', { colour: 'green' }),
      'constraint violation',
      /green is not one/,
    ],
    ['insert: too long', ops.insert('T', { short: 'four' }), 'constraint violation', /maximum allowed length 3/],
    ['insert: too few', ops.insert('T', { one_or_two: set([]) }), 'syntax error', /must have 1 to 2 members but 0/],
    ['insert: too many', ops.insert('T', { maybe_integer: set([1, 2]) }), 'syntax error', /0 to 1 members but 2/],
    ['insert: twice in a set', ops.insert('T', { integers: set([1, 1]) }), 'ovsdb error', /duplicate/],
    [
      'insert: twice in a map',
      ops.insert('T', {
        map: map([
          ['a', 1],
          ['a', 2],
        ]),
      }),
      'ovsdb error',
      /duplicate key/,
    ],
    ['insert: a uuid that is there', ops.insert('T', {}, { uuid: ID }), 'duplicate uuid', /already present/],
    ['insert: a name that is none', ops.insert('T', {}, { name: '0 x' }), 'syntax error', /uuid-name/],
    ['select: no such column', ops.select('T', [], ['z']), 'syntax error', /z is not a valid column name/],
    ['update: immutable', ops.update('T', [], { constant: 'x' }), 'constraint violation', /immutable column constant/],
    ['update: _uuid', ops.update('T', [], { _uuid: uuid(NOTHING) }), 'constraint violation', /immutable column _uuid/],
    ['delete: no uuid', ops.remove('T', [['uuid', '==', 'x']]), 'syntax error', /expected \["uuid"/],
    ['wait: in vain', ops.wait('T', [], '==', ['name'], [], 0), 'timed out', /"where" clause test failed/],
    ['wait: in vain for a while', ops.wait('T', [], '==', ['name'], [], 20), 'timed out', /timed out after/],
    ['assert: not held', ops.assert('l'), 'not owner', /Asserted lock l not held/],
    ['assert: no lock', ops.assert('0 l'), 'syntax error', /'lock'/],
    // @ts-expect-error: no operation
    ['no operation', { op: 'coffee' }, 'syntax error', /No operation "coffee"/],
  ];
  test.each(BAD)('%s', async (_name, operation, code, details) => {
    const error = await rejection(run(ops.remove('T', [['name', '==', 'b']]), operation, ops.comment('never')));
    expect(error).toBeInstanceOf(OvsdbTransactionError);
    expect(error).toMatchObject({ operation: 1, code, details: expect.stringMatching(details) });
    expect(await names(), 'nothing of it was done').toBe('abc');
  });

  test.each<[string, ops.Operation, string, RegExp]>([
    [
      'two rows with one index',
      ops.insert('T', { name: 'a' }),
      'constraint violation',
      /identical values \(a\) for index/,
    ],
    [
      'a reference to nothing',
      ops.update('T', [], { children: uuid(NOTHING) }),
      'referential integrity violation',
      /non/,
    ],
    [
      'a name of nothing',
      ops.update('T', [], { children: named('z') }),
      'referential integrity violation',
      /nonexistent/,
    ],
    ['a row too many', ops.insert('Single', {}), 'constraint violation', /limit of 1 row/],
  ])('only the commit sees: %s', async (_name, operation, code, details) => {
    await run(ops.insert('Single', {}));
    const error = await rejection(run(ops.remove('T', [['name', '==', 'b']]), operation));
    expect(error).toMatchObject({ operation: 2, code, details: expect.stringMatching(details) });
    expect(await names()).toBe('abc');
  });

  test('a deleted row that is referred to strongly stays the database’s', async () => {
    await run(ops.insert('Child', {}, { name: 'kid' }), ops.update('T', WHERE_A, { children: named('kid') }));
    expect(await rejection(run(ops.remove('Child', [])))).toMatchObject({ code: 'referential integrity violation' });
  });
});

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
    expect(await names(condition)).toBe(found);
  });

  test('all of several, and booleans for conditions', async () => {
    expect(await names(['integer', '>', 1], ['boolean', '==', true])).toBe('c');
    expect(await names(['integer', '>', 1], ['integer', '<', 2])).toBe('');
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
    const error = await rejection(names(condition));
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
    const [updated, mutated] = await run(
      ops.update('T', WHERE_A, { [column]: before }),
      ops.mutate('T', WHERE_A, [[column, mutator, argument]]),
    );
    expect([updated, mutated]).toEqual([{ count: 1 }, { count: 1 }]);
    expect(await rowA(column)).toEqual({ [column]: after });
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
    const error = await rejection(run(ops.update('T', WHERE_A, row), ops.mutate('T', WHERE_A, [mutation])));
    expect(error).toMatchObject({ operation: 1, code, details: expect.stringMatching(details) });
    expect(await rowA('integer')).toEqual({ integer: 1 });
  });
});
