import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PortId } from '../../../src/values.ts';
import { parsePorts } from '../../../src/vif/facts.ts';
import recorded from '../../fixtures/neutron/recorded.json' with { type: 'json' };

const FIRST = 'e3342ff1-3feb-450b-92ff-f75ea08f697c' as PortId;
const UNKNOWN = '00000000-0000-4000-8000-000000000009' as PortId;
const versioned = (data: unknown) => ({ 'versioned_object.data': data });

type Data = Record<string, unknown>;
const base = recorded.ports[0]?.['versioned_object.data'] as unknown as Data;

const binding = (host: string, status: string, profile: unknown = '{}') => versioned({ host, status, profile });
const level = (host: string, level: number, network_type: string, segmentation_id: unknown) =>
  versioned({ host, level, segment: versioned({ network_type, segmentation_id }) });

/** The facts of the recorded port with some of its data changed, as seen from host1. */
function facts(changes: Data, host = 'host1') {
  const { answers, problems } = parsePorts([versioned({ ...base, ...changes })], [FIRST], host);
  expect(problems).toEqual([]);
  const answer = answers.get(FIRST);
  if (typeof answer !== 'object') throw new Error(`no facts but ${answer}`);
  return answer;
}

describe('the recorded reply (14)', () => {
  const ids = recorded.ports.map((port) => port['versioned_object.data'].id as PortId);

  test('three ports, all bound here', () => {
    const { answers, problems } = parsePorts(recorded.ports, ids, 'host1');
    expect(problems).toEqual([]);
    expect([...answers.keys()]).toEqual(ids);
    expect(answers.get(FIRST)).toEqual({
      id: FIRST,
      networkId: '00f2d01f-cb41-490d-bb30-f7e4e515e5d6',
      mac: 'fa:16:3e:58:b5:cf',
      fixedIps: ['10.10.0.94', 'fd10::6'],
      addressPairs: [],
      portSecurity: true,
      adminStateUp: true,
      status: 'ACTIVE',
      deviceOwner: 'compute:nova',
      binding: 'active',
      isAwaited: false,
      segment: { type: 'vxlan', segmentationId: 7419 },
      segmentText: 'vxlan 7419',
    });
    expect(ids.map((id) => answers.get(id)).map((port) => typeof port === 'object' && port.segment)).toEqual([
      { type: 'vxlan', segmentationId: 7419 },
      { type: 'vxlan', segmentationId: 7419 },
      { type: 'gre', segmentationId: 5608 },
    ]);
  });

  test('seen from another host they are elsewhere, without a segment for it', () => {
    expect(facts({}, 'host2')).toMatchObject({ binding: 'elsewhere', segment: undefined, segmentText: 'none' });
  });
});

describe('who is absent', () => {
  test('asked for and not in a readable reply', () => {
    const { answers } = parsePorts(recorded.ports, [FIRST, UNKNOWN], 'host1');
    expect([answers.get(UNKNOWN), typeof answers.get(FIRST)]).toEqual(['absent', 'object']);
    expect(parsePorts([], [FIRST], 'host1').answers.get(FIRST)).toBe('absent');
  });

  test('not the one that cannot be read, but the others', () => {
    const { answers, problems } = parsePorts([versioned({ id: FIRST, network_id: 'x' })], [FIRST, UNKNOWN], 'host1');
    expect([...answers]).toEqual([[UNKNOWN, 'absent']]);
    expect(problems).toEqual([`bulk_pull Port: port ${FIRST}: network_id "x" is no UUID`]);
  });

  test.each([null, 7, {}, versioned(null), versioned({ id: 'x' })])('nobody, if %j may be any port', (object) => {
    const { answers, problems } = parsePorts([object, recorded.ports[0]], [FIRST, UNKNOWN], 'host1');
    expect([...answers.keys()]).toEqual([FIRST]);
    expect(problems).toHaveLength(1);
  });
});

describe('bindings', () => {
  const target = '{"migrating_to": "host1"}';

  test.each([
    ['bound elsewhere, migrating to us', [binding('host2', 'ACTIVE', target)], true],
    ['with a binding here too', [binding('host2', 'ACTIVE', target), binding('host1', 'INACTIVE')], true],
    ['active here', [binding('host1', 'ACTIVE', target)], false],
    ['inactive here, and nobody says that it comes', [binding('host2', 'ACTIVE'), binding('host1', 'INACTIVE')], false],
    ['an inactive binding says so', [binding('host2', 'ACTIVE'), binding('host3', 'INACTIVE', target)], false],
    ['to somebody else', [binding('host2', 'ACTIVE', '{"migrating_to": "host3"}')], false],
  ])('awaited here: %s', (_, bindings, isAwaited) => {
    expect(facts({ bindings }).isAwaited).toBe(isAwaited);
  });

  test.each([
    ['active here', [binding('host1', 'ACTIVE')], 'active'],
    [
      'inactive here, active elsewhere: a live migration to us',
      [binding('host2', 'ACTIVE'), binding('host1', 'INACTIVE')],
      'inactive',
    ],
    ['elsewhere, and its profile names us', [binding('host2', 'ACTIVE', target)], 'migrating'],
    ['the profile as an object', [binding('host2', 'ACTIVE', { migrating_to: 'host1' })], 'migrating'],
    [
      'our own binding counts more than the profile',
      [binding('host2', 'ACTIVE', target), binding('host1', 'ACTIVE')],
      'active',
    ],
    ['elsewhere, to somebody else', [binding('host2', 'ACTIVE', '{"migrating_to": "host3"}')], 'elsewhere'],
    ['a profile that is no JSON', [binding('host2', 'ACTIVE', '{migrating_to')], 'elsewhere'],
    ['a profile that is a list', [binding('host2', 'ACTIVE', '[]')], 'elsewhere'],
    ['unbound', [binding('', 'ACTIVE')], 'elsewhere'],
    ['none', [], 'elsewhere'],
    ['no list', null, 'elsewhere'],
    ['rubbish', [null, 7, versioned({ host: 7, status: [] })], 'elsewhere'],
  ])('%s', (_, bindings, state) => {
    expect(facts({ bindings }).binding).toBe(state);
  });
});

