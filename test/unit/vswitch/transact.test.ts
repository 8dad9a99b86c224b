import { describe, expect, test } from 'vitest';
import { membershipQuery, readMembership } from '../../../src/vswitch/monitors.ts';
import type { SwitchPort } from '../../../src/vswitch/rows.ts';
import { SwitchView } from '../../../src/vswitch/switch-view.ts';
import {
  addTunnelPort,
  adoptTunnelPort,
  bridgeOperations,
  bumpNextCfg,
  deletePort,
  portMatches,
  readNextCfg,
  setPort,
} from '../../../src/vswitch/transact.ts';
import { FakeSwitch } from '../fake-switch.ts';

const SETTINGS = {
  integrationBridge: 'br-int',
  tunnelBridge: 'br-tun',
  intPeerPatchPort: 'patch-tun',
  tunPeerPatchPort: 'patch-int',
  datapathType: 'netdev',
  bridgeMacTableSize: 50_000,
};

/** A view of what the switch has, all ports placed. */
async function see(fake: FakeSwitch): Promise<SwitchView> {
  const view = new SwitchView(SETTINGS);
  view.applyRows(fake.initial());
  const ports = view.portsWithoutBridge();
  view.applyMembership(readMembership(ports, await fake.transact(membershipQuery(ports))));
  return view;
}

const empty = new SwitchView(SETTINGS);
const port = (changes: Partial<SwitchPort> = {}): SwitchPort => ({
  uuid: 'p-uuid',
  name: 'tap1',
  interfaces: ['i-uuid'],
  tag: undefined,
  vlanMode: undefined,
  trunks: [],
  otherConfig: new Map(),
  ...changes,
});

describe('bridges', () => {
  test('from nothing: both, secure, with their patch pair, in one transaction that goes out like this', () => {
    const bridge = (name: string, id: string) => [
      { op: 'insert', table: 'Interface', row: { name, type: 'internal' }, 'uuid-name': `interface_${id}` },
      {
        op: 'insert',
        table: 'Port',
        row: { name, interfaces: ['named-uuid', `interface_${id}`] },
        'uuid-name': `port_${id}`,
      },
      {
        op: 'insert',
        table: 'Bridge',
        row: {
          name,
          datapath_type: 'netdev',
          fail_mode: 'secure',
          protocols: ['set', ['OpenFlow10', 'OpenFlow13', 'OpenFlow14']],
          other_config: ['map', [['mac-table-size', '50000']]],
          ports: ['named-uuid', `port_${id}`],
        },
        'uuid-name': `bridge_${id}`,
      },
      {
        op: 'mutate',
        table: 'Open_vSwitch',
        where: [],
        mutations: [['bridges', 'insert', ['named-uuid', `bridge_${id}`]]],
      },
    ];
    const patch = (bridgeName: string, name: string, id: string, peer: string) => [
      {
        op: 'insert',
        table: 'Interface',
        row: { name, type: 'patch', options: ['map', [['peer', peer]]] },
        'uuid-name': `interface_${id}`,
      },
      {
        op: 'insert',
        table: 'Port',
        row: { name, interfaces: ['named-uuid', `interface_${id}`] },
        'uuid-name': `port_${id}`,
      },
      {
        op: 'mutate',
        table: 'Bridge',
        where: [['name', '==', bridgeName]],
        mutations: [['ports', 'insert', ['named-uuid', `port_${id}`]]],
      },
    ];
    expect(JSON.parse(JSON.stringify(bridgeOperations(empty, SETTINGS)))).toEqual([
      ...bridge('br-int', 'br_2d_int'),
      ...bridge('br-tun', 'br_2d_tun'),
      ...patch('br-int', 'patch-tun', 'patch_2d_tun', 'patch-int'),
      ...patch('br-tun', 'patch-int', 'patch_2d_int', 'patch-tun'),
    ]);
  });

  test('done once, there is nothing left to do', async () => {
    const fake = new FakeSwitch();
    await fake.transact(bridgeOperations(await see(fake), SETTINGS));
    expect(fake.portNames('br-tun')).toEqual(['br-tun', 'patch-int']);
    expect(bridgeOperations(await see(fake), SETTINGS)).toEqual([]);
  });

  test.each([
    ['not secure', { fail_mode: [] }, { fail_mode: 'secure' }],
    ['standalone', { fail_mode: ['standalone'] }, { fail_mode: 'secure' }],
    [
      'a version is missing',
      { protocols: ['OpenFlow10', 'OpenFlow13'] },
      { protocols: ['set', ['OpenFlow10', 'OpenFlow13', 'OpenFlow14']] },
    ],
    [
      'versions of others stay',
      { protocols: ['OpenFlow15'] },
      { protocols: ['set', ['OpenFlow15', 'OpenFlow10', 'OpenFlow13', 'OpenFlow14']] },
    ],
  ])('mended: %s', async (_, columns, row) => {
    const fake = new FakeSwitch();
    await fake.transact(bridgeOperations(empty, SETTINGS));
    fake.set('Bridge', 'br-tun', columns);
    const view = await see(fake);
    const uuid = view.bridge('br-tun')?.uuid;
    expect(bridgeOperations(view, SETTINGS)).toEqual([
      { op: 'update', table: 'Bridge', where: [['_uuid', '==', ['uuid', uuid]]], row },
    ]);
  });

  test('no protocols at all are all of them; controllers are left alone: without its last one a bridge loses its flows', async () => {
    const fake = new FakeSwitch();
    await fake.transact(bridgeOperations(empty, SETTINGS));
    fake.set('Bridge', 'br-tun', { protocols: [], controller: ['c'] });
    expect(bridgeOperations(await see(fake), SETTINGS)).toEqual([]);
  });

  test('a patch port that leads elsewhere is turned round', async () => {
    const fake = new FakeSwitch();
    await fake.transact(bridgeOperations(empty, SETTINGS));
    fake.set('Interface', 'patch-int', { options: new Map([['peer', 'nowhere']]) });
    const view = await see(fake);
    const uuid = view.patch('patch-int')?.interface.uuid;
    expect(bridgeOperations(view, SETTINGS)).toEqual([
      {
        op: 'update',
        table: 'Interface',
        where: [['_uuid', '==', ['uuid', uuid]]],
        row: { options: ['map', [['peer', 'patch-tun']]] },
      },
    ]);
  });
});

