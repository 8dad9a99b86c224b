/** Every request: what goes out, what comes back, and what is no answer to it. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Connection } from '../../../src/ovsdb/connection.ts';
import { OvsdbConnectionError, OvsdbReplyError, OvsdbTransactionError } from '../../../src/ovsdb/errors.ts';
import * as monitors from '../../../src/ovsdb/monitor-requests.ts';
import { map } from '../../../src/ovsdb/notation.ts';
import * as ops from '../../../src/ovsdb/operations.ts';
import * as requests from '../../../src/ovsdb/requests.ts';
import { parseSchema } from '../../../src/ovsdb/schema.ts';
import { FakeServer, NO_TXN, SCHEMA } from './fake-server.ts';
import { openConnection } from './open-connection.ts';
import { rejection } from './watched-client.ts';

const PARSED = parseSchema(SCHEMA)!;
const WHERE = [['name', '==', 'x']] as const;
const UPDATES = { T: { u: { initial: { name: 'x' } } } };

interface Case {
  readonly ask: (connection: Connection) => Promise<unknown>;
  readonly sent: { readonly method: string; readonly params: readonly unknown[] };
  readonly result: unknown;
  readonly value: unknown;
  /** Results that are none, and what the error says was expected. */
  readonly malformed: readonly unknown[];
  readonly expected: string;
}

const CASES: Readonly<Record<string, Case>> = {
  listDatabases: {
    ask: requests.listDatabases,
    sent: { method: 'list_dbs', params: [] },
    result: ['DB', '_Server'],
    value: ['DB', '_Server'],
    malformed: [{}, null, ['DB', 7]],
    expected: 'the names of databases',
  },
  getSchema: {
    ask: (connection) => requests.getSchema(connection, 'DB'),
    sent: { method: 'get_schema', params: ['DB'] },
    result: SCHEMA,
    value: PARSED,
    malformed: [{}, [], { name: 'DB', tables: { T: { columns: { name: { type: 'colour' } } } } }],
    expected: 'a schema',
  },
  lock: {
    ask: (connection) => requests.lock(connection, 'l'),
    sent: { method: 'lock', params: ['l'] },
    result: { locked: false },
    value: false,
    malformed: [{}, true, { locked: 'yes' }],
    expected: '{"locked": true or false}',
  },
  steal: {
    ask: (connection) => requests.steal(connection, 'l'),
    sent: { method: 'steal', params: ['l'] },
    result: { locked: true },
    value: true,
    malformed: [{}, null],
    expected: '{"locked": true or false}',
  },
  unlock: {
    ask: (connection) => requests.unlock(connection, 'l'),
    sent: { method: 'unlock', params: ['l'] },
    result: {},
    value: undefined,
    malformed: [true, []],
    expected: '{}',
  },
  echo: {
    ask: (connection) => requests.echo(connection, ['x', { y: 1 }]),
    sent: { method: 'echo', params: ['x', { y: 1 }] },
    result: ['x', { y: 1 }],
    value: ['x', { y: 1 }],
    malformed: [{}, 'x'],
    expected: 'what was sent',
  },
  getServerId: {
    ask: requests.getServerId,
    sent: { method: 'get_server_id', params: [] },
    result: NO_TXN,
    value: NO_TXN,
    malformed: [7, {}],
    expected: 'a uuid as text',
  },
  setDbChangeAware: {
    ask: (connection) => requests.setDbChangeAware(connection, true),
    sent: { method: 'set_db_change_aware', params: [true] },
    result: {},
    value: undefined,
    malformed: [true],
    expected: '{}',
  },
  convert: {
    ask: (connection) => requests.convert(connection, 'DB', SCHEMA),
    sent: { method: 'convert', params: ['DB', SCHEMA] },
    result: {},
    value: undefined,
    malformed: [null, []],
    expected: '{}',
  },
  monitor: {
    ask: (connection) => monitors.monitor(connection, 'DB', 'm', { T: [{ columns: ['name'] }] }),
    sent: { method: 'monitor', params: ['DB', 'm', { T: [{ columns: ['name'] }] }] },
    result: { T: { u: { new: { name: 'x' } } } },
    value: { T: { u: { new: { name: 'x' } } } },
    malformed: [[], null],
    expected: 'updates by table',
  },
  monitorCond: {
    ask: (connection) => monitors.monitorCond(connection, 'DB', 'm', { T: [{ where: WHERE }] }),
    sent: { method: 'monitor_cond', params: ['DB', 'm', { T: [{ where: WHERE }] }] },
    result: UPDATES,
    value: UPDATES,
    malformed: [[], 'x'],
    expected: 'updates by table',
  },
  monitorCondSince: {
    ask: (connection) => monitors.monitorCondSince(connection, 'DB', 'm', { T: [{ where: WHERE }] }, NO_TXN),
    sent: { method: 'monitor_cond_since', params: ['DB', 'm', { T: [{ where: WHERE }] }, NO_TXN] },
    result: [false, NO_TXN, UPDATES],
    value: { found: false, lastTransaction: NO_TXN, updates: UPDATES },
    malformed: [{}, [false, NO_TXN], [0, NO_TXN, UPDATES], [true, null, UPDATES], [true, NO_TXN, []]],
    expected: '[found, last transaction, updates]',
  },
  monitorCondChange: {
    ask: (connection) => monitors.monitorCondChange(connection, 'm', 'n', { T: WHERE, U: [false] }),
    sent: {
      method: 'monitor_cond_change',
      params: ['m', 'n', { T: [{ where: WHERE }], U: [{ where: [false] }] }],
    },
    result: {},
    value: undefined,
    malformed: [null],
    expected: '{}',
  },
  monitorCancel: {
    ask: (connection) => monitors.monitorCancel(connection, 'm'),
    sent: { method: 'monitor_cancel', params: ['m'] },
    result: {},
    value: undefined,
    malformed: [[]],
    expected: '{}',
  },
};

