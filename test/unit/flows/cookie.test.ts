import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { COOKIE_KINDS, type CookieKind, formatCookie, parseCookie, vtepIndex } from '../../../src/flows/cookie.ts';
import type { IpAddress, LocalVlan } from '../../../src/values.ts';

const kind = fc.constantFrom(...(Object.keys(COOKIE_KINDS) as CookieKind[]));
const vlan = fc.integer({ min: 0, max: 4094 }) as fc.Arbitrary<LocalVlan | 0>;
const ipv4 = fc.ipV4() as fc.Arbitrary<IpAddress>;
const ipv6 = fc.ipV6() as fc.Arbitrary<IpAddress>;

describe('cookies', () => {
  test('the layout, bit for bit', () => {
    expect(formatCookie('unicast', 0xabc as LocalVlan, '172.30.0.12' as IpAddress)).toBe('0x6c324abcac1e000c');
    expect(formatCookie('structural')).toBe('0x6c32100000000000');
    expect(formatCookie('vif', 0)).toBe('0x6c32800000000000');
    expect(formatCookie('tunnel', 0, '255.255.255.255' as IpAddress)).toBe('0x6c323000ffffffff');
  });

  test('what was written is read back', () => {
    fc.assert(
      fc.property(kind, vlan, fc.option(fc.oneof(ipv4, ipv6), { nil: undefined }), (kind, vlan, vtep) => {
        const index = vtep === undefined ? 0 : vtepIndex(vtep);
        expect(parseCookie(formatCookie(kind, vlan, vtep))).toEqual({ kind, vlan, vtep: index });
      }),
    );
  });

  test('IPv4: an index is one address', () => {
    fc.assert(
      fc.property(ipv4, ipv4, (a, b) => {
        expect(vtepIndex(a) === vtepIndex(b)).toBe(a === b);
        expect(vtepIndex(a)).toBeLessThan(2 ** 32);
      }),
    );
    expect(vtepIndex('10.0.1.21' as IpAddress)).toBe(0x0a000115);
  });

  test('IPv6: 32 bits, FNV-1a of the text', () => {
    fc.assert(
      fc.property(ipv6, (ip) => Number.isInteger(vtepIndex(ip)) && vtepIndex(ip) >= 0 && vtepIndex(ip) < 2 ** 32),
    );
    // fnv1a32("::1") by hand: 0x811c9dc5 → ':' → ':' → '1'.
    const bytes = Buffer.from('::1');
    const expected = bytes.reduce(
      (hash, byte) => Number((BigInt(hash ^ byte) * 0x01000193n) & 0xffffffffn) >>> 0,
      0x811c9dc5,
    );
    expect(vtepIndex('::1' as IpAddress)).toBe(expected >>> 0);
  });

  test.each([
    '0x0',
    '0x6c32',
    '0x9a3b5c7d1e2f4a6b',
    '0x6c32000000000000',
    '0x6c32900000000000',
    '0x16c32100000000000',
    '0xffffffffffffffff',
  ])('%s is not ours', (cookie) => {
    expect(parseCookie(cookie)).toBeUndefined();
  });
});
