/** Open vSwitch dies, restarts, forgets: found by itself and repaired from what the agent knows. But for the last ones the broker is away. */
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type AgentRig, rigForAll, waitFor } from './rig.ts';
import { SwitchScene } from './switch-scene.ts';

const SCRIPTS = '/usr/share/openvswitch/scripts';
const DAEMONS = ['ovs-vswitchd', 'ovsdb-server'] as const;

let rig: AgentRig;
let scene: SwitchScene;

rigForAll(async (up) => {
  rig = up;
  scene = await SwitchScene.build(rig);
});

it('with ovs-vswitchd dead alone the host is not reported alive, and status says why', async () => {
  const reports = () => rig.server.asked('report_state').length;
  await rig.server.told('up', scene.ports[0]!.id);
  rig.forgetLog();
  await rig.host.daemon('ovs-vswitchd').kill();
  await rig.logged('cannot be programmed');
  await rig.settled();
  const before = reports();
  // Two and a half report intervals.
  await waitFor('the time of two reports', () => rig.sinceLine('cannot be programmed') > 5_000);
  expect(reports()).toBe(before);
  const report = await scene.status();
  expect(report.switch.monitors.map(({ up }) => up)).toEqual([false, false]);
  expect(report.switch.problem).toMatch(/br-(int|tun)\.mgmt/);
  expect(report.links.ovsdb.connected).toBe(true);
  expect(await rig.agent.ctl('status')).toMatch(/problem +cannot be programmed now: /);

  await rig.host.startVswitchd();
  await waitFor('a report', () => reports() > before);
  const repaired = await scene.status();
  expect(repaired.switch.problem).toBeNull();
  await waitFor('both monitors', async () => (await scene.status()).switch.monitors.every(({ up }) => up));
  await scene.compared();
  expect(rig.log().filter(({ msg }) => msg.includes('cannot be programmed'))).toHaveLength(1);
});

describe('while bundles are under way', () => {
  const COUNT = 2_000;
  const mac = (i: number) =>
    `fa:16:3e:77:${[i >> 8, i & 255].map((byte) => byte.toString(16).padStart(2, '0')).join(':')}`;

  /** In messages of a hundred entries. */
  async function tell(kind: 'add' | 'remove'): Promise<void> {
    for (let from = 0; from < COUNT; from += 100) {
      const entries = Array.from({ length: 100 }, (_, i) => [mac(from + i), `10.7.${from / 100}.${i}`] as const);
      await rig.server.fdb(kind, scene.ports[0]!, { '172.30.0.99': entries });
    }
  }

  it.each<[string, () => Promise<unknown>]>([
    ['all flows are deleted', () => rig.host.ofctl('del-flows', 'br-tun')],
    ['some flows are altered', () => rig.host.ofctl('mod-flows', 'br-tun', 'table=20,actions=drop')],
    [
      'ovs-vswitchd dies',
      async () => {
        await rig.host.daemon('ovs-vswitchd').kill();
        await rig.host.startVswitchd();
      },
    ],
  ])('%s', async (_, fault) => {
    const before = await scene.picture();
    const faults = async () => {
      for (let i = 0; i < 5; i++) await fault();
    };
    await Promise.all([tell('add'), faults()]);
    await rig.settled();
    await waitFor('all flows', async () => (await rig.table(20)).length === 18 + COUNT);
    await waitFor('a comparison that finds nothing', () => scene.compared().then(() => true));
    await Promise.all([tell('remove'), faults()]);
    await rig.settled();
    await scene.becomes(before);
    await waitFor('a comparison that finds nothing', () => scene.compared().then(() => true));
  });
});

