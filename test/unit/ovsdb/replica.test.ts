import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { MonitoredTable } from '../../../src/ovsdb/monitor.ts';
import {
  type Atom,
  decodeValue,
  encodeValue,
  type Row,
  type Value,
  type WireValue,
} from '../../../src/ovsdb/notation.ts';
import { applyDifference, differences, Replica } from '../../../src/ovsdb/replica.ts';
import type { ColumnType } from '../../../src/ovsdb/schema.ts';
import { columnType, value } from './arbitraries.ts';

const UNLIMITED = Number.POSITIVE_INFINITY;
const COLUMNS = new Map<string, ColumnType>([
  ['name', { kind: 'scalar', key: 'string' }],
  ['port', { kind: 'set', key: 'integer', min: 0, max: 1 }],
  ['tags', { kind: 'set', key: 'string', min: 0, max: UNLIMITED }],
  ['ids', { kind: 'map', key: 'string', value: 'string', min: 0, max: UNLIMITED }],
]);
const EMPTY: Row = { name: '', port: [], tags: [], ids: new Map() };

function replica({ partial = false, rows = {} as object } = {}): Replica {
  const made = new Replica(new Map<string, MonitoredTable>([['T', { columns: COLUMNS, partial, everyRow: !partial }]]));
  made.apply({ T: rows });
  return made;
}

test('a new row has every monitored column; those that are left out are at their default', () => {
  const made = replica();
  const after = { ...EMPTY, name: 'x', tags: ['a', 'b'] };
  expect(made.apply({ T: { u1: { insert: { name: 'x', tags: ['set', ['b', 'a']] } }, u2: { initial: {} } } })).toEqual([
    { table: 'T', uuid: 'u1', before: undefined, after },
    { table: 'T', uuid: 'u2', before: undefined, after: EMPTY },
  ]);
  expect(made.row('T', 'u1')).toEqual(after);
  expect(made.rows('T').size).toBe(2);
});

test('a column may be called as what every object of JavaScript has', () => {
  const columns = new Map<string, ColumnType>([['constructor', { kind: 'scalar', key: 'string' }]]);
  const made = new Replica(new Map<string, MonitoredTable>([['T', { columns, partial: false, everyRow: true }]]));
  expect(made.apply({ T: { u1: { insert: {} } } })).toHaveLength(1);
  expect(made.row('T', 'u1')).toEqual({ constructor: '' });
});

const OLD = {
  name: 'x',
  port: 7,
  tags: ['set', ['a', 'b']],
  ids: [
    'map',
    [
      ['k', 'v'],
      ['l', 'w'],
    ],
  ],
} as const;

test.each<[string, Readonly<Record<string, WireValue>>, Row]>([
  ['a scalar', { name: 'y' }, { name: 'y' }],
  ['an optional: its new value', { port: 8 }, { port: [8] }],
  ['an optional that goes', { port: ['set', []] }, { port: [] }],
  ['a set: elements come and go', { tags: ['set', ['b', 'c']] }, { tags: ['a', 'c'] }],
  ['a set: the only element of the difference', { tags: 'a' }, { tags: ['b'] }],
  [
    'a map: a pair comes',
    { ids: ['map', [['m', 'x']]] },
    {
      ids: new Map([
        ['k', 'v'],
        ['l', 'w'],
        ['m', 'x'],
      ]),
    },
  ],
  ['a map: the same pair again means it goes', { ids: ['map', [['k', 'v']]] }, { ids: new Map([['l', 'w']]) }],
  [
    'a map: another value',
    { ids: ['map', [['k', 'z']]] },
    {
      ids: new Map([
        ['k', 'z'],
        ['l', 'w'],
      ]),
    },
  ],
])('modify: %s', (_name, modify, changed) => {
  const made = replica({ rows: { u: { initial: OLD } } });
  const before = made.row('T', 'u');
  const kept = structuredClone(before);
  expect(made.apply({ T: { u: { modify } } })).toEqual([
    { table: 'T', uuid: 'u', before: kept, after: { ...kept, ...changed } },
  ]);
  expect(before, 'the old row object is left alone').toEqual(kept);
});

test('delete', () => {
  const made = replica({ rows: { u: { initial: OLD } } });
  const before = made.row('T', 'u');
  expect(made.apply({ T: { u: { delete: null } } })).toEqual([{ table: 'T', uuid: 'u', before, after: undefined }]);
  expect(made.row('T', 'u')).toBeUndefined();
  expect(made.apply({ T: { u: { delete: null } } }), 'a second time: nothing to tell').toEqual([]);
});

test.each([
  ['no object', 7, /no object/],
  ['another table', { X: {} }, /table X, which is not monitored/],
  ['an unknown kind', { T: { u: { change: {} } } }, /T u: neither/],
  ['a change of an unknown row', { T: { v: { modify: { name: 'y' } } } }, /T v: a change of a row that was never sent/],
  ['an unmonitored column', { T: { u: { modify: { other: 1 } } } }, /column other is not monitored/],
  ['a value of another type', { T: { u: { modify: { name: 1 } } } }, /column name cannot be 1/],
  ['the same in an insert', { T: { v: { insert: { ids: 'x' } } } }, /column ids cannot be "x"/],
])('a message that does not fit changes nothing: %s', (_name, updates, problem) => {
  const made = replica({ rows: { u: { initial: OLD } } });
  const before = new Map(made.rows('T'));
  const whole = typeof updates === 'object' && 'T' in updates ? { T: { w: { insert: {} }, ...updates.T } } : updates;
  expect(made.apply(whole)).toMatch(problem);
  expect(made.rows('T')).toEqual(before);
});

