import { createServer } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { OvsdbClient, type OvsdbClientOptions } from '../../../src/ovsdb/client.ts';
import { scalar, setOf } from '../../../src/ovsdb/columns.ts';
import { OvsdbConnectionError, OvsdbTransactionError } from '../../../src/ovsdb/errors.ts';
import * as ops from '../../../src/ovsdb/operations.ts';
import { FakeServer, NO_TXN, SCHEMA, serveFirstRead, update3 } from './fake-server.ts';
import { rejection, until, WatchedClient } from './watched-client.ts';

const A = '00000000-0000-4000-8000-00000000000a';
const B = '00000000-0000-4000-8000-00000000000b';
const C = '00000000-0000-4000-8000-00000000000c';

let server: FakeServer;
let clients: WatchedClient[];
beforeEach(async () => {
  clients = [];
  server = await FakeServer.create();
});
afterEach(async () => {
  await Promise.all(clients.map(({ client }) => client.close()));
  await server.remove();
});

function watch(options: Partial<OvsdbClientOptions> = {}): WatchedClient {
  const watched = new WatchedClient({
    remote: server.remote,
    database: 'DB',
    monitors: { T: { columns: { name: scalar('string'), tags: setOf('string') } } },
    ...options,
  });
  clients.push(watched);
  watched.client.start();
  return watched;
}

/** A client that has read `rows`, and the server's side of its session. */
async function connected(rows: object = {}, options: Partial<OvsdbClientOptions> = {}) {
  const watched = watch(options);
  const session = await server.accept();
  await serveFirstRead(session, rows);
  await watched.read(1);
  return { ...watched, watched, session, client: watched.client };
}

test('one get_schema and one monitor with all tables, then the first read is told once', async () => {
  const watched = watch({ monitors: { T: { columns: { tags: setOf('string') }, where: [['name', '==', 'x']] } } });
  const session = await server.accept();
  const schema = await session.next();
  expect(schema).toMatchObject({ method: 'get_schema', params: ['DB'] });
  session.send({ id: schema.id, result: SCHEMA, error: null });
  const monitor = await session.next();
  const requests = { T: [{ columns: ['tags', 'name'], where: [['name', '==', 'x']] }] };
  expect(monitor).toMatchObject({ method: 'monitor_cond_since', params: ['DB', 'replica', requests, NO_TXN] });
  session.send({ id: monitor.id, result: [false, NO_TXN, { T: { [A]: { initial: { name: 'x' } } } }], error: null });
  await watched.read(1);
  expect(watched.events).toEqual(['connected', 'initial']);
  expect(watched.initials[0]).toEqual([{ table: 'T', uuid: A, before: undefined, after: { name: 'x', tags: [] } }]);
  expect(watched.client.row('T', A)).toEqual({ name: 'x', tags: [] });
  expect(watched.said).toEqual(['info: OVSDB session, first read complete']);
});

test('an empty first read is told too', async () => {
  const { events, initials } = await connected();
  expect(events).toEqual(['connected', 'initial']);
  expect(initials).toEqual([[]]);
});

test('an update before the reply of the monitor is held and applied after it', async () => {
  const watched = watch();
  const session = await server.accept();
  session.send({ id: (await session.request('get_schema')).id, result: SCHEMA, error: null });
  const { id } = await session.request('monitor_cond_since');
  session.send(update3({ T: { [A]: { modify: { tags: 'x' } }, [B]: { insert: {} } } }));
  session.send({ id, result: [false, NO_TXN, { T: { [A]: { initial: { name: 'a' } } } }], error: null });
  await watched.read(1);
  expect(watched.events).toEqual(['connected', 'initial']);
  expect([...watched.client.rows('T')]).toEqual([
    [A, { name: 'a', tags: ['x'] }],
    [B, { name: '', tags: [] }],
  ]);
});

test('an update in the same read as the reply comes after it', async () => {
  const watched = watch();
  const session = await server.accept();
  session.send({ id: (await session.request('get_schema')).id, result: SCHEMA, error: null });
  const { id } = await session.request('monitor_cond_since');
  const reply = { id, result: [false, NO_TXN, { T: { [A]: { initial: { name: 'a' } } } }], error: null };
  session.send(reply, update3({ T: { [A]: { delete: null } } }), update3({ T: { [B]: { insert: {} } } }));
  await until('row B', () => watched.client.row('T', B) !== undefined);
  expect(watched.events[1]).toBe('initial');
  expect(watched.client.row('T', A)).toBeUndefined();
});

