/** Our agent is away, after SIGTERM or SIGKILL, while the cloud goes on changing. The tenants do not notice, and nothing is missed. */
import { beforeEach, describe, expect, it } from 'vitest';
import { broken, lossy, pingAllPathsWhile } from './paths.ts';
import { sceneOfFile } from './scene.ts';

const scene = sceneOfFile({ agents: { 1: 'ours', 2: 'reference' } }, (up) =>
  up.everyTunnelType({ a1: 1, a2: 1, a3: 1, b1: 2, b2: 2, b4: 2 }),
);

describe.each(['stop', 'kill'] as const)('after %s', (how) => {
  beforeEach(() => {
    expect(scene.cloud.agent(1).kind).toBe('ours');
  });

  it('a restart alone: no ping lost, no port leaves ACTIVE', async () => {
    const results = await pingAllPathsWhile(scene, async () => {
      await scene.cloud.agent(1)[how]();
      await scene.cloud.agent(1).start('ours');
      await scene.cloud.waitAlive(1);
      await scene.expectFlows();
    });
    expect(lossy(results)).toEqual([]);
    await scene.expectStayedActive();
  });

  it('changes meanwhile on both hosts: all of them are caught up with, no path breaks', async () => {
    const results = await pingAllPathsWhile(scene, async () => {
      await scene.cloud.agent(1)[how]();
      // There: a new VM, one gone, a new address.
      await scene.vm(`${how}-b3`, 'vxlan', 2);
      await scene.remove(how === 'stop' ? 'gre-b2' : 'gre-b4');
      const { ipv4, ipv6 } = scene.named('geneve-b2');
      await scene.setAddresses('geneve-b2', [ipv4.replace(/\.\d+$/, how === 'stop' ? '.220' : '.221'), ipv6]);
      // Here: a VIF plugged for a port that the server binds while the agent is away, another one that is gone.
      const port = await scene.port(`${how}-a3`, 'gre');
      await scene.boot(`${how}-a3`, 1, port);
      await scene.remove(how === 'stop' ? 'vxlan-a3' : 'gre-a3');
      // And a VIF that goes while its port stays: the server is told, and host2 loses its entry.
      await scene.pull('geneve-a3');
      await scene.cloud.agent(1).start('ours');
      await scene.cloud.waitActive(port);
      await scene.cloud.waitStatus('DOWN', scene.named('geneve-a3').port);
      await scene.expectFlows();
      await scene.replug('geneve-a3');
      await scene.expectFlows();
    });
    // A lone packet is lost now and then when a VIF comes or goes, without any agent too (docs/RELIABILITY.md).
    expect(broken(results)).toEqual([]);
    await scene.expectReachable();
    await scene.expectStayedActive();
  });
});
