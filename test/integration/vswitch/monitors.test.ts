/** What the daemon's monitors let through, asked of the real ovsdb-server: bytes on the socket, and rows. */
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { OvsdbClient } from '../../../src/ovsdb/client.ts';
import { map, named, set } from '../../../src/ovsdb/notation.ts';
import { insert, mutate, type Operation, update, type WireRow } from '../../../src/ovsdb/operations.ts';
import type { IpAddress } from '../../../src/values.ts';
import { ownInterfaces, type SwitchRowChange, switchMonitors } from '../../../src/vswitch/monitors.ts';
import { until, WatchedClient } from '../../unit/ovsdb/watched-client.ts';
import { OvsdbServer } from '../ovsdb/ovsdb-server.ts';

const PATCH_PORTS = ['patch-tun', 'patch-int'];
const silent = () => undefined;

let server: OvsdbServer;
let writer: WatchedClient;
let daemon: OvsdbClient<ReturnType<typeof switchMonitors>>;
let changes: SwitchRowChange[];

beforeEach(async () => {
  server = await OvsdbServer.start();
  writer = new WatchedClient({ remote: server.remote, database: 'Open_vSwitch', monitors: {} });
  writer.client.start();
  await writer.read(1);
  await writer.client.transact([
    insert('Open_vSwitch', { bridges: set([named('int'), named('ex')]) }),
    insert('Bridge', { name: 'br-int' }, { name: 'int' }),
    insert('Bridge', { name: 'br-ex' }, { name: 'ex' }),
  ]);
  changes = [];
  let read = false;
  daemon = new OvsdbClient({
    remote: server.remote,
    database: 'Open_vSwitch',
    monitors: switchMonitors(PATCH_PORTS),
    timeoutMs: 30_000,
    log: { debug: silent, info: silent, warn: silent },
    onChanges: (seen, kind) => {
      read ||= kind === 'initial';
      changes.push(...seen);
    },
    onState: silent,
  });
  daemon.start();
  await until('the first read', () => read);
});
afterEach(async () => {
  await Promise.all([writer?.client.close(), daemon?.close()]);
  await server?.remove();
});

function port(bridge: string, name: string, columns: WireRow = {}): Operation[] {
  const id = name.replaceAll('-', '_');
  return [
    insert('Interface', { name, ...columns }, { name: `i_${id}` }),
    insert('Port', { name, interfaces: named(`i_${id}`) }, { name: `p_${id}` }),
    mutate('Bridge', [['name', '==', bridge]], [['ports', 'insert', named(`p_${id}`)]]),
  ];
}

/** What the daemon receives because of these operations: bytes but for the frame of a reply (whose id may grow by a digit), and rows. */
async function heard(...operations: Operation[]): Promise<{ bytes: number; rows: string[] }> {
  await daemon.transact([]);
  const before = daemon.bytesRead;
  await daemon.transact([]);
  const reply = daemon.bytesRead - before;
  changes.length = 0;
  const start = daemon.bytesRead;
  await writer.client.transact(operations);
  // Its reply comes after all updates of earlier transactions.
  await daemon.transact([]);
  const rows = changes.map((change) => {
    const row = change.after ?? change.before;
    return row !== undefined && 'name' in row ? `${change.table} ${row.name}` : change.table;
  });
  return { bytes: daemon.bytesRead - start - reply, rows: rows.sort() };
}

const VIF: WireRow = { external_ids: map({ 'iface-id': randomUUID(), 'attached-mac': 'fa:16:3e:00:00:01' }) };
const LOCAL_IP = '10.0.0.1' as IpAddress;
const tunnel = (remote_ip: string, local_ip = '10.9.9.9'): WireRow => ({
  type: 'vxlan',
  options: map({ remote_ip, local_ip, in_key: 'flow', out_key: 'flow' }),
});

describe('heard of', () => {
  test('a VIF: its port and its interface, less than 600 bytes whatever br-int holds', async () => {
    const crowd = Array.from({ length: 2000 }, (_, index) => port('br-int', `x${index}`)).flat();
    await writer.client.transact(crowd);
    const { bytes, rows } = await heard(...port('br-int', 'tap1', VIF));
    expect(rows).toEqual(['Interface tap1', 'Port tap1']);
    expect(bytes).toBeLessThan(600);
  });

  test("a predecessor's tunnel port and our patch port, at the start", async () => {
    const { rows } = await heard(
      ...port('br-ex', 'vxlan-1', tunnel('10.0.0.2')),
      ...port('br-int', 'patch-tun', { type: 'patch', options: map({ peer: 'patch-int' }) }),
    );
    expect(rows).toEqual(['Interface patch-tun', 'Interface vxlan-1', 'Port patch-tun', 'Port vxlan-1']);
  });
});

describe('not heard of', () => {
  test('statistics and whatever else ovs-vswitchd writes all the time', async () => {
    await heard(...port('br-int', 'tap1', VIF));
    const { bytes, rows } = await heard(
      update('Interface', [], { statistics: map([['rx_bytes', 7]]), status: map({ a: 'b' }), link_resets: 3 }),
      update('Bridge', [], { status: map({ a: 'b' }) }),
      update('Port', [], { statistics: map([['x', 1]]) }),
      update('Open_vSwitch', [], { statistics: map({ cpu: '2' }) }),
    );
    expect(rows).toEqual([]);
    expect(bytes).toBeLessThanOrEqual(1);
  });

  test('the interface of a port without external_ids, and the ports of a bridge', async () => {
    const { bytes, rows } = await heard(...port('br-int', 'plain'));
    expect(rows).toEqual(['Port plain']);
    expect(bytes).toBeLessThan(300);
  });

  test("other bridges' patch ports", async () => {
    const { rows } = await heard(...port('br-ex', 'int-br-ex', { type: 'patch' }));
    expect(rows).toEqual(['Port int-br-ex']);
  });

  test("other bridges' tunnel ports, once the daemon has taken over; our own still are, and so is a new first read", async () => {
    await heard(...port('br-ex', 'vxlan-1', tunnel('10.0.0.2')));
    changes.length = 0;
    await daemon.setConditions('Interface', ownInterfaces(PATCH_PORTS, LOCAL_IP));
    expect(changes.map(({ table, after }) => [table, after])).toEqual([['Interface', undefined]]);
    expect((await heard(...port('br-ex', 'vxlan-2', tunnel('10.0.0.3')))).rows).toEqual(['Port vxlan-2']);
    const ours = { ...tunnel('10.0.0.4'), external_ids: map({ 'l2pop-agent': 'tunnel' }) };
    expect((await heard(...port('br-int', 'vxlan-3', ours))).rows).toEqual(['Interface vxlan-3', 'Port vxlan-3']);
    const rival = tunnel('10.0.0.5', LOCAL_IP);
    expect((await heard(...port('br-int', 'theirs', rival))).rows).toEqual(['Interface theirs', 'Port theirs']);
    await server.kill();
    await server.up();
    await writer.read(2);
    await until('transactions work again', () => daemon.isConnected);
    expect([...daemon.rows('Interface').values()].map(({ name }) => name).sort()).toEqual(['theirs', 'vxlan-3']);
  });
});
