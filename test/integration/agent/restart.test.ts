/** A restart of the daemon is no event for the tenants: what is right is not touched, what is stale goes, signals do as they say. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { agentEnvironment } from '../../../lab/agent.ts';
import { FlowWatch } from './flow-watch.ts';
import { type Port, portOn } from './port-object.ts';
import { type AgentRig, deviceOf, LEVEL, rigForAll, waitFor } from './rig.ts';
import type { Entries } from './server-double.ts';

const ROOT = resolve(import.meta.dirname, '../../..');

let rig: AgentRig;
let ports: readonly Port[];

/** Every network has entries behind each of these. */
const REMOTES = ['172.30.0.97', '172.30.0.98', '172.30.0.99'];

rigForAll((up) => {
  rig = up;
});

/** Two VIFs on a VXLAN and one on a GRE network, each network with ten remote MACs of IPv4 and IPv6. */
beforeEach(async () => {
  await rig.reset();
  const [vx, gr] = ['vxlan', 'gre'].map((type) => ({ network: randomUUID(), type, segmentationId: 77 }));
  ports = [vx!, vx!, gr!].map((network, i) => portOn(rig.host.name, { ...network, mac: `fa:16:3e:00:00:0${i}` }));
  // As ML2 does it: whoever asks gets the network's table by name.
  rig.server.onUpdate = async ({ up }) => {
    for (const id of up) {
      const port = ports.find((one) => one.id === id);
      if (port !== undefined) await rig.server.fdb('add', port, remoteEntries(), rig.host.name);
    }
  };
  await rig.start();
  for (const port of ports) await rig.wire(port);
  await waitFor('all flows', async () => (await rig.table(20)).length === 20 && (await rig.table(0)).length === 7);
});

describe('a restart changes no flow and no port', () => {
  it.each([
    ['stop', 'with its journal'],
    ['kill', 'with its journal'],
    ['kill', 'without it'],
  ] as const)('after %s, %s', async (how, memory) => {
    const before = { tun: await rig.flows('br-tun'), int: await rig.flows('br-int'), tunnels: await rig.interfaces() };
    rig.server.calls.length = 0;
    const watches = [await FlowWatch.start(rig.host, 'br-tun'), await FlowWatch.start(rig.host, 'br-int')];
    try {
      if (memory === 'without it') {
        await rig.agent.kill();
        rig.forgetJournal();
        await rig.agent.start();
        await rig.ready();
      } else await rig.restart(how);
      // Only without one it is unknown what was heard.
      if (memory === 'without it') {
        await waitFor('a refresh of both networks', () => {
          const refreshed = rig.server.updates.filter(({ refresh }) => refresh).flatMap(({ up }) => up);
          return new Set(ports.filter(({ id }) => refreshed.includes(id)).map(({ network }) => network)).size === 2;
        });
      } else await waitFor('the facts of all ports', () => rig.server.asked('bulk_pull').length > 0);
      await rig.settled();
      for (const watch of watches) expect(await watch.end()).toEqual([]);
    } finally {
      for (const watch of watches) watch.kill();
    }
    expect(await rig.flows('br-tun')).toEqual(before.tun);
    expect(await rig.flows('br-int')).toEqual(before.int);
    expect(await rig.interfaces()).toEqual(before.tunnels);
    expect(rig.problems('warn')).toEqual([]);
    // One port of each network, and no word about the rest (WIRE.md).
    expect(rig.server.updates.every(({ refresh, down }) => refresh && down.length === 0)).toBe(true);
    expect(rig.server.updates.flatMap(({ up }) => up)).toHaveLength(memory === 'without it' ? 2 : 0);
  });
});

