/** Our agent is away, after SIGTERM or SIGKILL, while the cloud goes on changing. The tenants do not notice, and nothing is missed. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { pingWhile } from '../../lab/neutron/pinger.ts';
import { Scene, TUNNEL_TYPES } from './scene.ts';

let scene: Scene;

beforeAll(async () => {
  scene = await Scene.up({ agents: { 1: 'ours', 2: 'reference' } });
  for (const type of TUNNEL_TYPES) {
    await scene.network(type, type);
    for (const [name, host] of [
      ['a1', 1],
      ['a2', 1],
      ['a3', 1],
      ['b1', 2],
      ['b2', 2],
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

/** Both ways, both families, every tunnel type, and two VMs of one host. */
function pairs() {
  return TUNNEL_TYPES.flatMap((type) => {
    const [a1, a2, b1] = ['a1', 'a2', 'b1'].map((name) => scene.named(`${type}-${name}`));
    if (a1 === undefined || a2 === undefined || b1 === undefined) throw new Error('no such VMs');
    return [
      { from: a1.vm, to: b1.ipv4 },
      { from: b1.vm, to: a1.ipv6 },
      { from: a1.vm, to: a2.ipv4 },
    ];
  });
}

const losses = (results: Awaited<ReturnType<typeof pingWhile>>) => results.filter(({ lost }) => lost > 0);

describe.each(['stop', 'kill'] as const)('after %s', (how) => {
  beforeEach(() => {
    expect(scene.cloud.agent(1).kind).toBe('ours');
  });

  it('a restart alone: no ping lost, no port leaves ACTIVE', async () => {
    const results = await pingWhile(pairs(), async () => {
      await scene.cloud.agent(1)[how]();
      await scene.cloud.agent(1).start('ours');
      await scene.cloud.waitAlive(1);
      await scene.expectFlows();
    });
    expect(losses(results)).toEqual([]);
    await scene.expectStayedActive();
  });

  it('changes meanwhile on both hosts: all of them are caught up with, no ping lost', async () => {
    const results = await pingWhile(pairs(), async () => {
      await scene.cloud.agent(1)[how]();
      // There: a new VM, one gone, a new address.
      await scene.vm(`${how}-b3`, 'vxlan', 2);
      await scene.remove('gre-b2');
      const { ipv4, ipv6 } = scene.named('geneve-b2');
      await scene.setAddresses('geneve-b2', [ipv4.replace(/\.\d+$/, how === 'stop' ? '.220' : '.221'), ipv6]);
      // Here: a VIF plugged for a port that the server binds while the agent is away, another one that is gone.
      const port = await scene.port(`${how}-a3`, 'gre');
      await scene.boot(`${how}-a3`, 1, port);
      await scene.remove(how === 'stop' ? 'vxlan-a3' : 'gre-a3');
      await scene.cloud.agent(1).start('ours');
      await scene.cloud.waitActive(port);
      await scene.expectFlows();
    });
    expect(losses(results)).toEqual([]);
    await scene.expectReachable();
    await scene.expectStayedActive();
    // For the next round.
    await scene.vm('gre-b2', 'gre', 2);
  });
});
