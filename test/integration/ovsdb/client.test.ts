/** The client against the real ovsdb-server. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { OvsdbClientOptions } from '../../../src/ovsdb/client.ts';
import { mapOf, optional, scalar, setOf } from '../../../src/ovsdb/columns.ts';
import { OvsdbTransactionError } from '../../../src/ovsdb/errors.ts';
import type { MonitorRequests } from '../../../src/ovsdb/monitor.ts';
import { map, named, set, uuid } from '../../../src/ovsdb/notation.ts';
import * as ops from '../../../src/ovsdb/operations.ts';
import { rejection, until, WatchedClient } from '../../unit/ovsdb/watched-client.ts';
import { freePort, OvsdbServer, run } from './ovsdb-server.ts';

const ROOT = '10000000-0000-4000-8000-000000000000';
const BRIDGE = '20000000-0000-4000-8000-000000000000';
const NOTHING = '30000000-0000-4000-8000-000000000000';
const MONITORS: MonitorRequests = {
  Open_vSwitch: { columns: { cur_cfg: scalar('integer'), next_cfg: scalar('integer') } },
  Bridge: {
    columns: {
      name: scalar('string'),
      fail_mode: optional('string'),
      protocols: setOf('string'),
      external_ids: mapOf('string', 'string'),
    },
  },
};

let server: OvsdbServer;
let clients: WatchedClient[];
beforeEach(async () => {
  clients = [];
  server = await OvsdbServer.start();
});
afterEach(async () => {
  await Promise.all(clients.map(({ client }) => client.close()));
  await server.remove();
});

async function connected(options: Partial<OvsdbClientOptions> = {}): Promise<WatchedClient> {
  const watched = watch(options);
  await watched.read(1);
  return watched;
}

function watch(options: Partial<OvsdbClientOptions>): WatchedClient {
  const watched = new WatchedClient({
    remote: server.remote,
    database: 'Open_vSwitch',
    monitors: MONITORS,
    ...options,
  });
  clients.push(watched);
  watched.client.start();
  return watched;
}

/** A root row and one bridge. */
async function populated(options: Partial<OvsdbClientOptions> = {}): Promise<WatchedClient> {
  const watched = await connected(options);
  await watched.client.transact([
    ops.insert('Open_vSwitch', {}, { uuid: ROOT }),
    ops.insert('Bridge', { name: 'br0' }, { uuid: BRIDGE }),
    ops.mutate('Open_vSwitch', [], [['bridges', 'insert', uuid(BRIDGE)]]),
  ]);
  return watched;
}

test('when a transaction resolves, the replica shows it, and the update was told', async () => {
  const { client, updates } = await populated();
  expect(updates).toHaveLength(1);
  expect(client.row('Bridge', BRIDGE)).toEqual({ name: 'br0', fail_mode: [], protocols: [], external_ids: new Map() });
  const results = await client.transact([
    ops.update('Bridge', ops.byUuid(BRIDGE), { fail_mode: 'secure', protocols: set(['OpenFlow14', 'OpenFlow10']) }),
    ops.mutate('Bridge', ops.byUuid(BRIDGE), [['external_ids', 'insert', map({ a: '1', b: '2' })]]),
    ops.mutate('Open_vSwitch', [], [['next_cfg', '+=', 1]]),
    ops.select('Open_vSwitch', [], ['_uuid', 'next_cfg']),
    ops.remove('Bridge', [['name', '==', 'no such bridge']]),
  ]);
  expect(results).toEqual([
    { count: 1 },
    { count: 1 },
    { count: 1 },
    { rows: [{ _uuid: ROOT, next_cfg: 1 }] },
    { count: 0 },
  ]);
  expect(client.row('Bridge', BRIDGE)).toEqual({
    name: 'br0',
    fail_mode: ['secure'],
    protocols: ['OpenFlow10', 'OpenFlow14'],
    external_ids: new Map([
      ['a', '1'],
      ['b', '2'],
    ]),
  });
  expect(updates).toHaveLength(2);
});

test('a named row is where it was referred to', async () => {
  const { client } = await populated();
  const [inserted] = await client.transact([
    ops.insert('Bridge', { name: 'br1' }, { name: 'new_row' }),
    ops.mutate('Open_vSwitch', [], [['bridges', 'insert', named('new_row')]]),
  ]);
  const [selected] = await client.transact([ops.select('Open_vSwitch', [], ['bridges'])]);
  expect(selected?.rows?.[0]?.bridges).toEqual([BRIDGE, inserted?.uuid].sort());
});

