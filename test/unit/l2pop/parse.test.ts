import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseFdbNotification } from '../../../src/l2pop/parse.ts';
import type { IpAddress } from '../../../src/values.ts';

const NETWORK = '00f2d01f-cb41-490d-bb30-f7e4e515e5d6';
const OTHER = '09efaef8-8f82-4973-918e-5f83d68fe37d';
const FLOODING = ['00:00:00:00:00:00', '0.0.0.0'];
const GOOD = ['fa:16:3e:4e:ed:a9', '10.10.0.75'];
const CONTEXT = { host: 'host1', localIp: '172.30.0.11' as IpAddress, tunnelTypes: ['vxlan', 'gre'] as const };

const parse = (method: string, args: Record<string, unknown>) => parseFdbNotification(method, args, CONTEXT);
const add = (fdb: unknown, more: Record<string, unknown> = {}) =>
  parse('add_fdb_entries', { fdb_entries: fdb, ...more });
const network = (ports: unknown, more: Record<string, unknown> = {}) => ({
  network_type: 'vxlan',
  segment_id: 7419,
  ports,
  ...more,
});
const entry = { mac: 'fa:16:3e:4e:ed:a9', ip: '10.10.0.75' };
const segment = { type: 'vxlan', segmentationId: 7419 };

describe('good messages', () => {
  test('a snapshot as recorded (14): flooding entry, IPv4 and IPv6', () => {
    const list = [FLOODING, GOOD, ['fa:16:3e:4e:ed:a9', 'fd10::182']];
    expect(add({ [NETWORK]: network({ '172.30.0.12': list }) })).toEqual({
      changes: [
        {
          kind: 'add',
          network: NETWORK,
          segment,
          vtep: '172.30.0.12',
          flooding: true,
          entries: [entry, { mac: 'fa:16:3e:4e:ed:a9', ip: 'fd10::182' }],
        },
      ],
      problems: [],
    });
  });

  test('removal, several VTEPs, several networks', () => {
    const { changes, problems } = parse('remove_fdb_entries', {
      fdb_entries: {
        [NETWORK]: network({ '172.30.0.12': [GOOD], '172.30.0.13': [FLOODING] }),
        [OTHER]: network({ '172.30.0.12': [GOOD] }, { network_type: 'gre', segment_id: 4294967295 }),
      },
    });
    expect(problems).toEqual([]);
    expect(changes.map((change) => [change.kind, change.network, change.vtep])).toEqual([
      ['remove', NETWORK, '172.30.0.12'],
      ['remove', NETWORK, '172.30.0.13'],
      ['remove', OTHER, '172.30.0.12'],
    ]);
  });

  test.each([
    [{ before: [GOOD] }, [entry], []],
    [{ after: [GOOD] }, [], [entry]],
    [{ before: [GOOD], after: [['fa:16:3e:4e:ed:a9', 'FD10::0182']] }, [entry], [{ ...entry, ip: 'fd10::182' }]],
    [{ before: null, after: [GOOD] }, [], [entry]],
  ])('chg_ip %j', (change, before, after) => {
    expect(parse('update_fdb_entries', { fdb_entries: { chg_ip: { [NETWORK]: { '172.30.0.12': change } } } })).toEqual({
      changes: [{ kind: 'chg_ip', network: NETWORK, vtep: '172.30.0.12', before, after }],
      problems: [],
    });
  });

  test.each([
    ['our own VTEP', { [NETWORK]: network({ '172.30.0.11': [FLOODING, GOOD] }) }],
    ['a type that tunnel_types has not', { [NETWORK]: network({ '172.30.0.12': [GOOD] }, { network_type: 'geneve' }) }],
    ['no networks', {}],
    ['no VTEPs', { [NETWORK]: network({}) }],
    ['no entries', { [NETWORK]: network({ '172.30.0.12': [] }) }],
  ])('%s: nothing, and no problem', (_, fdb) => {
    expect(add(fdb)).toEqual({ changes: [], problems: [] });
  });

  test('for another host: not read at all; for us or everybody: read', () => {
    const fdb = { [NETWORK]: network({ '172.30.0.12': [GOOD] }) };
    expect(add('rubbish', { host: 'host2' })).toEqual({ changes: [], problems: [] });
    for (const host of ['host1', null, undefined]) expect(add(fdb, { host }).changes).toHaveLength(1);
  });

  test('our own chg_ip is no news either', () => {
    const fdb = { chg_ip: { [NETWORK]: { '172.30.0.11': { after: [GOOD] } } } };
    expect(parse('update_fdb_entries', { fdb_entries: fdb })).toEqual({ changes: [], problems: [] });
  });
});

