/** The lab server as it is run: processes on a real broker, asked over the wire and over the admin socket. */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { AdminClient, AdminError } from '../../../lab/server/admin-client.ts';
import type { JsonObject, JsonValue } from '../../../src/rpc/types.ts';
import type { TestClient } from '../rpc/rig.ts';
import { FDB, Rig, waitFor } from '../rpc/rig.ts';

const MAIN = new URL('../../../lab/server/main.ts', import.meta.url).pathname;
const VXLAN = { network_type: 'vxlan', segmentation_id: 42 } as const;

let rig: Rig;
let directory: string;
const servers: ChildProcess[] = [];

beforeAll(async () => {
  rig = await Rig.start();
});

afterAll(async () => {
  await rig.close();
});

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'lab-server-'));
});

afterEach(async () => {
  for (const server of servers.splice(0)) {
    if (server.exitCode !== null || server.signalCode !== null) continue;
    server.kill('SIGKILL');
    await once(server, 'exit');
  }
  await rig.reset();
  rmSync(directory, { recursive: true });
});

/** Starts a server and waits until it is ready. All of a test share one database. */
async function startServer(name = 'one', ...options: string[]): Promise<{ process: ChildProcess; admin: AdminClient }> {
  const socket = join(directory, `${name}.sock`);
  const server = spawn(
    process.execPath,
    [
      ...[MAIN, '--transport-url', `rabbit://guest:guest@127.0.0.1:${rig.broker.port}/`],
      ...[
        '--database',
        join(directory, 'server.db'),
        '--admin-socket',
        socket,
        '--log',
        join(directory, `${name}.log`),
      ],
      ...options,
    ],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  );
  servers.push(server);
  const admin = new AdminClient(socket);
  await waitFor(`lab server ${name}`, async () => (await admin.status()).pid === server.pid);
  return { process: server, admin };
}

/** An agent: its state is reported and its endpoints are registered. */
async function startAgent(host: string, vtep: string): Promise<TestClient> {
  const agent = rig.client(host);
  await agent.up();
  await expect(call(agent, 'q-reports-plugin', 'has_alive_neutron_server', '1.2', {})).resolves.toBe(true);
  const configurations = { tunneling_ip: vtep, tunnel_types: ['vxlan', 'gre'], datapath_type: 'netdev' };
  const state = { host, configurations, agent_type: 'Open vSwitch agent', binary: 'x', topic: 'N/A', start_flag: true };
  const report = { agent_state: { agent_state: state }, time: new Date().toISOString().slice(0, -1) };
  await expect(call(agent, 'q-reports-plugin', 'report_state', '1.2', report)).resolves.toBe('new');
  for (const type of ['vxlan', 'gre']) await sync(agent, host, vtep, type);
  return agent;
}

function call(agent: TestClient, topic: string, method: string, version: string, args: JsonObject): Promise<JsonValue> {
  return agent.client.call(topic, method, args, { version });
}

function sync(agent: TestClient, host: string, ip: string, type: string): Promise<JsonValue> {
  return call(agent, 'q-plugin', 'tunnel_sync', '1.4', { tunnel_ip: ip, tunnel_type: type, host });
}

async function up(agent: TestClient, host: string, devices: readonly string[], refresh = false): Promise<void> {
  const args = { devices_up: devices, devices_down: [], agent_id: `ovs-agent-${host}`, host, refresh_tunnels: refresh };
  const answer = await call(agent, 'q-plugin', 'update_device_list', '1.9', args);
  expect(answer).toMatchObject({ devices_up: devices, failed_devices_up: [] });
}

/** The methods that came by name before a marker sent now, the marker not among them. */
async function byNameUntilMarker(agent: TestClient, host: string): Promise<string[]> {
  await agent.client.cast(`${FDB}.${host}`, 'marker', {}, { version: '1.0' });
  const named = () =>
    agent.deliveries.filter(({ source }) => source === 'by-name').map(({ request }) => request.method);
  await waitFor('the marker', () => named().includes('marker'));
  return named().slice(0, -1);
}

