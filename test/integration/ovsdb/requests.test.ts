/** The requests that open no monitor, with the real server: locks, cancel, conversion, and its death. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { OvsdbConnectionError, OvsdbReplyError, OvsdbTransactionError } from '../../../src/ovsdb/errors.ts';
import { monitorCancel, monitorCond } from '../../../src/ovsdb/monitor-requests.ts';
import { set } from '../../../src/ovsdb/notation.ts';
import * as ops from '../../../src/ovsdb/operations.ts';
import * as requests from '../../../src/ovsdb/requests.ts';
import type { DatabaseSchema } from '../../../src/ovsdb/schema.ts';
import type { OperationResult } from '../../../src/ovsdb/transaction.ts';
import { connectTo, type Opened } from '../../unit/ovsdb/open-connection.ts';
import { rejection, until } from '../../unit/ovsdb/watched-client.ts';
import { OvsdbServer } from './ovsdb-server.ts';

const NOTE = { name: { type: 'string' }, number: { type: { key: 'integer', min: 0, max: 1 } } };
const SCHEMA = { name: 'Notes', version: '1.0.0', tables: { Note: { isRoot: true, columns: NOTE } } };

let server: OvsdbServer;
let sessions: Session[];
beforeEach(async () => {
  sessions = [];
  server = await OvsdbServer.start({ schema: SCHEMA });
});
afterEach(async () => {
  for (const { connection } of sessions) connection.end('ECLOSED', 'closed');
  await server.remove();
});

interface Session extends Opened {
  readonly schema: DatabaseSchema;
  run(...operations: ops.Operation[]): Promise<readonly OperationResult[]>;
  /** Of all rows. */
  names(): Promise<readonly unknown[]>;
}

async function open(): Promise<Session> {
  const opened = await connectTo(server.remote);
  const schema = await requests.getSchema(opened.connection, 'Notes');
  const run = (...operations: ops.Operation[]) => requests.transact(opened.connection, schema, operations);
  const names = async () => {
    const [result] = await run(ops.select('Note', [], ['name']));
    return (result?.rows ?? []).map(({ name }) => name).sort();
  };
  const session = { ...opened, schema, run, names };
  sessions.push(session);
  return session;
}

