/**
 * The rows that the monitors show, kept up with `<table-updates2>` (ovsdb-server(7) 4.1.14).
 *
 * Every row has every monitored column: the server leaves out columns at their default, the replica fills them in.
 * A row object never changes; a changed row is a new object.
 */
import type { MonitoredTable } from './monitor.ts';
import type { Atom, Row, Value } from './notation.ts';
import { compareAtoms, decodeValue, defaultValue, valuesEqual } from './notation.ts';
import type { ColumnType } from './schema.ts';
import { isObject } from './schema.ts';
import { parsed } from './unparsed.ts';

export interface RowChange {
  readonly table: string;
  readonly uuid: string;
  /** `undefined`: the row is new, or newly meets the conditions. */
  readonly before: Row | undefined;
  /** `undefined`: the row is gone, or no longer meets the conditions. */
  readonly after: Row | undefined;
}

export class Replica {
  readonly #monitored: ReadonlyMap<string, MonitoredTable>;
  /** Rows share the values of columns that are at their default. */
  readonly #defaults = new Map<string, Row>();
  readonly #rows = new Map<string, Map<string, Row>>();

  constructor(monitored: ReadonlyMap<string, MonitoredTable>) {
    this.#monitored = monitored;
    for (const [table, { columns }] of monitored) {
      this.#rows.set(table, new Map());
      const values = [...columns].map(([column, type]) => [column, defaultValue(type)] as const);
      this.#defaults.set(table, Object.fromEntries(values));
    }
  }

  /** By uuid. Empty for a table that is not monitored. */
  rows(table: string): ReadonlyMap<string, Row> {
    return this.#rows.get(table) ?? new Map();
  }

  row(table: string, uuid: string): Row | undefined {
    return this.#rows.get(table)?.get(uuid);
  }

  /** All of the message or nothing of it: a text says why it does not fit, and the replica can only be read anew. */
  apply(updates: unknown): readonly RowChange[] | string {
    const changes = this.#changes(updates);
    if (typeof changes === 'string') return changes;
    for (const { table, uuid, after } of changes) {
      if (after === undefined) this.#rows.get(table)?.delete(uuid);
      else this.#rows.get(table)?.set(uuid, after);
    }
    return changes;
  }

  #changes(updates: unknown): RowChange[] | string {
    if (!isObject(updates)) return 'updates that are no object';
    const changes: RowChange[] = [];
    for (const [table, rows] of Object.entries(updates)) {
      const monitored = this.#monitored.get(table);
      const defaults = this.#defaults.get(table);
      if (monitored === undefined || defaults === undefined)
        return `an update of table ${table}, which is not monitored`;
      if (!isObject(rows)) return `an update of table ${table} that is no object`;
      for (const uuid of Object.keys(rows)) {
        const update = rows[uuid];
        const before = this.row(table, uuid);
        const after = rowAfter(monitored, defaults, before, parsed(update));
        if (typeof after === 'string') return `update of ${table} ${uuid}: ${after}`;
        if (before !== undefined || after !== undefined) changes.push({ table, uuid, before, after });
      }
    }
    return changes;
  }
}

/** What turns `before` into `after`: for the user of a replica that was read anew. */
export function differences(before: Replica | undefined, after: Replica, tables: Iterable<string>): RowChange[] {
  const changes: RowChange[] = [];
  for (const table of tables) {
    for (const [uuid, row] of after.rows(table)) {
      const old = before?.row(table, uuid);
      if (old === undefined || !rowsEqual(old, row)) changes.push({ table, uuid, before: old, after: row });
    }
    for (const [uuid, row] of before?.rows(table) ?? []) {
      if (after.row(table, uuid) === undefined) changes.push({ table, uuid, before: row, after: undefined });
    }
  }
  return changes;
}

/** The column's new value, from its old one and what a `modify` carries. `undefined`: the two do not go together. */
export function applyDifference(type: ColumnType, before: Value, difference: Value): Value | undefined {
  // A column of at most one element carries its new value, whether scalar, optional or map (ovsdb_type_is_composite).
  if (type.kind === 'scalar' || type.max === 1) return difference;
  if (type.kind === 'set') {
    if (!Array.isArray(before) || !Array.isArray(difference)) return undefined;
    const atoms = new Set<Atom>(before);
    for (const atom of difference) if (!atoms.delete(atom)) atoms.add(atom);
    return [...atoms].sort(compareAtoms);
  }
  if (!(before instanceof Map) || !(difference instanceof Map)) return undefined;
  const pairs = new Map<Atom, Atom>(before);
  for (const [key, value] of difference) {
    if (pairs.get(key) === value) pairs.delete(key);
    else pairs.set(key, value);
  }
  return pairs;
}

/** `undefined`: no row any more. A text: why not. */
function rowAfter(
  { columns, partial }: MonitoredTable,
  defaults: Row,
  before: Row | undefined,
  update: unknown,
): Row | undefined | string {
  if (!isObject(update)) return 'no object';
  if ('delete' in update) return undefined;
  // In the reply of a large monitor_cond the row lies one level higher than in that of monitor_cond_since.
  const insert = parsed(update.insert ?? update.initial);
  if (insert !== undefined) return insertedRow(columns, defaults, insert);
  if (!('modify' in update)) return 'neither initial, insert, modify nor delete';
  if (before === undefined) return partial ? undefined : 'a change of a row that was never sent';
  return modifiedRow(columns, before, update.modify);
}

function insertedRow(columns: ReadonlyMap<string, ColumnType>, defaults: Row, wire: unknown): Row | string {
  if (!isObject(wire)) return 'a row that is no object';
  const row: Record<string, Value> = { ...defaults };
  for (const [column, type] of columns) {
    // A column may be called `constructor`.
    const sent = Object.hasOwn(wire, column) ? wire[column] : undefined;
    if (sent === undefined) continue;
    const value = decodeValue(type, sent);
    if (value === undefined) return badValue(column, sent);
    row[column] = value;
  }
  return row;
}

function modifiedRow(columns: ReadonlyMap<string, ColumnType>, before: Row, wire: unknown): Row | string {
  if (!isObject(wire)) return 'a row that is no object';
  const row: Record<string, Value> = { ...before };
  for (const [column, sent] of Object.entries(wire)) {
    const type = columns.get(column);
    const old = before[column];
    if (type === undefined || old === undefined) return `column ${column} is not monitored`;
    const difference = decodeValue(type, sent);
    const value = difference === undefined ? undefined : applyDifference(type, old, difference);
    if (value === undefined) return badValue(column, sent);
    row[column] = value;
  }
  return row;
}

/** In the columns that are monitored now: one that only conditions named may have gone with them. */
function rowsEqual(before: Row, after: Row): boolean {
  return Object.entries(after).every(([column, value]) => {
    const old = before[column];
    return old !== undefined && valuesEqual(old, value);
  });
}

function badValue(column: string, sent: unknown): string {
  return `column ${column} cannot be ${JSON.stringify(sent).slice(0, 100)}`;
}