describe('without the server', () => {
  beforeAll(async () => {
    await rig.cloud.broker.stop();
  });

  describe.each(['kill', 'stop'] as const)('%s', (how) => {
    it('ovs-vswitchd', async () => {
      await scene.survives(`${how} of ovs-vswitchd`, async () => {
        await rig.host.daemon('ovs-vswitchd')[how]();
        await rig.host.startVswitchd();
      });
    });

    it('ovsdb-server', async () => {
      await scene.survives(`${how} of ovsdb-server`, async () => {
        await rig.host.daemon('ovsdb-server')[how]();
        await rig.host.startOvsdbServer();
      });
    });

    it('both', async () => {
      await scene.survives(`${how} of both`, async () => {
        for (const daemon of DAEMONS) await rig.host.daemon(daemon)[how]();
        await rig.host.startOvsdbServer();
        await rig.host.startVswitchd();
      });
    });
  });

  it('ovs-vswitchd three times in a row', async () => {
    await scene.survives('three crashes of ovs-vswitchd', async () => {
      for (let i = 0; i < 3; i++) {
        await rig.host.daemon('ovs-vswitchd').kill();
        await rig.host.startVswitchd();
      }
    });
  });

  it('ovs-ctl restart, which saves and restores the flows under flow-restore-wait', async () => {
    // Its daemons are not the lab's: they are taken down by it, too.
    const ovsCtl = privateOvsCtl();
    try {
      await scene.survives('ovs-ctl restart', () => ovsCtl('restart'));
      const waited = rig.log().some(({ msg }) => msg.includes('flow-restore-wait'));
      console.info(`ovs-ctl restart: the agent ${waited ? 'waited for' : 'came after'} flow-restore-wait`);
    } finally {
      await ovsCtl('stop');
      await rig.host.startOvsdbServer();
      await rig.host.startVswitchd();
    }
    await waitFor('both monitors', async () => (await scene.status()).switch.monitors.every(({ up }) => up));
    await scene.compared();
  });

  it('nothing is programmed while flow-restore-wait is set, whatever the monitors see', async () => {
    await scene.survives('flow-restore-wait for a while', async () => {
      await rig.host.daemon('ovs-vswitchd').kill();
      await rig.host.vsctl('--no-wait', 'set', 'Open_vSwitch', '.', 'other_config:flow-restore-wait=true');
      await rig.host.startVswitchd();
      await rig.logged('waiting for other_config:flow-restore-wait to be cleared');
      await waitFor('both monitors', async () => (await scene.status()).switch.monitors.every(({ up }) => up));
      // Somebody restores flows; not all of them are right.
      rig.forgetLog();
      await rig.host.ofctl('add-flow', 'br-tun', 'cookie=0x6c32400100000000,table=21,priority=9,arp,actions=drop');
      await rig.host.ofctl('add-flow', 'br-int', 'table=0,priority=9,actions=NORMAL');
      await rig.logged('somebody else changes flows here');
      expect((await scene.picture()).filter((line) => line.startsWith('br-tun'))).toHaveLength(1);
      await rig.host.ofctl('del-flows', 'br-int');
      await rig.host.vsctl('remove', 'Open_vSwitch', '.', 'other_config', 'flow-restore-wait');
    });
  });

  it('a tunnel port deleted by hand', async () => {
    const [name = ''] = await rig.tunnels();
    await scene.survives('a tunnel port deleted', () => rig.host.vsctl('del-port', 'br-tun', name));
  });

  it('a tunnel port made again by hand, otherwise', async () => {
    const [name = ''] = await rig.tunnels();
    const before = (await rig.interfaces()).find((one) => one.name === name)!;
    const { remote_ip } = before.options as { remote_ip: string };
    await scene.survives('a tunnel port made again', () =>
      rig.host.vsctl(
        ...['del-port', 'br-tun', name, '--', 'add-port', 'br-tun', name, '--', 'set', 'Interface', name],
        ...[`type=${String(before.type)}`, `options:remote_ip=${remote_ip}`, 'options:key=7', 'options:csum=true'],
      ),
    );
  });

  it('the options of a tunnel port changed by hand', async () => {
    const [name = ''] = await rig.tunnels();
    await scene.survives('the options of a tunnel port changed', () =>
      rig.host.vsctl('set', 'Interface', name, 'options:out_key=7', 'options:csum=true'),
    );
  });

  it('a tunnel port of somebody else is not touched', async () => {
    const add = ['add-port', 'br-tun', 'theirs', '--', 'set', 'Interface', 'theirs', 'type=vxlan'];
    const theirs = async () => (await rig.interfaces()).find(({ name }) => name === 'theirs');
    await rig.host.vsctl(...add, 'options:remote_ip=172.30.0.55', 'options:key=5');
    const made = await theirs();
    await scene.survives('ovs-vswitchd killed beside a foreign tunnel port', async () => {
      await rig.host.daemon('ovs-vswitchd').kill();
      await rig.host.startVswitchd();
    });
    expect(await theirs()).toEqual(made);
    await rig.host.vsctl('del-port', 'br-tun', 'theirs');
  });

  it('both bridges deleted and VIFs with them: they are made again', async () => {
    await rig.host.vsctl('del-br', 'br-tun');
    await waitFor('br-tun', async () => (await rig.host.vsctl('list-br')).split('\n').includes('br-tun'));
    await waitFor('both monitors', async () => (await scene.status()).switch.monitors.every(({ up }) => up));
    await waitFor('the flows of the entries', async () => (await rig.table(20)).length === 18);
    await scene.compared();
  });
});

