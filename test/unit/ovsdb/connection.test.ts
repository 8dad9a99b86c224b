import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ConnectionOptions } from '../../../src/ovsdb/connection.ts';
import { OvsdbConnectionError, OvsdbReplyError } from '../../../src/ovsdb/errors.ts';
import { FakeServer } from './fake-server.ts';
import { openConnection } from './open-connection.ts';
import { rejection, until } from './watched-client.ts';

let server: FakeServer;
beforeEach(async () => {
  server = await FakeServer.create();
});
afterEach(() => server.remove());

const open = (options: Partial<ConnectionOptions> = {}) => openConnection(server, options);

test('replies find their requests in any order', async () => {
  const { connection, session } = await open();
  const [a, b] = [connection.call('list_dbs', []), connection.call('get_schema', ['DB'])];
  const [first, second] = [await session.next(), await session.next()];
  expect(first).toEqual({ id: first.id, method: 'list_dbs', params: [] });
  session.send({ id: second.id, result: 'b', error: null }, { id: first.id, result: 'a', error: null });
  expect([await a, await b]).toEqual(['a', 'b']);
});

test('a reply in pieces, and two messages in one read', async () => {
  const { connection, session, notifications } = await open();
  const call = connection.call('list_dbs', []);
  const { id } = await session.next();
  const reply = Buffer.from(JSON.stringify({ id, result: ['Zürich 🙂'], error: null }));
  const notification = Buffer.from(JSON.stringify({ id: null, method: 'locked', params: ['l'] }));
  const wire = Buffer.concat([reply, notification, notification]);
  // The first cut is inside the four bytes of the emoji.
  const cut = reply.indexOf('🙂') + 2;
  await session.raw(wire.subarray(0, cut));
  await session.raw(wire.subarray(cut));
  expect(await call).toEqual(['Zürich 🙂']);
  await until('both notifications', () => notifications.length === 2);
  expect(notifications[1]).toEqual(['locked', ['l']]);
});

test('a reply and a notification, cut in two at every byte', async () => {
  const { connection, session, notifications } = await open();
  const notification = Buffer.from(JSON.stringify({ id: null, method: 'locked', params: ['Zürich 🙂'] }));
  let cuts = 0;
  for (let cut = 1; cut === 1 || cut <= cuts; cut++) {
    const call = connection.call('list_dbs', []);
    const { id } = await session.next();
    const reply = Buffer.from(JSON.stringify({ id, result: ['ab', '🙂"]}'], error: null }));
    const wire = Buffer.concat([reply, notification]);
    cuts = wire.length - 1;
    await session.raw(wire.subarray(0, cut));
    await session.raw(wire.subarray(cut));
    expect(await call).toEqual(['ab', '🙂"]}']);
    await until('the notification', () => notifications.length === cut);
    expect(notifications.at(-1)).toEqual(['locked', ['Zürich 🙂']]);
  }
  expect(notifications.length).toBeGreaterThan(100);
});

test('two replies and two notifications in pieces of one byte: each kind in its order', async () => {
  const replies: unknown[] = [];
  const { connection, session, notifications } = await open();
  const calls = ['a', 'b'].map((method) => connection.call(method, []).then((result) => replies.push(result)));
  const [a, b] = [await session.next(), await session.next()];
  const messages = [
    { id: b.id, result: 'second', error: null },
    { id: null, method: 'locked', params: [] },
    { id: a.id, result: 'first', error: null },
    { id: null, method: 'stolen', params: [] },
  ];
  for (const byte of Buffer.from(messages.map((message) => JSON.stringify(message)).join('')))
    await session.raw(Buffer.of(byte));
  await Promise.all(calls);
  await until('the last notification', () => notifications.length === 2);
  expect(replies).toEqual(['second', 'first']);
  expect(notifications.map(([method]) => method)).toEqual(['locked', 'stolen']);
});

test.each([
  ['an object', { error: 'unknown database', details: 'no database X' }, 'unknown database', 'no database X'],
  ['a text', 'unknown method', 'unknown method', undefined],
])('an error reply has no result: %s', async (_name, error, code, details) => {
  const { connection, session } = await open();
  const call = rejection(connection.call('get_schema', ['X']));
  session.send({ id: (await session.next()).id, error });
  const refusal = await call;
  expect(refusal).toBeInstanceOf(OvsdbReplyError);
  expect(refusal).toMatchObject({ method: 'get_schema', code, details });
});

test('the server gets its echo, and an error for any other request', async () => {
  const { session } = await open();
  session.send({ id: 'e', method: 'echo', params: [1, 'x'] });
  expect(await session.next()).toEqual({ id: 'e', result: [1, 'x'], error: null });
  session.send({ id: 7, method: 'make_coffee', params: [] });
  expect(await session.next()).toEqual({ id: 7, result: null, error: 'unknown method' });
});

test('the server gets its echo while a request is open, and between two pieces of its reply', async () => {
  const { connection, session } = await open();
  const call = connection.call('get_schema', ['DB']);
  const { id } = await session.request('get_schema');
  session.send({ id: 'first', method: 'echo', params: [] });
  expect(await session.next()).toEqual({ id: 'first', result: [], error: null });
  const reply = JSON.stringify({ id, result: 'a', error: null });
  await session.raw(`${JSON.stringify({ id: 'second', method: 'echo', params: [1] })}${reply.slice(0, 9)}`);
  expect(await session.next()).toEqual({ id: 'second', result: [1], error: null });
  await session.raw(reply.slice(9));
  expect(await call).toBe('a');
});

