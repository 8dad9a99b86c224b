import { describe, expect, test } from 'vitest';
import { structuralFlows } from '../../src/flows/br-tun.ts';
import type { EntryKind } from '../../src/journal/record.ts';
import { makePlan } from '../../src/plan.ts';
import type { MacAddress, NetworkId, Ofport, SegmentationId } from '../../src/values.ts';
import type { PortFacts } from '../../src/vif/facts.ts';
import { testConfig } from './config.ts';
import { FakeSwitch } from './fake-switch.ts';
import { recordedLines } from './flows/recorded.ts';
import {
  FLOODING,
  factsOf,
  GRE_NET,
  Host,
  lines,
  type Pair,
  portId,
  segmentArgs,
  tunnelName,
  VXLAN_NET,
} from './host.ts';

const peer = (n: number): Pair => [`fa:16:3e:00:00:${n}`, `10.0.0.${n}`];

async function wired(): Promise<Host> {
  const host = await Host.ready();
  host.plug(portId(1), 'tap1');
  host.serve(factsOf(portId(1)));
  await host.settle();
  return host;
}

const vif = (host: Host) => host.state.vifs.get(portId(1));
const pull = { kind: 'pull' as const, ports: [portId(1)] };
const answer = (facts: PortFacts | 'absent') => ({ kind: 'facts' as const, answers: new Map([[portId(1), facts]]) });

test('an intent is traced to the request that changed the port, where the FDB message has that of an agent', async () => {
  const host = await wired();
  const mac = 'fa:16:3e:00:00:12' as MacAddress;
  const origin = { uniqueId: 'a', requestId: 'req-of-the-user', queue: 'q', receivedAt: 0 };
  host.apply({ kind: 'notification', notification: { kind: 'port-update', port: portId(9), mac }, origin });
  host.fdb('add_fdb_entries', segmentArgs('vxlan', { '172.30.0.12': [FLOODING, peer(12), peer(13)] }), false, {
    ...origin,
    requestId: 'req-of-an-agent',
  });
  const requests = (kind: EntryKind) => host.open(kind).map(({ origin }) => origin?.requestId);
  expect([requests('mac'), requests('ip')]).toEqual(Array(2).fill(['req-of-the-user', 'req-of-an-agent']));
  expect(host.open('flood')).toMatchObject([{ origin: { uniqueId: 'a', requestId: 'req-of-an-agent' } }]);
});

describe('port facts', () => {
  test('a port_update heard while they are asked for: asked again', async () => {
    const host = await wired();
    host.apply({ kind: 'notification', notification: { kind: 'port-update', port: portId(1) } });
    host.apply({ kind: 'duty-started', duty: pull });
    expect(vif(host)?.asking).toBe('asked');
    host.apply({ kind: 'notification', notification: { kind: 'port-update', port: portId(1) } });
    host.apply({ kind: 'duty-done', duty: pull, outcome: answer(factsOf(portId(1))) });
    expect(vif(host)?.asking).toBe('wanted');
  });

  test('a port_delete heard while they are asked for is newer than the answer', async () => {
    const host = await wired();
    host.apply({ kind: 'duty-started', duty: pull });
    host.apply({ kind: 'notification', notification: { kind: 'port-delete', port: portId(1) } });
    expect(vif(host)?.wiring.kind).toBe('dead');
    host.apply({ kind: 'duty-done', duty: pull, outcome: answer(factsOf(portId(1))) });
    expect([vif(host)?.facts, vif(host)?.asking, vif(host)?.wiring.kind]).toEqual(['absent', 'done', 'dead']);
  });

  test('a call that failed is made again; an answer without the port leaves it as it is', async () => {
    const host = await wired();
    host.apply({ kind: 'duty-started', duty: pull });
    host.apply({ kind: 'duty-done', duty: pull, outcome: { kind: 'failed', reason: 'timeout' } });
    expect([vif(host)?.asking, vif(host)?.wiring.kind]).toEqual(['wanted', 'wired']);
    host.apply({ kind: 'duty-started', duty: pull });
    host.apply({ kind: 'duty-done', duty: pull, outcome: { kind: 'facts', answers: new Map() } });
    expect([vif(host)?.asking, vif(host)?.wiring.kind]).toEqual(['wanted', 'wired']);
    // Not at once, and not without end.
    expect(host.state.deferred.get(portId(1))).toBe(host.now + 2000);
    for (let n = 0; n < 10; n++) {
      host.apply({ kind: 'duty-started', duty: pull });
      host.apply({ kind: 'duty-done', duty: pull, outcome: { kind: 'facts', answers: new Map() } });
    }
    expect(vif(host)?.asking).toBe('done');
  });

  test('an answer for a VIF that went meanwhile', async () => {
    const host = await wired();
    host.apply({ kind: 'duty-started', duty: pull });
    host.switch.unplug('tap1');
    host.apply({ kind: 'duty-done', duty: pull, outcome: answer(factsOf(portId(1))) });
    expect(host.state.vifs.size).toBe(0);
  });

  test('a gap in the ports’ topics: all are asked for; one in the FDB’s: all networks are', async () => {
    const host = await wired();
    host.apply({ kind: 'gap', l2population: false, ports: true });
    expect([vif(host)?.asking, vif(host)?.wiring.kind]).toEqual(['wanted', 'wired']);
    const [network] = host.state.networks.values();
    network?.sync.asked('a', true, host.now);
    host.apply({ kind: 'gap', l2population: true, ports: false });
    expect(network?.sync.status).toBe('unsynced');
  });
});

