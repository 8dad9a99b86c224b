/** l2_population=false: the full mesh from `tunnel_sync`, floods to all tunnels of the type, and what table 10 learns. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Cloud } from '../../lab/cloud.ts';
import { RunDirectory } from '../../lab/run-directory.ts';
import type { NetworkView } from '../../lab/server/admin-types.ts';
import { Vm } from '../../lab/vm.ts';
import { waitFor } from '../../lab/wait.ts';

const SUBNETS = ['10.9.0.0/24', 'fd00:9::/64'];

describe('without l2population', () => {
  const run = RunDirectory.createForTest();
  let cloud: Cloud;
  let network: NetworkView;
  const vms: Vm[] = [];

  beforeAll(async () => {
    cloud = await Cloud.up(run, {
      hosts: 3,
      settings: { agent: { l2_population: 'false', arp_responder: 'false' } },
      serverArguments: ['--l2population', 'false'],
    });
    network = await cloud.admin.createNetwork({ network_type: 'vxlan', segmentation_id: 900, subnets: SUBNETS });
    for (const index of [1, 2]) {
      const host = cloud.host(index);
      const addresses = [`10.9.0.1${index}/24`, `fd00:9::1${index}/64`];
      const fixedIps = addresses.map((address) => address.split('/')[0] ?? '');
      const port = await cloud.admin.createPort({ network_id: network.id, host: host.name, fixed_ips: fixedIps });
      vms.push(await Vm.boot(host, { name: `m${index}`, portId: port.id, mac: port.mac_address, addresses }));
      await waitFor(`port ${index} to be ACTIVE`, async () => (await cloud.admin.port(port.id)).status === 'ACTIVE');
    }
  });

  afterAll(async () => {
    await run.remove();
  });

  const flows = async (index: number, table: number) =>
    (await cloud.host(index).ofctl('--no-names', '--no-stats', 'dump-flows', 'br-tun', `table=${table}`)).split('\n');

  it('every host has a tunnel of each type to every other, the one without a VM included', async () => {
    for (const index of [1, 2, 3]) {
      const others = [1, 2, 3].filter((other) => other !== index).map((other) => cloud.host(other).vtep.ipv4);
      const wanted = others.flatMap((vtep) => [`gre ${vtep}`, `vxlan ${vtep}`]).sort();
      await waitFor(`the mesh on host${index}`, async () => {
        const { tunnels } = JSON.parse((await cloud.agent(index).get('/tunnels')).body) as {
          tunnels: { type: string; remoteIp: string; ofport: number | null }[];
        };
        const there = tunnels
          .filter(({ ofport }) => ofport !== null)
          .map(({ type, remoteIp }) => `${type} ${remoteIp}`);
        return there.sort().join() === wanted.join();
      });
    }
  });

  it('a network is flooded to all tunnels of its type', async () => {
    const flood = (await flows(1, 22)).find((flow) => flow.includes('dl_vlan='));
    expect(flood?.match(/output:/g)).toHaveLength(2);
  });

  it.each(['10.9.0.12', 'fd00:9::12'])('VMs reach each other: %s', async (target) => {
    await waitFor(`a first answer of ${target}`, async () => (await vms[0]!.ping(target, { count: 1 })).received === 1);
    expect(await vms[0]!.ping(target, { count: 3 })).toMatchObject({ sent: 3, received: 3 });
  });

  it('the sender was learned: a flow of table 20 under the cookie of what is learned', async () => {
    const learned = (await flows(1, 20)).find((flow) => flow.includes(`dl_dst=${vms[1]!.mac}`));
    expect(learned).toContain('hard_timeout=300');
    expect(learned).toContain('cookie=0x6c32700000000000');
    expect(await cloud.agent(1).ctl('flows', '--mac', vms[1]!.mac)).toContain('learned');
  });
});