test('bytes are counted both ways, and the counts outlive the session', async () => {
  const { connection, session } = await open();
  expect([connection.bytesRead, connection.bytesWritten]).toEqual([0, 0]);
  const call = connection.call('echo', ['Zürich']);
  const request = Buffer.byteLength('{"id":0,"method":"echo","params":["Zürich"]}');
  expect(connection.bytesWritten).toBe(request);
  await session.next();
  const reply = '{"id":0,"result":["Zürich"],"error":null}';
  await session.raw(reply);
  await call;
  expect(connection.bytesRead).toBe(Buffer.byteLength(reply));
  connection.end('ECLOSED', 'closed');
  await session.closed;
  expect([connection.bytesRead, connection.bytesWritten]).toEqual([Buffer.byteLength(reply), request]);
});

test('no reply by the deadline: unknown; the late one disturbs nobody', async () => {
  const { connection, session, lines } = await open({ timeoutMs: 20 });
  const error = await rejection(connection.call('transact', []));
  expect(error).toBeInstanceOf(OvsdbConnectionError);
  expect(error).toMatchObject({ code: 'ETIMEDOUT', outcome: 'unknown' });
  session.send({ id: (await session.next()).id, result: [], error: null });
  await until('the late reply', () => lines.some(({ message }) => message === 'OVSDB reply to no open request'));
  expect(connection.hasEnded).toBe(false);
});

test('a request that was sent when the server went is unknown, one after that is not sent', async () => {
  const { connection, session } = await open();
  const call = rejection(connection.call('transact', []));
  await session.next();
  session.drop();
  expect(await call).toMatchObject({ code: 'ECONNRESET', outcome: 'unknown' });
  expect((await connection.ended).message).toBe('the server: the server closed the connection');
  expect(await rejection(connection.call('transact', []))).toMatchObject({ code: 'ECONNRESET', outcome: 'not sent' });
});

test('a silent server is probed and then given up', async () => {
  const { connection, session } = await open({ probeMs: 50 });
  expect(await session.next()).toMatchObject({ method: 'echo', params: [] });
  expect(await connection.ended).toMatchObject({ code: 'ETIMEDOUT' });
});

test('a server that answers probes stays', async () => {
  const { connection, session, lines } = await open({ probeMs: 20 });
  for (let probe = 0; probe < 5; probe++) {
    const { id } = await session.request('echo');
    session.send({ id, result: [], error: null });
  }
  expect(connection.hasEnded).toBe(false);
  expect(lines, 'an answered probe is nothing to log').toEqual([]);
  connection.end('ECLOSED', 'closed');
});

test('an answer that waits in the socket while this process is held up counts', async () => {
  const { connection, session } = await open({ probeMs: 200 });
  const { id } = await session.request('echo');
  await session.raw(JSON.stringify({ id, result: [], error: null }));
  // Beyond the deadline without a turn of the event loop: the timer is due before the socket is read.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 400);
  await session.request('echo');
  expect(connection.hasEnded).toBe(false);
  connection.end('ECLOSED', 'closed');
});

test('and so does a reply', async () => {
  const { connection, session } = await open({ timeoutMs: 100 });
  const reply = connection.call('list_dbs', []);
  const { id } = await session.request('list_dbs');
  await session.raw(JSON.stringify({ id, result: ['DB'], error: null }));
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  expect(await reply).toEqual(['DB']);
  connection.end('ECLOSED', 'closed');
});

test.each([
  ['no JSON', '{oops}', /no JSON/],
  ['a message that is no object', '[1]', /no object/],
  ['a notification without params', '{"id":null,"method":"update3"}', /update3 without params/],
])('ends the session: %s', async (_name, bytes, reason) => {
  const { connection, session } = await open();
  const call = rejection(connection.call('transact', []));
  await session.next();
  await session.raw(bytes);
  expect(await connection.ended).toMatchObject({ code: 'EPROTO', message: expect.stringMatching(reason) });
  expect(await call).toMatchObject({ code: 'EPROTO', outcome: 'unknown' });
});

test('ends the session: a message of more than 64 MiB', async () => {
  const { connection, session } = await open();
  await session.raw('{"id":null,"method":"update3","params":["');
  const mebibyte = Buffer.alloc(1024 * 1024, 0x61);
  for (let sent = 0; sent < 64; sent++) void session.raw(mebibyte);
  expect(await connection.ended).toMatchObject({ code: 'EPROTO', message: expect.stringMatching(/67108864 bytes/) });
});

test('no notification after the end, not even one of the same read', async () => {
  const seen: string[] = [];
  const { connection, session } = await open({
    onNotification: (method) => {
      seen.push(method);
      connection.end('ECLOSED', 'closed');
    },
  });
  session.send({ id: null, method: 'locked', params: [] }, { id: null, method: 'stolen', params: [] });
  expect(await connection.ended).toMatchObject({ code: 'ECLOSED' });
  expect(seen).toEqual(['locked']);
});
