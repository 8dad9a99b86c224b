/**
 * The broker goes away and comes back, with its queues and without: what was sent while there were no queues is lost, and
 * made good. Ours on both hosts: the reference does not notice that it has missed something.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { pingWhile } from '../../lab/neutron/pinger.ts';
import { Scene, TUNNEL_TYPES } from './scene.ts';

/** Milliseconds. At 20 pings a second a single one that is lost makes some 100. */
const LONGEST_GAP = 250;

let scene: Scene;

beforeAll(async () => {
  scene = await Scene.up({
    agents: { 1: 'ours', 2: 'ours' },
    // The words of the server that nobody has repeated are given up after this many seconds, not after a minute and a half.
    settings: { agent: { report_interval: '2' }, l2pop_agent: { snapshot_grace: '1', snapshot_confirm: '3' } },
  });
  for (const type of TUNNEL_TYPES) {
    await scene.network(type, type);
    for (const [name, host] of [
      ['a1', 1],
      ['a2', 1],
      ['b1', 2],
    ] as const)
      await scene.vm(`${type}-${name}`, type, host);
  }
  await scene.expectReachable();
  await scene.expectFlows();
});

afterEach(({ task }) => scene?.noteResult(task.result?.state));

afterAll(async () => {
  await scene?.down();
});

function pairs() {
  return TUNNEL_TYPES.flatMap((type) => {
    const vm = (name: string) => scene.named(`${type}-${name}`);
    return [
      { from: vm('a1').vm, to: vm('b1').ipv4 },
      { from: vm('b1').vm, to: vm('a1').ipv6 },
      { from: vm('a1').vm, to: vm('a2').ipv4 },
    ];
  });
}

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
  for (const [name, host] of [
    [a, 1],
    [b, 2],
  ] as const)
    await scene.boot(name, host, await scene.port(name, 'vxlan'), { unplugged: true });
  const [gone, deleted] = [`${word}-x`, `${word}-y`];
  await scene.vm(gone, 'gre', 1);
  await scene.vm(deleted, 'geneve', 2);
  await scene.expectReachable([deleted, 'geneve-a1']);
  const results = await pingWhile(pairs(), async () => {
    const happening = happen();
    const unplugged = scene.unplug(gone);
    await scene.named(a).vm.plug();
    await happening;
    // The server sends this before the agents have found the broker again, or after.
    const deletion = scene.remove(deleted);
    await scene.named(b).vm.plug();
    await Promise.all([unplugged, deletion, ...[a, b].map((name) => scene.cloud.waitActive(scene.named(name).port))]);
    await scene.expectFlows(60_000);
  });
  // A path may lose a packet on a machine that is busy starting a broker; it may not break.
  expect(results.filter(({ gaps }) => gaps.some(({ ms }) => ms > LONGEST_GAP))).toEqual([]);
  await scene.expectReachable();
  await scene.expectStayedActive();
});
