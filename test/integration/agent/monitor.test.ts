/** What somebody else does to the flows of our bridges is seen by itself and put right, without the server: the broker is away. */
import { beforeAll, describe, expect, it } from 'vitest';
import { type AgentRig, rigForAll, waitFor } from './rig.ts';
import { BRIDGES, type Bridge, isAlive, monitorsOf, SwitchScene } from './switch-scene.ts';

let rig: AgentRig;
let scene: SwitchScene;

rigForAll(async (up) => {
  rig = up;
  scene = await SwitchScene.build(rig);
});

describe('without the server', () => {
  beforeAll(async () => {
    await rig.cloud.broker.stop();
  });

  it.each(BRIDGES)('all flows of %s deleted', async (bridge) => {
    await scene.survives(`all flows of ${bridge} deleted`, () => rig.host.ofctl('del-flows', bridge));
  });

  it('all flows of both bridges deleted', async () => {
    await scene.survives('all flows of both bridges deleted', () =>
      Promise.all(BRIDGES.map((bridge) => rig.host.ofctl('del-flows', bridge))),
    );
  });

  it.each<[Bridge, number]>([
    ['br-tun', 0],
    ['br-tun', 10],
    ['br-tun', 20],
    ['br-tun', 22],
    ['br-int', 24],
    ['br-int', 60],
  ])('a table of %s deleted: %i', async (bridge, table) => {
    await scene.survives(`table ${table} of ${bridge} deleted`, () =>
      rig.host.ofctl('del-flows', bridge, `table=${table}`),
    );
  });

  it('one flow deleted', async () => {
    await scene.survives('one flow deleted', () =>
      rig.host.ofctl('--strict', 'del-flows', 'br-tun', 'table=20,priority=2,dl_vlan=1,dl_dst=fa:16:3e:99:00:01'),
    );
  });

  it('one flow altered', async () => {
    await scene.survives('one flow altered', () =>
      rig.host.ofctl('--strict', 'mod-flows', 'br-tun', 'table=22,priority=1,dl_vlan=1,actions=drop'),
    );
  });

  it('one flow replaced by somebody', async () => {
    await scene.survives('one flow replaced', () =>
      rig.host.ofctl('add-flow', 'br-tun', 'cookie=0x1234,table=22,priority=1,dl_vlan=1,actions=drop'),
    );
  });

  it('a flow under our cookie that is not wanted', async () => {
    await scene.survives('a stray flow with our cookie', () =>
      rig.host.ofctl('add-flow', 'br-tun', 'cookie=0x6c32400100000000,table=21,priority=9,arp,dl_vlan=9,actions=drop'),
    );
  });

  it('a foreign flow is reported, not touched, and reported gone', async () => {
    const foreign = async () => (await scene.status()).counts.flows['br-tun']?.foreign;
    expect(await foreign()).toBe(0);
    await rig.host.ofctl('add-flow', 'br-tun', 'cookie=0x1234,table=20,priority=7,dl_vlan=9,actions=drop');
    await waitFor('the report of it', async () => (await foreign()) === 1);
    await scene.compared();
    expect(await rig.table(20)).toContainEqual('cookie=0x1234, table=20, priority=7,dl_vlan=9 actions=drop');
    await rig.host.ofctl('del-flows', 'br-tun', 'cookie=0x1234/-1');
    await waitFor('the report of its end', async () => (await foreign()) === 0);
  });

  it('ten thousand foreign flows, and their end, cost a few comparisons', async () => {
    const foreign = async () => (await scene.status()).counts.flows['br-tun']?.foreign;
    const lines = Array.from({ length: 10_000 }, (_, i) => {
      const mac = `fa:16:3f:00:${[i >> 8, i & 255].map((byte) => byte.toString(16).padStart(2, '0')).join(':')}`;
      return `cookie=0x1234,table=20,priority=7,dl_vlan=9,dl_dst=${mac},actions=drop`;
    });
    rig.forgetLog();
    await rig.host.exec(['ovs-ofctl', '-O', 'OpenFlow14', 'add-flows', 'br-tun', '-'], {
      input: `${lines.join('\n')}\n`,
    });
    await waitFor('the report of all', async () => (await foreign()) === lines.length);
    await rig.host.ofctl('del-flows', 'br-tun', 'cookie=0x1234/-1');
    await waitFor('the report of their end', async () => (await foreign()) === 0);
    expect(scene.compares().length).toBeLessThan(12);
    await scene.compared();
  });

  it('learned flows come and go as they like', async () => {
    const cookie = 'cookie=0x6c32700000000000';
    // What comes after them is seen, so they were too.
    await scene.survives('one flow deleted after others were learned', async () => {
      for (let i = 10; i < 30; i++) {
        const match = `vlan_tci=0x0001/0x0fff,dl_dst=fa:16:3e:77:00:${i}`;
        await rig.host.ofctl(
          'add-flow',
          'br-tun',
          `${cookie},table=20,hard_timeout=300,priority=1,${match},actions=drop`,
        );
      }
      await rig.host.ofctl('del-flows', 'br-tun', `${cookie}/-1`);
      await rig.host.ofctl('--strict', 'del-flows', 'br-tun', 'table=20,priority=2,dl_vlan=1,dl_dst=fa:16:3e:99:00:01');
    });
    // One, and the one that was asked for afterwards.
    expect(scene.compares()).toHaveLength(2);
  });

  it('a monitor that is killed comes back, and sees what happened meanwhile', async () => {
    const before = monitorsOf(rig.agent.pid);
    expect([...before.keys()].sort()).toEqual(['br-int', 'br-tun']);
    await scene.survives('a flow monitor killed, and flows deleted', async () => {
      const pid = before.get('br-tun');
      if (pid !== undefined) process.kill(pid, 'SIGKILL');
      await rig.host.ofctl('del-flows', 'br-tun', 'table=20');
    });
    await waitFor('another one', async () => (await scene.status()).switch.monitors.every(({ up }) => up));
    const after = monitorsOf(rig.agent.pid);
    expect(after.get('br-int')).toBe(before.get('br-int'));
    expect(after.get('br-tun')).not.toBe(before.get('br-tun'));
    await scene.survives('one flow deleted under the next monitor', () =>
      rig.host.ofctl('--strict', 'del-flows', 'br-tun', 'table=20,priority=2,dl_vlan=1,dl_dst=fa:16:3e:99:00:01'),
    );
  });

  it.each(['stop', 'kill'] as const)('no monitor outlives the agent after %s', async (how) => {
    const pids = [...monitorsOf(rig.agent.pid).values()];
    expect(pids).toHaveLength(2);
    await rig.agent[how]();
    await waitFor('the end of both', () => pids.every((pid) => !isAlive(pid)));
    rig.forgetLog();
    await rig.agent.start();
    await waitFor('two others', () => monitorsOf(rig.agent.pid).size === 2);
  });
});