describe('who is told that a port went', () => {
  test.each([
    ['ours', {}],
    ['bound elsewhere: the server takes back what the others heard of it here', { binding: 'elsewhere' }],
    ['the source of a migration that has completed', { binding: 'inactive' }],
    ['the target of one that was called off', { binding: 'migrating' }],
  ] as [string, Partial<PortFacts>][])('%s', async (_, more) => {
    const host = await wired();
    host.serve(factsOf(portId(1), more));
    host.answer();
    host.switch.unplug('tap1');
    expect(host.state.gone.has(portId(1))).toBe(true);
  });

  test('not if the server said so itself, before or after', async () => {
    for (const isBefore of [true, false]) {
      const host = await wired();
      const deleted = () =>
        host.apply({ kind: 'notification', notification: { kind: 'port-delete', port: portId(1) } });
      if (isBefore) deleted();
      host.switch.unplug('tap1');
      if (!isBefore) deleted();
      expect(host.state.gone.size, String(isBefore)).toBe(0);
    }
  });

  test('not if it is back before anybody was told', async () => {
    const host = await wired();
    host.switch.unplug('tap1');
    host.plug(portId(1), 'tap2');
    await host.settle();
    expect(host.state.gone.size).toBe(0);
    expect(host.tag('tap2')).toBe(1);
  });
});

describe('FDB entries', () => {
  test('chg_ip for a network here that has no entries yet, before the add', async () => {
    const host = await wired();
    host.fdb('update_fdb_entries', {
      fdb_entries: { chg_ip: { [VXLAN_NET]: { '172.30.0.12': { after: [['fa:16:3e:00:00:12', '10.0.0.99']] } } } },
    });
    await host.settle();
    // The server tells of a port that is not ACTIVE too, and of that one nothing else comes.
    expect(host.table(21)).toEqual([]);
    host.add('vxlan', { '172.30.0.12': [FLOODING, peer(12)] });
    await host.settle();
    expect(host.table(21).map((line) => /arp_tpa=([0-9.]+)/.exec(line)?.[1])).toEqual(['10.0.0.12', '10.0.0.99']);
  });

  test('heard before the first VIF: rendered when it comes', async () => {
    const host = await Host.ready();
    host.add('vxlan', { '172.30.0.12': [FLOODING, peer(12)] });
    expect(host.plan()).toEqual({ operations: 0, lines: 0 });
    host.plug(portId(1), 'tap1');
    host.serve(factsOf(portId(1)));
    await host.settle();
    expect([host.table(20), host.table(22)].map(({ length }) => length)).toEqual([1, 1]);
  });

  test('two claims of a MAC in one message: one wins, the same in any order of its entries', async () => {
    const pictures = await Promise.all(
      [
        ['172.30.0.12', '172.30.0.13'],
        ['172.30.0.13', '172.30.0.12'],
      ].map(async (vteps) => {
        const host = await wired();
        host.add('vxlan', Object.fromEntries(vteps.map((vtep) => [vtep, [FLOODING, peer(20)]])));
        await host.settle();
        return host.picture();
      }),
    );
    expect(pictures[0]).toEqual(pictures[1]);
  });
});

