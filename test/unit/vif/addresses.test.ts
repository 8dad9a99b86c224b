import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { MacAddress } from '../../../src/values.ts';
import { linkLocal, parseAnyMac, parseIpNetwork } from '../../../src/vif/addresses.ts';

describe('networks, as the switch prints them', () => {
  test.each([
    ['10.0.0.5', '10.0.0.5'],
    ['10.0.0.5/32', '10.0.0.5'],
    ['10.0.0.5/24', '10.0.0.0/24'],
    ['10.255.255.255/9', '10.128.0.0/9'],
    ['255.255.255.255/31', '255.255.255.254/31'],
    ['192.0.2.1/1', '128.0.0.0/1'],
    ['10.0.0.5/0', '0.0.0.0/0'],
    ['FD00:0:0::5', 'fd00::5'],
    ['fd00::5/128', 'fd00::5'],
    ['fd00::5/64', 'fd00::/64'],
    ['fd10:aaaa::5/29', 'fd10:aaa8::/29'],
    ['ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/127', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127'],
    ['::ffff:10.0.0.5/120', '::ffff:10.0.0.0/120'],
    ['8000::1/1', '8000::/1'],
    ['::/0', '::/0'],
  ])('%s is %s', (text, expected) => {
    expect(parseIpNetwork(text)).toBe(expected);
  });

  test.each(['', '10.0.0.0/33', 'fd00::/129', '10.0.0.0/', '10.0.0.0/-1', '10.0.0.0/8/8', '10.0.0.0/255.0.0.0', 'x/8'])(
    '"%s" is none',
    (text) => {
      expect(parseIpNetwork(text)).toBeUndefined();
    },
  );

  test.each([undefined, null, 7, ['10.0.0.0/8']])('%j is none', (value) => {
    expect(parseIpNetwork(value)).toBeUndefined();
  });

  const cidr = fc.oneof(
    fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 })),
    fc.tuple(fc.ipV6(), fc.integer({ min: 0, max: 128 })),
  );

  test('reading it again changes nothing; a wider prefix of the network is that of the address', () => {
    fc.assert(
      fc.property(cidr, fc.nat(128), ([ip, prefix], cut) => {
        const network = parseIpNetwork(`${ip}/${prefix}`);
        expect(parseIpNetwork(network)).toBe(network);
        const [base = ''] = network?.split('/') ?? [];
        expect(isIP(base)).toBe(isIP(ip));
        const wider = Math.max(prefix - cut, 0);
        expect(parseIpNetwork(`${base}/${wider}`)).toBe(parseIpNetwork(`${ip}/${wider}`));
      }),
    );
  });
});

describe('MACs', () => {
  test.each(['fa:16:3e:00:0b:01', 'FA:16:3E:00:0B:01', 'fa-16-3e-00-0b-01', 'FA16.3E00.0B01', 'fa163e000b01'])(
    '%s is one',
    (text) => {
      expect(parseAnyMac(text)).toBe('fa:16:3e:00:0b:01');
    },
  );

  test.each(['', 'fa:16:3e:00:0b', 'fa:16:3e-00:0b:01', 'fa:16:3e:00:0b:01:02', 'fa16:3e00:0b01', 'ga163e000b01', 7])(
    '%j is none',
    (text) => {
      expect(parseAnyMac(text)).toBeUndefined();
    },
  );
});

// The pairs are those of the recordings: MACs of their ports, targets in table 24.
test.each([
  ['fa:16:3e:58:b5:cf', 'fe80::f816:3eff:fe58:b5cf'],
  ['fa:16:3e:82:30:63', 'fe80::f816:3eff:fe82:3063'],
  ['02:00:00:00:00:01', 'fe80::ff:fe00:1'],
  ['00:00:5e:00:01:0a', 'fe80::200:5eff:fe00:10a'],
])('the link-local address of %s is %s', (mac, expected) => {
  expect(linkLocal(mac as MacAddress)).toBe(expected);
});
