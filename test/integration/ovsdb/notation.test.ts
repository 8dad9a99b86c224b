/** Values of every type, written and read by the real server: the notation both ways, and the differences it sends. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { encodeValue, type Row, type WireValue } from '../../../src/ovsdb/notation.ts';
import * as ops from '../../../src/ovsdb/operations.ts';
import type { AtomType, ColumnType } from '../../../src/ovsdb/schema.ts';
import { value } from '../../unit/ovsdb/arbitraries.ts';
import { WatchedClient } from '../../unit/ovsdb/watched-client.ts';
import { OvsdbServer } from './ovsdb-server.ts';

const ATOMS: readonly AtomType[] = ['integer', 'real', 'boolean', 'string', 'uuid'];
const UNLIMITED = Number.POSITIVE_INFINITY;

/** A scalar, an optional, a small set, a set and maps of every atomic type. */
const COLUMNS = new Map<string, ColumnType>(
  ATOMS.flatMap((key): [string, ColumnType][] => [
    [`${key}_scalar`, { kind: 'scalar', key }],
    [`${key}_optional`, { kind: 'set', key, min: 0, max: 1 }],
    [`${key}_few`, { kind: 'set', key, min: 0, max: 4 }],
    [`${key}_set`, { kind: 'set', key, min: 0, max: UNLIMITED }],
    ...ATOMS.map((element): [string, ColumnType] => [
      `${key}_to_${element}`,
      { kind: 'map', key, value: element, min: 0, max: UNLIMITED },
    ]),
  ]),
);

function schemaType(type: ColumnType): unknown {
  if (type.kind === 'scalar') return type.key;
  const max = type.max === UNLIMITED ? 'unlimited' : type.max;
  return { key: type.key, ...(type.kind === 'map' ? { value: type.value } : {}), min: type.min, max };
}

const SCHEMA = {
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
const row = fc
  .record(Object.fromEntries([...COLUMNS].map(([column, type]) => [column, value(type)])))
  .filter((given) => !JSON.stringify(encode(given)).includes('\\u0000'));

function encode(given: Row): ops.WireRow {
  const encoded: Record<string, WireValue> = {};
  for (const [column, type] of COLUMNS) {
    const wire = encodeValue(type, given[column]!);
    if (wire === undefined) throw new Error(`column ${column} cannot be written`);
    encoded[column] = wire;
  }
  return encoded;
}

let server: OvsdbServer;
let watched: WatchedClient;
beforeAll(async () => {
  server = await OvsdbServer.start({ schema: SCHEMA });
  const monitors = { T: { columns: Object.fromEntries(COLUMNS) } };
  watched = new WatchedClient({ remote: server.remote, database: 'Types', monitors });
  watched.client.start();
  await watched.read(1);
});
afterAll(async () => {
  await watched?.client.close();
  await server?.remove();
});

test('law: a row inserted, changed and changed again is the same in the replica, in a select and in what was meant', async () => {
  const { client } = watched;
  await fc.assert(
    fc.asyncProperty(row, fc.array(row, { minLength: 1, maxLength: 3 }), async (first, later) => {
      const [{ uuid = '' } = {}] = await client.transact([ops.insert('T', encode(first))]);
      expect(client.row('T', uuid)).toEqual(first);
      for (const next of later) {
        await client.transact([ops.update('T', ops.byUuid(uuid), encode(next))]);
        expect(client.row('T', uuid)).toEqual(next);
      }
      const [selected] = await client.transact([ops.select('T', ops.byUuid(uuid), [...COLUMNS.keys()])]);
      expect(selected?.rows).toEqual([later.at(-1)]);
      await client.transact([ops.remove('T', ops.byUuid(uuid))]);
      expect(client.row('T', uuid)).toBeUndefined();
    }),
  );
  expect(watched.events.filter((event) => event === 'disconnected')).toEqual([]);
});

test('a row inserted without columns has the defaults that the replica fills in', async () => {
  const { client } = watched;
  const [{ uuid = '' } = {}] = await client.transact([ops.insert('T', {})]);
  const [selected] = await client.transact([ops.select('T', ops.byUuid(uuid), [...COLUMNS.keys()])]);
  expect(client.row('T', uuid)).toEqual(selected?.rows?.[0]);
});