test('updates are told one by one, with the replica already changed', async () => {
  const seen: unknown[] = [];
  const { session, watched } = await connected(
    { [A]: { initial: { name: 'a', tags: 'x' } } },
    {
      onChanges: (changes, kind) => {
        for (const { uuid, before, after } of changes)
          seen.push([kind, before, after, clients[0]?.client.row('T', uuid) === after]);
        if (kind === 'initial') clients[0]?.initials.push(changes);
      },
    },
  );
  session.send(
    update3({ T: { [A]: { modify: { tags: ['set', ['x', 'y']] } } } }),
    update3({ T: { [A]: { delete: null } } }),
  );
  await until('both', () => seen.length === 3);
  const [first, second] = [
    { name: 'a', tags: ['x'] },
    { name: 'a', tags: ['y'] },
  ];
  expect(seen).toEqual([
    ['initial', undefined, first, true],
    ['update', first, second, true],
    ['update', second, undefined, true],
  ]);
  expect(watched.client.rows('T').size).toBe(0);
});

test('notifications for others, and updates without change, are not told', async () => {
  const { session, watched } = await connected();
  session.send(
    { id: null, method: 'locked', params: ['l'] },
    update3({ T: { [A]: { insert: {} } } }, 'other monitor'),
    update3({}),
    update3({ T: { [B]: { insert: {} } } }),
  );
  await until('row B', () => watched.updates.length > 0);
  expect(watched.updates).toHaveLength(1);
  expect(watched.client.row('T', A)).toBeUndefined();
});

test('dropped in the middle of the monitor reply: nothing is told of it, the next read is whole', async () => {
  const watched = watch();
  const session = await server.accept();
  session.send({ id: (await session.request('get_schema')).id, result: SCHEMA, error: null });
  const { id } = await session.request('monitor_cond_since');
  const reply = JSON.stringify({ id, result: [false, NO_TXN, { T: { [A]: { initial: {} } } }], error: null });
  await session.raw(reply.slice(0, -10));
  session.drop();
  await serveFirstRead(await server.accept(), { [B]: { initial: {} } });
  await watched.read(1);
  expect(watched.events).toEqual(['disconnected', 'connected', 'initial']);
  expect([...watched.client.rows('T').keys()]).toEqual([B]);
});

test('after a reconnect its user gets one difference', async () => {
  const { session, watched, client } = await connected({
    [A]: { initial: { name: 'same', tags: ['set', ['x', 'y']] } },
    [B]: { initial: { name: 'old' } },
  });
  session.drop();
  await until('the loss', () => watched.events.at(-1) === 'disconnected');
  expect(client.rows('T').size, 'kept while away').toBe(2);
  await serveFirstRead(await server.accept(), {
    [A]: { initial: { name: 'same', tags: ['set', ['y', 'x']] } },
    [C]: { initial: { name: 'new' } },
  });
  await watched.read(2);
  expect(watched.events).toEqual(['connected', 'initial', 'disconnected', 'connected', 'initial']);
  expect(watched.initials[1]).toEqual([
    { table: 'T', uuid: C, before: undefined, after: { name: 'new', tags: [] } },
    { table: 'T', uuid: B, before: { name: 'old', tags: [] }, after: undefined },
  ]);
});

test('an outage is logged once, and its end once, however many tries it takes', async () => {
  const { watched } = await connected();
  await server.stop();
  await until('the loss', () => watched.events.includes('disconnected'));
  const dead = createServer((socket) => socket.destroy());
  let dropped = 0;
  dead.on('connection', () => dropped++);
  await new Promise<void>((resolve) => dead.listen(server.remote.slice('unix:'.length), resolve));
  await until('three failed tries', () => dropped >= 3);
  await new Promise((resolve) => dead.close(resolve));
  await server.listen();
  await serveFirstRead(await server.accept());
  await watched.read(2);
  expect(watched.said).toEqual([
    'info: OVSDB session, first read complete',
    'warn: no OVSDB session, trying until there is one',
    'info: OVSDB session, first read complete',
  ]);
  expect(watched.events).toEqual(['connected', 'initial', 'disconnected', 'connected', 'initial']);
  await server.stop();
  await until('the second loss', () => watched.events.length === 6);
  expect(watched.said.at(-1), 'another outage is said again').toBe('warn: no OVSDB session, trying until there is one');
});

