/**
 * neutron-server and Open vSwitch go away and come back, with changes made meanwhile: at rest both ends are complete, and no
 * ACTIVE port has left ACTIVE because of us. Ours on host1, where all of it happens, the reference on host2.
 */
import { describe, expect, it } from 'vitest';
import { waitFor } from '../../lab/wait.ts';
import { AgentLog } from './agent-log.ts';
import { broken, pingAllPathsWhile } from './paths.ts';
import { sceneOfFile, TUNNEL_TYPES } from './scene.ts';

/** VMs of the other host that go while something is away here. */
const LEAVING = ['vswitchd-stop-y', 'vswitchd-kill-y', 'ovsdb-stop-y', 'ovsdb-kill-y', 'whole-y'];

let log: AgentLog;

const scene = sceneOfFile(
  {
    agents: { 1: 'ours', 2: 'reference' },
    settings: {
      // A call that neutron-server takes to its grave is waited for this long, by either agent.
      DEFAULT: { rpc_response_timeout: '15' },
      agent: { report_interval: '2' },
      l2pop_agent: { snapshot_grace: '1', snapshot_confirm: '3' },
    },
    // Long enough for a server that is busy, short enough to wait for.
    serverSettings: { DEFAULT: { agent_down_time: '12' } },
  },
  async (up) => {
    await up.everyTunnelType({ a1: 1, a2: 1, b1: 2 });
    // Those that will go from the other host are there for a while by then: the reference reports a new port twice, 2 s apart, and
    // when it is deleted meanwhile neutron-server may tell everybody of it once more, after it has taken it back.
    for (const name of LEAVING) await up.vm(name, 'gre', 2);
    log = new AgentLog(up.cloud.agent(1));
  },
);

const isAlive = async () => (await scene.cloud.agentRecord(1))?.alive === true;
const refreshes = () => log.lines().filter(({ refresh }) => refresh === true);

describe.each(['stop', 'kill'] as const)('neutron-server after %s', (how) => {
  it('VIFs plugged and unplugged meanwhile, on both hosts: no path breaks', async () => {
    const [a, b, gone] = [`${how}-a`, `${how}-b`, `${how}-x`];
    await scene.prepare([a], 'vxlan', 1);
    await scene.prepare([b], 'gre', 2);
    await scene.vm(gone, 'geneve', 1);
    const results = await pingAllPathsWhile(scene, async () => {
      await scene.cloud.server[how]();
      await scene.named(a).vm.plug();
      await scene.named(b).vm.plug();
      const unplugged = scene.unplug(gone);
      await scene.cloud.server.start();
      await Promise.all([unplugged, scene.waitActive(a, b)]);
    });
    expect(broken(results)).toEqual([]);
    await scene.expectAtRest();
  });
});

describe.each(['stop', 'kill'] as const)('ovs-vswitchd after %s', (how) => {
  it('VIFs plugged and unplugged here, ports of the other host come and go', async () => {
    const [a, gone, far, farGone] = ['a', 'x', 'b', 'y'].map((role) => `vswitchd-${how}-${role}`) as [
      string,
      string,
      string,
      string,
    ];
    await scene.prepare([a], 'vxlan', 1);
    await scene.vm(gone, 'geneve', 1);
    await scene.expectReachable([farGone, 'gre-a1']);
    const host = scene.cloud.host(1);
    await host.daemon('ovs-vswitchd')[how]();
    // ovs-vsctl has written and waits for ovs-vswitchd, as Nova's does.
    const changes = [scene.named(a).vm.plug(), scene.unplug(gone)];
    await scene.vm(far, 'vxlan', 2);
    await scene.remove(farGone);
    await host.startVswitchd();
    await Promise.all([...changes, scene.waitActive(a)]);
    await scene.expectAtRest();
  });
});

describe.each(['stop', 'kill'] as const)('ovsdb-server after %s', (how) => {
  it('ports of the other host come and go, a VIF is plugged right afterwards: no path breaks', async () => {
    const [a, far, farGone] = ['a', 'b', 'y'].map((role) => `ovsdb-${how}-${role}`) as [string, string, string];
    await scene.prepare([a], 'geneve', 1);
    await scene.expectReachable([farGone, 'gre-a1']);
    const host = scene.cloud.host(1);
    // While it is away the userspace datapath forwards nothing, with an agent or without: pings can tell only of what comes after.
    await host.daemon('ovsdb-server')[how]();
    await scene.vm(far, 'vxlan', 2);
    await scene.remove(farGone);
    await host.startOvsdbServer();
    const results = await pingAllPathsWhile(scene, async () => {
      await scene.named(a).vm.plug();
      await scene.waitActive(a);
      await scene.expectFlows();
    });
    expect(broken(results)).toEqual([]);
    await scene.expectAtRest();
  });
});

it('the whole of Open vSwitch at once, as `systemctl restart openvswitch-switch`, with changes on the other host', async () => {
  const host = scene.cloud.host(1);
  await host.daemon('ovs-vswitchd').stop();
  await host.daemon('ovsdb-server').stop();
  await scene.vm('whole-b', 'geneve', 2);
  await scene.remove('whole-y');
  await host.startOvsdbServer();
  await host.startVswitchd();
  await scene.expectAtRest();
});

it('while ovs-vswitchd alone is dead we are not reported alive; given up and back, everything is asked anew', async () => {
  const host = scene.cloud.host(1);
  log.forget();
  await host.daemon('ovs-vswitchd').kill();
  await waitFor('the server to give us up', async () => !(await isAlive()), { timeout: 60_000, interval: 200 });
  await scene.vm('revived-b', 'vxlan', 2);
  await host.startVswitchd();
  await waitFor('the server to have us back', isAlive, { timeout: 60_000, interval: 200 });
  await waitFor('a refresh of every network', () => {
    const asked = refreshes().reduce((sum, { ports }) => sum + Number(ports), 0);
    return log.has('neutron-server had given us up') && asked >= TUNNEL_TYPES.length;
  });
  await scene.expectAtRest();
});