test('two clients: what one writes the other is told, as differences applied', async () => {
  const writer = await populated();
  const reader = await connected();
  expect(reader.initials[0]).toHaveLength(2);
  const write = (...operations: ops.Operation[]) => writer.client.transact(operations);
  await write(ops.update('Bridge', ops.byUuid(BRIDGE), { external_ids: map({ a: '1', b: '2', c: '3' }) }));
  await write(
    ops.update('Bridge', ops.byUuid(BRIDGE), { external_ids: map({ a: '1', b: 'x', d: '4' }), fail_mode: 'secure' }),
  );
  await write(ops.update('Bridge', ops.byUuid(BRIDGE), { fail_mode: set([]) }));
  await until('four updates', () => reader.updates.length === 3);
  expect(reader.updates.map(([change]) => [change?.after?.external_ids, change?.after?.fail_mode])).toEqual([
    [
      new Map([
        ['a', '1'],
        ['b', '2'],
        ['c', '3'],
      ]),
      [],
    ],
    [
      new Map([
        ['a', '1'],
        ['b', 'x'],
        ['d', '4'],
      ]),
      ['secure'],
    ],
    [
      new Map([
        ['a', '1'],
        ['b', 'x'],
        ['d', '4'],
      ]),
      [],
    ],
  ]);
  expect(reader.client.rows('Bridge')).toEqual(writer.client.rows('Bridge'));
  await write(ops.mutate('Open_vSwitch', [], [['bridges', 'delete', uuid(BRIDGE)]]));
  await until('the end of the bridge', () => reader.client.rows('Bridge').size === 0);
});

test('a conditional monitor: rows come and go as they meet the conditions', async () => {
  const writer = await populated();
  const where = [
    ['fail_mode', '==', 'secure'],
    ['external_ids', '!=', map({})],
  ] as const;
  const reader = await connected({ monitors: { Bridge: { columns: { name: scalar('string') }, where } } });
  const change = (row: ops.WireRow) => writer.client.transact([ops.update('Bridge', ops.byUuid(BRIDGE), row)]);
  expect(reader.initials[0], 'neither holds').toEqual([]);
  await change({ fail_mode: 'secure' });
  await change({ fail_mode: 'standalone', external_ids: map({ a: '1' }) });
  await change({ external_ids: map({}) });
  await until('three updates', () => reader.updates.length === 3);
  const name = 'br0';
  expect(reader.updates.flat()).toMatchObject([
    { before: undefined, after: { name, fail_mode: ['secure'], external_ids: new Map() } },
    {
      before: { fail_mode: ['secure'] },
      after: { name, fail_mode: ['standalone'], external_ids: new Map([['a', '1']]) },
    },
    { before: { fail_mode: ['standalone'] }, after: undefined },
  ]);
});

test.each<[string, ops.Operation[], number | undefined, string, RegExp]>([
  [
    'unknown column',
    [ops.update('Bridge', [], { colour: 'red' })],
    0,
    'unknown column',
    /No column colour in table Bridge/,
  ],
  ['unknown table', [ops.comment('x'), ops.insert('Bridges', {})], 1, 'syntax error', /No table named Bridges/],
  [
    'a value that is not allowed',
    [ops.update('Bridge', [], { fail_mode: 'brave' })],
    0,
    'constraint violation',
    /brave is not one of the allowed values/,
  ],
  [
    'a name that exists',
    [
      ops.insert('Bridge', { name: 'br0' }, { name: 'x' }),
      ops.mutate('Open_vSwitch', [], [['bridges', 'insert', named('x')]]),
    ],
    2,
    'constraint violation',
    /identical values \(br0\) for index on column "name"/,
  ],
  ['a uuid that exists', [ops.insert('Bridge', { name: 'br1' }, { uuid: BRIDGE })], 0, 'duplicate uuid', /duplicate/],
  [
    'a reference into nothing',
    [ops.mutate('Open_vSwitch', [], [['bridges', 'insert', uuid(NOTHING)]])],
    1,
    'referential integrity violation',
    /nonexistent row/,
  ],
  ['a wait in vain', [ops.wait('Bridge', [], '==', ['name'], [{ name: 'br1' }], 0)], 0, 'timed out', /test failed/],
  ['an abort', [ops.remove('Bridge', []), ops.abort(), ops.comment('x')], 1, 'aborted', /./],
  ['a lock that is not ours', [ops.assert('lock')], 0, 'not owner', /lock/],
])('refused: %s', async (_name, operations, operation, code, details) => {
  const { client } = await populated();
  const error = await rejection(client.transact(operations));
  expect(error).toBeInstanceOf(OvsdbTransactionError);
  expect(error).toMatchObject({ operation, code, error: code, details: expect.stringMatching(details) });
  expect(client.rows('Bridge').size, 'nothing was done').toBe(1);
});

test('a database that the server has not', async () => {
  const { reasons } = watch({ database: 'Nothing' });
  await until('the reason', () => reasons.length > 0);
  expect(reasons[0]).toMatchObject({ name: 'OvsdbReplyError', code: 'unknown database' });
});

test('a column that the server has not: database, schema version, table and column are named', async () => {
  const { reasons } = watch({ monitors: { Port: { columns: { name: scalar('string'), colour: scalar('string') } } } });
  await until('the reason', () => reasons.length > 0);
  expect(reasons[0]?.message).toMatch(
    /^the server's database Open_vSwitch \(schema version \d+\.\d+\.\d+\) has no column colour in table Port$/,
  );
});

