/** Columns as a program declares them: its rows are typed by them, and every connect checks them against the server's schema. */
import type { AtomType, ColumnType } from './schema.ts';

/** What a program takes a column to be. A set without `max` may hold any number. */
export type Column =
  | { readonly kind: 'scalar'; readonly key: AtomType }
  | { readonly kind: 'set'; readonly key: AtomType; readonly max?: number }
  | { readonly kind: 'map'; readonly key: AtomType; readonly value: AtomType };

/** By column name. */
export type Columns = Readonly<Record<string, Column>>;

export type AtomOf<Type extends AtomType> = Type extends 'integer' | 'real'
  ? number
  : Type extends 'boolean'
    ? boolean
    : string;

/** The JavaScript form of a column's value (notation.ts). */
export type ColumnValue<Declared extends Column> = Declared extends { kind: 'scalar'; key: infer Key extends AtomType }
  ? AtomOf<Key>
  : Declared extends { kind: 'map'; key: infer Key extends AtomType; value: infer Element extends AtomType }
    ? ReadonlyMap<AtomOf<Key>, AtomOf<Element>>
    : Declared extends { kind: 'set'; key: infer Key extends AtomType }
      ? readonly AtomOf<Key>[]
      : never;

/** A row with these columns. */
export type RowOf<Declared extends Columns> = { readonly [Name in keyof Declared]: ColumnValue<Declared[Name]> };

/** Exactly one atom. */
export function scalar<Key extends AtomType>(key: Key): { readonly kind: 'scalar'; readonly key: Key } {
  return { kind: 'scalar', key };
}

/** At most one atom: `[]` or `[x]`. */
export function optional<Key extends AtomType>(
  key: Key,
): { readonly kind: 'set'; readonly key: Key; readonly max: number } {
  return { kind: 'set', key, max: 1 };
}

/** Any number of atoms; a sorted array. */
export function setOf<Key extends AtomType>(key: Key): { readonly kind: 'set'; readonly key: Key } {
  return { kind: 'set', key };
}

export function mapOf<Key extends AtomType, Element extends AtomType>(
  key: Key,
  value: Element,
): { readonly kind: 'map'; readonly key: Key; readonly value: Element } {
  return { kind: 'map', key, value };
}

/** Whether every value of the server's column is one of the declared column. */
export function fits(declared: Column, type: ColumnType): boolean {
  if (declared.kind !== type.kind || declared.key !== type.key) return false;
  if (declared.kind === 'map') return type.kind === 'map' && declared.value === type.value;
  if (declared.kind === 'set') return type.kind === 'set' && type.max <= (declared.max ?? Number.POSITIVE_INFINITY);
  return true;
}

/** For messages: `string`, `optional integer`, `set of uuid`, `map of string to string`. */
export function describe(column: Column): string {
  if (column.kind === 'scalar') return column.key;
  if (column.kind === 'map') return `map of ${column.key} to ${column.value}`;
  return column.max === 1 ? `optional ${column.key}` : `set of ${column.key}`;
}
