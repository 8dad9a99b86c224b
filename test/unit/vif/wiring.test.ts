import { describe, expect, test } from 'vitest';
import type { NetworkId, PortId, SegmentationId } from '../../../src/values.ts';
import type { PortFacts } from '../../../src/vif/facts.ts';
import { decideWiring } from '../../../src/vif/wiring.ts';
import type { SwitchPort } from '../../../src/vswitch/rows.ts';

const NETWORK = '00f2d01f-cb41-490d-bb30-f7e4e515e5d6' as NetworkId;
const WIRED = { kind: 'wired', networkId: NETWORK, segment: { type: 'vxlan', segmentationId: 7419 } };

const FACTS: PortFacts = {
  id: 'e3342ff1-3feb-450b-92ff-f75ea08f697c' as PortId,
  networkId: NETWORK,
  mac: undefined,
  fixedIps: [],
  addressPairs: [],
  portSecurity: true,
  adminStateUp: true,
  status: 'DOWN',
  deviceOwner: 'compute:nova',
  binding: 'active',
  isAwaited: false,
  segment: { type: 'vxlan', segmentationId: 7419 as SegmentationId },
  segmentText: 'vxlan 7419',
};

const RECORD = {
  net_uuid: NETWORK,
  network_type: 'vxlan',
  segmentation_id: '7419',
  physical_network: 'None',
  tag: '1',
};

function port(tag?: number, otherConfig: Record<string, string> = {}): SwitchPort {
  return {
    uuid: 'p',
    name: 'tap1',
    interfaces: ['i'],
    tag,
    vlanMode: undefined,
    trunks: [],
    otherConfig: new Map(Object.entries(otherConfig)),
  };
}

describe('with facts', () => {
  test.each([
    ['bound here and up', {}, WIRED],
    ['here when the migration completes: wired before its binding is active', { binding: 'inactive' }, WIRED],
    ['migrating to us', { binding: 'migrating' }, WIRED],
    ['bound elsewhere', { binding: 'elsewhere' }, 'the port is not bound to this host'],
    ['administratively down', { adminStateUp: false }, 'the port is administratively down'],
    ['no tunnel', { segment: undefined, segmentText: 'vlan 5' }, "the port's segment is no tunnel (vlan 5)"],
    [
      'a type that is not ours',
      { segment: { type: 'geneve', segmentationId: 1 } },
      'the network is geneve, tunnel_types has vxlan, gre',
    ],
  ] as [string, Partial<PortFacts>, unknown][])('%s', (_, changes, expected) => {
    const wiring = decideWiring({ ...FACTS, ...changes }, port(), ['vxlan', 'gre']);
    expect(wiring).toEqual(typeof expected === 'string' ? { kind: 'dead', reason: expected } : expected);
  });

  test('whatever the switch says of it', () => {
    expect(decideWiring({ ...FACTS, adminStateUp: false }, port(1, RECORD), ['vxlan'])).toMatchObject({ kind: 'dead' });
    expect(decideWiring('absent', port(1, RECORD), ['vxlan'])).toEqual({
      kind: 'dead',
      reason: 'the server does not know the port',
    });
  });
});

describe('before the facts are known', () => {
  test('a VIF that was wired stays where it is', () => {
    expect(decideWiring('pending', port(1, RECORD), ['vxlan'])).toEqual(WIRED);
    expect(decideWiring('pending', port(4094, { ...RECORD, tag: '9' }), ['vxlan'])).toEqual(WIRED);
  });

  test.each([
    ['no tag', undefined, RECORD],
    ['the dead VLAN', 4095, RECORD],
    ['VLAN 0', 0, RECORD],
    ['no record', 1, {}],
    ['a network id that is none', 1, { ...RECORD, net_uuid: 'x' }],
    ['a type that is no tunnel', 1, { ...RECORD, network_type: 'vlan' }],
    ['no segmentation id', 1, { net_uuid: NETWORK, network_type: 'vxlan' }],
    ['a segmentation id that is none', 1, { ...RECORD, segmentation_id: 'None' }],
    ['an empty segmentation id', 1, { ...RECORD, segmentation_id: '' }],
    ['one that does not fit the type', 1, { ...RECORD, segmentation_id: String(2 ** 24) }],
  ])('any other is isolated: %s', (_, tag, record) => {
    expect(decideWiring('pending', port(tag, record), ['vxlan'])).toEqual({
      kind: 'dead',
      reason: 'port facts are awaited',
    });
  });
});
