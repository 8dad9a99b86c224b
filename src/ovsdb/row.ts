/**
 * Reading a column of a known type. The replica's rows hold every monitored column in the schema's type, so a mismatch
 * here is a mistake of the program: these throw TypeError.
 */
import type { Atom, Row } from './notation.ts';

export function text(row: Row, column: string): string {
  const value = row[column];
  return typeof value === 'string' ? value : wrong(row, column, 'a text or uuid');
}

export function integer(row: Row, column: string): number {
  const value = row[column];
  return typeof value === 'number' ? value : wrong(row, column, 'a number');
}

export function boolean(row: Row, column: string): boolean {
  const value = row[column];
  return typeof value === 'boolean' ? value : wrong(row, column, 'a boolean');
}

/** Of an optional column; `undefined` where it is empty. */
export function optionalText(row: Row, column: string): string | undefined {
  return texts(row, column)[0];
}

export function optionalInteger(row: Row, column: string): number | undefined {
  return integers(row, column)[0];
}

/** A set of texts or uuids. */
export function texts(row: Row, column: string): readonly string[] {
  const atoms = elements(row, column);
  return atoms.every((atom) => typeof atom === 'string') ? atoms : wrong(row, column, 'a set of texts');
}

export function integers(row: Row, column: string): readonly number[] {
  const atoms = elements(row, column);
  return atoms.every((atom) => typeof atom === 'number') ? atoms : wrong(row, column, 'a set of numbers');
}

/** A map from text to text, as `external_ids` and `other_config` are. */
export function textMap(row: Row, column: string): ReadonlyMap<string, string> {
  const value = row[column];
  return isTextMap(value) ? value : wrong(row, column, 'a map of texts');
}

function isTextMap(value: unknown): value is ReadonlyMap<string, string> {
  if (!(value instanceof Map)) return false;
  for (const [key, element] of value) if (typeof key !== 'string' || typeof element !== 'string') return false;
  return true;
}

function elements(row: Row, column: string): readonly Atom[] {
  const value = row[column];
  return Array.isArray(value) ? value : wrong(row, column, 'a set');
}

function wrong(row: Row, column: string, expected: string): never {
  const found = column in row ? 'another type' : 'not in this row';
  throw new TypeError(`column ${column} should be ${expected}, and is ${found}`);
}