describe('one server', () => {
  test('a port goes up: status, snapshot before the reply, fanout to the others; and down again', async () => {
    const { admin } = await startServer();
    const network = await admin.createNetwork({ name: 'net', ...VXLAN, subnets: ['192.0.2.0/24', '2001:db8::/64'] });
    const [one, two] = [await startAgent('host1', '172.30.0.11'), await startAgent('host2', '172.30.0.12')];
    const port1 = await admin.createPort({
      network_id: network.id,
      host: 'host1',
      fixed_ips: ['192.0.2.1', '2001:db8::1'],
    });
    const port2 = await admin.createPort({ network_id: network.id, host: 'host2', fixed_ips: ['192.0.2.2'] });
    await up(one, 'host1', [port1.id]);
    await up(two, 'host2', [port2.id]);
    expect(await byNameUntilMarker(two, 'host2')).toEqual(['add_fdb_entries', 'add_fdb_entries']);
    const snapshot = two.deliveries.find(({ source }) => source === 'by-name')?.request.args;
    expect(snapshot).toEqual({
      fdb_entries: {
        [network.id]: {
          segment_id: 42,
          network_type: 'vxlan',
          ports: {
            '172.30.0.11': [
              ['00:00:00:00:00:00', '0.0.0.0'],
              [port1.mac_address, '192.0.2.1'],
              [port1.mac_address, '2001:db8::1'],
            ],
          },
        },
      },
    });
    expect((await admin.ports()).map(({ status }) => status)).toEqual(['ACTIVE', 'ACTIVE']);
    await waitFor('the fanout about port2 at host1', () =>
      one.deliveries.some(({ request }) => JSON.stringify(request.args).includes(port2.mac_address)),
    );

    await admin.updatePort(port2.id, { fixed_ips: ['192.0.2.9'] });
    await admin.deletePort(port2.id);
    const fanouts = () =>
      one.deliveries.filter(({ source }) => source === 'fanout').map(({ request }) => request.method);
    await waitFor('port_delete', () => fanouts().includes('port_delete'));
    await waitFor('remove_fdb_entries', () => fanouts().includes('remove_fdb_entries'));
    await waitFor('update_fdb_entries', () => fanouts().includes('update_fdb_entries'));
    await waitFor('port_update', () => fanouts().includes('port_update'));
    expect(await admin.counters()).toMatchObject({ snapshotsByHost: { host2: 2 } });
    expect((await admin.agents()).map(({ host, alive }) => `${host} ${alive}`)).toEqual(['host1 true', 'host2 true']);
    expect((await admin.history(port2.id)).map(({ from, to, cause }) => `${from} ${to} ${cause}`)).toEqual([
      'DOWN ACTIVE up, host2',
    ]);
    expect(one.logged.withMessage('dropped')).toEqual([]);
  });

  test('everything is remembered over a restart, and a report from before it is not answered', async () => {
    const first = await startServer();
    const network = await first.admin.createNetwork(VXLAN);
    const agent = await startAgent('host1', '172.30.0.11');
    const port = await first.admin.createPort({ network_id: network.id, host: 'host1' });
    await up(agent, 'host1', [port.id]);
    const old = new Date().toISOString().slice(0, -1);
    const before = [await first.admin.ports(), await first.admin.networks(), await first.admin.endpoints()];

    first.process.kill('SIGTERM');
    expect(await once(first.process, 'exit')).toEqual([0, null]);
    await expect(stat(join(directory, 'one.sock'))).rejects.toMatchObject({ code: 'ENOENT' });

    const second = await startServer();
    expect([await second.admin.ports(), await second.admin.networks(), await second.admin.endpoints()]).toEqual(before);
    const state = { host: 'host1', agent_type: 'Open vSwitch agent', binary: 'x', topic: 'N/A', configurations: {} };
    const report = (time: string) =>
      call(agent, 'q-reports-plugin', 'report_state', '1.2', { agent_state: { agent_state: state }, time });
    await expect(report(old)).resolves.toBeNull();
    await expect(report(new Date().toISOString().slice(0, -1))).resolves.toBe('alive');
  });

  test('a kill at any time loses nothing that was answered', async () => {
    const first = await startServer();
    const network = await first.admin.createNetwork(VXLAN);
    const ports = await Promise.all(
      Array.from({ length: 20 }, () => first.admin.createPort({ network_id: network.id })),
    );
    first.process.kill('SIGKILL');
    await once(first.process, 'exit');
    const second = await startServer();
    expect((await second.admin.ports()).map(({ id }) => id).sort()).toEqual(ports.map(({ id }) => id).sort());
  });

  test('--l2population false: no FDB messages, tunnel_update as ever', async () => {
    const { admin } = await startServer('one', '--l2population', 'false');
    const network = await admin.createNetwork(VXLAN);
    const agent = await startAgent('host1', '172.30.0.11');
    const port = await admin.createPort({ network_id: network.id, host: 'host1' });
    await up(agent, 'host1', [port.id], true);
    expect((await admin.port(port.id)).status).toBe('ACTIVE');
    expect((await admin.counters()).fanoutsByMethod).toEqual({ tunnel_update: 2 });
  });

  test('--agent-down-time: a silent agent is down, then revived', async () => {
    const { admin } = await startServer('one', '--agent-down-time', '1');
    const agent = await startAgent('host1', '172.30.0.11');
    await waitFor('the agent to be down', async () => (await admin.agents()).every(({ alive }) => !alive));
    const state = { host: 'host1', agent_type: 'Open vSwitch agent', binary: 'x', topic: 'N/A', configurations: {} };
    const report = { agent_state: { agent_state: state }, time: new Date().toISOString().slice(0, -1) };
    await expect(call(agent, 'q-reports-plugin', 'report_state', '1.2', report)).resolves.toBe('revived');
  });

  test('networks and bindings over the admin socket', async () => {
    const { admin } = await startServer();
    const agent = await startAgent('host1', '172.30.0.11');
    const segments = [VXLAN, { network_type: 'gre' as const, segmentation_id: 42 }];
    const network = await admin.createNetwork({ segments });
    expect(network).toMatchObject({ segments, mtu: 1450 });
    expect(await admin.updateNetwork(network.id, { mtu: 1400, name: 'renamed' })).toMatchObject({ mtu: 1400 });
    const port = await admin.createPort({ network_id: network.id, host: 'host1' });
    await admin.addInactiveBinding(port.id, { host: 'host2', profile: { a: 1 } });
    expect(
      (await admin.activateBinding(port.id, 'host2')).bindings.map(({ host, status }) => `${host} ${status}`),
    ).toEqual(['host2 ACTIVE', 'host1 INACTIVE']);
    await admin.removeInactiveBinding(port.id, 'host1');
    await admin.updatePort(port.id, { name: 'n' });
    expect(await admin.port(port.id)).toMatchObject({ host: 'host2', bindings: [{ profile: { a: 1 } }] });
    expect(await admin.updatePort(port.id, { host: null, name: 'p' })).toMatchObject({
      host: null,
      bindings: [],
      name: 'p',
    });
    await admin.deletePort(port.id);
    await admin.deleteNetwork(network.id);
    expect([await admin.ports(), await admin.networks()]).toEqual([[], []]);
    const heard = () => agent.deliveries.map(({ request }) => request.method);
    await waitFor('port_delete', () => heard().includes('port_delete'));
    await waitFor('binding_activate', () => heard().includes('binding_activate'));
    await waitFor('port_update', () => heard().includes('port_update'));
  });

  test('bad admin requests: a status and a sentence each', async () => {
    const { admin } = await startServer();
    const network = await admin.createNetwork({ ...VXLAN, subnets: ['192.0.2.0/24'] });
    const port = await admin.createPort({ network_id: network.id, fixed_ips: ['192.0.2.1'] });
    const refused: [Promise<unknown>, number, string][] = [
      [admin.createNetwork(VXLAN), 409, 'UNIQUE'],
      [admin.createNetwork({}), 400, 'network_type is missing'],
      [admin.createPort({ network_id: 'x' }), 400, 'network_id'],
      [admin.createPort({ network_id: network.id, mac_address: 'x' }), 400, 'not a MAC'],
      [admin.createPort({ network_id: network.id, fixed_ips: ['198.51.100.1'] }), 400, '192.0.2.0/24'],
      [admin.createPort({ network_id: network.id, fixed_ips: ['192.0.2.1'] }), 409, 'UNIQUE'],
      [admin.deleteNetwork(network.id), 409, 'has ports'],
      [admin.port('x'), 404, 'not found'],
      [admin.activateBinding(port.id, 'host1'), 404, 'not found'],
    ];
    for (const [promise, status, text] of refused) {
      const error = await promise.then(
        () => undefined,
        (reason: unknown) => reason,
      );
      expect(error).toBeInstanceOf(AdminError);
      expect(error).toMatchObject({ status, message: expect.stringContaining(text) });
    }
  });
});

