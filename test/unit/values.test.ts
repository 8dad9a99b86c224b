import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  parseIp,
  parseLocalVlan,
  parseMac,
  parseNetworkId,
  parseOfport,
  parsePortId,
  parseSegmentationId,
  parseTunnelType,
} from '../../src/values.ts';

/** The eight groups of an IPv6 address, read in the most literal way: both halves, zeros between. */
function groups(text: string): number[] {
  const plain = text.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) =>
    [a * 256 + Number(b), c * 256 + Number(d)].map((group) => group.toString(16)).join(':'),
  );
  const read = (half: string) => (half === '' ? [] : half.split(':').map((group) => Number.parseInt(group, 16)));
  const [head = '', tail] = plain.split('::');
  if (tail === undefined) return read(head);
  const zeros = 8 - read(head).length - read(tail).length;
  return [...read(head), ...new Array<number>(zeros).fill(0), ...read(tail)];
}

const ipv6 = fc
  .array(fc.oneof(fc.constant(0), fc.constant(0xffff), fc.integer({ min: 0, max: 0xffff })), {
    minLength: 8,
    maxLength: 8,
  })
  .map((list) => list.map((group) => group.toString(16)));

describe('IP addresses', () => {
  // The right column is what glibc's inet_ntop gives, with which OVS prints (lib/packets.c, ipv6_format_addr).
  test.each([
    ['::', '::'],
    ['::1', '::1'],
    ['::2', '::2'],
    ['1::', '1::'],
    ['::FFFF:1.2.3.4', '::ffff:1.2.3.4'],
    ['::ffff:102:304', '::ffff:1.2.3.4'],
    ['::1.2.3.4', '::1.2.3.4'],
    ['::1:2', '::0.1.0.2'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['1:0:0:2:0:0:3:4', '1::2:0:0:3:4'],
    ['1:2:3:0:5:6:7:8', '1:2:3:0:5:6:7:8'],
    ['1:2:3::5:6:7:8', '1:2:3:0:5:6:7:8'],
    ['0:1:0:1:0:1:0:1', '0:1:0:1:0:1:0:1'],
    ['2001:0DB8:0000::', '2001:db8::'],
    ['::ffff:0:0', '::ffff:0.0.0.0'],
    ['::fffe:1.2.3.4', '::fffe:102:304'],
    ['0:0:0:0:1:0:0:0', '::1:0:0:0'],
    ['0:0:0:0:0:1:2:3', '::1:2:3'],
    ['64:ff9b::1.2.3.4', '64:ff9b::102:304'],
    ['::ffff:0:1.2.3.4', '::ffff:0:102:304'],
    ['10.0.0.1', '10.0.0.1'],
    ['0.0.0.0', '0.0.0.0'],
  ])('%s is %s', (text, canonical) => {
    expect(parseIp(text)).toBe(canonical);
  });

  test.each([
    '',
    ' 10.0.0.1',
    '10.0.0.1 ',
    '10.0.0.01',
    '10.0.0.256',
    '10.0.0',
    '10.0.0.0/24',
    'fe80::1%eth0',
    'fe80::1%',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7:8:9',
    '12345::',
    '::1.2.3.4:5',
    '10.0.0.1\n',
    'localhost',
    null,
    undefined,
    167772161,
    ['10.0.0.1'],
    {},
  ])('%j is none', (text) => {
    expect(parseIp(text)).toBeUndefined();
  });

  test('canonical form: same address, a fixed point, one spelling for all spellings', () => {
    fc.assert(
      fc.property(ipv6, fc.boolean(), fc.nat(7), (hex, upper, pad) => {
        const spelled = hex.map((group, index) => (index === pad ? group.padStart(4, '0') : group)).join(':');
        const canonical = parseIp(upper ? spelled.toUpperCase() : spelled);
        expect(canonical).toBeDefined();
        expect(groups(canonical ?? '')).toEqual(groups(hex.join(':')));
        expect(parseIp(canonical)).toBe(canonical);
        expect(parseIp(hex.join(':'))).toBe(canonical);
      }),
    );
  });

  test('of RFC 5952: no group is left that :: could take, and it takes the longest run', () => {
    fc.assert(
      fc.property(ipv6, (hex) => {
        const canonical = parseIp(hex.join(':')) ?? '';
        fc.pre(!canonical.includes('.'));
        const runs = (text: string) =>
          [...text.matchAll(/(?<![0-9a-f])0(?::0)*(?![0-9a-f])/g)].map(([run]) => run.split(':').length);
        const longest = Math.max(0, ...runs(hex.join(':')));
        if (longest < 2) expect(canonical).not.toContain('::');
        else expect(8 - canonical.split(':').filter((group) => group !== '').length).toBe(longest);
      }),
    );
  });

  test('any text at all is an address or refused, and never throws', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => [parseIp, parseMac, parsePortId].every((parse) => parse(value) !== '')),
    );
  });
});

