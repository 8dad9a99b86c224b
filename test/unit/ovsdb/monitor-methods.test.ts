/** Servers that know less than monitor_cond_since, and conditions that change. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { scalar, setOf } from '../../../src/ovsdb/columns.ts';
import { FakeServer, type FakeSession, type Message, NO_TXN, SCHEMA, serveFirstRead } from './fake-server.ts';
import { rejection, until, WatchedClient } from './watched-client.ts';

const A = '00000000-0000-4000-8000-00000000000a';
const B = '00000000-0000-4000-8000-00000000000b';
const WHERE = [['name', '==', 'x']] as const;
const MONITORS = { T: { columns: { name: scalar('string'), tags: setOf('string') }, where: WHERE } };
const X = { name: 'x', tags: [] };

let server: FakeServer;
let watched: WatchedClient;
beforeEach(async () => {
  server = await FakeServer.create();
  watched = new WatchedClient({ remote: server.remote, database: 'DB', monitors: MONITORS });
  watched.client.start();
});
afterEach(async () => {
  await watched.client.close();
  await server.remove();
});

/** A session with its schema answered, whose server does not know these methods. */
async function sessionWithout(...methods: string[]): Promise<FakeSession> {
  const session = await server.accept();
  session.send({ id: (await session.request('get_schema')).id, result: SCHEMA, error: null });
  for (const method of methods) {
    const { id } = await session.request(method);
    session.send({ id, result: null, error: { error: 'unknown method' } });
  }
  return session;
}

describe('a server without', () => {
  test('monitor_cond_since: monitor_cond, with the conditions', async () => {
    const session = await sessionWithout('monitor_cond_since');
    const { id, params } = await session.request('monitor_cond');
    expect(params).toEqual(['DB', 'replica', { T: [{ columns: ['name', 'tags'], where: WHERE }] }]);
    session.send({ id, result: { T: { [A]: { initial: { name: 'x' } } } }, error: null });
    await watched.read(1);
    session.send({ id: null, method: 'update2', params: ['replica', { T: { [A]: { modify: { tags: 'a' } } } }] });
    await until('the update', () => watched.updates.length > 0);
    expect(watched.updates).toEqual([[{ table: 'T', uuid: A, before: X, after: { name: 'x', tags: ['a'] } }]]);
  });

  test('both: the monitor of RFC 7047, which knows no conditions: every row', async () => {
    const session = await sessionWithout('monitor_cond_since', 'monitor_cond');
    const { id, params } = await session.request('monitor');
    expect(params).toEqual(['DB', 'replica', { T: [{ columns: ['name', 'tags'] }] }]);
    const rows = { [A]: { new: { name: 'x', tags: ['set', ['a', 'b']] } }, [B]: { new: { name: 'y', tags: 'a' } } };
    session.send({ id, result: { T: rows }, error: null });
    await watched.read(1);
    expect([...watched.client.rows('T').keys()]).toEqual([A, B]);
    const changed = { old: { tags: ['set', ['a', 'b']] }, new: { name: 'x', tags: ['set', ['b', 'c']] } };
    session.send({ id: null, method: 'update', params: ['replica', { T: { [A]: changed } }] });
    await until('the update', () => watched.updates.length > 0);
    expect(watched.client.row('T', A)).toEqual({ name: 'x', tags: ['b', 'c'] });
    await watched.client.setConditions('T', []);
    expect(watched.client.rows('T').size, 'conditions cannot be said to this server').toBe(2);
  });

  test('all three: not an OVSDB server, and tried again', async () => {
    await sessionWithout('monitor_cond_since', 'monitor_cond', 'monitor');
    await until('the reason', () => watched.reasons.length > 0);
    expect(watched.reasons[0]?.message).toBe('monitor: unknown method');
    await serveFirstRead(await server.accept());
    await watched.read(1);
  });
});

test('a refusal of another kind is not taken for an older server', async () => {
  const session = await sessionWithout();
  const { id } = await session.request('monitor_cond_since');
  session.send({ id, result: null, error: { error: 'syntax error', details: 'no' } });
  await until('the reason', () => watched.reasons.length > 0);
  expect(watched.reasons[0]?.message).toBe('monitor_cond_since: syntax error: no');
});

describe('conditions', () => {
  const answer = (session: FakeSession, { id }: Message) => session.send({ id, result: {}, error: null });

  test('change with one request; its updates come first', async () => {
    const session = await server.accept();
    await serveFirstRead(session, { [A]: { initial: { name: 'x' } } });
    await watched.read(1);
    const changed = watched.client.setConditions('T', [['name', '==', 'y']]);
    const request = await session.request('monitor_cond_change');
    expect(request.params).toEqual(['replica', 'replica', { T: [{ where: [['name', '==', 'y']] }] }]);
    const updates = { T: { [A]: { delete: null }, [B]: { insert: { name: 'y' } } } };
    session.send({ id: null, method: 'update3', params: ['replica', NO_TXN, updates] });
    answer(session, request);
    await changed;
    expect([...watched.client.rows('T').keys()]).toEqual([B]);
  });

  test('stay over a reconnect', async () => {
    const session = await server.accept();
    await serveFirstRead(session);
    await watched.read(1);
    const changed = watched.client.setConditions('T', [true]);
    answer(session, await session.request('monitor_cond_change'));
    await changed;
    session.drop();
    const again = await sessionWithout();
    const { params } = await again.request('monitor_cond_since');
    expect(params?.[2]).toEqual({ T: [{ columns: ['name', 'tags'], where: [true] }] });
  });

  test('changed while there is no session, or while it is read, hold for the first that is complete', async () => {
    const session = await sessionWithout();
    const { id } = await session.request('monitor_cond_since');
    await watched.client.setConditions('T', []);
    session.send({ id, result: [false, NO_TXN, { T: {} }], error: null });
    const request = await session.request('monitor_cond_change');
    expect(request.params?.[2]).toEqual({ T: [{ where: [] }] });
    answer(session, request);
  });

  test('a session that is lost meanwhile is no error: the next one has them', async () => {
    const session = await server.accept();
    await serveFirstRead(session);
    await watched.read(1);
    const changed = watched.client.setConditions('T', []);
    await session.request('monitor_cond_change');
    session.drop();
    await changed;
    const again = await sessionWithout();
    expect((await again.request('monitor_cond_since')).params?.[2]).toEqual({
      T: [{ columns: ['name', 'tags'], where: [] }],
    });
  });

  test('that the server refuses are forgotten: the next session has those before', async () => {
    const session = await server.accept();
    await serveFirstRead(session);
    await watched.read(1);
    const refusal = rejection(watched.client.setConditions('T', [['name', '==', 5]]));
    const { id } = await session.request('monitor_cond_change');
    session.send({ id, result: null, error: { error: 'syntax error' } });
    expect(await refusal).toMatchObject({ code: 'syntax error' });
    session.drop();
    const again = await sessionWithout();
    expect((await again.request('monitor_cond_since')).params?.[2]).toEqual({
      T: [{ columns: ['name', 'tags'], where: WHERE }],
    });
  });

  test('of a column or table that is not monitored are a mistake of the program', async () => {
    await serveFirstRead(await server.accept());
    expect(await rejection(watched.client.setConditions('T', [['other', '==', 1]]))).toBeInstanceOf(TypeError);
    expect(await rejection(watched.client.setConditions('U', []))).toBeInstanceOf(TypeError);
  });
});
