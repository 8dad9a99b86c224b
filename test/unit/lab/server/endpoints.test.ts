import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { registerEndpoint } from '../../../../lab/server/endpoints.ts';
import { Store } from '../../../../lab/server/store.ts';
import type { IpAddress } from '../../../../src/values.ts';
import { parseIp } from '../../../../src/values.ts';
import { NO_RETRY } from './in-memory.ts';

const A = '10.0.0.1' as IpAddress;
const B = '10.0.0.2' as IpAddress;
const NOTHING = { remove: [], insert: false, forget: undefined };

describe('registerEndpoint', () => {
  // `byIp` has address A, which is what is being registered.
  test.each([
    { case: 'new', host: 'h1', byIp: undefined, byHost: undefined, change: { ...NOTHING, insert: true } },
    { case: 'a restart', host: 'h1', byIp: { ip: A, host: 'h1' }, byHost: { ip: A, host: 'h1' }, change: NOTHING },
    {
      case: 'another address',
      host: 'h1',
      byIp: undefined,
      byHost: { ip: B, host: 'h1' },
      change: { remove: [B], insert: true, forget: B },
    },
    {
      case: 'the address of another host',
      host: 'h1',
      byIp: { ip: A, host: 'h2' },
      byHost: undefined,
      change: { remove: [A], insert: true, forget: undefined },
    },
    {
      case: 'the address of another host instead of its own',
      host: 'h1',
      byIp: { ip: A, host: 'h2' },
      byHost: { ip: B, host: 'h1' },
      change: { remove: [A, B], insert: true, forget: undefined },
    },
    {
      case: 'the address of a host that did not name itself',
      host: 'h1',
      byIp: { ip: A, host: undefined },
      byHost: undefined,
      change: { remove: [A], insert: true, forget: undefined },
    },
    { case: 'no host, new', host: undefined, byIp: undefined, byHost: undefined, change: { ...NOTHING, insert: true } },
    { case: 'no host, known', host: undefined, byIp: { ip: A, host: 'h1' }, byHost: undefined, change: NOTHING },
  ])('$case', ({ host, byIp, byHost, change }) => {
    expect(registerEndpoint(host, byIp, byHost)).toEqual(change);
  });
});

describe('the set of endpoints', () => {
  const step = fc.record({
    type: fc.constantFrom('gre' as const, 'vxlan' as const, 'geneve' as const),
    host: fc.constantFrom('h1', 'h2', 'h3', undefined),
    ip: fc.constantFrom('10.0.0.1', '10.0.0.2', '10.0.0.3', '2001:db8::1', '2001:DB8:0::1'),
  });

  test('has one row per type and address, one per type and host, whatever is registered in whatever order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const store = await Store.open(':memory:', NO_RETRY);
        for (const { type, host, ip } of steps) {
          const address = parseIp(ip);
          if (address === undefined) throw new Error(ip);
          const { endpoints } = await store.endpoints.register(type, address, host);
          expect(endpoints.filter((endpoint) => endpoint.ip === address)).toHaveLength(1);
          if (host !== undefined) expect(endpoints.find((endpoint) => endpoint.host === host)?.ip).toBe(address);
          expect(endpoints.every((endpoint) => endpoint.udpPort === (type === 'vxlan' ? 4789 : undefined))).toBe(true);
          const again = await store.endpoints.register(type, address, host);
          expect(again).toEqual({ endpoints, forget: undefined });
        }
        const all = store.endpoints.all();
        const unique = (key: (endpoint: (typeof all)[number]) => string) => new Set(all.map(key)).size;
        expect(unique(({ tunnelType, ip }) => `${tunnelType} ${ip}`)).toBe(all.length);
        const named = all.filter(({ host }) => host !== undefined);
        expect(new Set(named.map(({ tunnelType, host }) => `${tunnelType} ${host}`)).size).toBe(named.length);
        store.close();
      }),
      { numRuns: 50 },
    );
  });
});