describe('tunnel ports', () => {
  test('a new one: interface, port, and a mutation of br-tun by its uuid; marked ours', async () => {
    const fake = new FakeSwitch();
    fake.addBridge('br-tun');
    const view = await see(fake);
    const options = { remote_ip: '172.30.0.12', in_key: 'flow' };
    const operations = addTunnelPort(view, 'br-tun', { name: 'vxlan-ac1e000c', type: 'vxlan', options });
    expect(JSON.parse(JSON.stringify(operations))).toEqual([
      {
        op: 'insert',
        table: 'Interface',
        row: {
          name: 'vxlan-ac1e000c',
          type: 'vxlan',
          options: [
            'map',
            [
              ['remote_ip', '172.30.0.12'],
              ['in_key', 'flow'],
            ],
          ],
          external_ids: ['map', [['l2pop-agent', 'tunnel']]],
        },
        'uuid-name': 'interface_vxlan_2d_ac1e000c',
      },
      {
        op: 'insert',
        table: 'Port',
        row: { name: 'vxlan-ac1e000c', interfaces: ['named-uuid', 'interface_vxlan_2d_ac1e000c'] },
        'uuid-name': 'port_vxlan_2d_ac1e000c',
      },
      {
        op: 'mutate',
        table: 'Bridge',
        where: [['_uuid', '==', ['uuid', view.bridge('br-tun')?.uuid]]],
        mutations: [['ports', 'insert', ['named-uuid', 'port_vxlan_2d_ac1e000c']]],
      },
    ]);
  });

  test('two in one transaction have names of their own', async () => {
    const fake = new FakeSwitch();
    fake.addBridge('br-tun');
    const view = await see(fake);
    const make = (name: string) => addTunnelPort(view, 'br-tun', { name, type: 'gre', options: {} });
    await fake.transact([...make('gre-1'), ...make('gre_1'), ...make('gre_2d_1')]);
    expect(fake.portNames('br-tun')).toEqual(['gre-1', 'gre_1', 'gre_2d_1']);
  });

  test("a predecessor's: its options, our mark beside its own", () => {
    const existing = { port: port(), interface: { uuid: 'i-uuid' } } as Parameters<typeof adoptTunnelPort>[0];
    const where = [['_uuid', '==', ['uuid', 'i-uuid']]];
    expect(adoptTunnelPort(existing, { in_key: 'flow' })).toEqual([
      { op: 'update', table: 'Interface', where, row: { options: ['map', [['in_key', 'flow']]] } },
      {
        op: 'mutate',
        table: 'Interface',
        where,
        mutations: [['external_ids', 'insert', ['map', [['l2pop-agent', 'tunnel']]]]],
      },
    ]);
  });

  test('deleted by taking it from its bridge; no bridge, nothing to do', async () => {
    const fake = new FakeSwitch();
    fake.addBridge('br-tun');
    const view = await see(fake);
    expect(deletePort(view, 'br-tun', port())).toEqual([
      {
        op: 'mutate',
        table: 'Bridge',
        where: [['_uuid', '==', ['uuid', view.bridge('br-tun')?.uuid]]],
        mutations: [['ports', 'delete', ['uuid', 'p-uuid']]],
      },
    ]);
    expect(deletePort(empty, 'br-tun', port())).toEqual([]);
  });
});

