import fc from 'fast-check';
import { expect, test } from 'vitest';
import { JsonStream, LARGE_MESSAGE_BYTES } from '../../../src/ovsdb/json-stream.ts';
import type { MonitoredTable } from '../../../src/ovsdb/monitor.ts';
import { type Atom, encodeValue, type Row, type Value, valuesEqual } from '../../../src/ovsdb/notation.ts';
import { applyDifference, Replica } from '../../../src/ovsdb/replica.ts';
import type { ColumnType } from '../../../src/ovsdb/schema.ts';
import { difference, toUpdates2 } from '../../../src/ovsdb/updates.ts';
import { columnType, value } from './arbitraries.ts';

type Columns = ReadonlyMap<string, ColumnType>;
/** The rows of a table at one time, by uuid. */
type State = Readonly<Record<string, Row>>;

const NAME_AND_TAGS: Columns = new Map<string, ColumnType>([
  ['name', { kind: 'scalar', key: 'string' }],
  ['port', { kind: 'set', key: 'integer', min: 0, max: 1 }],
  ['tags', { kind: 'set', key: 'string', min: 0, max: Number.POSITIVE_INFINITY }],
  ['ids', { kind: 'map', key: 'string', value: 'string', min: 0, max: Number.POSITIVE_INFINITY }],
]);

function table(columns: Columns, { partial = false } = {}): ReadonlyMap<string, MonitoredTable> {
  return new Map([['T', { columns, partial, everyRow: !partial }]]);
}

const convert = (rows: unknown) => toUpdates2(table(NAME_AND_TAGS), { T: rows });

test.each<[string, object, object]>([
  ['a new row', { new: { name: 'x', tags: ['set', []] } }, { insert: { name: 'x', tags: ['set', []] } }],
  ['a row that goes', { old: { name: 'x', port: 7, tags: 'a' } }, { delete: null }],
  [
    'changed columns: those in the old row, as differences',
    {
      old: {
        port: 7,
        tags: ['set', ['a', 'b']],
        ids: [
          'map',
          [
            ['k', 'v'],
            ['l', 'w'],
          ],
        ],
      },
      new: {
        name: 'x',
        port: ['set', []],
        tags: ['set', ['b', 'c']],
        ids: [
          'map',
          [
            ['k', 'z'],
            ['l', 'w'],
          ],
        ],
      },
    },
    { modify: { port: ['set', []], tags: ['set', ['a', 'c']], ids: ['map', [['k', 'z']]] } },
  ],
])('%s', (_name, update, converted) => {
  expect(convert({ u: update })).toEqual({ T: { u: converted } });
});

test.each([
  ['a reply', (updates: object) => ({ id: 0, result: updates, error: null }), 'result'],
  ['a notification', (updates: object) => ({ id: null, method: 'update', params: ['m', updates] }), 'params'],
])('rows that are still text, in a large message: %s', (_name, message, member) => {
  const name = 'x'.repeat(LARGE_MESSAGE_BYTES);
  const rows = { u: { new: { name } }, v: { old: { name }, new: { name: 'y' } } };
  const { documents } = new JsonStream().push(Buffer.from(JSON.stringify(message({ T: rows }))));
  const parts = (documents[0] as Record<string, unknown>)[member];
  expect(toUpdates2(table(NAME_AND_TAGS), Array.isArray(parts) ? parts[1] : parts)).toEqual({
    T: { u: { insert: { name } }, v: { modify: { name: 'y' } } },
  });
});

test('no tables, no rows, no columns', () => {
  expect(toUpdates2(table(NAME_AND_TAGS), {})).toEqual({});
  expect(convert({})).toEqual({ T: {} });
  expect(convert({ u: { new: {} }, v: { old: {} }, w: { old: {}, new: {} } })).toEqual({
    T: { u: { insert: {} }, v: { delete: null }, w: { modify: {} } },
  });
});

test.each<[string, unknown, RegExp]>([
  ['no object', [], /^updates that are no object$/],
  ['a table that is not monitored', { X: {} }, /^an update of table X, which is not monitored$/],
  ['a table that is no object', { T: 7 }, /^an update of table T that is no object$/],
  ['an update that is none', { T: { u: null } }, /^update of T u: no object$/],
  ['neither old nor new', { T: { u: { insert: {} } } }, /^update of T u: neither old nor new$/],
  ['a row that is none', { T: { u: { old: {}, new: 7 } } }, /^update of T u: a row that is no object$/],
  ['a column that is not monitored', { T: { u: { old: { x: 1 }, new: { x: 2 } } } }, /^update of T u: column x is not/],
  [
    'an old value of another type',
    { T: { u: { old: { name: 1 }, new: { name: 'x' } } } },
    /name cannot go from 1 to "x"/,
  ],
  [
    'a new value of another type',
    { T: { u: { old: { name: 'x' }, new: { name: 1 } } } },
    /name cannot go from "x" to 1/,
  ],
  ['an old column without a new one', { T: { u: { old: { name: 'x' }, new: {} } } }, /cannot go from "x" to nothing/],
])('refused: %s', (_name, updates, problem) => {
  expect(toUpdates2(table(NAME_AND_TAGS), updates)).toMatch(problem);
});