describe('a snapshot between markers', () => {
  const [START, END] = ['start', 'end'] as const;
  const marker = (host: Host, id: string, edge: 'start' | 'end') => host.apply({ kind: 'marker', id, edge });
  const refresh = (host: Host, id: string) =>
    host.apply({ kind: 'duty-started', duty: { kind: 'up', ports: [portId(1)], refresh: true, ask: id } });

  test('sweeps in two steps what it lacks, tunnel and all', async () => {
    const host = await wired();
    host.add('vxlan', { '172.30.0.12': [FLOODING, peer(12)], '172.30.0.13': [FLOODING, peer(13)] });
    await host.settle();
    for (const [id, seconds] of [
      ['a', 100],
      ['b', 161],
    ] as const) {
      host.now += seconds * 1000;
      refresh(host, id);
      marker(host, id, START);
      host.add('vxlan', { '172.30.0.12': [FLOODING, peer(12)] }, true);
      marker(host, id, END);
      await host.settle();
      expect(host.tunnelPorts()).toEqual(
        id === 'a' ? [tunnelName('vxlan', 12), tunnelName('vxlan', 13)] : [tunnelName('vxlan', 12)],
      );
    }
    expect([host.table(20), host.table(21)].map(({ length }) => length)).toEqual([1, 1]);
    expect(host.switch.violations).toEqual([]);
  });

  test('a fanout is no snapshot', async () => {
    const host = await wired();
    refresh(host, 'a');
    marker(host, 'a', START);
    host.add('vxlan', { '172.30.0.12': [FLOODING] });
    marker(host, 'a', END);
    const [network] = host.state.networks.values();
    expect(network?.sync.status).toBe('synced');
    expect(network?.sync.suspects, 'heard since the question').toBe(0);
  });

  test.each(['link-down', 'failed call', 'port that failed'])('%s: the question is open again', async (how) => {
    const host = await wired();
    refresh(host, 'a');
    marker(host, 'a', START);
    const duty = { kind: 'up' as const, ports: [portId(1)], refresh: true, ask: 'a' };
    if (how === 'link-down') host.apply({ kind: 'link-down' });
    else if (how === 'failed call') host.apply({ kind: 'duty-done', duty, outcome: { kind: 'failed', reason: 'x' } });
    else host.apply({ kind: 'duty-done', duty, outcome: { kind: 'told', failed: [portId(1)] } });
    const [network] = host.state.networks.values();
    expect(network?.sync.status).toBe('unsynced');
    marker(host, 'a', END);
    expect(network?.sync.status).toBe('unsynced');
  });
});

/** Table 10 as Neutron has it since 28.0.0; the recorded reference is older. */
const LEARN_2025 = lines(
  structuralFlows(1 as Ofport, true).filter(({ table, priority }) => table === 10 && priority === 2),
);

