/** Values of every type, written and read by the real server: the notation both ways, and the differences it sends. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import * as ops from '../../../src/ovsdb/operations.ts';
import { WatchedClient } from '../../unit/ovsdb/watched-client.ts';
import { OvsdbServer } from './ovsdb-server.ts';
import { COLUMNS, encode, row, SCHEMA } from './types-schema.ts';

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