test('law: the difference of two values, applied to the first, gives the second', () => {
  const two = columnType.chain((type) => fc.tuple(fc.constant(type), value(type), value(type)));
  fc.assert(
    fc.property(two, ([type, before, after]) => {
      expect(applyDifference(type, before, difference(type, before, after))).toEqual(after);
    }),
    { numRuns: 1000 },
  );
});

/** Columns, and what rows of them were one time after the other. */
const history = fc
  .dictionary(fc.constantFrom('a', 'b', 'c', 'd'), columnType, { minKeys: 1, noNullPrototype: true })
  .chain((columns) => {
    const row = fc.record(Object.fromEntries(Object.entries(columns).map(([name, type]) => [name, value(type)])));
    const state = fc.dictionary(fc.constantFrom('u1', 'u2', 'u3'), row, { noNullPrototype: true });
    return fc.record({
      columns: fc.constant<Columns>(new Map(Object.entries(columns))),
      states: fc.array(state, { minLength: 1, maxLength: 6 }),
    });
  });

/** What a server sends when the rows go from one state to the next, in both ways; rebuilt as they come out of JSON. */
function sent(columns: Columns, from: State, to: State): { old: unknown; differences: unknown } {
  const wire = (row: Row, names: readonly string[]) =>
    Object.fromEntries(names.map((name) => [name, encodeValue(columns.get(name)!, row[name]!)]));
  const all = [...columns.keys()];
  const [old, differences]: [Record<string, object>, Record<string, object>] = [{}, {}];
  for (const id of new Set([...Object.keys(from), ...Object.keys(to)])) {
    const [before, after] = [from[id], to[id]];
    if (before === undefined && after !== undefined) {
      old[id] = { new: wire(after, all) };
      differences[id] = { insert: wire(after, all) };
    } else if (before !== undefined && after === undefined) {
      old[id] = { old: wire(before, all) };
      differences[id] = { delete: null };
    } else if (before !== undefined && after !== undefined) {
      const changed = all.filter((name) => !valuesEqual(before[name]!, after[name]!));
      if (changed.length === 0) continue;
      old[id] = { old: wire(before, changed), new: wire(after, all) };
      const modify = changed.map((name) => {
        const type = columns.get(name)!;
        return [name, encodeValue(type, serverDifference(type, before[name]!, after[name]!))];
      });
      differences[id] = { modify: Object.fromEntries(modify) };
    }
  }
  return JSON.parse(JSON.stringify({ old: { T: old }, differences: { T: differences } }));
}

/** As ovsdb-server(7) 4.1.14 words it. */
function serverDifference(type: ColumnType, before: Value, after: Value): Value {
  if (type.kind === 'scalar' || type.max === 1) return after;
  if (before instanceof Map && after instanceof Map) {
    const gone = [...before].filter(([key]) => !after.has(key));
    return new Map([...gone, ...[...after].filter(([key, element]) => before.get(key) !== element)]);
  }
  const [a, b] = [before as readonly Atom[], after as readonly Atom[]];
  return [...a.filter((atom) => !b.includes(atom)), ...b.filter((atom) => !a.includes(atom))];
}

test.each([
  ['every row', false],
  ['a monitor that left out the first rows', true],
])(
  'law: a replica that lives from old and new rows tells and holds what one that lives from differences does: %s',
  (_name, partial) => {
    fc.assert(
      fc.property(history, ({ columns, states }) => {
        const monitored = table(columns, { partial });
        const [plain, conditional] = [new Replica(monitored), new Replica(monitored)];
        let from: State = partial ? (states[0] ?? {}) : {};
        for (const to of states) {
          const { old, differences } = sent(columns, from, to);
          const told = plain.apply(toUpdates2(monitored, old));
          expect(told).toEqual(conditional.apply(differences));
          expect(plain.rows('T')).toEqual(conditional.rows('T'));
          if (!partial) expect(Object.fromEntries(plain.rows('T'))).toEqual(to);
          from = to;
        }
      }),
      { numRuns: 500 },
    );
  },
);
