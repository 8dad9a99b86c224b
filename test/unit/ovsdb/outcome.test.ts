/** What is known of a transaction whose reply did not come. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { scalar, setOf } from '../../../src/ovsdb/columns.ts';
import { OvsdbConnectionError } from '../../../src/ovsdb/errors.ts';
import type { MonitorRequests } from '../../../src/ovsdb/monitor.ts';
import { insert, type Operation, remove } from '../../../src/ovsdb/operations.ts';
import { FakeServer, type FakeSession, serveFirstRead, update3 } from './fake-server.ts';
import { rejection, WatchedClient } from './watched-client.ts';

const A = '00000000-0000-4000-8000-00000000000a';
const WITH_UUID = [insert('T', { name: 'a' }, { uuid: A })];
const ALL: MonitorRequests = { T: { columns: { name: scalar('string'), tags: setOf('string') } } };
const ROW = { [A]: { insert: { name: 'a' } } };

let server: FakeServer;
let watched: WatchedClient;
beforeEach(async () => {
  server = await FakeServer.create();
});
afterEach(async () => {
  await watched.client.close();
  await server.remove();
});

async function connected(monitors: MonitorRequests = ALL, timeoutMs = 30_000): Promise<FakeSession> {
  watched = new WatchedClient({ remote: server.remote, database: 'DB', monitors, timeoutMs });
  watched.client.start();
  const session = await server.accept();
  await serveFirstRead(session);
  await watched.read(1);
  return session;
}

/** Sends the operations, lets the server do `then`, and gives the error. */
async function interrupted(session: FakeSession, operations: readonly Operation[], then: () => void) {
  const error = rejection(watched.client.transact(operations));
  await session.request('transact');
  then();
  const found = await error;
  if (!(found instanceof OvsdbConnectionError)) throw found;
  return found;
}

test('done: its row came before the session was lost', async () => {
  const session = await connected();
  const error = await interrupted(session, WITH_UUID, () => {
    session.send(update3({ T: ROW }));
    void session.raw('').then(() => session.drop());
  });
  expect([error.outcome, error.code]).toEqual(['done', 'ECONNRESET']);
  expect(error.message).toMatch(/^transact done, transact without reply: unix:.*: the server closed the connection$/);
});

test.each([
  ['its row is there in the next session: done', ROW, true],
  ['its row is not: not done', {}, false],
])('unknown, but %s', async (_name, rows, done) => {
  const session = await connected();
  const error = await interrupted(session, WITH_UUID, () => session.drop());
  expect(error.outcome).toBe('unknown');
  expect(watched.client.wasDone(WITH_UUID), 'nothing is known without a session').toBeUndefined();
  await serveFirstRead(await server.accept(), rows);
  await watched.read(2);
  expect(watched.client.wasDone(WITH_UUID)).toBe(done);
});

test.each<[string, readonly Operation[], MonitorRequests]>([
  ['no row of a chosen uuid', [insert('T', { name: 'a' }), remove('T', [])], ALL],
  ['a row in a table of which some are seen', WITH_UUID, { T: { ...ALL.T!, where: [['name', '==', 'b']] } }],
  ['a row in a table whose rows are not read', WITH_UUID, { T: { ...ALL.T!, select: { initial: false } } }],
  ['a row in another table', [insert('U', {}, { uuid: A })], ALL],
])('it stays unknown with %s', async (_name, operations, monitors) => {
  const session = await connected(monitors);
  expect((await interrupted(session, operations, () => session.drop())).outcome).toBe('unknown');
  await serveFirstRead(await server.accept());
  await watched.read(2);
  expect(watched.client.wasDone(operations)).toBeUndefined();
});

test('it stays unknown when the conditions of the table have changed: a row that is not here may be there', async () => {
  const session = await connected();
  const changed = watched.client.setConditions('T', [['name', '==', 'b']]);
  session.send({ id: (await session.request('monitor_cond_change')).id, result: {}, error: null });
  await changed;
  expect(watched.client.wasDone(WITH_UUID)).toBeUndefined();
});

test('a reply that does not come ends the session: what was asked for must not be done behind its back', async () => {
  const session = await connected(ALL, 200);
  const error = await interrupted(session, WITH_UUID, () => undefined);
  expect([error.outcome, error.code]).toEqual(['unknown', 'ETIMEDOUT']);
  await session.closed;
});
