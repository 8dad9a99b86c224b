/** What a resync costs the server: 50 ACTIVE ports on 5 networks are 5 snapshots and 5 fanouts (DESIGN, rule 6; WIRE.md). */
import { rmSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { statePath } from '../../../lab/agent.ts';
import { Cloud } from '../../../lab/cloud.ts';
import { RunDirectory } from '../../../lab/run-directory.ts';
import { RPC_DEFAULTS } from '../../../lab/server/rpc-config.ts';
import { waitFor } from '../../../lab/wait.ts';
import { L2POPULATION_TOPIC } from '../../../src/neutron/topics.ts';
import type { NetworksReport, ResyncReport } from '../../../src/report/types.ts';
import { topologyOf } from '../../../src/rpc/topology.ts';
import { testConfig } from '../../unit/config.ts';
import { deviceOf } from './rig.ts';

const NETWORKS = 5;
const PORTS = 50;

const run = RunDirectory.createForTest();
let cloud: Cloud;

/** The ports of host1 are spread over all networks; host2 has one on each. */
beforeAll(async () => {
  cloud = await Cloud.up(run, { hosts: 2 });
  const networks = await Promise.all(
    Array.from({ length: NETWORKS }, (_, n) =>
      cloud.admin.createNetwork({ network_type: 'vxlan', segmentation_id: 600 + n, subnets: [`10.6.${n}.0/24`] }),
    ),
  );
  // An agent answers before its bridges are made.
  for (const index of [1, 2]) await cloud.host(index).vsctl('wait-until', 'Bridge', 'br-int');
  const ids: string[] = [];
  for (let n = 0; n < PORTS + NETWORKS; n++) {
    const host = cloud.host(n < PORTS ? 1 : 2);
    const port = await cloud.admin.createPort({ network_id: networks[n % NETWORKS]!.id, host: host.name });
    const device = deviceOf(port.id);
    await host.vsctl(
      ...['add-port', 'br-int', device, '--', 'set', 'Interface', device, 'type=internal'],
      `external_ids:iface-id=${port.id}`,
    );
    ids.push(port.id);
  }
  await waitFor(
    'all ports to be ACTIVE',
    async () => {
      const active = (await cloud.admin.ports()).filter(({ status }) => status === 'ACTIVE');
      return active.length === ids.length;
    },
    { timeout: 90_000, interval: 200 },
  );
  await atRest();
});

afterAll(async () => {
  await run.remove();
});

async function report(): Promise<NetworksReport> {
  return JSON.parse((await cloud.agent(1).get('/networks')).body) as NetworksReport;
}

/** Every network has been answered since then, and nothing is in doubt. */
async function atRest(since = 0): Promise<void> {
  await waitFor(
    'all networks to be in sync',
    async () => {
      const { networks } = await report();
      const isDone = ({ sync }: NetworksReport['networks'][number]) =>
        sync.status === 'synced' && Date.parse(sync.since) >= since && sync.confirmAt === null;
      return networks.length === NETWORKS && networks.every(isDone);
    },
    { timeout: 200_000, interval: 100 },
  );
}

/** What the server sends until all networks have been asked for and answered. */
async function cost(happens: () => Promise<unknown>): Promise<object> {
  const before = await cloud.admin.counters();
  const since = Date.now();
  await happens();
  await atRest(since);
  const after = await cloud.admin.counters();
  const fanouts = (counters: typeof after) => counters.fanoutsByMethod.add_fdb_entries ?? 0;
  return { snapshots: after.snapshots - before.snapshots, fanouts: fanouts(after) - fanouts(before) };
}

const FIVE = { snapshots: NETWORKS, fanouts: NETWORKS };

it('after a gap', async () => {
  const { rpc, host } = testConfig();
  const { name } = topologyOf({ ...rpc, ...RPC_DEFAULTS }, host).fanoutQueue(L2POPULATION_TOPIC);
  const found = await cost(() => cloud.broker.ctl('delete_queue', name));
  expect(found).toEqual(FIVE);
});

it('after a restart with nothing kept', async () => {
  const found = await cost(async () => {
    await cloud.agent(1).stop();
    rmSync(statePath(cloud.host(1)), { recursive: true });
    await cloud.agent(1).start();
  });
  expect(found).toEqual(FIVE);
});

it('by hand, for all or for one', async () => {
  const found = await cost(() => cloud.agent(1).ctl('resync', '--all'));
  expect(found).toEqual(FIVE);
  const [network] = (await report()).networks;
  const { snapshots } = await cloud.admin.counters();
  const text = await cloud.agent(1).ctl('resync', '--json', '--network', network!.id.slice(0, 12));
  expect((JSON.parse(text) as ResyncReport).networks).toMatchObject([{ id: network!.id, outcome: 'queued' }]);
  await waitFor('one more snapshot', async () => (await cloud.admin.counters()).snapshots === snapshots + 1);
  const all = await cloud.agent(1).ctl('resync', '--vtep', cloud.host(2).vtep.ipv4);
  expect(all.split('\n').filter((line) => line.includes('queued') || line.includes('under way'))).toHaveLength(
    NETWORKS,
  );
});