describe('VIFs', () => {
  const record = { net_uuid: 'n', network_type: 'vxlan', physical_network: 'None', segmentation_id: '7419', tag: '1' };

  test('bound: tag, no trunk, the record beside what others wrote', () => {
    const known = port({
      otherConfig: new Map([
        ['theirs', 'x'],
        ['tag', '9'],
      ]),
    });
    expect(setPort(known, { tag: 1, otherConfig: record })).toEqual({
      op: 'update',
      table: 'Port',
      where: [['_uuid', '==', ['uuid', 'p-uuid']]],
      row: {
        tag: 1,
        vlan_mode: ['set', []],
        trunks: ['set', []],
        other_config: [
          'map',
          [
            ['theirs', 'x'],
            ['tag', '1'],
            ['net_uuid', 'n'],
            ['network_type', 'vxlan'],
            ['physical_network', 'None'],
            ['segmentation_id', '7419'],
          ],
        ],
      },
    });
  });

  test('isolated: the record stays for when it comes back', () => {
    expect(setPort(port(), { tag: 4095, otherConfig: undefined })).toMatchObject({
      row: { tag: 4095, vlan_mode: ['set', []], trunks: ['set', []] },
    });
    expect(Object.keys((setPort(port(), { tag: 4095, otherConfig: undefined }) as { row: object }).row)).not.toContain(
      'other_config',
    );
  });

  test.each([
    ['all of it', {}, true],
    ['and more of others', { otherConfig: new Map([...Object.entries(record), ['theirs', 'x']]) }, true],
    ['another tag', { tag: 2 }, false],
    ['no tag', { tag: undefined }, false],
    ['a trunk', { vlanMode: 'trunk' }, false],
    ['trunks', { trunks: [1] }, false],
    ['another record', { otherConfig: new Map(Object.entries({ ...record, net_uuid: 'm' })) }, false],
    ['no record', { otherConfig: new Map() }, false],
  ] as [string, Partial<SwitchPort>, boolean][])('is so already: %s', (_, changes, expected) => {
    const known = port({ tag: 1, otherConfig: new Map(Object.entries(record)), ...changes });
    expect(portMatches(known, { tag: 1, otherConfig: record })).toBe(expected);
  });
});

describe('next_cfg', () => {
  test('is raised, and read in the same transaction', async () => {
    expect(bumpNextCfg()).toEqual([
      { op: 'mutate', table: 'Open_vSwitch', where: [], mutations: [['next_cfg', '+=', 1]] },
      { op: 'select', table: 'Open_vSwitch', where: [], columns: ['next_cfg'] },
    ]);
    const fake = new FakeSwitch();
    fake.setRoot({ next_cfg: 6 });
    expect(readNextCfg(await fake.transact(bumpNextCfg()))).toBe(7);
  });

  test.each([[[]], [[{}]], [[{ rows: [] }]], [[{ rows: [{ next_cfg: 'x' }] }]]])('%j: none', (results) => {
    expect(readNextCfg(results)).toBe(0);
  });
});

describe('membership', () => {
  test('one operation a port', () => {
    expect(membershipQuery(['a', 'b'])).toEqual(
      ['a', 'b'].map((id) => ({
        op: 'select',
        table: 'Bridge',
        where: [['ports', 'includes', ['uuid', id]]],
        columns: ['name'],
      })),
    );
  });

  test('more than 200 at once: the ports of all bridges in one operation', () => {
    const ports = Array.from({ length: 201 }, (_, index) => `p${index}`);
    expect(membershipQuery(ports.slice(1))).toHaveLength(200);
    expect(membershipQuery(ports)).toEqual([{ op: 'select', table: 'Bridge', where: [], columns: ['name', 'ports'] }]);
    const rows = [
      { name: 'br-int', ports: ports.slice(0, 199) },
      { name: 'br-ex', ports: ['another', 'p200'] },
    ];
    const found = readMembership(ports, [{ rows }]);
    expect([found.size, found.get('p0'), found.get('p198')]).toEqual([201, 'br-int', 'br-int']);
    expect([found.get('p199'), found.get('p200'), found.has('another')]).toEqual([undefined, 'br-ex', false]);
  });

  test('answers in their order; on none any more', () => {
    const results = [{ rows: [{ name: 'br-int' }] }, { rows: [] }, { rows: [{ name: 7 }] }];
    expect(readMembership(['a', 'b', 'c', 'd'], results)).toEqual(
      new Map([
        ['a', 'br-int'],
        ['b', undefined],
        ['c', undefined],
        ['d', undefined],
      ]),
    );
  });
});