let server: FakeServer;
beforeEach(async () => {
  server = await FakeServer.create();
});
afterEach(() => server.remove());

test('every request of the two files is here', () => {
  const exported = [...Object.keys(requests), ...Object.keys(monitors)];
  const others = ['transact', 'unexpected', 'expectEmpty'];
  expect(Object.keys(CASES).sort()).toEqual(exported.filter((name) => !others.includes(name)).sort());
});

test.each(Object.entries(CASES))('%s: out and back', async (_name, { ask, sent, result, value }) => {
  const { connection, session } = await openConnection(server);
  const answer = ask(connection);
  const { id, ...message } = await session.next();
  expect(message).toEqual(sent);
  session.send({ id, result, error: null });
  expect(await answer).toEqual(value);
});

test.each(Object.entries(CASES).flatMap(([name, one]) => one.malformed.map((result) => [name, result, one] as const)))(
  '%s: %j is no answer',
  async (_name, result, { ask, sent, expected }) => {
    const { connection, session } = await openConnection(server);
    const answer = rejection(ask(connection));
    session.send({ id: (await session.next()).id, result, error: null });
    const error = await answer;
    expect(error).toBeInstanceOf(OvsdbReplyError);
    expect(error).toMatchObject({
      method: sent.method,
      message: `${sent.method}: expected ${expected}, not ${JSON.stringify(result)}`,
    });
  },
);

test.each(Object.entries(CASES))('%s: an error, and the end of the session', async (_name, { ask, sent }) => {
  const { connection, session } = await openConnection(server);
  const refused = rejection(ask(connection));
  session.send({ id: (await session.next()).id, error: { error: 'syntax error', details: 'd' } });
  expect(await refused).toMatchObject({
    name: 'OvsdbReplyError',
    method: sent.method,
    code: 'syntax error',
    details: 'd',
  });
  const lost = rejection(ask(connection));
  await session.next();
  // In the middle of its reply.
  await session.raw('{"id":1,"result":{"T":{"u":{"init');
  session.drop();
  expect(await lost).toBeInstanceOf(OvsdbConnectionError);
  expect(await lost).toMatchObject({ code: 'ECONNRESET', outcome: 'unknown' });
});

test('a reply without a result says so', async () => {
  const { connection, session } = await openConnection(server);
  const answer = rejection(requests.getServerId(connection));
  session.send({ id: (await session.next()).id });
  expect(await answer).toMatchObject({ message: 'get_server_id: expected a uuid as text, not nothing' });
});

test('updates that come before the reply of their monitor', async () => {
  const { connection, session, notifications } = await openConnection(server);
  const answer = monitors.monitorCond(connection, 'DB', 'm', { T: [{}] });
  const { id } = await session.request('monitor_cond');
  const update = { id: null, method: 'update2', params: ['m', UPDATES] };
  session.send(update, { id, result: {}, error: null });
  await answer;
  expect(notifications).toEqual([['update2', ['m', UPDATES]]]);
});

test('transact: the database of the schema, operations as they are, results read', async () => {
  const { connection, session } = await openConnection(server);
  const operations = [ops.insert('T', { name: 'x' }), ops.select('T', [], ['tags'])];
  const answer = requests.transact(connection, PARSED, operations);
  const { id, params } = await session.request('transact');
  expect(params).toEqual(['DB', ...operations]);
  session.send({ id, result: [{ uuid: ['uuid', NO_TXN] }, { rows: [{ tags: 'x' }] }], error: null });
  expect(await answer).toEqual([{ uuid: NO_TXN }, { rows: [{ tags: ['x'] }] }]);
});

test.each<[string, object, object]>([
  [
    'an operation failed',
    { result: [{ error: 'constraint violation', details: 'd' }], error: null },
    { operation: 0, code: 'constraint violation', details: 'd' },
  ],
  [
    'the commit failed',
    { result: [{ count: 1 }, { error: 'referential integrity violation' }], error: null },
    { operation: 1, code: 'referential integrity violation' },
  ],
  [
    'the request was refused',
    { error: { error: 'unknown database' } },
    { operation: undefined, code: 'unknown database' },
  ],
  ['it was cancelled', { error: 'canceled' }, { operation: undefined, code: 'canceled' }],
])('transact: %s', async (_name, reply, facts) => {
  const { connection, session } = await openConnection(server);
  const answer = rejection(requests.transact(connection, PARSED, [ops.update('T', [], { tags: map({}) })]));
  session.send({ id: (await session.next()).id, ...reply });
  const error = await answer;
  expect(error).toBeInstanceOf(OvsdbTransactionError);
  expect(error).toMatchObject(facts);
});

test.each([
  ['no array', {}],
  ['too few results', []],
  ['a result of another operation', [{ rows: [] }]],
])('transact: a result that is none: %s', async (_name, result) => {
  const { connection, session } = await openConnection(server);
  const answer = rejection(requests.transact(connection, PARSED, [ops.remove('T', [])]));
  session.send({ id: (await session.next()).id, result, error: null });
  expect(await answer).toBeInstanceOf(OvsdbReplyError);
});
