/**
 * A restart with 10,000 entries on a network: the reference takes away up to 99 % of table 20 for ten seconds; ours must not
 * cost its tenants one ping, after SIGTERM and after SIGKILL.
 */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Cloud } from '../../lab/cloud.ts';
import { pingWhile } from '../../lab/neutron/pinger.ts';
import { RunDirectory } from '../../lab/run-directory.ts';
import type { NetworkView } from '../../lab/server/admin-types.ts';
import { Vm } from '../../lab/vm.ts';
import { waitFor } from '../../lab/wait.ts';
import { FlowWatch } from '../integration/agent/flow-watch.ts';

const ENTRIES = 10_000;
const VTEPS = Array.from({ length: 10 }, (_, i) => `172.30.0.${101 + i}`);
/** Pings for which everything is watched after the agent has started; 20 a second. */
const AFTERWARDS = 100;

const run = RunDirectory.createForTest();
let cloud: Cloud;
let network: NetworkView;
const vms = new Map<string, Vm>();
let hasFailed = false;

beforeAll(async () => {
  cloud = await Cloud.up(run, { hosts: 2 });
  const subnets = ['10.60.0.0/16', 'fd00:60::/64'];
  network = await cloud.admin.createNetwork({ network_type: 'vxlan', segmentation_id: 60, subnets });
  // Entries of before have no flows on host2: it hears of its first port alone.
  await boot('b1', 2, 1);
  insertCrowd();
  await boot('a1', 1, 2);
  await boot('a2', 1, 3);
  await waitFor('all flows', async () => (await unicastFlows()) === ENTRIES + 1, { timeout: 60_000, interval: 200 });
  for (const { from, to } of paths()) {
    await waitFor(`${from.name} to reach ${to}`, async () => (await from.ping(to, { count: 1 })).received === 1);
  }
});

afterAll(async () => {
  if (hasFailed) await run.takeDown();
  else await run.remove();
});

describe.each([
  ['SIGTERM', 'stop'],
  ['SIGKILL', 'kill'],
] as const)('after %s', (_, how) => {
  it('no ping is lost, no flow is deleted or has other actions for an instant', async ({ onTestFailed }) => {
    onTestFailed(() => {
      hasFailed = true;
    });
    const agent = cloud.agent(1);
    const watch = await FlowWatch.start(cloud.host(1), 'br-tun');
    try {
      const results = await pingWhile(paths(), async () => {
        await agent[how]();
        await agent.start();
        await waitFor('a comparison with the switch', async () => {
          const status = JSON.parse((await agent.get('/status')).body) as { switch?: { passed?: boolean } };
          return status.switch?.passed === true;
        });
        expect(await vm('a1').ping(addresses(1)[0], { count: AFTERWARDS, interval: 0.05 })).toMatchObject({
          sent: AFTERWARDS,
          received: AFTERWARDS,
        });
      });
      expect(results.map(({ name, lost, gaps }) => ({ name, lost, gaps }))).toEqual(
        results.map(({ name }) => ({ name, lost: 0, gaps: [] })),
      );
      expect(await watch.harm()).toEqual([]);
    } finally {
      watch.kill();
    }
    expect(await unicastFlows()).toBe(ENTRIES + 1);
  });
});

/** Out of the host and into it, both families, and inside it. */
function paths() {
  const [a1, a2, b1] = [vm('a1'), vm('a2'), vm('b1')];
  return [
    { from: a1, to: addresses(1)[0] },
    { from: b1, to: addresses(3)[1] },
    { from: a2, to: addresses(1)[1] },
    { from: a1, to: addresses(3)[0] },
  ];
}

function addresses(index: number): [ipv4: string, ipv6: string] {
  return [`10.60.0.1${index}`, `fd00:60::1${index}`];
}

function vm(name: string): Vm {
  const one = vms.get(name);
  if (one === undefined) throw new Error(`there is no VM ${name}`);
  return one;
}

async function boot(name: string, hostIndex: number, index: number): Promise<void> {
  const host = cloud.host(hostIndex);
  const [ipv4, ipv6] = addresses(index);
  const port = await cloud.admin.createPort({ network_id: network.id, host: host.name, fixed_ips: [ipv4, ipv6] });
  const spec = { name, portId: port.id, mac: port.mac_address, addresses: [`${ipv4}/16`, `${ipv6}/64`] };
  vms.set(name, await Vm.boot(host, spec));
  await waitFor(`${name} to be ACTIVE`, async () => (await cloud.admin.port(port.id)).status === 'ACTIVE');
}

/** Flows of table 20 that were not learned. */
async function unicastFlows(): Promise<number> {
  const flows = await cloud.host(1).ofctl('--no-names', '--no-stats', 'dump-flows', 'br-tun', 'table=20');
  return (flows.match(/priority=2,/g) ?? []).length;
}

/** Ports that are ACTIVE on hosts that do not exist, put into the server's database: by its admin socket it takes minutes. */
function insertCrowd(): void {
  const database = new DatabaseSync(join(run.path, 'server', 'server.db'), { timeout: 5_000 });
  const segment = database.prepare('SELECT id FROM segments WHERE network_id = ?').get(network.id)?.id ?? '';
  const numbers = `WITH RECURSIVE crowd (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM crowd WHERE n < ${ENTRIES})`;
  const id = "printf('c0000000-0000-4000-8000-%012x', n)";
  const host = `'crowd' || (n % ${VTEPS.length})`;
  const agents = VTEPS.map((vtep, i) => {
    const configurations = JSON.stringify({ tunneling_ip: vtep, tunnel_types: ['vxlan', 'gre'], l2_population: true });
    return `INSERT INTO agents VALUES ('Open vSwitch agent', 'crowd${i}', 'neutron-openvswitch-agent', 'N/A', '${configurations}', 0, 0, 0);`;
  });
  database.exec(`
    BEGIN IMMEDIATE;
    ${agents.join('\n')}
    ${numbers} INSERT INTO ports (id, network_id, name, mac, admin_state_up, status, device_id, device_owner, revision, created_at, updated_at)
      SELECT ${id}, '${network.id}', '', printf('fa:16:3f:%02x:%02x:%02x', n >> 16, (n >> 8) & 255, n & 255), 1, 'ACTIVE',
        ${id}, 'compute:nova', 1, 0, 0 FROM crowd;
    ${numbers} INSERT INTO fixed_ips (port_id, subnet_id, ip, position)
      SELECT ${id}, '${network.subnets[0]?.id}', printf('10.60.%d.%d', 1 + n / 250, 1 + n % 250), 0 FROM crowd;
    ${numbers} INSERT INTO bindings (port_id, host, status, vif_type, profile, datapath_type, bridge_name)
      SELECT ${id}, ${host}, 'ACTIVE', 'ovs', '{}', 'netdev', 'br-int' FROM crowd;
    ${numbers} INSERT INTO binding_levels (port_id, host, level, segment_id)
      SELECT ${id}, ${host}, 0, '${String(segment)}' FROM crowd;
    COMMIT;`);
  database.close();
}