/** Each beside a good network, whose entries must come through; the sentence names the place and the value. */
describe('bad input is reported and left out, the rest goes on', () => {
  const wrongTypes = [null, 7, 'text', true, [GOOD]];

  const bad: readonly (readonly [string, Record<string, unknown>, string])[] = [
    ...wrongTypes.map((bad) => [`network ${JSON.stringify(bad)}`, { [NETWORK]: bad }, 'is no object'] as const),
    ['a network id that is none', { 'no-uuid': network({ '172.30.0.12': [GOOD] }) }, 'network id "no-uuid" is no UUID'],
    ['an id with a flow in it', { [`${NETWORK},actions=drop`]: network({}) }, 'is no UUID'],
    ...[undefined, null, 'vlan', 'stt', 'VXLAN', 7, ['vxlan']].map(
      (type) =>
        [
          `network_type ${JSON.stringify(type)}`,
          { [NETWORK]: network({}, { network_type: type }) },
          'is none of gre, vxlan, geneve',
        ] as const,
    ),
    ...[undefined, null, '7419', -1, 1.5, 2 ** 24, [7419], {}].map(
      (id) =>
        [
          `segment_id ${JSON.stringify(id)}`,
          { [NETWORK]: network({}, { segment_id: id }) },
          'is no vxlan segmentation id',
        ] as const,
    ),
    [
      'a GRE key beyond 32 bits',
      { [NETWORK]: network({}, { network_type: 'gre', segment_id: 2 ** 32 }) },
      'is no gre segmentation id',
    ],
    ...[undefined, ...wrongTypes].map(
      (ports) => [`ports ${JSON.stringify(ports)}`, { [NETWORK]: network(ports) }, 'ports must be an object'] as const,
    ),
    [
      'a VTEP that is none',
      { [NETWORK]: network({ 'host2.example': [GOOD] }) },
      'VTEP "host2.example" is no IP address',
    ],
    [
      'a VTEP of the other version',
      { [NETWORK]: network({ 'fd00::12': [GOOD] }) },
      'VTEP fd00::12 is not IPv4 as local_ip 172.30.0.11',
    ],
    ...[null, 7, 'text', true, { 0: GOOD }].map(
      (list) =>
        [
          `entries ${JSON.stringify(list)}`,
          { [NETWORK]: network({ '172.30.0.12': list }) },
          'is no list of [MAC, IP] pairs',
        ] as const,
    ),
    ...[
      null,
      7,
      'fa:16:3e:4e:ed:a9',
      [],
      ['fa:16:3e:4e:ed:a9'],
      [...GOOD, 'more'],
      ['fa:16:3e:4e:ed', '10.10.0.75'],
      ['fa:16:3e:4e:ed:a9', '10.10.0.256'],
      ['fa:16:3e:4e:ed:a9', null],
      [7, 7],
      { mac: 'fa:16:3e:4e:ed:a9', ip: '10.10.0.75' },
      ['fa:16:3e:4e:ed:a9,actions=drop', '10.10.0.75'],
    ].map(
      (bad) =>
        [
          `entry ${JSON.stringify(bad)}`,
          { [NETWORK]: network({ '172.30.0.12': [bad] }) },
          'is no [MAC, IP] pair',
        ] as const,
    ),
  ];

  test.each(bad)('%s', (_, bad, sentence) => {
    const { changes, problems } = add({ ...bad, [OTHER]: network({ '172.30.0.13': [GOOD] }) });
    expect(changes.map(({ network, vtep }) => [network, vtep])).toEqual([[OTHER, '172.30.0.13']]);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(sentence);
    if (NETWORK in bad) expect(problems[0]).toContain(NETWORK);
  });

  test('one entry of a list', () => {
    const { changes, problems } = add({ [NETWORK]: network({ '172.30.0.12': [FLOODING, ['x', 'y'], GOOD, 5] }) });
    expect(changes).toMatchObject([{ flooding: true, entries: [entry] }]);
    expect(problems).toEqual([
      `network ${NETWORK}, VTEP 172.30.0.12: ["x","y"] is no [MAC, IP] pair`,
      `network ${NETWORK}, VTEP 172.30.0.12: 5 is no [MAC, IP] pair`,
    ]);
  });

  test('one VTEP of a network', () => {
    const { changes, problems } = add({ [NETWORK]: network({ bad: [GOOD], '172.30.0.12': [GOOD] }) });
    expect(changes).toHaveLength(1);
    expect(problems).toHaveLength(1);
  });

  test.each([undefined, null, 7, 'text', [], true])('fdb_entries %j', (fdb) => {
    expect(add(fdb)).toMatchObject({
      changes: [],
      problems: [expect.stringContaining('fdb_entries must be an object')],
    });
  });

  test('an unknown method', () => {
    expect(parse('frobnicate', { fdb_entries: {} })).toEqual({
      changes: [],
      problems: ['unknown method "frobnicate"'],
    });
  });

  test.each([
    ['no chg_ip', {}, 'chg_ip must be an object, it is missing'],
    ['chg_ip a list', { chg_ip: [] }, 'chg_ip must be an object'],
    ['a bad network id', { chg_ip: { x: {} } }, 'network id "x" is no UUID'],
    ['a network that is no object', { chg_ip: { [NETWORK]: [] } }, 'is no object'],
    ['a bad VTEP', { chg_ip: { [NETWORK]: { x: { after: [GOOD] } } } }, 'VTEP "x" is no IP address'],
    [
      'a change that is no object',
      { chg_ip: { [NETWORK]: { '172.30.0.12': [GOOD] } } },
      'is no object with before and after',
    ],
    ['before that is no list', { chg_ip: { [NETWORK]: { '172.30.0.12': { before: 7 } } } }, 'before: 7 is no list'],
    [
      'a bad entry after',
      { chg_ip: { [NETWORK]: { '172.30.0.12': { after: [['x', 'y']] } } } },
      'after: ["x","y"] is no',
    ],
  ])('update_fdb_entries: %s', (_, fdb, sentence) => {
    const chg_ip =
      'chg_ip' in fdb && typeof fdb.chg_ip === 'object' && !Array.isArray(fdb.chg_ip) ? fdb.chg_ip : undefined;
    const good = { [OTHER]: { '172.30.0.13': { after: [GOOD] } } };
    const { changes, problems } = parse('update_fdb_entries', {
      fdb_entries: chg_ip === undefined ? fdb : { chg_ip: { ...chg_ip, ...good } },
    });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(sentence);
    expect(changes).toHaveLength(chg_ip === undefined ? 0 : 1);
  });

  test('a long value is cut short in the sentence', () => {
    const { problems } = add({ [NETWORK]: network({ '172.30.0.12': ['x'.repeat(100_000)] }) });
    expect(problems[0]?.length).toBeLessThan(250);
  });
});

