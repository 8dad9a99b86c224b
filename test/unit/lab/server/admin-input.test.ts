import { describe, expect, test } from 'vitest';
import type { Generator, Input } from '../../../../lab/server/admin-input.ts';
import {
  readBinding,
  readNetwork,
  readNetworkChange,
  readPort,
  readPortChange,
} from '../../../../lab/server/admin-input.ts';
import type { Network } from '../../../../lab/server/facts.ts';
import type { JsonObject } from '../../../../src/rpc/types.ts';
import type { NetworkId } from '../../../../src/values.ts';

const ID = '00000000-0000-4000-8000-000000000001';
const GENERATE: Generator = { uuid: () => ID, mac: () => 'fa:16:3e:00:00:01' };
const NETWORK: Network = {
  id: ID as NetworkId,
  standardAttrId: 1,
  name: '',
  mtu: 1450,
  adminStateUp: true,
  revision: 1,
  createdAt: new Date(0),
  updatedAt: new Date(0),
  segments: [],
  subnets: [
    { id: 'four', cidr: '192.0.2.0/25' },
    { id: 'six', cidr: '2001:db8::/64' },
  ],
};

function problems(input: Input<unknown>): readonly string[] {
  return 'problems' in input ? input.problems : [];
}

describe('readNetwork', () => {
  test.each([
    ['vxlan', 1450],
    ['gre', 1458],
    ['geneve', 1442],
  ] as const)('%s: what is absent is made up', (networkType, mtu) => {
    expect(
      readNetwork({ network_type: networkType, segmentation_id: 7, subnets: ['2001:DB8::/64'] }, GENERATE),
    ).toEqual({
      value: {
        id: ID,
        name: '',
        mtu,
        segments: [{ id: ID, networkType, segmentationId: 7 }],
        subnets: [{ id: ID, cidr: '2001:db8::/64' }],
      },
    });
  });

  test.each<[JsonObject, string]>([
    [{ network_type: 'vlan', segmentation_id: 7 }, 'network_type is "vlan", not one of gre, vxlan, geneve'],
    [{ network_type: 'vxlan', segmentation_id: 16777216 }, 'segmentation_id is 16777216, not a valid id for vxlan'],
    [{ network_type: 'gre', segmentation_id: 7, id: 'x' }, 'id is "x", not a UUID'],
    [{ network_type: 'gre', segmentation_id: 7, mtu: 1.5 }, 'mtu is 1.5, not an integer of 68 to 65535'],
    [
      { network_type: 'gre', segmentation_id: 7, subnets: ['192.0.2.0/33'] },
      'subnets[0] is "192.0.2.0/33", not a CIDR',
    ],
    [{ network_type: 'gre', segmentation_id: 7, subnets: 'x' }, 'subnets is "x", not a list'],
    [{ segments: [{ network_type: 'gre' }] }, 'segments[0].segmentation_id is missing, not a valid id for gre'],
  ])('%j', (body, problem) => {
    expect(problems(readNetwork(body, GENERATE))).toEqual([problem]);
  });
});

describe('readPort', () => {
  test('a fixed IP goes to the subnet that has it', () => {
    const input = readPort({ fixed_ips: ['192.0.2.1', { ip_address: '2001:db8::5' }], host: 'h' }, NETWORK, GENERATE);
    expect(input).toMatchObject({
      value: {
        host: 'h',
        port: {
          deviceOwner: 'compute:nova',
          fixedIps: [
            { subnetId: 'four', ip: '192.0.2.1' },
            { subnetId: 'six', ip: '2001:db8::5' },
          ],
        },
      },
    });
  });

  test.each<[JsonObject, RegExp]>([
    [
      { fixed_ips: ['192.0.2.200'] },
      /^fixed_ips\[0\] 192\.0\.2\.200 is in none of the network's subnets: 192\.0\.2\.0\/25 \(four\)/,
    ],
    [{ fixed_ips: [{ ip_address: '192.0.2.1', subnet_id: 'six' }] }, /is in none of the network's subnets/],
    [{ fixed_ips: [5] }, /^fixed_ips\[0\] is 5, not an IP address$/],
    [{ mac_address: 'x' }, /^mac_address is "x", not a MAC$/],
    [{ admin_state_up: 'yes' }, /^admin_state_up is "yes", not true or false$/],
    [{ host: 5 }, /^host is 5, not a string$/],
    [{ profile: [] }, /^profile is \[\], not an object$/],
  ])('%j', (body, problem) => {
    const found = problems(readPort(body, NETWORK, GENERATE));
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(problem);
  });
});

test('a change has what the body has, and no more', () => {
  expect(readPortChange({}, NETWORK)).toEqual({ value: {} });
  expect(readPortChange({ host: null, fixed_ips: [], name: 'n', profile: { a: 1 } }, NETWORK)).toEqual({
    value: { host: null, fixedIps: [], name: 'n', profile: { a: 1 } },
  });
  expect(readNetworkChange({ mtu: 1400 })).toEqual({ value: { mtu: 1400 } });
  expect(problems(readBinding({}))).toEqual(['host is missing, not a string']);
});
