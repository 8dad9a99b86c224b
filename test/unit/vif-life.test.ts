import { describe, expect, test } from 'vitest';
import { parseCookie } from '../../src/flows/cookie.ts';
import { flowKey } from '../../src/flows/flow.ts';
import { parseIp, parseMac } from '../../src/values.ts';
import type { PortFacts } from '../../src/vif/facts.ts';
import { testConfig } from './config.ts';
import { FakeSwitch } from './fake-switch.ts';
import { recordedLines } from './flows/recorded.ts';
import { FLOODING, factsOf, Host, portId, VXLAN_NET } from './host.ts';

test('a VIF that found no local VLAN gets the first that is given back', async () => {
  const host = await Host.ready();
  host.plug(portId(1));
  host.serve(factsOf(portId(1)));
  await host.settle();
  for (let vlan = 2; vlan <= 4094; vlan++) {
    host.state.vlans.allocate(`net ${vlan}` as never, { tag: undefined, hint: undefined }, () => false);
  }
  host.plug(portId(2));
  host.serve(factsOf(portId(2), {}, 'gre'));
  await host.settle();
  expect(host.tag(`tap${portId(2).slice(-4)}`)).toBe(4095);
  host.switch.unplug(`tap${portId(1).slice(-4)}`);
  await host.settle();
  expect(host.tag(`tap${portId(2).slice(-4)}`)).toBe(1);
});

describe('the MAC of a port that is bound here', () => {
  const MAC = 'fa:16:3e:58:b5:cf';
  const OTHER = 'fa:16:3e:58:b5:d0';
  const PAIRS = { '172.30.0.12': [FLOODING, [MAC, '10.10.0.94'], [OTHER, '10.10.0.95']] } as const;
  const facts = (more: Partial<PortFacts> = {}) => factsOf(portId(1), { mac: parseMac(MAC), ...more });
  const told = (host: Host) =>
    [...host.table(20), ...host.table(21)].filter((line) => line.includes(MAC) || line.includes('10.10.0.94'));

  /** Somebody else of the network is here, too: it stays when the port goes. */
  async function migrated(more: Partial<PortFacts> = {}): Promise<Host> {
    const host = await Host.ready();
    for (const n of [1, 2]) host.plug(portId(n));
    host.serve(facts(more));
    host.serve(factsOf(portId(2)));
    await host.settle();
    return host;
  }

  test('is not elsewhere, whatever a snapshot says: the server counts the old binding until it is deleted', async () => {
    const host = await migrated();
    host.add('vxlan', PAIRS, true);
    await host.settle();
    expect(told(host)).toEqual([]);
    expect(host.table(20).filter((line) => line.includes(OTHER))).toHaveLength(1);
  });

  test('is where the FDB says before the binding is active, and here as soon as it is', async () => {
    const host = await migrated({ binding: 'inactive' });
    host.add('vxlan', PAIRS);
    await host.settle();
    expect(told(host)).toHaveLength(2);
    host.serve(facts());
    await host.settle();
    expect(told(host)).toEqual([]);
  });

  test.each<[what: string, happen: (host: Host) => void]>([
    ['the binding is active elsewhere', (host) => host.serve(facts({ binding: 'inactive' }))],
    ['it is bound elsewhere', (host) => host.serve(facts({ binding: 'elsewhere' }))],
    ['the VIF is gone', (host) => host.switch.unplug(`tap${portId(1).slice(-4)}`)],
    ['it has another MAC', (host) => host.serve(facts({ mac: parseMac('fa:16:3e:00:00:77') }))],
  ])('is where the FDB says again when %s', async (_, happen) => {
    const host = await migrated();
    host.add('vxlan', PAIRS, true);
    await host.settle();
    happen(host);
    await host.settle();
    expect(told(host)).toHaveLength(2);
  });

  test('goes to the VIF that came with it last, and stays with it when the other goes', async () => {
    const host = await migrated();
    host.add('vxlan', PAIRS, true);
    host.serve(factsOf(portId(2), { mac: parseMac(MAC) }));
    await host.settle();
    host.switch.unplug(`tap${portId(1).slice(-4)}`);
    await host.settle();
    expect(told(host)).toEqual([]);
  });
});