test('and so is the version of Open vSwitch, where the database says it; a column of another type is named with both', async () => {
  const writer = await connected();
  await writer.client.transact([ops.insert('Open_vSwitch', { ovs_version: '3.1.0' })]);
  const { reasons } = watch({ monitors: { Port: { columns: { name: scalar('integer') } }, Colours: { columns: {} } } });
  await until('the reason', () => reasons.length > 0);
  expect(reasons[0]?.message).toMatch(
    /^the server's database Open_vSwitch \(schema version [\d.]+, Open vSwitch 3\.1\.0\) has column name in table Port as string, not integer, no table Colours$/,
  );
});

test('kill -9 and restart: the difference to the database as it is then, told once', async () => {
  const { client, events, initials } = await populated();
  await client.transact([ops.commit(true)]);
  await server.kill();
  await until('the loss', () => events.at(-1) === 'disconnected');
  expect(client.row('Bridge', BRIDGE), 'kept while away').toMatchObject({ name: 'br0' });
  const offline = ['Open_vSwitch', ops.update('Bridge', ops.byUuid(BRIDGE), { external_ids: map({ offline: 'yes' }) })];
  await run('ovsdb-tool', ['transact', server.database, JSON.stringify(offline)]);
  await server.up();
  await until('the second read', () => initials.length === 2);
  expect(events.slice(-3)).toEqual(['disconnected', 'connected', 'initial']);
  expect(initials[1]).toMatchObject([
    { table: 'Bridge', uuid: BRIDGE, after: { external_ids: new Map([['offline', 'yes']]) } },
  ]);
  await client.transact([ops.update('Bridge', ops.byUuid(BRIDGE), { fail_mode: 'secure' })]);
  expect(client.row('Bridge', BRIDGE)?.fail_mode).toEqual(['secure']);
});

test('five times kill -9 and restart: every reader equals the database, each loss told once', async () => {
  const one = await populated();
  const other = await connected();
  for (let round = 1; round <= 5; round++) {
    await one.client.transact([
      ops.update('Bridge', ops.byUuid(BRIDGE), { external_ids: map({ round: `${round}` }) }),
      ops.commit(true),
    ]);
    await server.kill();
    await server.up();
    await until(`read ${round + 1}`, () => [one, other].every(({ initials }) => initials.length === round + 1));
    for (const { client } of [one, other]) {
      expect(client.row('Bridge', BRIDGE)?.external_ids).toEqual(new Map([['round', `${round}`]]));
    }
  }
  expect(one.events.filter((event) => event === 'disconnected')).toHaveLength(5);
});

test('a transaction that a dying server had not answered is unknown; without a server it is not sent', async () => {
  const { client, events } = await populated();
  server.signal('SIGSTOP');
  const transaction = rejection(client.transact([ops.remove('Bridge', [])]));
  await server.kill();
  expect(await transaction).toMatchObject({ name: 'OvsdbConnectionError', outcome: 'unknown' });
  await until('the loss', () => events.at(-1) === 'disconnected');
  expect(await rejection(client.transact([ops.comment('x')]))).toMatchObject({ outcome: 'not sent' });
});

test('a server that hangs is noticed, and used again when it comes to', async () => {
  const { reasons, initials } = await connected({ probeMs: 100, timeoutMs: 1000 });
  server.signal('SIGSTOP');
  await until('the loss', () => reasons.length > 0);
  expect(reasons[0]).toMatchObject({ code: 'ETIMEDOUT' });
  server.signal('SIGCONT');
  await until('the second read', () => initials.length === 2);
});

test('a tcp remote that refuses is replaced by the unix socket', async () => {
  const port = await freePort('127.0.0.1');
  const { lines } = await connected({ remote: `tcp:127.0.0.1:${port}`, fallback: server.remote });
  expect(lines[0]?.fields).toMatchObject({ remote: server.remote });
});

test('tcp over IPv6, in brackets', async () => {
  await server.kill();
  const port = await freePort('::1');
  server.args.push(`--remote=ptcp:${port}:[::1]`);
  await server.up();
  const { client } = await populated({ remote: `tcp:[::1]:${port}` });
  expect(client.row('Bridge', BRIDGE)).toMatchObject({ name: 'br0' });
});

test('tcp, the server probing every second: its probes are answered', async () => {
  await server.kill();
  server.args.push('-vjsonrpc:file:dbg', '--remote=db:Open_vSwitch,Open_vSwitch,manager_options');
  await server.up();
  const port = await freePort('127.0.0.1');
  const { client } = await connected();
  // One second is the least that the server takes; it drops a client that is silent for another.
  const manager = { target: `ptcp:${port}:127.0.0.1`, inactivity_probe: 1000 };
  await client.transact([
    ops.insert('Manager', manager, { name: 'manager' }),
    ops.insert('Open_vSwitch', { manager_options: named('manager') }),
  ]);
  const { events } = await connected({ remote: `tcp:127.0.0.1:${port}` });
  await until('three answers', () => server.log().match(/tcp:.*received reply.*id="echo"/g)?.length === 3);
  // The first try may have come before the server listened.
  expect(events.slice(events.indexOf('connected'))).toEqual(['connected', 'initial']);
});