test('rows that a monitor leaves out may change without a word', () => {
  expect(replica({ partial: true }).apply({ T: { u: { modify: { name: 'y' } } } })).toEqual([]);
});

test('a table that is not monitored has no rows', () => {
  expect(replica().rows('X').size).toBe(0);
  expect(replica().row('X', 'u')).toBeUndefined();
});

/** The difference as ovsdb-server(7) 4.1.14 describes it, from the two values. */
function serverDifference(type: ColumnType, before: Value, after: Value): Value {
  if (type.kind === 'scalar' || type.max === 1) return after;
  if (before instanceof Map && after instanceof Map) {
    const pairs = new Map<Atom, Atom>();
    for (const [key, old] of before) if (!after.has(key)) pairs.set(key, old);
    for (const [key, new_] of after) if (before.get(key) !== new_) pairs.set(key, new_);
    return pairs;
  }
  const [a, b] = [before as readonly Atom[], after as readonly Atom[]];
  return [...a.filter((atom) => !b.includes(atom)), ...b.filter((atom) => !a.includes(atom))];
}

test('law: the difference of two values, sent and applied to the first, gives the second', () => {
  const two = columnType.chain((type) => fc.tuple(fc.constant(type), value(type), value(type)));
  fc.assert(
    fc.property(two, ([type, before, after]) => {
      const sent: unknown = JSON.parse(JSON.stringify(encodeValue(type, serverDifference(type, before, after))));
      const difference = decodeValue(type, sent);
      expect(difference).toBeDefined();
      expect(applyDifference(type, before, difference!)).toEqual(after);
    }),
    { numRuns: 1000 },
  );
});

const row: fc.Arbitrary<Row> = fc.record(
  Object.fromEntries([...COLUMNS].map(([column, type]) => [column, value(type)])),
);
const rows = fc.dictionary(fc.constantFrom('u1', 'u2', 'u3', 'u4'), row, { noNullPrototype: true });

function wireRow(given: Row): Record<string, unknown> {
  return Object.fromEntries([...COLUMNS].map(([column, type]) => [column, encodeValue(type, given[column]!)]));
}

function filled(given: Readonly<Record<string, Row>>): Replica {
  return replica({ rows: Object.fromEntries(Object.entries(given).map(([id, r]) => [id, { initial: wireRow(r) }])) });
}

test('law: from one state to any other by updates as the server sends them', () => {
  fc.assert(
    fc.property(rows, rows, (from, to) => {
      const made = filled(from);
      const updates: Record<string, object> = {};
      for (const id of new Set([...Object.keys(from), ...Object.keys(to)])) {
        const [before, after] = [from[id], to[id]];
        if (after === undefined) updates[id] = { delete: null };
        else if (before === undefined) updates[id] = { insert: wireRow(after) };
        else {
          const changed = [...COLUMNS].map(([column, type]) => {
            return [column, encodeValue(type, serverDifference(type, before[column]!, after[column]!))];
          });
          updates[id] = { modify: Object.fromEntries(changed) };
        }
      }
      expect(made.apply({ T: updates })).toHaveLength(Object.keys(updates).length);
      expect(new Map(made.rows('T'))).toEqual(new Map(Object.entries(to)));
    }),
  );
});

test('law: the differences of two replicas lead from one to the other and hold no row that is the same', () => {
  fc.assert(
    fc.property(rows, rows, (from, to) => {
      const state = new Map(Object.entries(from));
      for (const { uuid, before, after } of differences(filled(from), filled(to), ['T'])) {
        expect(before).toEqual(from[uuid]);
        expect(after).not.toEqual(before);
        if (after === undefined) state.delete(uuid);
        else state.set(uuid, after);
      }
      expect(state).toEqual(new Map(Object.entries(to)));
    }),
  );
});

test('a column that is no longer monitored makes no difference', () => {
  const before = replica({
    rows: { u1: { insert: { name: 'x', tags: 'a' } }, u2: { insert: { name: 'y', tags: 'b' } } },
  });
  const name: [string, ColumnType] = ['name', { kind: 'scalar', key: 'string' }];
  const after = new Replica(new Map([['T', { columns: new Map([name]), partial: false, everyRow: true }]]));
  after.apply({ T: { u1: { insert: { name: 'x' } }, u2: { insert: { name: 'z' } } } });
  expect(differences(before, after, ['T']).map(({ uuid }) => uuid)).toEqual(['u2']);
});

test('without a replica before, everything is new', () => {
  const made = replica({ rows: { u: { initial: {} } } });
  expect(differences(undefined, made, ['T'])).toEqual([{ table: 'T', uuid: 'u', before: undefined, after: EMPTY }]);
});