describe('the predecessor’s switch (09, host1)', () => {
  /** br-tun as the reference left it, its VIFs wired, its tunnels there. */
  function predecessor(): FakeSwitch {
    const fake = new FakeSwitch();
    for (const bridge of ['br-int', 'br-tun', 'br-ex']) fake.addBridge(bridge);
    fake.plug('br-int', 'patch-tun', { type: 'patch', options: { peer: 'patch-int' } });
    fake.plug('br-tun', 'patch-int', { type: 'patch', options: { peer: 'patch-tun' } });
    const options = {
      df_default: 'true',
      egress_pkt_mark: '0',
      in_key: 'flow',
      local_ip: '172.30.0.11',
      out_key: 'flow',
      remote_ip: '172.30.0.12',
    };
    fake.plug('br-tun', tunnelName('vxlan', 12), { type: 'vxlan', options });
    fake.plug('br-tun', tunnelName('gre', 12), { type: 'gre', options });
    const record = (net_uuid: string, network_type: string, segmentation_id: string, tag: string) => ({
      net_uuid,
      network_type,
      segmentation_id,
      tag,
      physical_network: 'None',
    });
    const vifs = [
      [1, 1, record(VXLAN_NET, 'vxlan', '7419', '1')],
      [2, 1, record(VXLAN_NET, 'vxlan', '7419', '1')],
      [3, 2, record(GRE_NET, 'gre', '5608', '2')],
    ] as const;
    for (const [n, tag, otherConfig] of vifs) {
      fake.plug('br-int', `tap${n}`, { externalIds: { 'iface-id': portId(n) }, tag, otherConfig });
    }
    fake.vswitchd();
    for (const line of recordedLines('br-tun.09-gre-network.host1')) fake.addFlow('br-tun', line);
    return fake;
  }

  test('is adopted: the same flows under our cookies, no port moved, what was learned left alone', async () => {
    const fake = predecessor();
    const host = new Host(testConfig(), fake);
    for (const n of [1, 2]) host.server.set(portId(n), factsOf(portId(n)));
    host.server.set(portId(3), factsOf(portId(3), {}, 'gre'));
    const before = [...host.tun(), ...LEARN_2025].sort();
    host.connect();
    await host.settle();
    expect(host.tun().map((line) => line.replace(/cookie=0x\w+/, 'cookie='))).toEqual(
      before.map((line) => line.replace(/cookie=0x\w+/, 'cookie=')),
    );
    for (const { cookie, hardTimeout } of fake.flows('br-tun')) {
      expect(cookie.startsWith('0x6c32')).toBe(hardTimeout === undefined);
    }
    const commands = fake.bundles.filter(({ bridge }) => bridge === 'br-tun').flatMap(({ lines }) => lines);
    expect(commands.filter((line) => !line.startsWith('add '))).toEqual([]);
    expect(fake.transactions.flat().filter(({ op }) => op === 'insert')).toEqual([]);
    expect([host.tag('tap1'), host.tag('tap2'), host.tag('tap3')]).toEqual([1, 1, 2]);
    const external = [...(fake.tables.get('Interface')?.values() ?? [])].filter(({ name }) =>
      /^(vxlan|gre)-/.test(String(name)),
    );
    expect(external.map(({ external_ids }) => external_ids)).toEqual([
      new Map([['l2pop-agent', 'tunnel']]),
      new Map([['l2pop-agent', 'tunnel']]),
    ]);
    expect(fake.violations).toEqual([]);
  });

  test('what was heard before the switch was read is newer than what is read', async () => {
    const host = new Host(testConfig(), predecessor());
    for (const n of [1, 2]) host.server.set(portId(n), factsOf(portId(n)));
    host.server.set(portId(3), factsOf(portId(3), {}, 'gre'));
    // The MAC that the switch has behind 172.30.0.12 has moved.
    host.add('vxlan', { '172.30.0.13': [FLOODING, ['fa:16:3e:82:30:63', '10.10.0.159']] });
    host.connect();
    await host.settle();
    const [moved] = host.table(20).filter((line) => line.includes('priority=2') && line.includes('fa:16:3e:82:30:63'));
    expect(moved).toContain(`output:${host.switch.ofport(tunnelName('vxlan', 13))}`);
  });

  test('a tunnel port of it from an address that the host had before goes; what it did not make stays, and so does what comes later', async () => {
    const fake = predecessor();
    const neutrons = (remote_ip: string, local_ip = '172.30.0.9') => ({
      type: 'vxlan',
      options: { in_key: 'flow', out_key: 'flow', local_ip, remote_ip },
    });
    fake.plug('br-tun', 'earlier', neutrons('172.30.0.99'));
    fake.plug('br-tun', 'unused', neutrons('172.30.0.95', '172.30.0.11'));
    fake.plug('br-tun', 'foreign', { type: 'vxlan', options: { remote_ip: '172.30.0.98' } });
    fake.plug('br-ex', 'elsewhere', neutrons('172.30.0.97'));
    fake.vswitchd();
    const host = new Host(testConfig(), fake);
    for (const n of [1, 2]) host.server.set(portId(n), factsOf(portId(n)));
    host.server.set(portId(3), factsOf(portId(3), {}, 'gre'));
    host.connect();
    await host.settle();
    fake.plug('br-tun', 'later', neutrons('172.30.0.96'));
    await host.settle();
    const names = ['foreign', tunnelName('gre', 12), 'later', 'patch-int', 'unused', tunnelName('vxlan', 12)];
    expect(fake.portNames('br-tun')).toEqual(names.sort());
    expect(fake.portNames('br-ex')).toEqual(['elsewhere']);
    expect(fake.violations).toEqual([]);
  });

  test('foreign flows are counted and stay', async () => {
    const fake = predecessor();
    fake.addFlow('br-tun', ' cookie=0xfeed, table=22, priority=7,dl_vlan=1 actions=drop');
    const host = new Host(testConfig(), fake);
    host.connect();
    await host.settle();
    expect(host.state.tun.foreign().map(({ cookie }) => cookie)).toEqual(['0xfeed']);
    expect(fake.flows('br-tun').filter(({ cookie }) => cookie === '0xfeed')).toHaveLength(1);
  });
});

