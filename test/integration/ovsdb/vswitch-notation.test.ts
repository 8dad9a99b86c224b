/**
 * Rows of every table of Open vSwitch's own schema, all its types and constraints kept, written to and read from the real server.
 * Only what stands in the way of a row alone is taken off: every table is a root, and has neither indexes nor a limit.
 */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Atom, compareAtoms, named, type Row, uuid } from '../../../src/ovsdb/notation.ts';
import * as ops from '../../../src/ovsdb/operations.ts';
import { transact } from '../../../src/ovsdb/requests.ts';
import type { AtomType, ColumnType, TableSchema } from '../../../src/ovsdb/schema.ts';
import { atom } from '../../unit/ovsdb/arbitraries.ts';
import { Follower } from './follower.ts';
import { OvsdbServer, VSWITCH_SCHEMA } from './ovsdb-server.ts';
import { encode } from './types-schema.ts';

/** `<base-type>` of RFC 7047 §3.2, as far as this schema uses it. */
interface Base {
  readonly type: AtomType;
  readonly enum?: readonly ['set', readonly Atom[]];
  readonly minInteger?: number;
  readonly maxInteger?: number;
  readonly refTable?: string;
}
interface Definition {
  readonly type: AtomType | { readonly key: AtomType | Base; readonly value?: AtomType | Base; readonly min?: number };
  readonly mutable?: boolean;
}
interface Tables {
  readonly [table: string]: { readonly columns: Readonly<Record<string, Definition>> };
}

const whole: { readonly tables: Tables } = JSON.parse(readFileSync(VSWITCH_SCHEMA, 'utf8'));
const tables: Tables = Object.fromEntries(
  Object.entries(whole.tables).map(([table, { columns }]) => [table, { columns, isRoot: true }]),
);

let server: OvsdbServer;
let follower: Follower;
/** One row of each table, for others to refer to. */
const referred = new Map<string, string>();
beforeAll(async () => {
  server = await OvsdbServer.start({ schema: { ...whole, tables } });
  follower = await Follower.open(server.remote, 'Open_vSwitch', 'monitor_cond_since');
  const names = Object.keys(tables);
  const rows = names.map((table) => {
    const columns = Object.entries(references(table)).map(([column, other]) => [column, named(other)] as const);
    return ops.insert(table, Object.fromEntries(columns), { name: table });
  });
  const results = await run(...rows);
  for (const [index, table] of names.entries()) referred.set(table, results[index]?.uuid ?? '');
});
afterAll(async () => {
  follower?.connection.end('ECLOSED', 'closed');
  await server?.remove();
});

const run = (...operations: ops.Operation[]) => transact(follower.connection, follower.schema, operations);

function columnsOf(table: string): TableSchema {
  return new Map([...(follower.schema.tables.get(table) ?? [])].filter(([name]) => !name.startsWith('_')));
}

/** Columns that must refer to a row, and of which table. */
function references(table: string): Readonly<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const [column, { type }] of Object.entries(tables[table]?.columns ?? {})) {
    if (typeof type === 'string' || typeof type.key === 'string' || type.min === 0) continue;
    if (type.key.refTable !== undefined) found[column] = type.key.refTable;
  }
  return found;
}

function allowed(base: AtomType | Base): fc.Arbitrary<Atom> {
  if (typeof base === 'string') return atom(base).filter(withoutNul);
  if (base.enum !== undefined) return fc.constantFrom(...base.enum[1]);
  if (base.refTable !== undefined) return fc.constant(referred.get(base.refTable) ?? '');
  if (base.type !== 'integer') return atom(base.type).filter(withoutNul);
  return fc.integer({ min: base.minInteger ?? -(2 ** 31), max: base.maxInteger ?? 2 ** 31 });
}

/** ovsdb-server takes NUL for the end of the text. */
const withoutNul = (value: Atom) => typeof value !== 'string' || !value.includes('\0');

function anyValue(type: ColumnType, definition: Definition): fc.Arbitrary<Row[string]> {
  const { key, value } = typeof definition.type === 'string' ? { key: definition.type } : definition.type;
  if (type.kind === 'scalar') return allowed(key);
  const lengths = { minLength: type.min, maxLength: Math.min(type.max, 6) };
  if (type.kind === 'set') {
    return fc.uniqueArray(allowed(key), lengths).map((atoms) => atoms.sort(compareAtoms));
  }
  if (value === undefined) throw new Error('a map without values');
  return fc
    .uniqueArray(fc.tuple(allowed(key), allowed(value)), { ...lengths, selector: ([first]) => first })
    .map((pairs) => new Map(pairs));
}

/** Some of the columns; those that cannot be left out always. */
function rowOf(table: string, which: (definition: Definition) => boolean): fc.Arbitrary<Row> {
  const columns = [...columnsOf(table)].flatMap(([name, type]): [string, fc.Arbitrary<Row[string]>][] => {
    const definition = tables[table]?.columns[name];
    return definition !== undefined && which(definition) ? [[name, anyValue(type, definition)]] : [];
  });
  const names = columns.map(([name]) => name);
  const required = Object.keys(references(table));
  return fc
    .tuple(fc.record(Object.fromEntries(columns)), fc.subarray(names))
    .map(([row, some]) =>
      Object.fromEntries(Object.entries(row).filter(([name]) => some.includes(name) || required.includes(name))),
    );
}

test.each(Object.keys(tables))(
  'law: what is written to %s is in the replica, and in a select, as it was meant',
  async (table) => {
    const columns = columnsOf(table);
    const history = fc.record({
      inserted: rowOf(table, () => true),
      later: fc.array(
        rowOf(table, ({ mutable }) => mutable !== false),
        { maxLength: 2 },
      ),
    });
    await fc.assert(
      fc.asyncProperty(history, async ({ inserted, later }) => {
        const [{ uuid: id = '' } = {}] = await run(ops.insert(table, encode(inserted, columns)));
        expect(follower.replica.row(table, id)).toMatchObject(inserted);
        for (const changes of later) {
          const before = follower.replica.row(table, id);
          await run(ops.update(table, [['_uuid', '==', uuid(id)]], encode(changes, columns)));
          expect(follower.replica.row(table, id)).toEqual({ ...before, ...changes });
        }
        const [selected] = await run(ops.select(table, ops.byUuid(id), [...columns.keys()]));
        expect(selected?.rows).toEqual([follower.replica.row(table, id)]);
        await run(ops.remove(table, ops.byUuid(id)));
        expect(follower.replica.row(table, id)).toBeUndefined();
      }),
      { numRuns: 50 },
    );
  },
);
