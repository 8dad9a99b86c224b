import { expect, test } from 'vitest';
import { Mesh } from '../../../src/tunnel/mesh.ts';
import type { IpAddress } from '../../../src/values.ts';

const [A, B, C] = ['172.30.0.12', '172.30.0.13', '172.30.0.14'] as [IpAddress, IpAddress, IpAddress];

test('one set a type; complete once the server has told all of it', () => {
  const mesh = new Mesh();
  mesh.add('vxlan', A);
  expect([mesh.isComplete('vxlan'), [...mesh.vteps('vxlan')], [...mesh.vteps('gre')]]).toEqual([false, [A], []]);
  expect(mesh.replace('vxlan', [A, B])).toEqual([B]);
  expect([mesh.isComplete('vxlan'), mesh.isComplete('gre')]).toEqual([true, false]);
});

test('what a whole set adds and lacks is named, both', () => {
  const mesh = new Mesh();
  mesh.replace('gre', [A, B]);
  expect(mesh.replace('gre', [B, C, C]).sort()).toEqual([A, C]);
  expect([...mesh.vteps('gre')]).toEqual([B, C]);
  expect(mesh.replace('gre', [C, B])).toEqual([]);
});

test('updates and deletions, also of what is not there', () => {
  const mesh = new Mesh();
  mesh.delete('gre', A);
  mesh.add('gre', A);
  mesh.add('gre', A);
  mesh.delete('gre', B);
  expect([...mesh.vteps('gre')]).toEqual([A]);
  mesh.delete('gre', A);
  expect([...mesh.vteps('gre')]).toEqual([]);
});

test('what is heard while the set is asked for is newer than the answer', () => {
  const mesh = new Mesh();
  mesh.replace('vxlan', [A]);
  mesh.asked('vxlan');
  mesh.add('vxlan', B);
  mesh.delete('vxlan', A);
  expect(mesh.replace('vxlan', [A, C])).toEqual([C]);
  expect([...mesh.vteps('vxlan')].sort()).toEqual([B, C]);
  // The next answer stands by itself.
  mesh.replace('vxlan', [A]);
  expect([...mesh.vteps('vxlan')]).toEqual([A]);
});