describe('the switch', () => {
  test('two interfaces with one iface-id on br-int: the last plugged counts, whatever changes on the first', async () => {
    const host = await wired();
    host.plug(portId(1), 'tap2');
    await host.settle();
    host.switch.set('Interface', 'tap1', {
      external_ids: new Map([
        ['iface-id', portId(1)],
        ['vm-uuid', 'x'],
      ]),
    });
    await host.settle();
    expect(host.state.view.vif(portId(1))?.port.name).toBe('tap2');
    expect(host.tag('tap2')).toBe(1);
    host.switch.unplug('tap2');
    await host.settle();
    expect(host.state.view.vif(portId(1))?.port.name).toBe('tap1');
    expect(host.state.gone.size).toBe(0);
  });

  test('an iface-id on another bridge is no VIF', async () => {
    const host = await Host.ready();
    host.switch.addBridge('tbr-1');
    host.switch.plug('tbr-1', 'tap9', { externalIds: { 'iface-id': portId(9) } });
    await host.settle();
    expect(host.state.vifs.size).toBe(0);
    expect(host.tag('tap9')).toBeUndefined();
  });

  test('a bridge of somebody else is none of our business: nothing is compared because of it', async () => {
    const host = await wired();
    host.switch.addBridge('br-ex');
    expect(host.state.compareWanted).toBe(false);
    host.switch.deleteBridge('br-tun');
    await host.settle();
    expect(host.switch.violations).toEqual([]);
    expect(host.tun()).toHaveLength(16);
  });

  test('4094 networks: one more VIF is dead, with the reason', async () => {
    const host = await wired();
    const used = new Set([1]);
    for (let tag = 2; tag <= 4094; tag++) used.add(tag);
    host.state.view.tagInUse = (tag) => used.has(tag);
    host.plug(portId(2), 'tap2');
    host.serve(factsOf(portId(2), {}, 'gre'));
    await host.settle();
    expect(host.state.vifs.get(portId(2))?.wiring).toEqual({
      kind: 'dead',
      reason: 'no local VLAN is free: 4094 networks are in use',
    });
    expect(makePlan(host.state).finish).toEqual([]);
    // Another one waits, too; then one VLAN is given back.
    host.plug(portId(3), 'tap3');
    const third = {
      networkId: portId(9) as string as NetworkId,
      segment: { type: 'vxlan' as const, segmentationId: 9 as SegmentationId },
    };
    host.serve(factsOf(portId(3), third));
    await host.settle();
    used.delete(1);
    host.switch.unplug('tap1');
    await host.settle();
    expect([2, 3].map((n) => host.state.vifs.get(portId(n))?.wiring.kind)).toEqual(['wired', 'dead']);
    expect([host.tag('tap2'), host.tag('tap3')]).toEqual([1, 4095]);
    host.switch.unplug('tap2');
    await host.settle();
    expect(host.tag('tap3')).toBe(1);
  });
});
