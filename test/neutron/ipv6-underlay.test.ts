/**
 * Tunnels over IPv6: the hand-over live and the way back. GRE has a type of its own there, and the names of tunnel ports a
 * hash: an agent that does not find the other's port makes a second one, which Open vSwitch refuses.
 */
import { expect, it } from 'vitest';
import type { AgentKind } from '../../lab/neutron/host-agent.ts';
import { lossy, pingAllPathsWhile } from './paths.ts';
import { sceneOfFile, TUNNEL_TYPES } from './scene.ts';

const scene = sceneOfFile({ agents: { 1: 'reference', 2: 'reference' }, overlayIpVersion: 6 }, (up) =>
  up.everyTunnelType({ a1: 1, a2: 1, b1: 2 }),
);

async function handOver(kind: AgentKind) {
  return await pingAllPathsWhile(scene, async () => {
    await scene.cloud.agent(1).restart(kind);
    await scene.cloud.waitAlive(1);
    await scene.expectFlows(60_000);
  });
}

it('the reference to ours: not one ping lost, no tunnel port made anew', async () => {
  const ports = await scene.tunnelPorts(1);
  expect(ports.map(({ type }) => type)).toEqual(['geneve', 'ip6gre', 'vxlan']);
  await scene.expectStayedActive();
  expect(lossy(await handOver('ours'))).toEqual([]);
  expect(await scene.tunnelPorts(1)).toEqual(ports);
  await scene.expectStayedActive();
});

it('those that ours makes are as the reference makes them, names and options', async () => {
  const facts = async () => (await scene.tunnelPorts(1)).map(({ name, type, options }) => ({ name, type, options }));
  const before = await facts();
  for (const type of TUNNEL_TYPES) await scene.remove(`${type}-b1`);
  await scene.expectFlows();
  expect(await scene.tunnelPorts(1)).toEqual([]);
  for (const type of TUNNEL_TYPES) await scene.vm(`${type}-b1`, type, 2);
  await scene.expectAtRest();
  expect(await facts()).toEqual(before);
});

it('ours back to the reference: it finds them, and every path is there', async () => {
  const ports = await scene.tunnelPorts(1);
  await handOver('reference');
  expect(await scene.tunnelPorts(1)).toEqual(ports);
  await scene.expectReachable();
});