describe('a reboot', () => {
  beforeAll(async () => {
    await rig.cloud.broker.start();
    await waitFor('the broker', async () => (await scene.status()).links.server.registered);
    await scene.compared();
  });

  it('with the database kept', async () => {
    const before = await scene.picture();
    await rig.agent.kill();
    for (const daemon of DAEMONS) await rig.host.daemon(daemon).kill();
    await rig.host.startOvsdbServer();
    await rig.host.startVswitchd();
    rig.forgetLog();
    const began = Date.now();
    await rig.agent.start();
    await scene.becomes(before);
    console.info(`reboot with the database kept: whole ${(Date.now() - began) / 1000} s after the start of the agent`);
    await scene.compared();
  });

  it('with an empty database, VIFs plugged again', async () => {
    const before = await scene.picture();
    await rig.agent.kill();
    for (const daemon of DAEMONS) await rig.host.daemon(daemon).kill();
    rmSync(join(rig.host.path, 'conf.db'));
    await rig.host.startOvsdbServer();
    await rig.host.startVswitchd();
    rig.forgetLog();
    const began = Date.now();
    await rig.agent.start();
    await rig.logged('bridges set up');
    // In the order in which they were plugged first: local VLANs and ofports are given in that order.
    for (const port of scene.ports) {
      await rig.plug(port);
      await rig.server.told('up', port.id);
    }
    await scene.becomes(before);
    console.info(`reboot with an empty database: whole ${(Date.now() - began) / 1000} s after the start of the agent`);
    await scene.compared();
  });
});

/** `ovs-ctl` on this host's private directories: all is the package's own but for the kernel's module, of which there is none. */
function privateOvsCtl(): (command: string) => Promise<string> {
  const { host } = rig;
  const scripts = join(host.path, 'scripts');
  if (!existsSync(scripts)) {
    mkdirSync(scripts);
    for (const name of readdirSync(SCRIPTS)) symlinkSync(join(SCRIPTS, name), join(scripts, name));
    rmSync(join(scripts, 'ovs-kmod-ctl'));
    writeFileSync(join(scripts, 'ovs-kmod-ctl'), '#!/bin/sh\n');
    chmodSync(join(scripts, 'ovs-kmod-ctl'), 0o755);
  }
  return async (command) =>
    await host.exec(
      [
        ...[
          join(scripts, 'ovs-ctl'),
          `--system-id=${host.name}`,
          '--no-monitor',
          '--no-mlockall',
          '--no-record-hostname',
        ],
        ...['--ovs-vswitchd-options=--disable-system', command],
      ],
      { env: { TMPDIR: host.path }, timeout: 60_000 },
    );
}
