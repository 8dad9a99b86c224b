/** The rig itself: hosts that reach each other through their switches, and only through them; nothing left behind. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Host } from '../../../lab/host.ts';
import { tryRun } from '../../../lab/run.ts';
import { RunDirectory } from '../../../lab/run-directory.ts';
import { Underlay } from '../../../lab/underlay.ts';
import { Vm } from '../../../lab/vm.ts';

const run = RunDirectory.createForTest();
let hosts: Host[];
let vms: Vm[];

beforeAll(async () => {
  const underlay = await Underlay.create(run);
  hosts = await Promise.all([1, 2].map((index) => Host.up(run, underlay, index)));
  await Promise.all(hosts.map((host) => addBridge(host)));
  vms = await Promise.all(
    hosts.map((host, i) =>
      Vm.boot(host, {
        name: 'vm',
        portId: randomUUID(),
        mac: `fa:16:3e:00:00:0${i}`,
        addresses: [`10.0.0.${i + 1}/24`, `fd00::${i + 1}/64`],
      }),
    ),
  );
});

afterAll(async () => {
  await run.remove();
  const namespaces = (await tryRun(['ip', 'netns', 'list'])).stdout;
  expect(namespaces).not.toContain(run.id);
});

describe.each(['vxlan', 'gre'])('a %s tunnel made by hand', (type) => {
  beforeAll(async () => {
    const [one, two] = hosts as [Host, Host];
    await Promise.all([addTunnel(one, two, type), addTunnel(two, one, type)]);
  });

  it.each(['10.0.0.2', 'fd00::2'])('carries a ping to %s', async (address) => {
    const result = await vms[0]!.ping(address, { count: 10, interval: 0.1 });
    expect(result.sent).toBe(10);
    expect(result.received).toBeGreaterThanOrEqual(8);
  });
});

it('counts what is lost while something is done', async () => {
  const result = await vms[0]!.pingWhile('10.0.0.2', async () => {
    await hosts[1]!.ofctl('del-flows', 'br-int');
    await vms[0]!.ping('10.0.0.2', { count: 3 });
    await hosts[1]!.ofctl('add-flow', 'br-int', 'actions=normal');
  });
  expect(result.received).toBeLessThan(result.sent);
});

it('follows an address that changes', async () => {
  await vms[1]!.changeAddress('10.0.0.2/24', '10.0.0.7/24');
  expect((await vms[0]!.ping('10.0.0.2', { count: 1 })).received).toBe(0);
  expect((await vms[0]!.ping('10.0.0.7')).received).toBeGreaterThan(0);
});

it('sets the ids that Nova sets', async () => {
  const ids = await hosts[0]!.vsctl('--format=json', '--columns=external_ids', 'list', 'Interface', vms[0]!.device);
  const { data } = JSON.parse(ids) as { data: [[['map', [string, string][]]]] };
  expect(Object.fromEntries(data[0][0][1])).toMatchObject({
    'iface-id': vms[0]!.portId,
    'iface-status': 'active',
    'attached-mac': 'fa:16:3e:00:00:00',
    'vm-uuid': expect.stringMatching(/^[0-9a-f-]{36}$/),
  });
});

it('gives a host no way out but the management network', async () => {
  const routes = await hosts[0]!.exec(['ip', 'route']);
  expect(routes).not.toContain('default');
  expect(routes).toContain('172.30.1.0/24 dev mgmt0');
});

it('survives a crash of ovs-vswitchd: the database is kept, the address comes back', async () => {
  const [one, two] = hosts as [Host, Host];
  await two.daemon('ovs-vswitchd').kill();
  await two.startVswitchd();
  expect(await two.vsctl('list-br')).toContain('br-int');
  expect((await one.tryExec(['ping', '-c', '3', '-i', '0.2', '-W', '1', two.vtep.ipv4])).exitCode).toBe(0);
});

async function addBridge(host: Host): Promise<void> {
  await host.vsctl('add-br', 'br-int', '--', 'set', 'Bridge', 'br-int', 'datapath_type=netdev');
}

async function addTunnel(host: Host, peer: Host, type: string): Promise<void> {
  const options = [`options:remote_ip=${peer.vtep.ipv4}`, `options:local_ip=${host.vtep.ipv4}`, 'options:key=77'];
  await host.vsctl(
    ...['--if-exists', 'del-port', 'br-int', 'tunnel', '--', 'add-port', 'br-int', 'tunnel'],
    ...['--', 'set', 'Interface', 'tunnel', `type=${type}`, ...options],
  );
}
