/** Random columns and values of them. */
import fc from 'fast-check';
import type { Atom, Value } from '../../../src/ovsdb/notation.ts';
import { compareAtoms } from '../../../src/ovsdb/notation.ts';
import type { AtomType, ColumnType } from '../../../src/ovsdb/schema.ts';

export const atomType: fc.Arbitrary<AtomType> = fc.constantFrom('integer', 'real', 'boolean', 'string', 'uuid');

/** Few different ones, so that two values of a column often share elements. Reals as ovsdb-server takes and gives them: 15 digits, neither denormal nor too large, no `-0`. */
export function atom(type: AtomType): fc.Arbitrary<Atom> {
  switch (type) {
    case 'integer':
      return fc.oneof(fc.integer({ min: -3, max: 3 }), fc.maxSafeInteger());
    case 'real':
      return fc
        .oneof(fc.integer({ min: -3, max: 3 }), fc.double({ min: -1e300, max: 1e300, noNaN: true }))
        .map((x) => (Math.abs(x) < 1e-300 ? 0 : Number(x.toPrecision(15))));
    case 'boolean':
      return fc.boolean();
    case 'string':
      return fc.oneof(fc.constantFrom('', 'a', 'b', '__proto__', 'set', 'uuid'), fc.string({ unit: 'binary' }));
    case 'uuid':
      return fc.oneof(
        fc.integer({ min: 0, max: 3 }).map((n) => `00000000-0000-4000-8000-00000000000${n}`),
        fc.uuid(),
      );
  }
}

export const columnType: fc.Arbitrary<ColumnType> = fc.oneof(
  fc.record({ kind: fc.constant('scalar' as const), key: atomType }),
  fc.record({
    kind: fc.constant('set' as const),
    key: atomType,
    min: fc.constant(0),
    max: fc.constantFrom(1, 4, Number.POSITIVE_INFINITY),
  }),
  fc.record({
    kind: fc.constant('set' as const),
    key: atomType,
    min: fc.constant(1),
    max: fc.constantFrom(4, Number.POSITIVE_INFINITY),
  }),
  fc.record({
    kind: fc.constant('map' as const),
    key: atomType,
    value: atomType,
    min: fc.constantFrom(0, 1),
    max: fc.constantFrom(1, 4, Number.POSITIVE_INFINITY),
  }),
);

export function value(type: ColumnType): fc.Arbitrary<Value> {
  if (type.kind === 'scalar') return atom(type.key);
  const [minLength, maxLength] = [type.min, Math.min(type.max, 6)];
  if (type.kind === 'set') {
    return fc.uniqueArray(atom(type.key), { minLength, maxLength }).map((atoms) => atoms.sort(compareAtoms));
  }
  return fc
    .uniqueArray(fc.tuple(atom(type.key), atom(type.value)), { minLength, maxLength, selector: ([key]) => key })
    .map((pairs) => new Map(pairs));
}