describe('MAC addresses', () => {
  test.each([
    ['fa:16:3e:58:b5:cf', 'fa:16:3e:58:b5:cf'],
    ['FA:16:3E:58:B5:CF', 'fa:16:3e:58:b5:cf'],
    ['00:00:00:00:00:00', '00:00:00:00:00:00'],
  ])('%s', (text, canonical) => {
    expect(parseMac(text)).toBe(canonical);
  });

  test.each([
    '',
    'fa:16:3e:58:b5',
    'fa:16:3e:58:b5:cf:00',
    'fa-16-3e-58-b5-cf',
    'fa163e58b5cf',
    'f:16:3e:58:b5:cf',
    'fa:16:3e:58:b5:cg',
    'fa:16:3e:58:b5:cf\n',
    ' fa:16:3e:58:b5:cf',
    'fa:16:3e:58:b5:cf actions=drop',
    null,
    7,
  ])('%j is none', (text) => {
    expect(parseMac(text)).toBeUndefined();
  });
});

describe('UUIDs', () => {
  test.each([parseNetworkId, parsePortId])('%o', (parse) => {
    expect(parse('00F2D01F-CB41-490D-BB30-F7E4E515E5D6')).toBe('00f2d01f-cb41-490d-bb30-f7e4e515e5d6');
    for (const bad of [
      '',
      '00f2d01fcb41490dbb30f7e4e515e5d6',
      '{00f2d01f-cb41-490d-bb30-f7e4e515e5d6}',
      '00f2d01f-cb41-490d-bb30-f7e4e515e5d',
      '00f2d01f-cb41-490d-bb30-f7e4e515e5d6\n',
      null,
      5,
      ['00f2d01f-cb41-490d-bb30-f7e4e515e5d6'],
    ]) {
      expect(parse(bad), JSON.stringify(bad)).toBeUndefined();
    }
  });
});

describe('numbers', () => {
  const notWhole = [1.5, Number.NaN, Number.POSITIVE_INFINITY, '1', null, undefined, [1], true];

  test.each([
    ['local VLAN', parseLocalVlan, 1, 4094],
    ['ofport', parseOfport, 1, 65279],
    ['GRE key', (value: unknown) => parseSegmentationId('gre', value), 0, 2 ** 32 - 1],
    ['VXLAN VNI', (value: unknown) => parseSegmentationId('vxlan', value), 0, 2 ** 24 - 1],
    ['Geneve VNI', (value: unknown) => parseSegmentationId('geneve', value), 0, 2 ** 24 - 1],
  ] as const)('%s: bounds', (_, parse, min, max) => {
    expect(parse(min)).toBe(min);
    expect(parse(max)).toBe(max);
    expect(parse(min - 1)).toBeUndefined();
    expect(parse(max + 1)).toBeUndefined();
    for (const value of notWhole) expect(parse(value), String(value)).toBeUndefined();
  });
});

test('tunnel types: the three, by their exact name', () => {
  expect(['gre', 'vxlan', 'geneve'].map(parseTunnelType)).toEqual(['gre', 'vxlan', 'geneve']);
  for (const other of ['GRE', 'vlan', 'flat', 'local', '', null, 1, ['gre'], 'constructor']) {
    expect(parseTunnelType(other)).toBeUndefined();
  }
});