test('a first read that does not fit is not told', async () => {
  const watched = watch();
  await serveFirstRead(await server.accept(), { [A]: { initial: { name: 1 } } });
  await until('the reason', () => watched.reasons.length > 0);
  expect(watched.reasons[0]?.message).toMatch(/column name cannot be 1/);
  await serveFirstRead(await server.accept());
  await watched.read(1);
  expect(watched.events).toEqual(['disconnected', 'connected', 'initial']);
});

test('a column that the server lacks is named, and tried again', async () => {
  const watched = watch({ monitors: { T: { columns: { name: scalar('string'), colour: scalar('string') } } } });
  for (let attempt = 0; attempt < 2; attempt++) {
    const session = await server.accept();
    session.send({ id: (await session.request('get_schema')).id, result: SCHEMA, error: null });
    await session.closed;
  }
  await until('the reason', () => watched.reasons.length > 0);
  expect(watched.reasons).toMatchObject([
    {
      name: 'OvsdbSchemaError',
      message: "the server's database DB (schema version 1.0.0) has no column colour in table T",
    },
  ]);
});

test.each([
  ['an error', (id: unknown) => ({ id, error: { error: 'unknown database' } }), 'get_schema: unknown database'],
  ['no schema', (id: unknown) => ({ id, result: {}, error: null }), 'get_schema: expected a schema, not {}'],
])('get_schema gives %s: the reason, and another try', async (_name, reply, message) => {
  const watched = watch();
  const session = await server.accept();
  session.send(reply((await session.request('get_schema')).id));
  await until('the reason', () => watched.reasons.length > 0);
  expect(watched.reasons[0]?.message).toBe(message);
  await serveFirstRead(await server.accept());
  await watched.read(1);
});

test.each([
  [
    'an update that does not fit',
    update3({ T: { [B]: { modify: { name: 'x' } } } }),
    /T 0.*b: a change of a row that was never sent/,
  ],
  ['a cancelled monitor', { id: null, method: 'monitor_canceled', params: ['replica'] }, /cancelled the monitor/],
])('%s: everything is read anew', async (_name, message, reason) => {
  const { session, watched } = await connected({ [A]: { initial: {} } });
  session.send(message);
  await until('the loss', () => watched.reasons.length > 0);
  expect(watched.reasons[0]).toMatchObject({ code: 'EPROTO', message: expect.stringMatching(reason) });
  await serveFirstRead(await server.accept(), { [A]: { initial: {} } });
  await watched.read(2);
  expect(watched.initials[1]).toEqual([]);
});

test('a transaction: database first, operations as they are, results read by the schema', async () => {
  const { client, session } = await connected();
  const operations = [ops.insert('T', { name: 'x' }, { uuid: A }), ops.select('T', ops.byUuid(A), ['tags'])];
  const results = client.transact(operations);
  const { id, params } = await session.request('transact');
  expect(params).toEqual(['DB', ...operations]);
  session.send({ id, result: [{ uuid: ['uuid', A] }, { rows: [{ tags: 'x' }] }], error: null });
  expect(await results).toEqual([{ uuid: A }, { rows: [{ tags: ['x'] }] }]);
});

test('updates of a transaction are told before it resolves', async () => {
  const { client, session, updates } = await connected();
  const transaction = client.transact([ops.insert('T', {}, { uuid: A })]).then(() => updates.length);
  const { id } = await session.request('transact');
  session.send(update3({ T: { [A]: { insert: {} } } }), { id, result: [{ uuid: ['uuid', A] }], error: null });
  expect(await transaction).toBe(1);
});

test.each<[string, object, object]>([
  [
    'an operation',
    { result: [{ error: 'constraint violation', details: 'd' }, null], error: null },
    { operation: 0, code: 'constraint violation' },
  ],
  [
    'the commit',
    { result: [{ count: 1 }, { count: 1 }, { error: 'timed out' }], error: null },
    { operation: 2, code: 'timed out' },
  ],
  ['the request', { error: { error: 'unknown database' } }, { operation: undefined, code: 'unknown database' }],
])('a transaction whose error is that of %s', async (_name, reply, facts) => {
  const { client, session } = await connected();
  const transaction = rejection(client.transact([ops.remove('T', []), ops.remove('T', [])]));
  session.send({ id: (await session.request('transact')).id, ...reply });
  const error = await transaction;
  expect(error).toBeInstanceOf(OvsdbTransactionError);
  expect(error).toMatchObject(facts);
});

