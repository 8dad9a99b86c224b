import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  parseTunnelKey,
  tunnelInterfaceType,
  tunnelKey,
  tunnelOptions,
  tunnelPortName,
  tunnelTypeOf,
} from '../../../src/tunnel/ports.ts';
import { type IpAddress, TUNNEL_TYPES } from '../../../src/values.ts';
import { testConfig } from '../config.ts';

const LOCAL = '172.30.0.11' as IpAddress;
const REMOTE = '172.30.0.12' as IpAddress;
const { agent } = testConfig();
const type = fc.constantFrom(...TUNNEL_TYPES);
const ip = fc.oneof(fc.ipV4(), fc.ipV6()) as fc.Arbitrary<IpAddress>;

test('a key is type and address, there and back', () => {
  fc.assert(
    fc.property(type, ip, (type, remoteIp) => {
      expect(parseTunnelKey(tunnelKey(type, remoteIp))).toEqual({ type, remoteIp });
    }),
  );
});

describe('names', () => {
  test.each([
    ['vxlan', '10.0.1.21', 'vxlan-0a000115'],
    ['gre', '172.30.0.12', 'gre-ac1e000c'],
    ['geneve', '1.2.3.4', 'geneve-01020304'],
    // `OVSNeutronAgent.get_tunnel_name` of 21.0.0.
    ['gre', 'fd00:99::12', 'gre-puylqshltmp'],
    ['vxlan', 'fd00:99::12', 'vxlan-puylqshlt'],
    ['geneve', '2001:db8::1', 'geneve-d3wbibj5'],
  ] as const)("%s to %s, Neutron's name: %s", (type, remoteIp, name) => {
    expect(tunnelPortName({ type, remoteIp: remoteIp as IpAddress })).toBe(name);
  });

  test('at most 15 characters, IPv6 too (IFNAMSIZ)', () => {
    fc.assert(
      fc.property(type, ip, (type, remoteIp) => {
        expect(tunnelPortName({ type, remoteIp })).toMatch(
          /^(?=.{12,15}$)(gre|vxlan|geneve)-([0-9a-f]{8}|[a-z2-7]{8,11})$/,
        );
      }),
    );
  });
});

describe('Interface.type', () => {
  test.each([
    ['vxlan', '172.30.0.12', 'vxlan'],
    ['vxlan', 'fd00::12', 'vxlan'],
    ['geneve', 'fd00::12', 'geneve'],
    ['gre', '172.30.0.12', 'gre'],
    // `ovs_lib.get_gre_tunnel_port_type`.
    ['gre', 'fd00::12', 'ip6gre'],
  ] as const)('%s to %s is %s, and read back as the tunnel type', (type, remoteIp, expected) => {
    expect(tunnelInterfaceType({ type, remoteIp: remoteIp as IpAddress })).toBe(expected);
    expect(tunnelTypeOf(expected)).toBe(type);
  });

  test.each(['', 'patch', 'internal', 'lisp', 'ip6erspan'])('%j is no tunnel', (type) => {
    expect(tunnelTypeOf(type)).toBeUndefined();
  });
});

describe('options', () => {
  // Interface rows of recording 09, host1.
  const recorded = {
    df_default: 'true',
    egress_pkt_mark: '0',
    in_key: 'flow',
    local_ip: LOCAL,
    out_key: 'flow',
    remote_ip: REMOTE,
  };

  test.each(TUNNEL_TYPES)('%s, all at their defaults, as recorded', (type) => {
    expect(tunnelOptions({ type, remoteIp: REMOTE }, LOCAL, agent)).toEqual(recorded);
  });

  test.each([
    ['vxlan', { vxlanUdpPort: 8472 }, { dst_port: '8472' }],
    ['gre', { vxlanUdpPort: 8472 }, {}],
    ['geneve', { vxlanUdpPort: 8472 }, {}],
    ['vxlan', { dontFragment: false }, { df_default: 'false' }],
    ['vxlan', { tunnelCsum: true }, { csum: 'true' }],
    ['gre', { dscp: 0 }, { tos: '0' }],
    ['gre', { dscp: 46 }, { tos: '184' }],
    ['gre', { dscp: 63 }, { tos: '252' }],
    ['gre', { dscpInherit: true }, { tos: 'inherit' }],
    ['gre', { dscpInherit: true, dscp: 46 }, { tos: 'inherit' }],
  ] as const)('%s with %j', (type, settings, more) => {
    expect(tunnelOptions({ type, remoteIp: REMOTE }, LOCAL, { ...agent, ...settings })).toEqual({
      ...recorded,
      ...more,
    });
  });

  test.each([
    ['gre', { packet_type: 'legacy_l2' }],
    ['vxlan', {}],
    ['geneve', {}],
  ] as const)('%s over IPv6', (type, more) => {
    const [local, remote] = ['fd00::11', 'fd00::12'] as [IpAddress, IpAddress];
    expect(tunnelOptions({ type, remoteIp: remote }, local, agent)).toEqual({
      ...recorded,
      local_ip: local,
      remote_ip: remote,
      ...more,
    });
  });
});
