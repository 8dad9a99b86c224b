import { describe, expect, test } from 'vitest';
import type { NetworkId, SegmentationId } from '../../../src/values.ts';
import { LocalVlans, type NetworkKey, networkIdOf, networkKey } from '../../../src/vif/local-vlans.ts';

const key = (n: number): NetworkKey =>
  networkKey(`00000000-0000-4000-8000-${String(n).padStart(12, '0')}` as NetworkId, {
    type: 'vxlan',
    segmentationId: n as SegmentationId,
  });
const NEW = { tag: undefined, hint: undefined };
const none = () => false;
const used =
  (...tags: number[]) =>
  (tag: number) =>
    tags.includes(tag);

describe('the order of preference', () => {
  test.each([
    ['nothing to go by: the lowest', NEW, none, 1],
    ['the tag of its port', { tag: 7, hint: 9 }, used(7), 7],
    ['the hint, if the port has no tag', { tag: undefined, hint: 9 }, none, 9],
    ['the hint beside the dead VLAN', { tag: 4095, hint: 9 }, used(4095), 9],
    ['not the hint if some port has that tag', { tag: 4095, hint: 9 }, used(9, 4095), 1],
    ['the lowest that no port has', NEW, used(1, 2, 4), 3],
    ['a tag that is none', { tag: 0, hint: undefined }, none, 1],
    ['a hint that is none', { tag: undefined, hint: Number.NaN }, none, 1],
    ['a hint that is the dead VLAN', { tag: undefined, hint: 4095 }, none, 1],
    ['the ends of the range', { tag: 4094, hint: undefined }, none, 4094],
  ])('%s', (_, port, tagInUse, vlan) => {
    expect(new LocalVlans().allocate(key(1), port, tagInUse)).toBe(vlan);
  });

  test('a network that has one keeps it, whatever its next port has', () => {
    const vlans = new LocalVlans();
    vlans.allocate(key(1), { tag: 7, hint: undefined }, none);
    expect(vlans.allocate(key(1), { tag: 8, hint: 9 }, none)).toBe(7);
  });

  test("another network's VLAN is not taken, even if the port has that tag", () => {
    const vlans = new LocalVlans();
    vlans.allocate(key(1), { tag: 7, hint: undefined }, none);
    expect(vlans.allocate(key(2), { tag: 7, hint: 7 }, none)).toBe(1);
  });
});

test('both ways of looking up, and what is released is free again', () => {
  const vlans = new LocalVlans();
  const vlan = vlans.allocate(key(1), NEW, none);
  expect([vlans.get(key(1)), vlan && vlans.networkOf(vlan)]).toEqual([1, key(1)]);
  expect([vlans.release(key(1)), vlans.release(key(1))]).toEqual([1, undefined]);
  expect([vlans.get(key(1)), vlan && vlans.networkOf(vlan)]).toEqual([undefined, undefined]);
  expect(vlans.allocate(key(2), NEW, none)).toBe(1);
});

test('4094 networks, and no more; each its own', () => {
  const vlans = new LocalVlans();
  const taken = Array.from({ length: 4094 }, (_, n) => vlans.allocate(key(n), NEW, none));
  expect(new Set(taken).size).toBe(4094);
  expect([Math.min(...taken.map(Number)), Math.max(...taken.map(Number))]).toEqual([1, 4094]);
  expect(vlans.allocate(key(5000), { tag: 7, hint: 8 }, none)).toBeUndefined();
  expect(vlans.get(key(5000))).toBeUndefined();
  vlans.release(key(99));
  expect(vlans.allocate(key(5000), NEW, none)).toBe(100);
});

test('a key names its network, and segments of one network have different keys', () => {
  const network = '00f2d01f-cb41-490d-bb30-f7e4e515e5d6' as NetworkId;
  const keys = (['gre', 'vxlan'] as const).flatMap((type) =>
    [1, 2].map((id) => networkKey(network, { type, segmentationId: id as SegmentationId })),
  );
  expect(new Set(keys).size).toBe(4);
  expect(new Set(keys.map(networkIdOf))).toEqual(new Set([network]));
});
