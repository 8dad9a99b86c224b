/** `l2_population = false`: tunnels to all VTEPs of the type, flooding and learning; FDB notifications mean nothing. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { IpAddress, TunnelType } from '../../src/values.ts';
import { testConfig } from './config.ts';
import { FLOODING, factsOf, Host, portId, tunnelName } from './host.ts';
import { bridges, type Lanes, plainly, type Step, settle, telling, told } from './tellings.ts';

const CONFIG = { agent: { l2Population: false, arpResponder: false } };
const vtep = (octet: number) => `172.30.0.${octet}` as IpAddress;
const endpoints =
  (type: TunnelType, ...octets: number[]): Step =>
  (host) =>
    host.apply({ kind: 'endpoints', type, vteps: [11, ...octets].map(vtep) });
const heard =
  (kind: 'tunnel-update' | 'tunnel-delete', type: TunnelType, octet: number): Step =>
  (host) =>
    host.apply({ kind: 'notification', notification: { kind, type, vtep: vtep(octet) } });
const plug =
  (n: number, network: 'vxlan' | 'gre' = 'vxlan'): Step =>
  (host) => {
    host.plug(portId(n));
    host.serve(factsOf(portId(n), {}, network));
  };
const unplug =
  (n: number): Step =>
  (host) =>
    host.switch.unplug(`tap${portId(n).slice(-4)}`);

const STATES: Readonly<Record<string, Lanes>> = {
  'a full mesh': { vif: [plug(1)], server: [endpoints('vxlan', 12, 13), endpoints('gre', 12)] },
  'a VTEP comes, another goes': {
    vif: [plug(1)],
    server: [endpoints('vxlan', 12, 13), heard('tunnel-update', 'vxlan', 14), heard('tunnel-delete', 'vxlan', 12)],
  },
  'our own VTEP is no peer': { vif: [plug(1)], server: [endpoints('vxlan', 12), heard('tunnel-update', 'vxlan', 11)] },
  'two networks of different types': {
    vif1: [plug(1)],
    vif2: [plug(2, 'gre')],
    server: [endpoints('vxlan', 12), endpoints('gre', 13)],
  },
  'no VIF left': { vif: [plug(1), unplug(1)], server: [endpoints('vxlan', 12)] },
  'registered again, with fewer': { vif: [plug(1)], server: [endpoints('vxlan', 12, 13, 14), endpoints('vxlan', 13)] },
  'FDB entries all the same': {
    vif: [plug(1)],
    server: [endpoints('vxlan', 12)],
    fdb: [(host) => host.add('vxlan', { '172.30.0.13': [FLOODING, ['fa:16:3e:00:00:13', '10.0.0.13']] })],
  },
};

describe.each(Object.entries(STATES))('%s', (_, lanes) => {
  test('ends in the same switch however it is told', async () => {
    const expected = (await plainly(lanes, CONFIG)).picture();
    await fc.assert(
      fc.asyncProperty(telling, async (telling) => {
        const host = await told(lanes, telling, CONFIG);
        expect(host.picture()).toEqual(expected);
        expect(host.switch.violations).toEqual([]);
        expect(host.plan()).toEqual({ operations: 0, lines: 0 });
      }),
      { numRuns: 40 },
    );
  });

  test('a restart changes nothing, before the server answers and after', async () => {
    const before = await plainly(lanes, CONFIG);
    const [transactions, bundles, picture] = [
      before.switch.transactions.length,
      before.switch.bundles.length,
      before.picture(),
    ];
    const after = new Host(testConfig(CONFIG), before.switch);
    for (const [id, facts] of before.server) after.server.set(id, facts);
    after.connect();
    await settle(after);
    expect(after.picture()).toEqual(picture);
    for (const type of ['vxlan', 'gre'] as const) {
      after.apply({ kind: 'endpoints', type, vteps: [...before.state.mesh.vteps(type)] });
      await settle(after);
    }
    expect(after.picture()).toEqual(picture);
    expect(after.switch.bundles.slice(bundles)).toEqual([]);
    expect(
      after.switch.transactions
        .slice(transactions)
        .flat()
        .filter(({ op }) => op !== 'select'),
    ).toEqual([]);
  });
});

describe('after a restart', () => {
  test('a VTEP that went meanwhile: the flood leaves its tunnel first, then the port goes', async () => {
    const before = await plainly({ vif: [plug(1)], server: [endpoints('vxlan', 12, 13)] }, CONFIG);
    const after = new Host(testConfig(CONFIG), before.switch);
    after.server.set(portId(1), factsOf(portId(1)));
    after.connect();
    await settle(after);
    // The whole set, as empty as what we know of it: nothing differs but the ports that are there.
    after.apply({ kind: 'endpoints', type: 'vxlan', vteps: [] });
    await settle(after);
    expect(after.switch.violations).toEqual([]);
    expect([after.tunnelPorts(), after.table(22)]).toEqual([[], []]);
  });

  test("a predecessor's tunnel port is known by its remote IP, used as it is, and goes when its VTEP does", async () => {
    const fake = bridges();
    fake.plug('br-tun', 'vxlan-of-old', { type: 'vxlan', options: { remote_ip: '172.30.0.99' } });
    const host = new Host(testConfig(CONFIG), fake);
    host.connect();
    plug(1)(host);
    await settle(host);
    expect(host.table(22)).toHaveLength(1);
    expect(host.tunnelPorts()).toEqual(['vxlan-of-old']);
    host.apply({ kind: 'endpoints', type: 'vxlan', vteps: [vtep(12)] });
    await settle(host);
    expect(host.tunnelPorts()).toEqual([tunnelName('vxlan', 12)]);
    expect(host.switch.violations).toEqual([]);
  });
});

test('table 10 learns, and there is no ARP responder', async () => {
  const host = await plainly({ vif: [plug(1)], server: [endpoints('vxlan', 12)] }, CONFIG);
  expect(host.table(10)[0]).toContain('learn(');
  expect(host.tun().filter((line) => line.startsWith('table=21'))).toEqual([]);
  expect(host.tunnelPorts()).toEqual([tunnelName('vxlan', 12)]);
});