describe('segments', () => {
  test.each([
    [
      'the lowest level that is bound here',
      [level('host1', 0, 'vlan', 5), level('host1', 1, 'vxlan', 7)],
      { type: 'vxlan', segmentationId: 7 },
    ],
    [
      'whatever the order of the levels',
      [level('host1', 1, 'vxlan', 7), level('host1', 0, 'vlan', 5)],
      { type: 'vxlan', segmentationId: 7 },
    ],
    ['not that of another host', [level('host2', 0, 'vxlan', 9)], undefined],
    ['no tunnel', [level('host1', 0, 'vlan', 5)], undefined],
    ['no id of that type', [level('host1', 0, 'vxlan', 2 ** 24)], undefined],
    ['an id that is text', [level('host1', 0, 'vxlan', '7')], undefined],
    ['a level without a segment', [versioned({ host: 'host1', level: 0, segment: null })], undefined],
    ['no levels', null, undefined],
  ])('%s', (_, binding_levels, segment) => {
    expect(facts({ binding_levels }).segment).toEqual(segment);
  });

  test('what it is instead is said', () => {
    expect(facts({ binding_levels: [level('host1', 0, 'flat', null)] }).segmentText).toBe('flat null');
  });

  test('of a port that migrates to us, without a binding of its own: the one of where it is', () => {
    const changes = {
      bindings: [binding('host2', 'ACTIVE', '{"migrating_to": "host1"}')],
      binding_levels: [level('host2', 0, 'gre', 5)],
    };
    expect(facts(changes).segment).toEqual({ type: 'gre', segmentationId: 5 });
  });
});

test('text where a truth value or a status should be', () => {
  expect(facts({ admin_state_up: 'true', status: 7, device_owner: null })).toMatchObject({
    adminStateUp: false,
    status: '',
    deviceOwner: '',
  });
});

describe('addresses', () => {
  const pair = (ip_address: unknown, mac_address: unknown = null) => versioned({ ip_address, mac_address });

  test('allowed address pairs, with and without a MAC, in the spellings that the API takes', () => {
    const pairs = [
      pair('10.0.0.50'),
      pair('10.0.0.99/24', 'FA-16-3E-00-00-01'),
      pair('fd00:0::7/64', 'fa16.3e00.0002'),
      pair('0.0.0.0/0'),
    ];
    expect(facts({ allowed_address_pairs: pairs }).addressPairs).toEqual([
      { network: '10.0.0.50', mac: undefined },
      { network: '10.0.0.0/24', mac: 'fa:16:3e:00:00:01' },
      { network: 'fd00::/64', mac: 'fa:16:3e:00:00:02' },
      { network: '0.0.0.0/0', mac: undefined },
    ]);
  });

  test.each([
    ['no such extension', null, true],
    ['on', versioned({ port_security_enabled: true }), true],
    ['off', versioned({ port_security_enabled: false }), false],
    ['unreadable: on', versioned({ port_security_enabled: 'false' }), true],
  ])('port security: %s', (_, security, expected) => {
    expect(facts({ security }).portSecurity).toBe(expected);
  });

  test('bad ones are reported and left out, the others count', () => {
    const data = {
      ...base,
      mac_address: 'x',
      fixed_ips: [versioned({ ip_address: '10.0.0.300' }), versioned({ ip_address: 'fd00::1' }), null],
      allowed_address_pairs: [pair('10.0.0.0/33'), pair('10.0.0.1', 'in_port=1'), pair('10.0.0.2'), 7],
    };
    const { answers, problems } = parsePorts([versioned(data)], [FIRST], 'host1');
    expect(answers.get(FIRST)).toMatchObject({
      mac: undefined,
      fixedIps: ['fd00::1'],
      addressPairs: [{ network: '10.0.0.2', mac: undefined }],
    });
    expect(problems).toEqual(
      [
        'mac_address "x" is no MAC',
        'fixed IP "10.0.0.300" is no IP address',
        'fixed IP undefined is no IP address',
        'allowed address pair with ip_address "10.0.0.0/33" is left out',
        'allowed address pair with mac_address "in_port=1" is left out',
        'allowed address pair with ip_address null is left out',
      ].map((problem) => `bulk_pull Port: port ${FIRST}: ${problem}`),
    );
  });
});

test('nothing that is JSON makes it throw', () => {
  const data = fc.dictionary(
    fc.constantFrom('id', 'network_id', 'bindings', 'binding_levels', 'status'),
    fc.jsonValue(),
  );
  const object = fc.oneof(
    fc.jsonValue(),
    data.map(versioned),
    data.map((part) => versioned({ ...base, ...part })),
  );
  fc.assert(
    fc.property(fc.array(object), (reply) => {
      const { answers, problems } = parsePorts(reply, [FIRST, UNKNOWN], 'host1');
      expect(answers.size + problems.length).toBeGreaterThan(0);
    }),
  );
});
