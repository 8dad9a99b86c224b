/** Monitors with the real server: the three kinds, their conditions as they change, and their end. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { OvsdbReplyError } from '../../../src/ovsdb/errors.ts';
import type { WireMonitorRequest } from '../../../src/ovsdb/monitor.ts';
import * as monitors from '../../../src/ovsdb/monitor-requests.ts';
import { ZERO_UUID } from '../../../src/ovsdb/notation.ts';
import * as ops from '../../../src/ovsdb/operations.ts';
import { echo, getSchema, transact } from '../../../src/ovsdb/requests.ts';
import { connectTo, type Opened } from '../../unit/ovsdb/open-connection.ts';
import { rejection } from '../../unit/ovsdb/watched-client.ts';
import { Follower, type MonitorKind } from './follower.ts';
import { OvsdbServer } from './ovsdb-server.ts';
import { encode, row, SCHEMA as TYPES } from './types-schema.ts';

const NOTES = {
  name: 'Notes',
  version: '1.0.0',
  tables: {
    Note: { isRoot: true, columns: { name: { type: 'string' }, number: { type: 'integer' } } },
    Other: { isRoot: true, columns: { name: { type: 'string' } } },
  },
};
const [A, B, C] = ['a', 'b', 'c'].map((digit) => `00000000-0000-4000-8000-00000000000${digit}`) as [
  string,
  string,
  string,
];
const KINDS: readonly MonitorKind[] = ['monitor', 'monitor_cond', 'monitor_cond_since'];

let server: OvsdbServer;
let ends: (() => void)[];
beforeEach(() => {
  ends = [];
});
afterEach(async () => {
  for (const end of ends) end();
  await server.remove();
});

async function start(schema: object): Promise<void> {
  server = await OvsdbServer.start({ schema });
}

async function open(): Promise<Opened> {
  const opened = await connectTo(server.remote);
  ends.push(() => opened.connection.end('ECLOSED', 'closed'));
  return opened;
}

async function follow(database: string, kind: MonitorKind): Promise<Follower> {
  const follower = await Follower.open(server.remote, database, kind);
  ends.push(() => follower.connection.end('ECLOSED', 'closed'));
  return follower;
}

async function writer(database: string) {
  const { connection } = await open();
  const schema = await getSchema(connection, database);
  return (...operations: ops.Operation[]) => transact(connection, schema, operations);
}

describe('one history', () => {
  const IDS = [A, B, C];
  /** What becomes of one of three rows. */
  const step = fc.record({ id: fc.constantFrom(...IDS), row: fc.option(row) });

  test('law: a plain, a conditional and a continued monitor lead to the same rows, those of the database', async () => {
    await start(TYPES);
    const write = await writer('Types');
    const followers = await Promise.all(KINDS.map((kind) => follow('Types', kind)));
    const there = new Set<string>();
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (steps) => {
        for (const { id, row: given } of steps) {
          if (given === null) await write(ops.remove('T', ops.byUuid(id)));
          else if (there.has(id)) await write(ops.update('T', ops.byUuid(id), encode(given)));
          else await write(ops.insert('T', encode(given), { uuid: id }));
          if (given === null) there.delete(id);
          else there.add(id);
        }
        const [selected] = await write(ops.select('T', []));
        const rows = (selected?.rows ?? []).map(({ _uuid, _version, ...columns }) => [_uuid, columns] as const);
        for (const follower of followers) {
          await follower.catchUp();
          expect(follower.replica.rows('T')).toEqual(new Map(rows));
        }
        // And who comes later sees the same.
        for (const kind of KINDS) {
          const late = await follow('Types', kind);
          expect(late.replica.rows('T')).toEqual(new Map(rows));
          late.connection.end('ECLOSED', 'closed');
        }
      }),
      { numRuns: 40 },
    );
    expect(followers.map(({ kinds }) => kinds)).toEqual([['update'], ['update2'], ['update3']]);
  });

  test.each(KINDS)('a first read of several megabytes: %s', async (kind) => {
    await start(NOTES);
    const write = await writer('Notes');
    for (let batch = 0; batch < 3; batch++) {
      const rows = Array.from({ length: 1000 }, (_, index) => ({ name: `${'x'.repeat(1000)}${index}`, number: batch }));
      await write(...rows.map((one) => ops.insert('Note', one)));
    }
    const { replica } = await follow('Notes', kind);
    const rows = [...replica.rows('Note').values()];
    expect(rows).toHaveLength(3000);
    expect(new Set(rows.map(({ name, number }) => `${name} ${number}`)).size).toBe(3000);
    expect(rows).toContainEqual({ name: `${'x'.repeat(1000)}999`, number: 2 });
  });
});

