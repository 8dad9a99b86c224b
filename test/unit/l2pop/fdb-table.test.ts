import { describe, expect, test } from 'vitest';
import type { Entry } from '../../../src/l2pop/fdb.ts';
import { FdbTable } from '../../../src/l2pop/fdb-table.ts';
import type { FdbChange } from '../../../src/l2pop/parse.ts';
import type { IpAddress, MacAddress, NetworkId, SegmentationId } from '../../../src/values.ts';
import type { Segment } from '../../../src/vif/facts.ts';
import { type NetworkKey, networkKey } from '../../../src/vif/local-vlans.ts';

const NETWORK = '00f2d01f-cb41-490d-bb30-f7e4e515e5d6' as NetworkId;
const VTEP = '172.30.0.12' as IpAddress;
const segment = (id: number, type: Segment['type'] = 'vxlan'): Segment => ({
  type,
  segmentationId: id as SegmentationId,
});
const at = (sequence: number) => ({ sequence, at: sequence });
const mac = (n: number) =>
  `fa:16:3e:${[16, 8, 0].map((shift) => ((n >> shift) & 255).toString(16).padStart(2, '0')).join(':')}` as MacAddress;
const entry = (n: number): Entry => ({ mac: mac(n), ip: `10.0.${n >> 8}.${n & 255}` as IpAddress });
const networkId = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}` as NetworkId;

function add(network: NetworkId, where: Segment, entries: readonly Entry[], flooding = false): FdbChange {
  return { kind: 'add', network, segment: where, vtep: VTEP, flooding, entries };
}

function remove(network: NetworkId, where: Segment, entries: readonly Entry[], flooding = false): FdbChange {
  return { kind: 'remove', network, segment: where, vtep: VTEP, flooding, entries };
}

function table(local: Iterable<NetworkKey> = []): { table: FdbTable; local: Set<NetworkKey> } {
  const here = new Set(local);
  return { table: new FdbTable((key) => here.has(key)), local: here };
}

describe('which network', () => {
  test('a change touches the segment that it names and no other', () => {
    const fdbs = table().table;
    fdbs.apply(add(NETWORK, segment(1), [entry(1)]), at(1));
    fdbs.apply(add(NETWORK, segment(2), [entry(2)]), at(2));
    fdbs.apply(add(NETWORK, segment(1, 'gre'), [entry(3)]), at(3));
    expect([...(fdbs.get(networkKey(NETWORK, segment(1)))?.macs() ?? [])]).toEqual([mac(1)]);
    const touched = fdbs.apply(remove(NETWORK, segment(1), [entry(1), entry(2)]), at(4));
    expect([...touched.keys()]).toEqual([networkKey(NETWORK, segment(1))]);
    expect(fdbs.get(networkKey(NETWORK, segment(2)))?.size).toBe(1);
  });

  test('chg_ip, which names no segment, reaches all segments of the network', () => {
    const fdbs = table().table;
    fdbs.apply(add(NETWORK, segment(1), [entry(1)]), at(1));
    fdbs.apply(add(NETWORK, segment(2), [entry(1)]), at(2));
    const after = [{ mac: mac(1), ip: '10.9.9.9' as IpAddress }];
    const touched = fdbs.apply({ kind: 'chg_ip', network: NETWORK, vtep: VTEP, before: [entry(1)], after }, at(3));
    expect([...touched.keys()].sort()).toEqual([networkKey(NETWORK, segment(1)), networkKey(NETWORK, segment(2))]);
    for (const key of touched.keys()) expect(fdbs.get(key)?.ownerOf('10.9.9.9' as IpAddress)?.mac).toBe(mac(1));
  });

  test('a remove or chg_ip of a network never heard of makes nothing', () => {
    const fdbs = table().table;
    expect(fdbs.apply(remove(NETWORK, segment(1), [entry(1)]), at(1)).size).toBe(0);
    expect(
      fdbs.apply({ kind: 'chg_ip', network: NETWORK, vtep: VTEP, before: [], after: [entry(1)] }, at(2)).size,
    ).toBe(0);
    expect(fdbs.get(networkKey(NETWORK, segment(1)))).toBeUndefined();
  });

  test('the flooding entry comes and goes with its message', () => {
    const fdbs = table().table;
    fdbs.apply(add(NETWORK, segment(1), [entry(1)], true), at(1));
    const fdb = fdbs.get(networkKey(NETWORK, segment(1)));
    fdbs.apply(remove(NETWORK, segment(1), [entry(1)]), at(2));
    expect(fdb?.vteps()).toEqual([VTEP]);
    fdbs.apply(remove(NETWORK, segment(1), [], true), at(3));
    expect(fdb?.vteps()).toEqual([]);
  });
});

describe('networks without a VIF here', () => {
  const many = (count: number, from = 0) => Array.from({ length: count }, (_, index) => entry(from + index));

  test('are kept up to 50,000 MACs; the one heard of longest ago goes first', () => {
    const fdbs = table().table;
    for (const n of [1, 2, 3, 4, 5]) fdbs.apply(add(networkId(n), segment(n), many(10_000)), at(n));
    expect(fdbs.sizes()).toEqual({ local: 0, elsewhere: 50_000 });
    // Heard of again: now 2 is the oldest.
    fdbs.apply(add(networkId(1), segment(1), many(1)), at(6));
    fdbs.apply(add(networkId(6), segment(6), many(1)), at(7));
    expect(fdbs.get(networkKey(networkId(2), segment(2)))).toBeUndefined();
    expect(fdbs.get(networkKey(networkId(1), segment(1)))?.size).toBe(10_000);
    expect(fdbs.sizes()).toEqual({ local: 0, elsewhere: 40_001 });
    // Forgotten whole, its id too: a chg_ip finds nothing.
    expect(
      fdbs.apply({ kind: 'chg_ip', network: networkId(2), vtep: VTEP, before: [], after: [entry(1)] }, at(8)).size,
    ).toBe(0);
  });

  test('are at most 20,000, for those of which only flooding entries are heard', () => {
    const fdbs = table().table;
    for (let n = 0; n <= 20_000; n++) fdbs.apply(add(networkId(n), segment(1), [], true), at(n));
    expect(fdbs.get(networkKey(networkId(0), segment(1)))).toBeUndefined();
    expect(fdbs.get(networkKey(networkId(1), segment(1)))?.vteps()).toEqual([VTEP]);
    expect(fdbs.get(networkKey(networkId(20_000), segment(1)))?.vteps()).toEqual([VTEP]);
  });

  test('of which nothing is left are forgotten', () => {
    const fdbs = table().table;
    fdbs.apply(add(NETWORK, segment(1), [entry(1)], true), at(1));
    fdbs.apply(remove(NETWORK, segment(1), [entry(1)]), at(2));
    expect(fdbs.get(networkKey(NETWORK, segment(1)))).toBeDefined();
    fdbs.apply(remove(NETWORK, segment(1), [], true), at(3));
    expect(fdbs.get(networkKey(NETWORK, segment(1)))).toBeUndefined();
    expect(fdbs.sizes()).toEqual({ local: 0, elsewhere: 0 });
  });

  test('those here are neither counted nor forgotten', () => {
    const key = networkKey(networkId(1), segment(1));
    const { table: fdbs, local } = table([key]);
    fdbs.apply(add(networkId(1), segment(1), many(60_000)), at(1));
    fdbs.apply(add(networkId(2), segment(2), many(50_000)), at(2));
    expect(fdbs.sizes()).toEqual({ local: 60_000, elsewhere: 50_000 });
    // It loses its last VIF: it is the one heard of last, and too large to keep all.
    local.delete(key);
    fdbs.setLocal(key, false);
    expect(fdbs.sizes()).toEqual({ local: 0, elsewhere: 0 });
  });

  test('what was heard before the first VIF is there when it comes', () => {
    const key = networkKey(NETWORK, segment(1));
    const { table: fdbs, local } = table();
    fdbs.apply(add(NETWORK, segment(1), many(3)), at(1));
    local.add(key);
    fdbs.setLocal(key, true);
    expect(fdbs.sizes()).toEqual({ local: 3, elsewhere: 0 });
    expect(fdbs.get(key)?.size).toBe(3);
    fdbs.apply(remove(NETWORK, segment(1), many(3)), at(2));
    expect(fdbs.get(key), 'an empty one that is here stays').toBeDefined();
    expect(fdbs.sizes()).toEqual({ local: 0, elsewhere: 0 });
  });

  test('here and away again, many times: the count stays right', () => {
    const key = networkKey(NETWORK, segment(1));
    const { table: fdbs, local } = table();
    for (let round = 0; round < 5; round++) {
      fdbs.apply(add(NETWORK, segment(1), many(2, round)), at(round));
      local.add(key);
      fdbs.setLocal(key, true);
      fdbs.apply(add(NETWORK, segment(1), many(1, 100 + round)), at(round));
      local.delete(key);
      fdbs.setLocal(key, false);
    }
    expect(fdbs.sizes().elsewhere).toBe(fdbs.get(key)?.size);
  });
});

test('ensure gives the same FDB again', () => {
  const fdbs = table().table;
  const fdb = fdbs.ensure(NETWORK, segment(1));
  expect(fdbs.ensure(NETWORK, segment(1))).toBe(fdb);
  expect([fdb.type, fdb.segmentationId]).toEqual(['vxlan', 1]);
});
