/**
 * The claim of the project: on a host with running VMs neutron-openvswitch-agent is stopped and ours is started on the same
 * configuration files, and nobody notices; and back again.
 */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { AgentKind } from '../../lab/neutron/host-agent.ts';
import { waitFor } from '../../lab/wait.ts';
import { FlowWatch } from '../integration/agent/flow-watch.ts';
import type { Bridge } from '../integration/golden/recording.ts';
import { allPaths, pingAllPathsWhile } from './paths.ts';
import { sceneOfFile } from './scene.ts';

const scene = sceneOfFile({ agents: { 1: 'reference', 2: 'reference' } }, (up) =>
  up.everyTunnelType({ a1: 1, a2: 1, b1: 2, b2: 2 }),
);

interface HandOver {
  readonly sent: number;
  readonly lost: number;
  /** Where pings were lost, and for how long in milliseconds. */
  readonly gaps: readonly string[];
  /** Events that took a flow away or gave it other actions. */
  readonly harm: Readonly<Record<Bridge, readonly string[]>>;
}

/** Stops what runs on host1 and starts `kind`, with 20 pings a second on every path and both bridges watched. */
async function handOver(kind: AgentKind): Promise<HandOver> {
  const host = scene.cloud.host(1);
  const watches = { 'br-tun': await FlowWatch.start(host, 'br-tun'), 'br-int': await FlowWatch.start(host, 'br-int') };
  try {
    const results = await pingAllPathsWhile(scene, async () => {
      await scene.cloud.agent(1).restart(kind);
      await scene.cloud.waitAlive(1);
      await scene.expectFlows(60_000);
      if (kind === 'reference') await waitFor('the reference to have swept', async () => (await cookies()).size === 1);
    });
    return {
      sent: results.reduce((sum, { sent }) => sum + sent, 0),
      lost: results.reduce((sum, { lost }) => sum + lost, 0),
      gaps: results.flatMap(({ name, gaps }) => gaps.map(({ from, to, ms }) => `${name}: ${from}–${to}, ${ms} ms`)),
      harm: { 'br-tun': await watches['br-tun'].harm(), 'br-int': await watches['br-int'].harm() },
    };
  } finally {
    for (const watch of Object.values(watches)) watch.kill();
  }
}

/** A reference that has just started sweeps what it has learned in an earlier life after its first pass: flows of another cookie. */
async function cookies(): Promise<Set<string>> {
  const dump = await scene.cloud.host(1).ofctl('dump-flows', 'br-tun');
  return new Set(dump.match(/cookie=0x[0-9a-f]+/g));
}

function report(what: string, { sent, lost, gaps }: HandOver): void {
  console.info(`${what}: ${lost} of ${sent} pings lost${gaps.length > 0 ? `\n  ${gaps.join('\n  ')}` : ''}`);
}

const configuration = () => scene.cloud.agent(1).files.map((file) => readFileSync(file, 'utf8'));

let itself: HandOver;

it('the reference restarts itself: what it loses is the measure', async () => {
  itself = await handOver('reference');
  report('reference → reference', itself);
  expect(itself.sent).toBeGreaterThan(allPaths(scene).length * 20);
});

it('the reference to ours: not one ping lost, no tunnel port made anew, no right flow missing for an instant', async () => {
  const [ports, files] = [await scene.tunnelPorts(1), configuration()];
  await scene.expectStayedActive();
  const result = await handOver('ours');
  report('reference → ours', result);
  expect(result.lost).toBe(0);
  expect(await scene.tunnelPorts(1)).toEqual(ports);
  expect(result.harm).toEqual({ 'br-tun': [], 'br-int': [] });
  expect(configuration()).toEqual(files);
  await scene.expectReachable();
  await scene.expectStayedActive();
});

it('ours works on from there', async () => {
  await scene.vm('vxlan-a3', 'vxlan', 1);
  await scene.vm('vxlan-b3', 'vxlan', 2);
  await scene.remove('gre-a2');
  await scene.remove('gre-b2');
  await scene.expectReachable();
  await scene.expectFlows();
  await scene.vm('gre-a2', 'gre', 1);
  await scene.vm('gre-b2', 'gre', 2);
  await scene.expectReachable();
  await scene.expectFlows();
  await scene.expectStayedActive();
});

it('ours restarts itself: not one ping lost', async () => {
  const ports = await scene.tunnelPorts(1);
  const result = await handOver('ours');
  report('ours → ours', result);
  expect(result.lost).toBe(0);
  expect(await scene.tunnelPorts(1)).toEqual(ports);
  expect(result.harm).toEqual({ 'br-tun': [], 'br-int': [] });
});

it('ours back to the reference: no worse than the reference restarting itself', async () => {
  const result = await handOver('reference');
  report('ours → reference', result);
  expect(result.lost).toBeLessThanOrEqual(itself.lost);
  await scene.expectReachable();
});
