/** Every operation of RFC 7047 §5.2 with the real server, and what it says when one is wrong. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { OvsdbTransactionError } from '../../../src/ovsdb/errors.ts';
import { map, named, set, uuid } from '../../../src/ovsdb/notation.ts';
import * as ops from '../../../src/ovsdb/operations.ts';
import { rejection } from '../../unit/ovsdb/watched-client.ts';
import { ID, Rig, SCHEMA, WHERE_A } from './operations-rig.ts';

const NOTHING = '30000000-0000-4000-8000-000000000000';

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.start();
});
afterAll(() => rig?.remove());
beforeEach(() => rig.fill());

test('insert: defaults, a uuid of its own or ours, a name within the transaction', async () => {
  const [first, second, child] = await rig.run(
    ops.insert('T', { name: 'd' }),
    ops.insert('T', { name: 'e', children: named('kid'), weak: named('kid') }, { uuid: NOTHING }),
    ops.insert('Child', { name: 'k' }, { name: 'kid' }),
  );
  expect(first?.uuid).toMatch(/^[0-9a-f-]{36}$/);
  expect(second).toEqual({ uuid: NOTHING });
  const [d, e] = await rig.run(
    ops.select('T', [['name', '==', 'd']], ['integer', 'maybe_integer', 'map', 'one_or_two', 'uuid']),
    ops.select('T', ops.byUuid(NOTHING), ['children', 'weak']),
  );
  expect(d?.rows).toEqual([
    { integer: 0, maybe_integer: [], map: new Map(), one_or_two: [''], uuid: '00000000-0000-0000-0000-000000000000' },
  ]);
  expect(e?.rows).toEqual([{ children: [child?.uuid], weak: [child?.uuid] }]);
});

test('insert into a table that is no root: gone when nothing refers to it, and out of weak references too', async () => {
  const [orphan] = await rig.run(ops.insert('Child', {}), ops.select('Child', []));
  const [after] = await rig.run(ops.select('Child', ops.byUuid(orphan?.uuid ?? '')));
  expect(after?.rows).toEqual([]);
  await rig.run(
    ops.insert('Child', {}, { uuid: NOTHING }),
    ops.update('T', WHERE_A, { weak: uuid(NOTHING) }),
    ops.update('T', [['name', '==', 'b']], { children: uuid(NOTHING) }),
  );
  expect(await rig.rowA('weak')).toEqual({ weak: [NOTHING] });
  await rig.run(ops.update('T', [['name', '==', 'b']], { children: set([]) }));
  expect(await rig.rowA('weak')).toEqual({ weak: [] });
});

test('select: all columns, or those asked for; every row, or none', async () => {
  const [all, some, none] = await rig.run(
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
    await rig.run(
      ops.update('T', [], { integer: 9 }),
      ops.update('T', WHERE_A, { integer: 8, map: map([['k', 1]]) }),
      ops.update('T', [['name', '==', 'z']], { integer: 7 }),
    ),
  ).toEqual([{ count: 3 }, { count: 1 }, { count: 0 }]);
  expect(await rig.rowA('integer', 'map')).toEqual({ integer: 8, map: new Map([['k', 1]]) });
});

test('mutate: several at once, in their order', async () => {
  const mutations: ops.Mutation[] = [
    ['integer', '+=', 4],
    ['integer', '*=', 10],
    ['integers', 'insert', set([1, 2])],
  ];
  expect(await rig.run(ops.mutate('T', WHERE_A, mutations))).toEqual([{ count: 1 }]);
  expect(await rig.rowA('integer', 'integers')).toEqual({ integer: 50, integers: [1, 2] });
});

test('delete', async () => {
  expect(await rig.run(ops.remove('T', WHERE_A), ops.remove('T', WHERE_A))).toEqual([{ count: 1 }, { count: 0 }]);
  expect(await rig.names()).toBe('bc');
});

test('wait: for rows to be so, or not to be so; commit and comment', async () => {
  const rows = [{ name: 'a', integer: 1 }];
  expect(
    await rig.run(
      ops.wait('T', WHERE_A, '==', ['name', 'integer'], rows, 0),
      ops.update('T', WHERE_A, { integer: 2 }),
      ops.wait('T', WHERE_A, '!=', ['name', 'integer'], rows, 0),
      ops.comment('why'),
      ops.commit(true),
    ),
  ).toEqual([{}, { count: 1 }, {}, {}, {}]);
});

test('wait: the transaction goes on when another one makes it true', async () => {
  const waiting = rig.run(
    ops.wait('T', WHERE_A, '==', ['integer'], [{ integer: 5 }]),
    ops.mutate('T', WHERE_A, [['integer', '+=', 1]]),
  );
  await rig.run(ops.update('T', WHERE_A, { integer: 4 }));
  await rig.run(ops.update('T', WHERE_A, { integer: 5 }));
  expect(await waiting).toEqual([{}, { count: 1 }]);
  expect(await rig.rowA('integer')).toEqual({ integer: 6 });
});

test('abort: nothing is done', async () => {
  const error = await rejection(rig.run(ops.remove('T', []), ops.abort(), ops.comment('never')));
  expect(error).toMatchObject({ operation: 1, code: 'aborted' });
  expect(await rig.names()).toBe('abc');
});

const BAD: [string, ops.Operation, string, RegExp][] = [
  ['insert: no such table', ops.insert('Z', {}), 'syntax error', /No table named Z/],
  ['insert: no such column', ops.insert('T', { z: 1 }), 'unknown column', /No column z in table T/],
  ['insert: another type', ops.insert('T', { integer: 'x' }), 'syntax error', /expected integer/],
  ['insert: out of range', ops.insert('T', { percent: 101 }), 'constraint violation', /range 0 to 100/],
  ['insert: not in the enumeration', ops.insert('T', { colour: 'green' }), 'constraint violation', /green is not one/],
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
  const error = await rejection(rig.run(ops.remove('T', [['name', '==', 'b']]), operation, ops.comment('never')));
  expect(error).toBeInstanceOf(OvsdbTransactionError);
  expect(error).toMatchObject({ operation: 1, code, details: expect.stringMatching(details) });
  expect(await rig.names(), 'nothing of it was done').toBe('abc');
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
  await rig.run(ops.insert('Single', {}));
  const error = await rejection(rig.run(ops.remove('T', [['name', '==', 'b']]), operation));
  expect(error).toMatchObject({ operation: 2, code, details: expect.stringMatching(details) });
  expect(await rig.names()).toBe('abc');
});

test('a deleted row that is referred to strongly stays the database’s', async () => {
  await rig.run(ops.insert('Child', {}, { name: 'kid' }), ops.update('T', WHERE_A, { children: named('kid') }));
  expect(await rejection(rig.run(ops.remove('Child', [])))).toMatchObject({ code: 'referential integrity violation' });
});