describe('two servers on one database', () => {
  test('hundreds of registrations, the same and different ones at once', async () => {
    const [one, two] = [await startServer('one'), await startServer('two')];
    const agent = rig.client('asker');
    await agent.up();
    const hosts = Array.from({ length: 100 }, (_, index) => ({ host: `host${index}`, ip: `10.0.${index}.1` }));
    const types = ['vxlan', 'gre', 'geneve'];
    // Every registration twice: one of the pair goes to each server.
    const asked = [...hosts, ...hosts].flatMap((host) => types.map((type) => ({ ...host, type })));
    const answers = await Promise.all(asked.map(({ host, ip, type }) => sync(agent, host, ip, type)));
    for (const [index, answer] of answers.entries()) {
      const tunnels = (answer as { tunnels: { ip_address: string; host: string }[] }).tunnels;
      const { host, ip } = asked[index] ?? {};
      expect(tunnels.filter((tunnel) => tunnel.ip_address === ip)).toMatchObject([{ host }]);
      expect(new Set(tunnels.map((tunnel) => tunnel.ip_address)).size).toBe(tunnels.length);
    }
    const endpoints = await one.admin.endpoints();
    expect(endpoints).toEqual(await two.admin.endpoints());
    expect(
      endpoints.map((endpoint) => `${endpoint.tunnel_type} ${endpoint.ip_address} ${endpoint.host}`).sort(),
    ).toEqual(hosts.flatMap(({ host, ip }) => types.map((type) => `${type} ${ip} ${host}`)).sort());
    const shares = await Promise.all([one, two].map(async ({ admin }) => (await admin.counters()).fanouts));
    expect(shares.reduce((sum, share) => sum + share)).toBe(asked.length);
    expect(Math.min(...shares)).toBeGreaterThan(0);
  });

  test('a host with a new address: its peers hear of the old one once', async () => {
    await Promise.all([startServer('one'), startServer('two')]);
    const peer = await startAgent('host2', '172.30.0.12');
    await startAgent('host1', '172.30.0.11');
    const agent = rig.client('host1b');
    await agent.up();
    await Promise.all([1, 2, 3, 4].map(() => sync(agent, 'host1', '172.30.0.99', 'vxlan')));
    // Everything is in the queues when the calls have been answered: the marker comes last.
    await agent.client.fanout('q-agent-notifier-tunnel-delete', 'marker', {}, { version: '1.0' });
    await agent.client.fanout('q-agent-notifier-tunnel-update', 'marker', {}, { version: '1.0' });
    const heard = (method: string) => peer.deliveries.filter(({ request }) => request.method === method);
    await waitFor('both markers', () => heard('marker').length === 2);
    expect(heard('tunnel_delete').map(({ request }) => request.args)).toEqual([
      { tunnel_ip: '172.30.0.11', tunnel_type: 'vxlan' },
    ]);
    const updates = heard('tunnel_update').filter(({ request }) => request.args.tunnel_ip === '172.30.0.99');
    expect(updates).toHaveLength(4);
  });
});
