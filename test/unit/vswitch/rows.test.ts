import { describe, expect, test } from 'vitest';
import type { SwitchRow } from '../../../src/vswitch/monitors.ts';
import { toBridge, toController, toInterface, toPort, toRoot } from '../../../src/vswitch/rows.ts';

const PORT_ID = 'e3342ff1-3feb-450b-92ff-f75ea08f697c';

describe('Interface', () => {
  const row = (changes: Partial<SwitchRow<'Interface'>>): SwitchRow<'Interface'> => ({
    name: 'x',
    type: '',
    ofport: [],
    external_ids: new Map(),
    options: new Map(),
    ...changes,
  });

  test('a VIF', () => {
    const found = toInterface(
      'u',
      row({ name: 'tap1', ofport: [7], external_ids: new Map([['iface-id', PORT_ID.toUpperCase()]]) }),
    );
    expect(found).toMatchObject({
      uuid: 'u',
      name: 'tap1',
      ofport: 7,
      ifaceId: PORT_ID,
      ours: false,
      tunnel: undefined,
    });
  });

  test.each([
    ['none yet', [], undefined],
    ['refused by OVS', [-1], undefined],
    ['OFPP_LOCAL', [65534], undefined],
    ['zero', [0], undefined],
    ['one', [1], 1],
  ])('ofport: %s', (_, ofport, expected) => {
    expect(toInterface('u', row({ ofport })).ofport).toBe(expected);
  });

  test.each(['', 'tap-1', 'e3342ff1'])('an iface-id that is no UUID is no VIF: %j', (id) => {
    expect(toInterface('u', row({ external_ids: new Map([['iface-id', id]]) })).ifaceId).toBeUndefined();
  });

  test.each([
    ['vxlan', '172.30.0.12', { type: 'vxlan', remoteIp: '172.30.0.12' }],
    ['ip6gre', 'FD00::0012', { type: 'gre', remoteIp: 'fd00::12' }],
    ['vxlan', 'flow', undefined],
    ['vxlan', 'peer.example', undefined],
    ['vxlan', undefined, undefined],
    ['patch', '172.30.0.12', undefined],
    ['lisp', '172.30.0.12', undefined],
  ])('tunnel: %s to %s', (type, remote, tunnel) => {
    const options = new Map(remote === undefined ? [] : [['remote_ip', remote]]);
    expect(toInterface('u', row({ type, options })).tunnel).toEqual(tunnel);
  });

  test('ours by its mark', () => {
    expect(toInterface('u', row({ external_ids: new Map([['l2pop-agent', 'tunnel']]) })).ours).toBe(true);
  });
});

describe('Port', () => {
  test('all of it', () => {
    const row: SwitchRow<'Port'> = {
      name: 'tap1',
      interfaces: ['i'],
      tag: [4095],
      other_config: new Map([['net_uuid', 'n']]),
      vlan_mode: ['trunk'],
      trunks: [4095],
    };
    expect(toPort('u', row)).toEqual({
      uuid: 'u',
      name: 'tap1',
      interfaces: ['i'],
      tag: 4095,
      vlanMode: 'trunk',
      trunks: [4095],
      otherConfig: new Map([['net_uuid', 'n']]),
    });
  });

  test('nothing of it', () => {
    const row: SwitchRow<'Port'> = {
      name: 'p',
      interfaces: ['i'],
      tag: [],
      other_config: new Map(),
      vlan_mode: [],
      trunks: [],
    };
    expect(toPort('u', row)).toMatchObject({ tag: undefined, vlanMode: undefined, trunks: [] });
  });
});

test('Bridge', () => {
  const row: SwitchRow<'Bridge'> = {
    name: 'br-int',
    datapath_type: 'netdev',
    fail_mode: ['secure'],
    protocols: ['OpenFlow10'],
    controller: ['c'],
  };
  expect(toBridge('u', row)).toEqual({
    uuid: 'u',
    name: 'br-int',
    datapathType: 'netdev',
    failMode: 'secure',
    protocols: ['OpenFlow10'],
    controllers: ['c'],
  });
  expect(toBridge('u', { ...row, fail_mode: [], protocols: [], controller: [] })).toMatchObject({
    failMode: undefined,
    protocols: [],
    controllers: [],
  });
});

test('Controller', () => {
  expect(toController({ target: 'tcp:127.0.0.1:6633', is_connected: true })).toEqual({
    target: 'tcp:127.0.0.1:6633',
    connected: true,
  });
  expect(toController({ target: 'x', is_connected: false }).connected).toBe(false);
});

describe('Open_vSwitch', () => {
  const row: SwitchRow<'Open_vSwitch'> = {
    cur_cfg: 7,
    ovs_version: ['3.1.0'],
    datapath_types: ['netdev'],
    iface_types: ['gre'],
    other_config: new Map(),
  };

  test('all of it', () => {
    expect(toRoot('u', row)).toEqual({
      uuid: 'u',
      curCfg: 7,
      ovsVersion: '3.1.0',
      datapathTypes: ['netdev'],
      ifaceTypes: ['gre'],
      restoring: false,
    });
  });

  test.each([
    ['true', true],
    ['false', false],
    ['', false],
  ])('flow-restore-wait=%s', (value, restoring) => {
    expect(toRoot('u', { ...row, other_config: new Map([['flow-restore-wait', value]]) }).restoring).toBe(restoring);
  });
});
