/**
 * A VIF that went while nobody could say so, its port still there (a VM that is shut off): after the next start the port is
 * DOWN at the server, and the other hosts lose it. With the lab server, whose rules are ML2's.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Cloud } from '../../../lab/cloud.ts';
import { RunDirectory } from '../../../lab/run-directory.ts';
import type { NetworkView, PortView } from '../../../lab/server/admin-types.ts';
import { waitFor } from '../../../lab/wait.ts';
import type { NetworksReport } from '../../../src/report/types.ts';
import { deviceOf } from './rig.ts';

const run = RunDirectory.createForTest();
let cloud: Cloud;
let network: NetworkView;
let stays: PortView;
let address = 8;

beforeAll(async () => {
  // With the broker the other host's queue goes, and maybe the news with it: what its refresh lacks is to go soon.
  const settings = { l2pop_agent: { snapshot_grace: '0', snapshot_confirm: '1' } };
  cloud = await Cloud.up(run, { hosts: 2, settings });
  network = await cloud.admin.createNetwork({ network_type: 'vxlan', segmentation_id: 61, subnets: ['10.61.0.0/24'] });
  await boot(2, 2);
  stays = await boot(1, 3);
});
afterAll(() => run.remove());

const agent = () => cloud.agent(1);
const status = async (port: PortView) => (await cloud.admin.port(port.id)).status;

/** A port of the network with its VIF on a host, ACTIVE. */
async function boot(hostIndex: number, last: number): Promise<PortView> {
  const host = cloud.host(hostIndex);
  const port = await cloud.admin.createPort({
    network_id: network.id,
    host: host.name,
    fixed_ips: [`10.61.0.${last}`],
  });
  const device = deviceOf(port.id);
  await host.vsctl(
    ...['add-port', 'br-int', device, '--', 'set', 'Interface', device, 'type=internal'],
    ...[`external_ids:iface-id=${port.id}`, 'external_ids:iface-status=active'],
    `external_ids:attached-mac="${port.mac_address}"`,
  );
  await waitFor('the port to be ACTIVE', async () => (await status(port)) === 'ACTIVE');
  return port;
}

async function unplug(port: PortView): Promise<void> {
  await cloud.host(1).vsctl('del-port', 'br-int', deviceOf(port.id));
}

async function isKnownToOthers(port: PortView): Promise<boolean> {
  const flows = await cloud.host(2).ofctl('--no-names', '--no-stats', 'dump-flows', 'br-tun', 'table=20');
  return flows.includes(port.mac_address);
}

it.each<[string, (port: PortView) => Promise<void>]>([
  [
    'the daemon was stopped',
    async (port) => {
      await agent().stop();
      await unplug(port);
      await agent().start();
    },
  ],
  [
    'the daemon was killed',
    async (port) => {
      await agent().kill();
      await unplug(port);
      await agent().start();
    },
  ],
  [
    'the broker was away, and then the daemon was killed',
    async (port) => {
      await cloud.broker.stop();
      await unplug(port);
      await waitFor('the daemon to have seen it', async () => {
        const { networks } = JSON.parse((await agent().get('/networks')).body) as NetworksReport;
        return networks.flatMap(({ vifs }) => vifs).length === 1;
      });
      await agent().kill();
      await cloud.broker.start();
      await agent().start();
    },
  ],
])('%s: its port goes DOWN', async (_, goes) => {
  const port = await boot(1, ++address);
  await waitFor('the other host to know it', () => isKnownToOthers(port));
  await goes(port);
  await waitFor('the port to be DOWN', async () => (await status(port)) === 'DOWN');
  await waitFor('the other host to lose it', async () => !(await isKnownToOthers(port)));
  expect(await status(stays)).toBe('ACTIVE');
  // By one agent, once.
  const changes = await cloud.admin.history(port.id);
  expect(changes.filter(({ to }) => to === 'DOWN')).toHaveLength(1);
  expect(changes.at(-1)?.cause).toContain(`down, ${cloud.host(1).name}`);
  await cloud.admin.deletePort(port.id);
});
