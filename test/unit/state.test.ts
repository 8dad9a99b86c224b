/**
 * The whole of state, reducer, plan and executor: named states, each told as lanes of events whose order among each
 * other does not matter, expanded into many tellings. All of them must end in the same switch.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { IpAddress, MacAddress } from '../../src/values.ts';
import type { IpNetwork } from '../../src/vif/addresses.ts';
import type { PortFacts } from '../../src/vif/facts.ts';
import { testConfig } from './config.ts';
import { FLOODING, factsOf, Host, type Pair, portId, tunnelName, VXLAN_NET } from './host.ts';
import { type Lanes, plainly, type Step, settle, telling, told } from './tellings.ts';

type Network = 'vxlan' | 'gre';

const plug =
  (n: number): Step =>
  (host) =>
    host.plug(portId(n));
const unplug =
  (n: number): Step =>
  (host) =>
    host.switch.unplug(`tap${portId(n).slice(-4)}`);
const facts =
  (n: number, more: Partial<PortFacts> = {}, network: Network = 'vxlan'): Step =>
  (host) =>
    host.serve(factsOf(portId(n), more, network));
const add =
  (network: Network, octet: number, ...pairs: readonly Pair[]): Step =>
  (host) =>
    host.add(network, { [`172.30.0.${octet}`]: pairs });
const remove =
  (network: Network, octet: number, ...pairs: readonly Pair[]): Step =>
  (host) =>
    host.remove(network, { [`172.30.0.${octet}`]: pairs });
const chgIp =
  (octet: number, change: { before?: readonly Pair[]; after?: readonly Pair[] }): Step =>
  (host) =>
    host.fdb('update_fdb_entries', { fdb_entries: { chg_ip: { [VXLAN_NET]: { [`172.30.0.${octet}`]: change } } } });

const pair = (n: number, ip = `10.0.0.${n}`): Pair => [`fa:16:3e:00:00:${String(n).padStart(2, '0')}`, ip];
const mac = (n: number) => `fa:16:3e:00:01:0${n}` as MacAddress;
const ips = (...texts: string[]) => texts as unknown as IpAddress[];
const vm = (n: number): Pair[] => [pair(n), pair(n, `fd00::${n}`)];

const STATES: Readonly<Record<string, Lanes>> = {
  'two networks with the same VTEPs': {
    vif1: [plug(1), facts(1)],
    vif2: [plug(2), facts(2, { status: 'DOWN' })],
    vif3: [plug(3), facts(3, {}, 'gre')],
    peer12: [add('vxlan', 12, FLOODING, ...vm(12)), add('gre', 12, FLOODING, ...vm(32))],
    peer13: [add('vxlan', 13, FLOODING, ...vm(13), ...vm(14))],
    peer14: [add('gre', 14, FLOODING)],
  },
  'VIFs that get no network': {
    vif1: [plug(1), facts(1, { adminStateUp: false })],
    vif2: [plug(2), facts(2, { binding: 'elsewhere' })],
    vif3: [plug(3), (host) => host.serve(portId(3))],
    vif4: [plug(4)],
    peer12: [add('vxlan', 12, FLOODING, ...vm(12))],
  },
  'a migration': {
    vif1: [plug(1), facts(1)],
    mac: [
      add('vxlan', 12, FLOODING, pair(20)),
      add('vxlan', 13, FLOODING, pair(20)),
      remove('vxlan', 12, FLOODING, pair(20)),
    ],
    other: [add('vxlan', 14, FLOODING, pair(14))],
  },
  'a migration under way: two claims': {
    vif1: [plug(1), facts(1)],
    mac: [add('vxlan', 12, FLOODING, pair(20)), add('vxlan', 13, FLOODING, pair(20))],
  },
  'a migration that was taken back': {
    vif1: [plug(1), facts(1)],
    mac: [add('vxlan', 12, pair(20)), add('vxlan', 13, pair(20)), remove('vxlan', 13, pair(20))],
  },
  'a fixed IP changed': {
    vif1: [plug(1), facts(1)],
    peer12: [add('vxlan', 12, FLOODING, pair(20)), chgIp(12, { before: [pair(20)], after: [pair(20, '10.0.0.99')] })],
    peer13: [add('vxlan', 13, FLOODING, pair(21)), chgIp(13, { before: [pair(21)] })],
  },
  'addresses that VIFs may use': {
    vif1: [plug(1), facts(1, { mac: mac(1), fixedIps: ips('10.0.0.1', 'fd00::1') })],
    vif2: [
      plug(2),
      facts(2, { mac: mac(2), addressPairs: [{ network: '10.9.0.0/16' as IpNetwork, mac: mac(3) }] }),
      facts(2, { mac: mac(2), addressPairs: [{ network: '10.9.0.9' as IpNetwork, mac: undefined }] }),
    ],
    vif3: [plug(3), facts(3, { mac: mac(3) }), facts(3, { mac: mac(3), portSecurity: false })],
    vif4: [plug(4), facts(4, { deviceOwner: 'network:dhcp' }), facts(4, { mac: mac(4) }, 'gre'), unplug(4)],
    vif5: [plug(5), facts(5, { mac: mac(5) }), facts(5, { mac: mac(5), adminStateUp: false })],
  },
  'the last VIF went, and its peers before, meanwhile and afterwards': {
    vif1: [plug(1), facts(1), unplug(1)],
    peer12: [add('vxlan', 12, FLOODING, ...vm(12)), remove('vxlan', 12, FLOODING, ...vm(12))],
    peer13: [add('vxlan', 13, FLOODING, ...vm(13))],
  },
  'a VIF that was unplugged and plugged again, its peer gone meanwhile': {
    vif1: [plug(1), facts(1), unplug(1), plug(1), facts(1)],
    peer12: [add('vxlan', 12, FLOODING, ...vm(12)), remove('vxlan', 12, ...vm(12))],
    peer13: [add('vxlan', 13, FLOODING, ...vm(13))],
  },
  'a VIF that was moved to another network': {
    vif1: [plug(1), facts(1), facts(1, {}, 'gre')],
    peer12: [add('vxlan', 12, FLOODING, ...vm(12)), add('gre', 12, FLOODING, ...vm(32))],
  },
  'down and up again': {
    vif1: [plug(1), facts(1), facts(1, { adminStateUp: false }), facts(1)],
    peer12: [add('vxlan', 12, FLOODING, ...vm(12))],
  },
  'another network takes over': {
    vif1: [plug(1), facts(1), unplug(1)],
    vif2: [plug(2), facts(2, {}, 'gre')],
    peer12: [add('vxlan', 12, FLOODING, ...vm(12)), add('gre', 12, FLOODING, ...vm(12))],
  },
  'every peer went': {
    vif1: [plug(1), facts(1)],
    peer12: [add('vxlan', 12, FLOODING, ...vm(12)), remove('vxlan', 12, ...vm(12)), remove('vxlan', 12, FLOODING)],
    peer13: [add('vxlan', 13, FLOODING), remove('vxlan', 13, FLOODING)],
  },
  'a tunnel port that somebody deleted': {
    vif1: [plug(1), facts(1)],
    peer12: [
      add('vxlan', 12, FLOODING, ...vm(12)),
      (host) => {
        const name = tunnelName('vxlan', 12);
        if (host.tunnelPorts().includes(name)) host.switch.unplug(name);
      },
    ],
  },
};

describe.each(Object.entries(STATES))('%s', (_, lanes) => {
  test('ends in the same switch however it is told', async () => {
    const expected = (await plainly(lanes)).picture();
    await fc.assert(
      fc.asyncProperty(telling, async (telling) => {
        const host = await told(lanes, telling);
        expect(host.picture()).toEqual(expected);
        expect(host.switch.violations).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  test('at rest there is nothing to do, and no flow names a port or network that is not there', async () => {
    const host = await plainly(lanes);
    expect(host.switch.violations).toEqual([]);
    expect(host.picture().filter((line) => line.includes('NO '))).toEqual([]);
    expect(host.plan()).toEqual({ operations: 0, lines: 0 });
    host.apply({ kind: 'compare' });
    await settle(host);
    expect(host.plan()).toEqual({ operations: 0, lines: 0 });
  });

  test('a restart changes nothing: not a flow, not a port', async () => {
    const before = await plainly(lanes);
    const [transactions, bundles] = [before.switch.transactions.length, before.switch.bundles.length];
    const [picture, flows] = [before.picture(), before.tun()];
    const after = new Host(testConfig(), before.switch);
    for (const [id, facts] of before.server) after.server.set(id, facts);
    after.connect();
    await settle(after);
    expect(after.switch.bundles.slice(bundles)).toEqual([]);
    expect(
      after.switch.transactions
        .slice(transactions)
        .flat()
        .filter(({ op }) => op !== 'select'),
    ).toEqual([]);
    expect(after.tun()).toEqual(flows);
    expect(after.picture()).toEqual(picture);
  });

  test('flows that got lost come back with a comparison', async () => {
    const host = await plainly(lanes);
    const picture = host.picture();
    host.switch.loseFlows();
    host.apply({ kind: 'compare' });
    await settle(host);
    expect(host.picture()).toEqual(picture);
  });

  test('both bridges deleted: all of it is made again', async () => {
    const host = await plainly(lanes);
    const flows = host.picture().filter((line) => line.startsWith('table='));
    host.switch.deleteBridge('br-tun');
    await settle(host);
    expect(host.picture().filter((line) => line.startsWith('table='))).toEqual(flows);
    expect(host.switch.violations).toEqual([]);
  });
});