describe('what a monitor shows', () => {
  const ROWS = [
    ops.insert('Note', { name: 'a', number: 1 }, { uuid: A }),
    ops.insert('Note', { name: 'b', number: 2 }, { uuid: B }),
    ops.insert('Other', { name: 'o' }, { uuid: C }),
  ];

  test('of a plain one: whole rows, old and new', async () => {
    await start(NOTES);
    const write = await writer('Notes');
    await write(...ROWS);
    const { connection, notifications } = await open();
    const first = await monitors.monitor(connection, 'Notes', 'm', { Note: [{}], Other: [{ columns: ['name'] }] });
    expect(first).toEqual({
      Note: { [A]: { new: expect.objectContaining({ name: 'a', number: 1 }) }, [B]: { new: expect.anything() } },
      Other: { [C]: { new: { name: 'o' } } },
    });
    await write(ops.update('Other', [], { name: 'p' }));
    await write(ops.remove('Other', []));
    await echo(connection, []);
    expect(notifications).toEqual([
      ['update', ['m', { Other: { [C]: { old: { name: 'o' }, new: { name: 'p' } } } }]],
      ['update', ['m', { Other: { [C]: { old: { name: 'p' } } } }]],
    ]);
  });

  test.each<[string, NonNullable<WireMonitorRequest['select']>, object, string[]]>([
    ['everything', {}, { Note: { [A]: { initial: { name: 'a' } } } }, ['modify', 'insert', 'delete']],
    ['no first rows', { initial: false }, {}, ['modify', 'insert', 'delete']],
    ['no changes', { modify: false }, { Note: { [A]: { initial: { name: 'a' } } } }, ['insert', 'delete']],
    [
      'nothing later',
      { insert: false, modify: false, delete: false },
      { Note: { [A]: { initial: { name: 'a' } } } },
      [],
    ],
  ])('select: %s', async (_name, select, first, later) => {
    await start(NOTES);
    const write = await writer('Notes');
    await write(ops.insert('Note', { name: 'a' }, { uuid: A }));
    const { connection, notifications } = await open();
    const requests = { Note: [{ columns: ['name'], select }] };
    expect(await monitors.monitorCond(connection, 'Notes', 'm', requests)).toEqual(first);
    await write(ops.update('Note', [], { name: 'x' }));
    await write(ops.insert('Note', { name: 'b' }, { uuid: B }));
    await write(ops.remove('Note', ops.byUuid(A)));
    await echo(connection, []);
    const kinds = notifications.flatMap(([, [, updates]]) =>
      Object.values((updates as Record<string, Record<string, object>>).Note ?? {}).map((row_) => Object.keys(row_)[0]),
    );
    expect(kinds).toEqual(later);
  });

  test('a stand-alone server has no history: all of it, and the zero transaction', async () => {
    await start(NOTES);
    const write = await writer('Notes');
    await write(...ROWS);
    const { connection, notifications } = await open();
    const requests = { Other: [{ columns: ['name'] }] };
    expect(await monitors.monitorCondSince(connection, 'Notes', 'm', requests, A)).toEqual({
      found: false,
      lastTransaction: ZERO_UUID,
      updates: { Other: { [C]: { initial: { name: 'o' } } } },
    });
    await write(ops.update('Other', [], { name: '' }));
    await echo(connection, []);
    expect(notifications).toEqual([['update3', ['m', ZERO_UUID, { Other: { [C]: { modify: { name: '' } } } }]]]);
  });

  test('cancelled: no update after the reply; the name is free again, the other monitor goes on', async () => {
    await start(NOTES);
    const write = await writer('Notes');
    await write(...ROWS);
    const { connection, notifications } = await open();
    const requests = { Other: [{ columns: ['name'] }] };
    await monitors.monitorCond(connection, 'Notes', 'm', requests);
    await monitors.monitorCond(connection, 'Notes', 'n', requests);
    await monitors.monitorCancel(connection, 'm');
    await write(ops.update('Other', [], { name: 'p' }));
    await echo(connection, []);
    expect(notifications).toEqual([['update2', ['n', { Other: { [C]: { modify: { name: 'p' } } } }]]]);
    await monitors.monitorCond(connection, 'Notes', 'm', requests);
  });
});

