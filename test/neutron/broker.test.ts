/**
 * The broker goes away and comes back, with its queues and without: what was sent while there were no queues is lost, and
 * made good. Ours on both hosts: the reference does not notice that it has missed something.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { broken, pingAllPathsWhile } from './paths.ts';
import { sceneOfFile } from './scene.ts';

const scene = sceneOfFile(
  {
    agents: { 1: 'ours', 2: 'ours' },
    // The words of the server that nobody has repeated are given up after this many seconds, not after a minute and a half.
    settings: { agent: { report_interval: '2' }, l2pop_agent: { snapshot_grace: '1', snapshot_confirm: '3' } },
  },
  (up) => up.everyTunnelType({ a1: 1, a2: 1, b1: 2 }),
);

async function closeConnections(): Promise<void> {
  await scene.cloud.broker.ctl('close_all_connections', 'a test');
}

async function restart(isDataKept: boolean): Promise<void> {
  const { broker, run } = scene.cloud;
  await broker.stop();
  if (!isDataKept) rmSync(join(run.path, 'rabbit', 'data'), { recursive: true });
  await broker.start();
}

it.each([
  ['its connections cut, its queues kept', closeConnections],
  ['stopped and started', () => restart(true)],
  ['started anew with nothing', () => restart(false)],
] as const)('%s: VIFs come and go on both hosts, no path breaks', async (what, happen) => {
  const word = what.split(' ')[0];
  const [a, b] = [`${word}-a`, `${word}-b`];
  await scene.prepare([a], 'vxlan', 1);
  await scene.prepare([b], 'vxlan', 2);
  const [gone, deleted] = [`${word}-x`, `${word}-y`];
  await scene.vm(gone, 'gre', 1);
  await scene.vm(deleted, 'geneve', 2);
  await scene.expectReachable([deleted, 'geneve-a1']);
  const results = await pingAllPathsWhile(scene, async () => {
    const happening = happen();
    const unplugged = scene.unplug(gone);
    await scene.named(a).vm.plug();
    await happening;
    // The server sends this before the agents have found the broker again, or after.
    const deletion = scene.remove(deleted);
    await scene.named(b).vm.plug();
    await Promise.all([unplugged, deletion, scene.waitActive(a, b)]);
    await scene.expectFlows(60_000);
  });
  expect(broken(results)).toEqual([]);
  await scene.expectReachable();
  await scene.expectStayedActive();
});
