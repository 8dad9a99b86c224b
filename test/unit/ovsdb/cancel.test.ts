/** Requests that are given up, by their user or by a deadline, and what the server may do meanwhile. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Connection } from '../../../src/ovsdb/connection.ts';
import { OvsdbConnectionError, OvsdbReplyError } from '../../../src/ovsdb/errors.ts';
import { FakeServer, type FakeSession } from './fake-server.ts';
import { openConnection } from './open-connection.ts';
import { rejection, until } from './watched-client.ts';

let server: FakeServer;
let user: AbortController;
beforeEach(async () => {
  server = await FakeServer.create();
  user = new AbortController();
});
afterEach(() => server.remove());

const CANCELED = { method: 'transact', code: 'canceled' };

/** A transaction that the server has, then the `cancel` of it and the echo behind, which the server has too. */
async function cancelled() {
  const opened = await openConnection(server);
  const call = opened.connection.call('transact', ['DB'], { signal: user.signal });
  const { id } = await opened.session.request('transact');
  user.abort();
  expect(await opened.session.next()).toEqual({ id: null, method: 'cancel', params: [id] });
  const echo = await opened.session.request('echo');
  return { ...opened, call, id, echo };
}

/** The server's next message is one that is sent now. */
async function expectNothingMore(connection: Connection, session: FakeSession): Promise<void> {
  const call = connection.call('list_dbs', []);
  const { id } = await session.request('list_dbs');
  session.send({ id, result: [], error: null });
  await call;
}

test('the server says so, as RFC 7047 wants', async () => {
  const { session, call, id } = await cancelled();
  session.send({ id, result: null, error: 'canceled' });
  const error = await rejection(call);
  expect(error).toBeInstanceOf(OvsdbReplyError);
  expect(error).toMatchObject(CANCELED);
});

test('the server says nothing, as ovsdb-server does: the echo behind it tells', async () => {
  const { session, call, echo } = await cancelled();
  session.send({ id: echo.id, result: [], error: null });
  const error = await rejection(call);
  expect(error).toBeInstanceOf(OvsdbReplyError);
  expect(error).toMatchObject(CANCELED);
});

test('finished first: the result counts, echo or not', async () => {
  const { session, call, id, echo } = await cancelled();
  session.send({ id, result: ['done'], error: null }, { id: echo.id, result: [], error: null });
  expect(await call).toEqual(['done']);
});

test('failed first: its own error counts', async () => {
  const { session, call, id, echo } = await cancelled();
  session.send({ id, error: { error: 'unknown database' } }, { id: echo.id, result: [], error: null });
  expect(await rejection(call)).toMatchObject({ code: 'unknown database' });
});

test('a reply after the echo disturbs nobody', async () => {
  const { session, call, id, echo, connection, lines } = await cancelled();
  session.send({ id: echo.id, result: [], error: null });
  expect(await rejection(call)).toMatchObject(CANCELED);
  session.send({ id, result: ['done'], error: null });
  await until('the late reply', () => lines.some(({ message }) => message === 'OVSDB reply to no open request'));
  expect(connection.hasEnded).toBe(false);
});

test('the session ends before any of it: unknown', async () => {
  const { session, call } = await cancelled();
  session.drop();
  const error = await rejection(call);
  expect(error).toBeInstanceOf(OvsdbConnectionError);
  expect(error).toMatchObject({ code: 'ECONNRESET', outcome: 'unknown' });
});

test('the server answers neither: unknown at the deadline of the echo', async () => {
  const { connection } = await openConnection(server, { timeoutMs: 20 });
  const call = rejection(connection.call('transact', [], { signal: user.signal, timeoutMs: Number.POSITIVE_INFINITY }));
  user.abort();
  expect(await call).toMatchObject({ code: 'ETIMEDOUT', outcome: 'unknown' });
});

test('given up before it was sent: the server hears nothing of it', async () => {
  const { connection, session } = await openConnection(server);
  user.abort();
  expect(await rejection(connection.call('transact', [], { signal: user.signal }))).toMatchObject(CANCELED);
  await expectNothingMore(connection, session);
});

test('given up after its end: the server hears nothing of it', async () => {
  const { connection, session } = await openConnection(server);
  const call = connection.call('transact', [], { signal: user.signal });
  session.send({ id: (await session.request('transact')).id, result: [], error: null });
  await call;
  user.abort();
  await expectNothingMore(connection, session);
});

test('given up after its deadline: the server hears nothing of it', async () => {
  const { connection, session } = await openConnection(server);
  const call = rejection(connection.call('transact', [], { signal: user.signal, timeoutMs: 10 }));
  expect(await call).toMatchObject({ code: 'ETIMEDOUT', outcome: 'unknown', message: expect.stringMatching(/10 ms/) });
  user.abort();
  await session.request('transact');
  await expectNothingMore(connection, session);
});

test('one signal gives up all requests that it was handed to, and no other', async () => {
  const { connection, session } = await openConnection(server);
  const mine = [1, 2].map((n) => rejection(connection.call('transact', [n], { signal: user.signal })));
  const other = connection.call('transact', [3]);
  const ids = [await session.next(), await session.next(), await session.next()].map(({ id }) => id);
  user.abort();
  const heard = [await session.next(), await session.next(), await session.next(), await session.next()];
  expect(heard.filter(({ method }) => method === 'cancel').map(({ params }) => params?.[0])).toEqual(ids.slice(0, 2));
  for (const { id, method } of heard) if (method === 'echo') session.send({ id, result: [], error: null });
  expect(await Promise.all(mine)).toMatchObject([CANCELED, CANCELED]);
  session.send({ id: ids[2], result: 'other', error: null });
  expect(await other).toBe('other');
});

test('no deadline: a reply is waited for beyond that of the connection', async () => {
  const { connection, session } = await openConnection(server, { timeoutMs: 20 });
  const short = rejection(connection.call('transact', []));
  const long = connection.call('transact', [], { timeoutMs: Number.POSITIVE_INFINITY });
  const [, { id }] = [await session.next(), await session.next()];
  expect(await short).toMatchObject({ code: 'ETIMEDOUT' });
  session.send({ id, result: 'late', error: null });
  expect(await long).toBe('late');
});