it('what happened while it was away is made good', async () => {
  await rig.agent.stop();
  const [gone, stays, gre] = ports as [Port, Port, Port];
  await rig.unplug(gone);
  await rig.unplug(gre);
  const late = { ...stays, id: randomUUID(), mac: 'fa:16:3e:00:00:0f', status: 'DOWN' as const };
  rig.server.ports.set(late.id, late);
  await rig.plug(late);
  // This one waits in the queue of ours that outlives us.
  await rig.server.fdb('add', stays, { '172.30.0.96': ['flood', ['fa:16:3e:96:00:00', '10.0.0.96']] });
  rig.forgetLog();
  await rig.agent.start();
  await rig.ready();
  await rig.server.told('up', late.id);
  await waitFor('the entry from the queue', async () => (await rig.table(20)).join().includes('fa:16:3e:96:00:00'));
  expect(await rig.port(deviceOf(late.id))).toMatchObject({ tag: (await rig.port(deviceOf(stays.id))).tag });
  await waitFor('the flows of the network without VIFs to go', async () => (await rig.table(3)).length === 0);
  await waitFor('its tunnels to go', async () => (await rig.tunnels()).every((name) => name.startsWith('vxlan-')));
  expect(await rig.table(20)).toHaveLength(11);
});

it('flows of ours for a local VLAN that no port has are stale and go at the start', async () => {
  const before = await rig.flows();
  await rig.agent.stop();
  for (const flow of [
    'cookie=0x6c32204d00000000,table=4,priority=1,tun_id=0x99,actions=push_vlan:0x8100,set_field:4173->vlan_vid,goto_table:10',
    'cookie=0x6c32404d00000000,table=20,priority=2,dl_vlan=77,dl_dst=fa:16:3e:77:00:00,actions=drop',
    'cookie=0x6c32504d00000000,table=21,priority=1,arp,dl_vlan=77,arp_tpa=10.7.0.1,actions=drop',
    'cookie=0x6c32604d00000000,table=22,priority=1,dl_vlan=77,actions=drop',
  ]) {
    await rig.host.ofctl('add-flow', 'br-tun', flow);
  }
  rig.forgetLog();
  await rig.agent.start();
  await rig.ready();
  await waitFor('the stale flows to go', async () => (await rig.flows()).length === before.length);
  expect((await rig.flows()).sort()).toEqual(before.toSorted());
});

it('an entry that the server has dropped meanwhile goes when a second snapshot lacks it too', async () => {
  // Without a journal everything is asked for.
  await rig.agent.kill();
  rig.forgetJournal();
  const [dropped = '', ...kept] = Object.keys(remoteEntries());
  const here = async () => (await rig.table(22)).filter((line) => (line.match(/output/g) ?? []).length === 3).length;
  const before: number[] = [];
  rig.server.calls.length = 0;
  rig.server.onUpdate = async ({ up }) => {
    before.push(await here());
    for (const port of ports.filter(({ id }) => up.includes(id))) {
      const entries = Object.fromEntries(kept.map((vtep) => [vtep, remoteEntries()[vtep]!]));
      await rig.server.fdb('add', port, entries, rig.host.name);
    }
  };
  rig.forgetLog();
  await rig.agent.start({ l2pop_agent: { snapshot_grace: '0', snapshot_confirm: '1' } });
  await waitFor('the entries to go', async () => (await here()) === 0);
  const macs = remoteEntries()[dropped]!.flatMap((entry) => (entry === 'flood' ? [] : [entry[0]]));
  await waitFor('the unicast flows to go', async () => {
    const flows = (await rig.table(20)).join();
    return macs.every((mac) => !flows.includes(mac));
  });
  await waitFor('the tunnels to go', async () => (await rig.tunnels()).length === 4);
  // Both networks were asked for twice, and until the second answer nothing was missing.
  expect(before).toEqual(before.map(() => 2));
  expect(rig.server.updates.flatMap(({ up }) => up)).toHaveLength(4);
});

it('drop_flows_on_start takes everything away and puts it there again', async () => {
  const before = await namedFlows();
  const watch = await FlowWatch.start(rig.host, 'br-tun');
  try {
    await rig.restart('stop', { agent: { drop_flows_on_start: 'true' } });
    // The journal was our memory, not the switch.
    await waitFor('all flows', async () => (await namedFlows()).join() === before.join());
    const deleted = (await watch.end()).filter((line) => line.includes('event=DELETED'));
    expect(deleted.length).toBeGreaterThanOrEqual(before.length);
  } finally {
    watch.kill();
  }
});