test('a transaction before the first read is complete is not sent', async () => {
  const watched = watch();
  await server.accept();
  const error = await rejection(watched.client.transact([ops.comment('x')]));
  expect(error).toBeInstanceOf(OvsdbConnectionError);
  expect(error).toMatchObject({ outcome: 'not sent' });
});

test('a transaction in flight when the server goes is unknown', async () => {
  const { client, session } = await connected();
  const transaction = rejection(client.transact([ops.comment('x')]));
  await session.request('transact');
  session.drop();
  expect(await transaction).toMatchObject({ name: 'OvsdbConnectionError', outcome: 'unknown' });
  expect(await rejection(client.transact([ops.comment('x')]))).toMatchObject({ outcome: 'not sent' });
});

test('a remote that refuses is replaced by the fallback', async () => {
  const watched = watch({ remote: `tcp:127.0.0.1:${await closedPort()}`, fallback: server.remote });
  await serveFirstRead(await server.accept());
  await watched.read(1);
  expect(watched.events).toEqual(['connected', 'initial']);
});

test('a remote that is away in another way is waited for', async () => {
  const watched = watch({ remote: 'unix:/nowhere/db.sock', fallback: server.remote });
  await until('the failure', () => watched.events.length > 0);
  expect(watched.reasons[0]).toMatchObject({
    code: 'ENOENT',
    message: expect.stringMatching(/^cannot connect to unix:\/nowhere\/db.sock: /),
  });
});

test('a name with several addresses that all refuse: the message says so', async () => {
  const watched = watch({ remote: `tcp:localhost:${await closedPort()}` });
  await until('the failure', () => watched.events.length > 0);
  expect(watched.reasons[0]?.message).toMatch(/^cannot connect to tcp:localhost:\d+: .*ECONNREFUSED/);
});

async function closedPort(): Promise<number> {
  const closed = createServer();
  await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
  const address = closed.address();
  await new Promise((resolve) => closed.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

test('close: silent, at once, and for good', async () => {
  const { client, events, session } = await connected();
  const transaction = rejection(client.transact([ops.comment('x')]));
  await session.request('transact');
  await client.close();
  expect(await transaction).toMatchObject({ code: 'ECLOSED', outcome: 'unknown' });
  expect(events).toEqual(['connected', 'initial']);
  client.start();
  await client.close();
  expect(events).toEqual(['connected', 'initial']);
});

test.each(['before anything was answered', 'in the middle of the first read'])('close %s', async (when) => {
  const watched = watch();
  const session = await server.accept();
  if (when !== 'before anything was answered') await session.request('get_schema');
  await watched.client.close();
  expect(watched.events).toEqual([]);
  expect(watched.said).toEqual([]);
});

test('close as soon as it is connected', async () => {
  const states: string[] = [];
  const watched = watch({
    onState: (state) => {
      states.push(state);
      closed = watched.client.close();
    },
  });
  let closed: Promise<void> | undefined;
  await serveFirstRead(await server.accept());
  await until('the first word', () => states.length > 0);
  await closed;
  expect([states, watched.events]).toEqual([['connected'], []]);
});

test('close while it waits for the next try', async () => {
  await server.stop();
  const watched = watch();
  await until('the failure', () => watched.events.length > 0);
  await watched.client.close();
  expect(watched.events).toEqual(['disconnected']);
  expect(watched.reasons[0]).toMatchObject({ code: 'ENOENT', outcome: 'not sent' });
});

test('an address that is none is refused at once', () => {
  expect(() => new OvsdbClient({ ...watchOptions(), remote: 'db.sock' })).toThrow(
    /OVSDB address 'db.sock': allowed is/,
  );
});

function watchOptions(): OvsdbClientOptions {
  return {
    remote: server.remote,
    database: 'DB',
    monitors: {},
    timeoutMs: 1000,
    log: { debug: () => undefined, info: () => undefined, warn: () => undefined },
    onChanges: () => undefined,
    onState: () => undefined,
  };
}
