import { describe, expect, test } from 'vitest';
import type { IpAddress, MacAddress } from '../../../src/values.ts';
import type { IpNetwork } from '../../../src/vif/addresses.ts';
import { allowedSources } from '../../../src/vif/allowed.ts';
import type { PortFacts } from '../../../src/vif/facts.ts';
import { factsOf, portId } from '../host.ts';

const MAC = 'fa:16:3e:00:00:01' as MacAddress;
const OTHER = 'fa:16:3e:00:00:02' as MacAddress;
const LOCAL = 'fe80::f816:3eff:fe00:1';
const ips = (...texts: readonly string[]) => texts as unknown as readonly IpAddress[];
const pair = (network: string, mac?: MacAddress) => ({ network: network as IpNetwork, mac });
const facts = (more: Partial<PortFacts>) => factsOf(portId(1), { mac: MAC, fixedIps: ips('10.0.0.5'), ...more });

test.each([
  ['fixed IPs', { fixedIps: ips('10.0.0.5', 'fd00::5') }, [MAC], ['10.0.0.5'], ['fd00::5', LOCAL]],
  ['no fixed IP', { fixedIps: [] }, [MAC], [], [LOCAL]],
  ['a pair', { addressPairs: [pair('10.0.0.50')] }, [MAC], ['10.0.0.5', '10.0.0.50'], [LOCAL]],
  [
    'a pair with a MAC of its own, whose link-local address goes with it',
    { addressPairs: [pair('fd00::/64', OTHER)] },
    [MAC, OTHER],
    ['10.0.0.5'],
    ['fd00::/64', LOCAL, 'fe80::f816:3eff:fe00:2'],
  ],
  [
    'what is said twice counts once',
    { addressPairs: [pair('10.0.0.5', MAC), pair('10.0.0.0/24', MAC), pair('10.0.0.0/24', OTHER)] },
    [MAC, OTHER],
    ['10.0.0.5', '10.0.0.0/24'],
    [LOCAL, 'fe80::f816:3eff:fe00:2'],
  ],
  ['a pair of all IPv6: any may be advertised', { addressPairs: [pair('::/0')] }, [MAC], ['10.0.0.5'], undefined],
  [
    'a pair of all IPv4: neither ARP nor advertisements are checked, MACs are',
    { addressPairs: [pair('0.0.0.0/0')] },
    [MAC],
    undefined,
    undefined,
  ],
  ['a MAC that could not be read', { mac: undefined }, [], ['10.0.0.5'], []],
] as const)('%s', (_, more, macs, ipv4, ipv6) => {
  expect(allowedSources(facts(more))).toEqual({ macs, ipv4, ipv6 });
});

describe('nothing is checked', () => {
  test.each([
    ['port security off', { portSecurity: false }, undefined],
    ['a DHCP port', { deviceOwner: 'network:dhcp' }, undefined],
    ['a router interface', { deviceOwner: 'network:router_interface' }, undefined],
    ['a VM', { deviceOwner: 'compute:nova' }, [MAC]],
    ['a device owner that only looks like one', { deviceOwner: 'networks:mine' }, [MAC]],
    ['no device owner', { deviceOwner: '' }, [MAC]],
  ])('%s', (_, more, macs) => {
    expect(allowedSources(facts(more))?.macs).toEqual(macs);
  });
});
