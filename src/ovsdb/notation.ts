/**
 * Values of columns: the wire's notation (RFC 7047 §5.1) and the JavaScript form, both ways.
 *
 * - An atom is itself. A uuid is a plain string in JavaScript: a column's type says what its strings are, and users compare and look up uuids all the time.
 * - A column of exactly one atom is that atom; every other column without values is an array, so an optional scalar is `[]` or `[x]`.
 *   Arrays are sorted: a set has no order, and sorted ones compare element by element.
 * - A map is a `Map`: its keys may be integers or uuids, and are other people's text (`__proto__` included).
 */
import type { AtomType, ColumnType } from './schema.ts';

export type Atom = string | number | boolean;
export type Value = Atom | readonly Atom[] | ReadonlyMap<Atom, Atom>;
/** The columns of a row that were asked for. */
export type Row = Readonly<Record<string, Value>>;

export type WireAtom = Atom | readonly ['uuid', string] | readonly ['named-uuid', string];
export type WireValue =
  | WireAtom
  | readonly ['set', readonly WireAtom[]]
  | readonly ['map', readonly (readonly [WireAtom, WireAtom])[]];

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
export const ZERO_UUID = '00000000-0000-0000-0000-000000000000';

/** A row's uuid, in an operation. */
export function uuid(id: string): readonly ['uuid', string] {
  return ['uuid', id];
}

/** The row that an insert of the same transaction calls `name` (its `uuid-name`): `[A-Za-z_][A-Za-z0-9_]*`. */
export function named(name: string): readonly ['named-uuid', string] {
  return ['named-uuid', name];
}

export function set(atoms: Iterable<WireAtom>): readonly ['set', readonly WireAtom[]] {
  return ['set', [...atoms]];
}

/** From a `Map`, from pairs, or from an object with text keys. */
export function map(
  pairs: Iterable<readonly [WireAtom, WireAtom]> | Readonly<Record<string, WireAtom>>,
): readonly ['map', readonly (readonly [WireAtom, WireAtom])[]] {
  return ['map', Symbol.iterator in pairs ? [...pairs] : Object.entries(pairs)];
}

/** `undefined`: not a value of this type. Integers that JavaScript cannot hold exactly (beyond 2^53−1) are refused. */
export function decodeValue(type: ColumnType, wire: unknown): Value | undefined {
  switch (type.kind) {
    case 'scalar':
      return decodeAtom(type.key, wire);
    case 'set':
      return decodeAtoms(type.key, setElements(wire));
    case 'map':
      return decodePairs(type.key, type.value, mapPairs(wire));
  }
}

/** The inverse of `decodeValue`. `undefined`: the value does not fit the type. */
export function encodeValue(type: ColumnType, value: Value): WireValue | undefined {
  if (type.kind === 'scalar') return encodeAtom(type.key, value);
  if (type.kind === 'set') {
    if (!Array.isArray(value)) return undefined;
    const atoms: WireAtom[] = [];
    for (const element of value) {
      const atom = encodeAtom(type.key, element);
      if (atom === undefined) return undefined;
      atoms.push(atom);
    }
    return set(atoms);
  }
  if (!(value instanceof Map)) return undefined;
  const pairs: [WireAtom, WireAtom][] = [];
  for (const [key, element] of value) {
    const encodedKey = encodeAtom(type.key, key);
    const encodedElement = encodeAtom(type.value, element);
    if (encodedKey === undefined || encodedElement === undefined) return undefined;
    pairs.push([encodedKey, encodedElement]);
  }
  return map(pairs);
}

/** What a column holds that an insert does not mention (RFC 7047 §5.2.1); `initial` and `insert` updates leave these out. */
export function defaultValue(type: ColumnType): Value {
  if (type.kind === 'map') {
    return type.min === 0 ? new Map() : new Map([[defaultAtom(type.key), defaultAtom(type.value)]]);
  }
  if (type.kind === 'set') return type.min === 0 ? [] : [defaultAtom(type.key)];
  return defaultAtom(type.key);
}

export function valuesEqual(a: Value, b: Value): boolean {
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((atom, index) => atom === b[index]);
  }
  if (a instanceof Map && b instanceof Map) {
    if (a.size !== b.size) return false;
    for (const [key, value] of a) if (b.get(key) !== value) return false;
    return true;
  }
  return a === b;
}

/** The order of atoms in arrays: by code unit or by number. One column has atoms of one type. */
export function compareAtoms(a: Atom, b: Atom): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function defaultAtom(type: AtomType): Atom {
  switch (type) {
    case 'integer':
    case 'real':
      return 0;
    case 'boolean':
      return false;
    case 'string':
      return '';
    case 'uuid':
      return ZERO_UUID;
  }
}

function decodeAtom(type: AtomType, wire: unknown): Atom | undefined {
  switch (type) {
    case 'integer':
      return typeof wire === 'number' && Number.isSafeInteger(wire) ? wire : undefined;
    case 'real':
      return typeof wire === 'number' ? wire : undefined;
    case 'boolean':
      return typeof wire === 'boolean' ? wire : undefined;
    case 'string':
      return typeof wire === 'string' ? wire : undefined;
    case 'uuid':
      return isTagged('uuid', wire) && typeof wire[1] === 'string' && UUID.test(wire[1]) ? wire[1] : undefined;
  }
}

function encodeAtom(type: AtomType, value: Value): WireAtom | undefined {
  if (type !== 'uuid') return decodeAtom(type, value);
  return typeof value === 'string' && UUID.test(value) ? uuid(value) : undefined;
}

function decodeAtoms(type: AtomType, elements: readonly unknown[] | undefined): Atom[] | undefined {
  if (elements === undefined) return undefined;
  // An array of exactly this length: one that grows by `push` has room for 17.
  const atoms = new Array<Atom>(elements.length);
  for (let index = 0; index < elements.length; index++) {
    const atom = decodeAtom(type, elements[index]);
    if (atom === undefined) return undefined;
    atoms[index] = atom;
  }
  return atoms.length > 1 ? atoms.sort(compareAtoms) : atoms;
}

function decodePairs(
  keyType: AtomType,
  valueType: AtomType,
  pairs: readonly unknown[] | undefined,
): Map<Atom, Atom> | undefined {
  if (pairs === undefined) return undefined;
  const decoded = new Map<Atom, Atom>();
  for (const pair of pairs) {
    if (!Array.isArray(pair) || pair.length !== 2) return undefined;
    const key = decodeAtom(keyType, pair[0]);
    const value = decodeAtom(valueType, pair[1]);
    if (key === undefined || value === undefined) return undefined;
    decoded.set(key, value);
  }
  return decoded;
}

/** A set of one element may be that element alone. */
function setElements(wire: unknown): readonly unknown[] | undefined {
  if (!isTagged('set', wire)) return [wire];
  return Array.isArray(wire[1]) ? wire[1] : undefined;
}

function mapPairs(wire: unknown): readonly unknown[] | undefined {
  return isTagged('map', wire) && Array.isArray(wire[1]) ? wire[1] : undefined;
}

function isTagged(tag: string, wire: unknown): wire is readonly [string, unknown] {
  return Array.isArray(wire) && wire.length === 2 && wire[0] === tag;
}