describe('anti-spoofing', () => {
  const MAC = 'fa:16:3e:58:b5:cf';

  function secured(n: number, more: Partial<PortFacts> = {}): PortFacts {
    const fixedIps = ['10.10.0.94', 'fd10::6'].flatMap((text) => parseIp(text) ?? []);
    return factsOf(portId(n), { mac: parseMac(MAC), fixedIps, ...more });
  }

  /** What the bundles said to br-int from here on. */
  function watch(host: Host): () => string[][] {
    const from = host.switch.bundles.length;
    return () =>
      host.switch.bundles
        .slice(from)
        .filter(({ bridge }) => bridge === 'br-int')
        .map(({ lines }) => lines.map((line) => line.replace(/cookie=0x\w+,/, '')));
  }

  const ofVifs = (host: Host) => host.int().filter((line) => line.includes('in_port='));

  async function wired(facts = secured(1)): Promise<Host> {
    const host = await Host.ready();
    host.plug(facts.id);
    host.serve(facts);
    await host.settle();
    return host;
  }

  test('is there before the VIF is part of its network', async () => {
    const host = await Host.ready();
    host.plug(portId(1), 'tap1');
    host.serve(secured(1));
    let before: number | undefined;
    const { transact } = host.switch;
    host.switch.transact = (operations) => {
      const bound = operations.some(({ op, ...rest }) => op === 'update' && JSON.stringify(rest).includes('net_uuid'));
      if (bound) before ??= ofVifs(host).length;
      return transact.call(host.switch, operations);
    };
    await host.settle();
    expect([host.tag('tap1'), before]).toEqual([1, 7]);
  });

  test('a change of the allowed addresses is a difference, in one bundle', async () => {
    const host = await wired();
    const said = watch(host);
    host.serve(secured(1, { fixedIps: ['10.10.0.95', 'fd10::6'].flatMap((text) => parseIp(text) ?? []) }));
    await host.settle();
    const flow = (ip: string) => `table=24,priority=2,arp,in_port=${host.switch.ofport('tap0001')},arp_spa=${ip}`;
    expect(said()).toEqual([
      [`add ${flow('10.10.0.95')},actions=goto_table:25`, `delete_strict ${flow('10.10.0.94')}`],
    ]);
  });

  test('nothing new: nothing is said', async () => {
    const host = await wired();
    const said = watch(host);
    host.serve(secured(1));
    await host.settle();
    expect(said()).toEqual([]);
  });

  test.each<[string, Partial<PortFacts>]>([
    ['port security off', { portSecurity: false }],
    ['given to the network', { deviceOwner: 'network:dhcp' }],
  ])('%s: it goes, and comes back', async (_, more) => {
    const host = await wired();
    const before = ofVifs(host);
    host.serve(secured(1, more));
    await host.settle();
    expect(ofVifs(host)).toEqual([]);
    host.serve(secured(1));
    await host.settle();
    expect(ofVifs(host)).toEqual(before);
  });

  test('a dead VIF has the drop and nothing that hides it', async () => {
    const host = await wired();
    host.serve(secured(1, { adminStateUp: false }));
    await host.settle();
    expect(ofVifs(host)).toEqual([`table=0,priority=2,in_port=${host.switch.ofport('tap0001')} actions=drop`]);
  });

  test('follows the VIF to another ofport, in one bundle', async () => {
    const host = await wired();
    const before = ofVifs(host);
    const old = host.switch.ofport('tap0001');
    const said = watch(host);
    host.switch.set('Interface', 'tap0001', { ofport: [77] });
    await host.settle();
    expect(ofVifs(host)).toEqual(before.map((line) => line.replace(`in_port=${old}`, 'in_port=77')).sort());
    expect(said()).toHaveLength(1);
  });

  test('another VIF that gets the number of one that went gets its own flows', async () => {
    const host = await wired();
    const number = host.switch.ofport('tap0001');
    host.switch.change(() => {
      host.switch.unplug('tap0001');
      host.plug(portId(2));
      host.switch.set('Interface', 'tap0002', { ofport: [number] });
    });
    host.serve(secured(2, { mac: parseMac('fa:16:3e:00:00:02'), fixedIps: [] }));
    await host.settle();
    expect(ofVifs(host).filter((line) => line.includes(MAC) || line.includes('10.10.0.94'))).toEqual([]);
    expect(ofVifs(host)).toHaveLength(5);
  });

  test('goes with its VIF', async () => {
    const host = await wired();
    host.switch.unplug('tap0001');
    await host.settle();
    expect(ofVifs(host)).toEqual([]);
  });

  describe('of a predecessor', () => {
    const anti = recordedLines('br-int.11-port-admin-down.host2').filter((line) => line.includes('in_port=6'));

    /** Its VIF has the ofport that it has in the recording, if `ofport` is 6. */
    async function takenOver(ofport = 6): Promise<Host> {
      const fake = new FakeSwitch();
      for (const bridge of ['br-int', 'br-tun']) fake.addBridge(bridge);
      const otherConfig = { net_uuid: VXLAN_NET, network_type: 'vxlan', segmentation_id: '7419', tag: '1' };
      fake.plug('br-int', 'tap1', { externalIds: { 'iface-id': portId(1) }, tag: 1, otherConfig });
      fake.set('Interface', 'tap1', { ofport: [ofport] });
      const bridge = recordedLines('br-int.11-port-admin-down.host2').filter((line) => !line.includes('in_port='));
      for (const line of [...bridge, ...anti]) fake.addFlow('br-int', line);
      const host = new Host(testConfig(), fake);
      host.connect();
      await host.settle();
      return host;
    }

    const own = (host: Host) =>
      host.switch
        .flows('br-int')
        .filter(({ match }) => match.includes('in_port='))
        .map((flow) => ({ key: flowKey(flow), cookie: parseCookie(flow.cookie) }));

    test('stays until the server is heard, under our cookie, and is no change then', async () => {
      const host = await takenOver();
      expect(own(host)).toHaveLength(anti.length);
      for (const { cookie } of own(host)) expect(cookie).toEqual({ kind: 'vif', vlan: 1, vtep: 0 });
      const before = ofVifs(host);
      const said = watch(host);
      const fixedIps = ['10.10.0.200', 'fd10::103'].flatMap((text) => parseIp(text) ?? []);
      host.serve(factsOf(portId(1), { mac: parseMac('fa:16:3e:82:30:63'), fixedIps }));
      await host.settle();
      expect(said()).toEqual([]);
      expect(ofVifs(host)).toEqual(before);
    });

    test('is corrected by what the server says', async () => {
      const host = await takenOver();
      host.serve(factsOf(portId(1), { portSecurity: false }));
      await host.settle();
      expect(ofVifs(host)).toEqual([]);
    });

    test('of a port that is not there any more goes', async () => {
      const host = await takenOver(9);
      expect(own(host)).toEqual([]);
    });

    test('as Neutron has br-int since 2025.1: nothing of its layout is left', async () => {
      const newer = (line: string) =>
        line
          .replace('table=60, priority=3', 'table=60, priority=1')
          .replace('table=59, priority=0 actions=goto_table:60', 'table=59, priority=0 actions=goto_table:61');
      const lines = recordedLines('br-int.11-port-admin-down.host2').filter((line) => !line.includes('in_port='));
      const fake = new FakeSwitch();
      for (const bridge of ['br-int', 'br-tun']) fake.addBridge(bridge);
      for (const line of lines) fake.addFlow('br-int', newer(line));
      const [defaults = ''] = lines.filter((line) => line.includes('table=59'));
      fake.addFlow('br-int', defaults.replace('table=59', 'table=61'));
      const host = new Host(testConfig(), fake);
      host.connect();
      await host.settle();
      expect(host.int()).toEqual((await Host.ready()).int());
    });
  });
});
