/**
 * VMs that migrate live with two bindings, as Nova does it. Ours on host1 and host2, the reference on host3 and host4: what a
 * migration costs is told of both.
 */
import { afterAll, expect, it } from 'vitest';
import { pingWhile, type SteadyPing } from '../../lab/neutron/pinger.ts';
import { waitFor } from '../../lab/wait.ts';
import type { NetworksReport } from '../../src/report/types.ts';
import { DEAD_VLAN, tagOf } from './places.ts';
import { type PluggedVm, sceneOfFile } from './scene.ts';

/** Milliseconds that a destination gets to wire a VIF before its binding is active; Nova does not wait for ever either. */
const BEFORE_SWITCH_OVER = 4_000;

const scene = sceneOfFile(
  {
    hosts: 4,
    agents: { 1: 'ours', 2: 'ours', 3: 'reference', 4: 'reference' },
    // The server's word is whole when a second snapshot has confirmed it: here within seconds, not after two minutes.
    settings: { l2pop_agent: { snapshot_grace: '1', snapshot_confirm: '3' } },
  },
  // It believes the server, which tells the destination that the port is (also) at the source, and keeps or loses flows of
  // the network for good. What its VMs reach is looked at.
  async (up) => up.ignoreFlowsOfReference(),
);

const kind = (host: number) => scene.cloud.agent(host).lastKind ?? 'ours';

interface Migration {
  readonly who: string;
  /** The destination had the VIF on its network's VLAN before the binding was active. */
  readonly wiredBefore: boolean;
  /** From the old host and from elsewhere, over both versions of IP. */
  readonly pings: readonly (SteadyPing & { readonly name: string })[];
  /** From the switch-over, in milliseconds, until the port was ACTIVE on the new host. */
  readonly activeAfter: number;
}

const migrations: Migration[] = [];

/** The source stands still and the destination runs; the guest announces itself, as QEMU does for it. */
async function switchOver(source: PluggedVm, destination: PluggedVm): Promise<void> {
  await source.vm.namespace.ip('link set eth0 down');
  await destination.vm.namespace.ip('link set eth0 up');
}

/**
 * Our agents want no snapshot any more. One that is asked for between activation and the end of the old binding has the port
 * on both hosts, and nothing takes that back but the next.
 */
async function allSettled(): Promise<void> {
  for (const host of [1, 2]) {
    await waitFor(`host${host} to have the server's whole word`, async () => {
      const { body } = await scene.cloud.agent(host).ours.get('/networks');
      const { networks } = JSON.parse(body) as NetworksReport;
      return networks.every(({ sync }) => sync.status === 'synced' && sync.suspects === 0 && sync.confirmAt === null);
    });
  }
}

async function migrate(name: string, from: number, to: number, observers: { near: string; far: string }) {
  const { rest } = scene.cloud;
  const source = scene.named(name);
  const { port } = source;
  const [oldHost, newHost] = [scene.cloud.host(from).name, scene.cloud.host(to).name];
  scene.mayLeaveActive(name);
  await allSettled();
  // Nova: a binding on the destination, and whither it goes in the profile of the active one.
  await rest.createBinding(port.id, newHost);
  await rest.updatePort(port.id, { 'binding:profile': { migrating_to: newHost } });
  const destination = await scene.boot(name, to, port, { bind: false, unplugged: true });
  await destination.vm.namespace.sysctl({
    'ipv4/conf/eth0/arp_notify': 1,
    'ipv6/conf/eth0/ndisc_notify': 1,
    'ipv6/conf/eth0/keep_addr_on_down': 1,
  });
  await destination.vm.namespace.ip('link set eth0 down');
  await destination.vm.plug();
  const isWired = async () => {
    const tag = await tagOf(scene.cloud.host(to), destination);
    return tag !== undefined && tag !== DEAD_VLAN;
  };
  const wiredBefore = await waitFor('the VIF to be wired', isWired, { timeout: BEFORE_SWITCH_OVER }).catch(() => false);
  let activeAfter = 0;
  const watchers = [scene.named(observers.near).vm, scene.named(observers.far).vm];
  const pings = await pingWhile(
    watchers.flatMap((from) => [source.ipv4, source.ipv6].map((to) => ({ from, to }))),
    async () => {
      const started = performance.now();
      await Promise.all([switchOver(source, destination), rest.activateBinding(port.id, newHost)]);
      await scene.cloud.waitActive(port);
      activeAfter = performance.now() - started;
      await source.vm.delete();
      await rest.deleteBinding(port.id, oldHost);
      await scene.expectReachable([name, observers.near]);
      await scene.expectReachable([name, observers.far]);
    },
  );
  await rest.updatePort(port.id, { 'binding:profile': {} });
  const migration = { who: `${kind(from)} → ${kind(to)}`, wiredBefore, pings, activeAfter };
  migrations.push(migration);
  return migration;
}

afterAll(() => {
  const words = ({ name, sent, lost, gaps }: Migration['pings'][number]) =>
    `  ${name}: ${lost} of ${sent} pings lost${gaps.length > 0 ? ` (${gaps.map(({ ms }) => `${ms} ms`).join(', ')})` : ''}`;
  for (const { who, wiredBefore, pings, activeAfter } of migrations) {
    console.info(
      `live migration, ${who}: ${wiredBefore ? 'wired before it is active' : 'not wired before it is active'}, ` +
        `ACTIVE after ${Math.round(activeAfter)} ms\n${pings.map(words).join('\n')}`,
    );
  }
});

const longest = ({ pings }: Migration) => Math.max(0, ...pings.flatMap(({ gaps }) => gaps.map(({ ms }) => ms)));

it.each([
  { from: 3, to: 4, type: 'vxlan' },
  { from: 1, to: 2, type: 'vxlan' },
  { from: 1, to: 3, type: 'gre' },
  { from: 3, to: 1, type: 'geneve' },
] as const)('host$from to host$to, and back, $type', async ({ from, to, type }) => {
  const network = `live-${from}-${to}`;
  const observers = { near: `${network}-near`, far: `${network}-far` };
  const name = `${network}-m`;
  await scene.network(network, type);
  await scene.vm(observers.near, network, from);
  // Neither host's, and of the other kind.
  await scene.vm(observers.far, network, [4, 2, 3].find((host) => host !== from && host !== to) ?? 4);
  await scene.vm(name, network, from);
  await scene.expectAtRest();
  for (const [source, destination] of [
    [from, to],
    [to, from],
  ] as const) {
    const migration = await migrate(name, source, destination, observers);
    if (kind(destination) === 'ours') expect(migration.wiredBefore).toBe(true);
    await allSettled();
    await scene.expectAtRest();
    // The server does not take back that the source has ports of the network: from here on it always has one.
    if (destination === to) await scene.vm(`${network}-there`, network, to);
  }
});

it('ours to ours: the gap is not longer than that of the reference to the reference', () => {
  const worst = (who: string) => {
    const measured = migrations.filter((one) => one.who === who);
    expect(measured, `migrations ${who} that were completed`).toHaveLength(2);
    return Math.max(...measured.map(longest));
  };
  expect(worst('ours → ours')).toBeLessThanOrEqual(worst('reference → reference'));
});