test('local_ip is IPv6: then IPv4 VTEPs are wrong, and our own is known in any spelling', () => {
  const context = { ...CONTEXT, localIp: 'fd00::11' as IpAddress };
  const ports = { 'FD00:0:0::11': [GOOD], 'fd00::12': [GOOD], '172.30.0.12': [GOOD] };
  const { changes, problems } = parseFdbNotification(
    'add_fdb_entries',
    { fdb_entries: { [NETWORK]: network(ports) } },
    context,
  );
  expect(changes.map(({ vtep }) => vtep)).toEqual(['fd00::12']);
  expect(problems).toEqual([`network ${NETWORK}: VTEP 172.30.0.12 is not IPv6 as local_ip fd00::11`]);
});

test('nothing that is JSON makes it throw, and every text that comes out is typed', () => {
  const key = fc.oneof(
    fc.constantFrom(NETWORK, '172.30.0.12', 'ports', 'chg_ip', 'network_type', 'segment_id', '__proto__'),
    fc.string(),
  );
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'medium' },
      fc.constantFrom(null, 7419, 'vxlan', ...GOOD, ...FLOODING),
      fc.jsonValue({ maxDepth: 1 }),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(key, tie('value'), { maxKeys: 4 }),
    ),
  }));
  fc.assert(
    fc.property(
      fc.constantFrom('add_fdb_entries', 'remove_fdb_entries', 'update_fdb_entries'),
      value,
      (method, fdb) => {
        const { changes, problems } = parse(method, { fdb_entries: fdb });
        for (const problem of problems) expect(typeof problem).toBe('string');
        for (const change of changes) {
          expect(change.vtep).toMatch(/^[0-9.]+$/);
          for (const { mac, ip } of change.kind === 'chg_ip' ? [...change.before, ...change.after] : change.entries) {
            expect(mac).toMatch(/^[0-9a-f:]{17}$/);
            expect(ip).toMatch(/^[0-9a-f.:]+$/);
          }
        }
      },
    ),
  );
});