test('the databases, their schemas, the server, an echo', async () => {
  const { connection, schema } = await open();
  expect((await requests.listDatabases(connection)).toSorted()).toEqual(['Notes', '_Server']);
  expect(schema).toMatchObject({ name: 'Notes', version: '1.0.0' });
  expect([...(schema.tables.get('Note')?.keys() ?? [])].sort()).toEqual(['_uuid', '_version', 'name', 'number']);
  expect((await requests.getSchema(connection, '_Server')).tables.has('Database')).toBe(true);
  const id = await requests.getServerId(connection);
  expect(id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  expect(await requests.getServerId((await open()).connection)).toBe(id);
  const said = [1.5, 'Zürich 🙂', null, { a: [true] }];
  expect(await requests.echo(connection, said)).toEqual(said);
  expect(await requests.echo(connection, [])).toEqual([]);
});

test.each<[string, (session: Session) => Promise<unknown>, object]>([
  [
    'a schema of no database',
    ({ connection }) => requests.getSchema(connection, 'Z'),
    { method: 'get_schema', code: 'unknown database', details: expect.stringMatching(/unknown database Z/) },
  ],
  [
    'a transaction on no database',
    ({ connection, schema }) => requests.transact(connection, { ...schema, name: 'Z' }, [ops.comment('x')]),
    { name: 'OvsdbTransactionError', operation: undefined, code: 'unknown database' },
  ],
  [
    'a request that it does not know',
    ({ connection }) => connection.call('make_coffee', []),
    { method: 'make_coffee', code: 'unknown method' },
  ],
  [
    'change awareness that is no boolean',
    ({ connection }) => connection.call('set_db_change_aware', ['yes']),
    { method: 'set_db_change_aware', code: 'syntax error' },
  ],
])('refused: %s', async (_name, ask, facts) => {
  const session = await open();
  const error = await rejection(ask(session));
  expect(error).toMatchObject(facts);
  expect(session.connection.hasEnded).toBe(false);
});

describe('locks', () => {
  test('a queue: one owner, the next hears of it when the lock is given up', async () => {
    const [one, two, three] = [await open(), await open(), await open()];
    expect(await requests.lock(one.connection, 'l')).toBe(true);
    expect(await requests.lock(two.connection, 'l')).toBe(false);
    expect(await requests.lock(three.connection, 'l')).toBe(false);
    expect(await requests.lock(two.connection, 'other')).toBe(true);
    await requests.unlock(one.connection, 'l');
    await until('the second to have it', () => two.notifications.length === 1);
    expect(two.notifications).toEqual([['locked', ['l']]]);
    // An owner that goes gives up what it has.
    two.connection.end('ECLOSED', 'closed');
    await until('the third to have it', () => three.notifications.length === 1);
    expect(three.notifications).toEqual([['locked', ['l']]]);
    expect(one.notifications).toEqual([]);
  });

  test('who waits can give up its place', async () => {
    const [one, two, three] = [await open(), await open(), await open()];
    await requests.lock(one.connection, 'l');
    await requests.lock(two.connection, 'l');
    await requests.lock(three.connection, 'l');
    await requests.unlock(two.connection, 'l');
    await requests.unlock(one.connection, 'l');
    await until('the third to have it', () => three.notifications.length === 1);
    await requests.echo(two.connection, []);
    expect(two.notifications).toEqual([]);
  });

  test('stolen: the owner is told, its assertion fails, and it is the next again', async () => {
    const [one, thief] = [await open(), await open()];
    await requests.lock(one.connection, 'l');
    expect(await one.run(ops.assert('l'), ops.insert('Note', { name: 'mine' }))).toMatchObject([{}, {}]);
    expect(await requests.steal(thief.connection, 'l')).toBe(true);
    const refusal = await rejection(one.run(ops.insert('Note', { name: 'no more' }), ops.assert('l')));
    expect(refusal).toBeInstanceOf(OvsdbTransactionError);
    expect(refusal).toMatchObject({ operation: 1, code: 'not owner' });
    expect(one.notifications).toEqual([['stolen', ['l']]]);
    expect(await thief.run(ops.assert('l'), ops.insert('Note', { name: 'thief’s' }))).toMatchObject([{}, {}]);
    expect(await one.names()).toEqual(['mine', 'thief’s']);
    await requests.unlock(thief.connection, 'l');
    await until('it to come back', () => one.notifications.length === 2);
    expect(one.notifications[1]).toEqual(['locked', ['l']]);
    expect(await one.run(ops.assert('l'))).toEqual([{}]);
  });

  test('two that steal from one another: the last has it, the others wait', async () => {
    const [one, two] = [await open(), await open()];
    const stolen = async () => {
      const answers = await Promise.all([rejectionOf(one), rejectionOf(two)]);
      return answers.map((error) => (error as { code?: string } | undefined)?.code);
    };
    const rejectionOf = ({ run }: Session) =>
      run(ops.assert('l')).then(
        () => undefined,
        (error: unknown) => error,
      );
    expect(await requests.steal(one.connection, 'l')).toBe(true);
    expect(await stolen()).toEqual([undefined, 'not owner']);
    expect(await requests.steal(two.connection, 'l')).toBe(true);
    expect(await stolen()).toEqual(['not owner', undefined]);
    // It waits already: that has to end before it can steal.
    await requests.unlock(one.connection, 'l');
    expect(await requests.steal(one.connection, 'l')).toBe(true);
    expect(await stolen()).toEqual([undefined, 'not owner']);
    expect([one, two].map(({ notifications }) => notifications)).toEqual([[['stolen', ['l']]], [['stolen', ['l']]]]);
  });

  test.each<[string, (session: Session) => Promise<unknown>, RegExp]>([
    ['twice', ({ connection }) => requests.lock(connection, 'l'), /must issue "unlock" before new "lock"/],
    ['stealing one’s own', ({ connection }) => requests.steal(connection, 'l'), /before new "steal"/],
    ['unlock of another', ({ connection }) => requests.unlock(connection, 'other'), /without "lock" or "steal"/],
    ['a name that is none', ({ connection }) => requests.lock(connection, '0 l'), /must be <id>/],
  ])('refused: %s', async (_name, ask, details) => {
    const session = await open();
    await requests.lock(session.connection, 'l');
    const error = await rejection(ask(session));
    expect(error).toBeInstanceOf(OvsdbReplyError);
    expect(error).toMatchObject({ code: 'syntax error', details: expect.stringMatching(details) });
  });
});

describe('cancel', () => {
  const forRowX = ops.wait('Note', [['name', '==', 'x']], '==', ['name'], [{ name: 'x' }]);

  test('a transaction that waits ends, and nothing of it is done, then or later', async () => {
    const [waiter, other] = [await open(), await open()];
    const user = new AbortController();
    const waiting = rejection(
      requests.transact(waiter.connection, waiter.schema, [ops.insert('Note', { name: 'done' }), forRowX], {
        signal: user.signal,
        timeoutMs: Number.POSITIVE_INFINITY,
      }),
    );
    await requests.echo(waiter.connection, []);
    user.abort();
    const error = await waiting;
    expect(error).toBeInstanceOf(OvsdbTransactionError);
    expect(error).toMatchObject({ code: 'canceled', operation: undefined });
    // What it waited for.
    await other.run(ops.insert('Note', { name: 'x' }));
    expect(await waiter.names()).toEqual(['x']);
    expect(waiter.connection.hasEnded).toBe(false);
  });

  test('too late: its result', async () => {
    const { connection, schema, names } = await open();
    const user = new AbortController();
    const operations = [ops.insert('Note', { name: 'done' })];
    const transaction = requests.transact(connection, schema, operations, { signal: user.signal });
    user.abort();
    expect(await transaction).toMatchObject([{ uuid: expect.any(String) }]);
    expect(await names()).toEqual(['done']);
  });

  test('a race with what it waits for: done or cancelled, and the caller knows which', async () => {
    const [waiter, other] = [await open(), await open()];
    for (let round = 0; round < 200; round++) {
      const user = new AbortController();
      const key = `${round}`;
      const go = ops.wait('Note', [['name', '==', key]], '==', ['name'], [{ name: key }]);
      const operations = [go, ops.insert('Note', { name: 'done', number: round })];
      const waiting = requests.transact(waiter.connection, waiter.schema, operations, { signal: user.signal });
      const releasing = other.run(ops.insert('Note', { name: key }));
      // Now before, now after the release reaches the server.
      if (round % 3 === 0) await releasing;
      if (round % 3 === 1) await requests.echo(waiter.connection, []);
      user.abort();
      const done = await waiting.then(
        () => true,
        (error: unknown) => {
          expect(error).toMatchObject({ code: 'canceled' });
          return false;
        },
      );
      await releasing;
      if (round % 3 === 0) expect(done, `round ${round}`).toBe(true);
      const [found] = await other.run(ops.select('Note', [['number', '==', round]], ['name']));
      expect(found?.rows, `round ${round}`).toHaveLength(done ? 1 : 0);
    }
  });

  test('a session that ends takes its waiting transactions with it', async () => {
    const [waiter, other] = [await open(), await open()];
    const waiting = rejection(waiter.run(forRowX, ops.insert('Note', { name: 'done' })));
    await requests.lock(waiter.connection, 'l');
    await requests.lock(other.connection, 'l');
    waiter.connection.end('ECLOSED', 'closed');
    expect(await waiting).toMatchObject({ code: 'ECLOSED', outcome: 'unknown' });
    await until('the server to have noticed', () => other.notifications.length === 1);
    await other.run(ops.insert('Note', { name: 'x' }));
    expect(await other.names()).toEqual(['x']);
  });
});

describe('conversion', () => {
  const with_ = (columns: object, version = '2.0.0') => ({
    ...SCHEMA,
    version,
    tables: { Note: { isRoot: true, columns } },
  });
  const MONITOR = { Note: [{ columns: ['name'] }] };

  test('to a schema that fits: an aware session stays, its monitors and waiting transactions are cancelled', async () => {
    const aware = await open();
    await requests.setDbChangeAware(aware.connection, true);
    await aware.run(ops.insert('Note', { name: 'kept', number: 7 }));
    await monitorCond(aware.connection, 'Notes', 'm', MONITOR);
    const waiting = rejection(aware.run(ops.wait('Note', [], '==', ['name'], [])));
    const other = { ...NOTE, colour: { type: { key: 'string', min: 0, max: 1 } } };
    await requests.convert(aware.connection, 'Notes', with_(other));
    expect(await waiting).toMatchObject({ code: 'canceled', operation: undefined });
    expect(aware.notifications).toEqual([['monitor_canceled', ['m']]]);
    expect(await rejection(monitorCancel(aware.connection, 'm'))).toMatchObject({ code: 'unknown monitor' });
    const schema = await requests.getSchema(aware.connection, 'Notes');
    expect(schema.version).toBe('2.0.0');
    const [result] = await requests.transact(aware.connection, schema, [ops.select('Note', [])]);
    expect(result?.rows).toMatchObject([{ name: 'kept', number: [7], colour: [] }]);
  });

  test('sessions that are not aware end, whoever asked; the reply comes first', async () => {
    const [asker, bystander, aware] = [await open(), await open(), await open()];
    await requests.setDbChangeAware(aware.connection, true);
    await requests.convert(asker.connection, 'Notes', with_(NOTE));
    expect(await asker.connection.ended).toMatchObject({ code: 'ECONNRESET' });
    expect(await bystander.connection.ended).toMatchObject({ code: 'ECONNRESET' });
    await requests.echo(aware.connection, []);
    const again = await open();
    expect(again.schema.version).toBe('2.0.0');
    // Awareness can be taken back.
    await requests.setDbChangeAware(aware.connection, false);
    await requests.setDbChangeAware(again.connection, true);
    await requests.convert(again.connection, 'Notes', with_(NOTE, '3.0.0'));
    expect(await aware.connection.ended).toMatchObject({ code: 'ECONNRESET' });
    expect((await requests.getSchema(again.connection, 'Notes')).version).toBe('3.0.0');
  });

  test.each<[string, object, string, RegExp]>([
    [
      'data that does not fit',
      with_({ name: { type: { key: { type: 'string', maxLength: 3 } } } }),
      'constraint violation',
      /"long name" length 9/,
    ],
    ['a column of another type', with_({ name: { type: 'integer' } }), 'syntax error', /expected integer|string/],
    [
      'the name of another database',
      { ...SCHEMA, name: 'Other' },
      'invalid parameters',
      /does not match database name/,
    ],
    ['no schema', {}, 'syntax error', /Required 'name' member is missing/],
  ])('refused, with nothing changed: %s', async (_name, schema, code, details) => {
    const session = await open();
    await session.run(ops.insert('Note', { name: 'long name', number: set([]) }));
    const error = await rejection(requests.convert(session.connection, 'Notes', { ...schema }));
    expect(error).toBeInstanceOf(OvsdbReplyError);
    expect(error).toMatchObject({ method: 'convert', code, details: expect.stringMatching(details) });
    expect(await session.names(), 'the session is still there').toEqual(['long name']);
    expect((await requests.getSchema(session.connection, 'Notes')).version).toBe('1.0.0');
  });
});

test('kill -9 and restart: requests end, what was done is there, another server id, no lock held', async () => {
  const before = await open();
  await before.run(ops.insert('Note', { name: 'done' }), ops.commit(true));
  const id = await requests.getServerId(before.connection);
  await requests.lock(before.connection, 'l');
  const waiting = rejection(before.run(ops.insert('Note', { name: 'lost' }), ops.wait('Note', [], '==', ['name'], [])));
  await requests.echo(before.connection, []);
  await server.kill();
  const error = await waiting;
  expect(error).toBeInstanceOf(OvsdbConnectionError);
  expect(error).toMatchObject({ outcome: 'unknown' });
  expect(await rejection(before.names())).toMatchObject({ outcome: 'not sent' });
  await server.up();
  const after = await open();
  expect(await after.names()).toEqual(['done']);
  expect(await requests.getServerId(after.connection)).not.toBe(id);
  expect(await requests.lock(after.connection, 'l')).toBe(true);
});