describe('conditions that change', () => {
  const above = (number: number): readonly ops.Condition[] => [['number', '>', number]];
  const REQUESTS = (number: number) => ({ Note: [{ columns: ['name', 'number'], where: above(number) }] });

  test.each(['update2', 'update3'])(
    'rows come into the condition and leave it, before the reply: %s',
    async (method) => {
      await start(NOTES);
      const write = await writer('Notes');
      for (const [id, number] of [
        [A, 1],
        [B, 2],
        [C, 3],
      ] as const) {
        await write(ops.insert('Note', { name: `n${number}`, number }, { uuid: id }));
      }
      const { connection, notifications } = await open();
      if (method === 'update2') await monitors.monitorCond(connection, 'Notes', 'm', REQUESTS(2));
      else await monitors.monitorCondSince(connection, 'Notes', 'm', REQUESTS(2), ZERO_UUID);
      const heard = () => notifications.splice(0).map(([kind, params]) => [kind, params[0], params.at(-1)]);
      expect(heard()).toEqual([]);
      // All rows but the first; those that are seen already are not sent again.
      await monitors.monitorCondChange(connection, 'm', 'm', { Note: above(1) });
      expect(heard()).toEqual([[method, 'm', { Note: { [B]: { insert: { name: 'n2', number: 2 } } } }]]);
      // Another set, and another name from now on.
      await monitors.monitorCondChange(connection, 'm', 'n', {
        Note: [
          ['name', '==', 'n1'],
          ['name', '==', 'n3'],
        ],
      });
      expect(heard()).toEqual([
        [method, 'n', { Note: { [A]: { insert: { name: 'n1', number: 1 } }, [B]: { delete: null } } }],
      ]);
      // A row's own change lets it in or out.
      await write(ops.update('Note', ops.byUuid(B), { name: 'n1' }));
      await write(ops.update('Note', ops.byUuid(C), { name: 'z' }));
      await write(ops.update('Note', ops.byUuid(A), { number: 7 }));
      await echo(connection, []);
      expect(heard()).toEqual([
        [method, 'n', { Note: { [B]: { insert: { name: 'n1', number: 2 } } } }],
        [method, 'n', { Note: { [C]: { delete: null } } }],
        [method, 'n', { Note: { [A]: { modify: { number: 7 } } } }],
      ]);
      await monitors.monitorCondChange(connection, 'n', 'n', { Note: [false] });
      expect(heard()).toEqual([[method, 'n', { Note: { [A]: { delete: null }, [B]: { delete: null } } }]]);
      await monitors.monitorCondChange(connection, 'n', 'n', { Note: [true] });
      expect(heard()).toMatchObject([[method, 'n', { Note: { [A]: {}, [B]: {}, [C]: { insert: { name: 'z' } } } }]]);
    },
  );

  test('a change of what is committed at the same time: nothing is lost, nothing told twice', async () => {
    await start(NOTES);
    const write = await writer('Notes');
    const { connection, notifications } = await open();
    await monitors.monitorCond(connection, 'Notes', 'm', REQUESTS(0));
    const writes: Promise<unknown>[] = [];
    for (let number = 1; number <= 200; number++) {
      writes.push(write(ops.insert('Note', { name: `${number}`, number })));
      if (number % 10 === 0)
        await monitors.monitorCondChange(connection, 'm', 'm', { Note: number % 20 === 0 ? above(0) : above(100) });
    }
    await Promise.all(writes);
    await echo(connection, []);
    const seen = new Map<string, unknown>();
    for (const [, [, updates]] of notifications) {
      for (const [id, change] of Object.entries((updates as { Note: Record<string, Record<string, unknown>> }).Note)) {
        if ('delete' in change) expect(seen.delete(id), id).toBe(true);
        else {
          expect(seen.has(id), id).toBe(false);
          seen.set(id, change.insert);
        }
      }
    }
    expect(seen.size).toBe(200);
  });
});

test.each<[string, (opened: Opened) => Promise<unknown>, object]>([
  [
    'a second one of the same name',
    ({ connection }) => monitors.monitor(connection, 'Notes', 'm', {}),
    { code: 'syntax error', details: 'duplicate monitor ID' },
  ],
  ['another database', ({ connection }) => monitors.monitor(connection, 'Z', 'n', {}), { code: 'unknown database' }],
  [
    'another table',
    ({ connection }) => monitors.monitorCond(connection, 'Notes', 'n', { Z: [{}] }),
    { code: 'syntax error', details: 'no table named Z' },
  ],
  [
    'another column',
    ({ connection }) => monitors.monitorCond(connection, 'Notes', 'n', { Note: [{ columns: ['z'] }] }),
    { code: 'syntax error', details: 'z is not a valid column name' },
  ],
  [
    'a column twice',
    ({ connection }) => monitors.monitorCond(connection, 'Notes', 'n', { Note: [{ columns: ['name', 'name'] }] }),
    { code: 'syntax error' },
  ],
  [
    'conditions of a plain one',
    ({ connection }) => monitors.monitor(connection, 'Notes', 'n', { Note: [{ where: [false] }] }),
    { code: 'syntax error' },
  ],
  [
    'a condition that is none',
    ({ connection }) => monitors.monitorCond(connection, 'Notes', 'n', { Note: [{ where: [['name', '<', 'x']] }] }),
    { code: 'syntax error' },
  ],
  [
    'a transaction that is none',
    ({ connection }) => monitors.monitorCondSince(connection, 'Notes', 'n', {}, 'x'),
    { code: 'syntax error' },
  ],
  [
    'change of none',
    ({ connection }) => monitors.monitorCondChange(connection, 'z', 'z', {}),
    { code: 'syntax error', details: 'unknown monitor session' },
  ],
  ['cancel of none', ({ connection }) => monitors.monitorCancel(connection, 'z'), { code: 'unknown monitor' }],
])('refused: %s', async (_name, ask, facts) => {
  await start(NOTES);
  const opened = await open();
  await monitors.monitor(opened.connection, 'Notes', 'm', {});
  const error = await rejection(ask(opened));
  expect(error).toBeInstanceOf(OvsdbReplyError);
  expect(error).toMatchObject(facts);
  expect(opened.connection.hasEnded).toBe(false);
});
