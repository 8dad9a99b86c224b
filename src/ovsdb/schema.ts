/** The database's schema as `get_schema` gives it (RFC 7047 §3.2), reduced to what reading and writing values needs. */

export type AtomType = 'integer' | 'real' | 'boolean' | 'string' | 'uuid';

/** `max` is Infinity for "unlimited". `scalar`: exactly one atom. An optional scalar is a set of at most one. */
export type ColumnType =
  | { readonly kind: 'scalar'; readonly key: AtomType }
  | { readonly kind: 'set'; readonly key: AtomType; readonly min: number; readonly max: number }
  | {
      readonly kind: 'map';
      readonly key: AtomType;
      readonly value: AtomType;
      readonly min: number;
      readonly max: number;
    };

export type TableSchema = ReadonlyMap<string, ColumnType>;

export interface DatabaseSchema {
  readonly name: string;
  /** The schema's own version, `8.3.1` with Open vSwitch 3.1. */
  readonly version: string;
  readonly tables: ReadonlyMap<string, TableSchema>;
}

const ATOM_TYPES: readonly AtomType[] = ['integer', 'real', 'boolean', 'string', 'uuid'];

/** Every table has these two (RFC 7047 §3.2). */
const IMPLICIT_COLUMNS: readonly [string, ColumnType][] = [
  ['_uuid', { kind: 'scalar', key: 'uuid' }],
  ['_version', { kind: 'scalar', key: 'uuid' }],
];

/** `undefined`: not a schema. */
export function parseSchema(reply: unknown): DatabaseSchema | undefined {
  if (!isObject(reply) || typeof reply.name !== 'string' || !isObject(reply.tables)) return undefined;
  const tables = new Map<string, TableSchema>();
  for (const [name, table] of Object.entries(reply.tables)) {
    if (!isObject(table) || !isObject(table.columns)) return undefined;
    const columns = new Map(IMPLICIT_COLUMNS);
    for (const [column, definition] of Object.entries(table.columns)) {
      const type = isObject(definition) ? parseColumnType(definition.type) : undefined;
      if (type === undefined) return undefined;
      columns.set(column, type);
    }
    tables.set(name, columns);
  }
  const version = typeof reply.version === 'string' ? reply.version : 'unknown';
  return { name: reply.name, version, tables };
}

/** `<type>` of RFC 7047 §3.2: an atomic type, or an object with key, value, min and max. */
export function parseColumnType(type: unknown): ColumnType | undefined {
  if (!isObject(type)) {
    const key = parseAtomType(type);
    return key === undefined ? undefined : { kind: 'scalar', key };
  }
  const key = parseBaseType(type.key);
  const min = type.min ?? 1;
  const max = type.max === 'unlimited' ? Number.POSITIVE_INFINITY : (type.max ?? 1);
  if (key === undefined || typeof min !== 'number' || typeof max !== 'number') return undefined;
  if (type.value !== undefined) {
    const value = parseBaseType(type.value);
    return value === undefined ? undefined : { kind: 'map', key, value, min, max };
  }
  return min === 1 && max === 1 ? { kind: 'scalar', key } : { kind: 'set', key, min, max };
}

function parseBaseType(type: unknown): AtomType | undefined {
  return parseAtomType(isObject(type) ? type.type : type);
}

function parseAtomType(type: unknown): AtomType | undefined {
  return ATOM_TYPES.find((name) => name === type);
}

/** A JSON object, not an array and not null. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