describe('signals', () => {
  it('SIGTERM ends it with status 0, quickly, and leaves the flows', async () => {
    const before = await rig.flows();
    await rig.agent.kill();
    rig.forgetJournal();
    rig.server.calls.length = 0;
    // As a child of ours, for only a parent learns the status.
    const [file = '', ...args] = rig.host.namespace.command([
      ...[join(ROOT, 'bin/l2pop-agent'), '--config-file', etc('neutron.conf')],
      ...['--config-file', etc('plugins/ml2/openvswitch_agent.ini')],
    ]);
    const env = { ...process.env, ...agentEnvironment(rig.host), ...rig.host.env };
    const child = spawn(file, args, { stdio: 'ignore', env });
    try {
      await waitFor('a refresh', () => rig.server.updates.some(({ refresh }) => refresh));
      const start = performance.now();
      child.kill('SIGTERM');
      const [status, signal] = (await once(child, 'exit')) as [number | null, string | null];
      expect({ status, signal }).toEqual({ status: 0, signal: null });
      expect(performance.now() - start).toBeLessThan(5_000);
    } finally {
      child.kill('SIGKILL');
    }
    expect(await rig.flows()).toEqual(before);
  });

  it('SIGHUP reads the log level again, and a broken configuration changes nothing', async () => {
    const sound = readFileSync(etc('neutron.conf'), 'utf8');
    const hup = async (configuration: string) => {
      writeFileSync(etc('neutron.conf'), configuration);
      rig.forgetLog();
      rig.agent.signal('SIGHUP');
      return (await rig.logged('SIGHUP'))[0];
    };
    expect(await hup(`${sound}debug = true\n`)).toMatchObject({
      level: LEVEL.info,
      msg: expect.stringContaining('again'),
    });
    // Something that is told at debug alone.
    await rig.unplug(ports[0]!);
    await waitFor('a line at debug', () => rig.log().some(({ level }) => level === LEVEL.debug));
    expect(await hup(`${sound}debug = perhaps\n`)).toMatchObject({
      level: LEVEL.error,
      problems: [expect.stringMatching(/neutron\.conf.*debug.*perhaps/)],
    });
    expect(await hup(sound)).toMatchObject({ msg: expect.stringContaining('again') });
    rig.forgetLog();
    await rig.unplug(ports[1]!);
    await rig.server.told('down', ports[1]!.id);
    await rig.settled();
    expect(rig.log().filter(({ level }) => level < LEVEL.info)).toEqual([]);
  });
});

function etc(file: string): string {
  return join(rig.host.path, 'etc/neutron', file);
}

/** br-tun's flows with tunnels by name: their ports were made anew. */
async function namedFlows(): Promise<string[]> {
  const tunnels = (await rig.interfaces()).filter(({ name }) => /^(vxlan|gre)-/.test(String(name)));
  const names = new Map(tunnels.map(({ name, ofport }) => [String(ofport), String(name)]));
  const named = (await rig.flows()).map((flow) =>
    flow
      .replaceAll(/(in_port=|output:)(\d+)/g, (_, head: string, ofport: string) => head + (names.get(ofport) ?? ofport))
      // The copies of a flood go out in the order of ofports.
      .replace(/output:\D.*$/, (outputs) => outputs.split(',').sort().join()),
  );
  return named.sort();
}

function remoteEntries(): Record<string, Entries> {
  const entries: Record<string, Entries> = {};
  for (let i = 0; i < 10; i++) {
    const mac = `fa:16:3e:99:00:0${i}`;
    const vtep = REMOTES[i % REMOTES.length]!;
    entries[vtep] = [...(entries[vtep] ?? ['flood']), [mac, `10.0.0.10${i}`], [mac, `fd00::10${i}`]];
  }
  return entries;
}
