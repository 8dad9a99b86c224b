/**
 * `<table-updates>` of RFC 7047 §4.1.6 (old and new rows) as `<table-updates2>` (differences), so that a replica can live
 * from a plain `monitor` of a server that knows no `monitor_cond`.
 *
 * Old and new row hold everything that a difference needs: no state is kept. `initial` and `insert` look alike there, and come out as `insert`.
 */
import type { MonitoredTable } from './monitor.ts';
import type { Atom, Value, WireValue } from './notation.ts';
import { decodeValue, encodeValue } from './notation.ts';
import type { WireUpdates } from './notifications.ts';
import type { ColumnType } from './schema.ts';
import { isObject } from './schema.ts';
import { parsed } from './unparsed.ts';

/** A text says why the message does not fit the monitored tables. */
export function toUpdates2(monitored: ReadonlyMap<string, MonitoredTable>, updates: unknown): WireUpdates | string {
  if (!isObject(updates)) return 'updates that are no object';
  const tables: [string, object][] = [];
  for (const [table, rows] of Object.entries(updates)) {
    const columns = monitored.get(table)?.columns;
    if (columns === undefined) return `an update of table ${table}, which is not monitored`;
    if (!isObject(rows)) return `an update of table ${table} that is no object`;
    const converted: [string, object][] = [];
    for (const [uuid, update] of Object.entries(rows)) {
      const row = rowUpdate2(columns, parsed(update));
      if (typeof row === 'string') return `update of ${table} ${uuid}: ${row}`;
      converted.push([uuid, row]);
    }
    tables.push([table, Object.fromEntries(converted)]);
  }
  return Object.fromEntries(tables);
}

/** What leads from `before` to `after`, as `modify` carries it (ovsdb-server(7) 4.1.14); the inverse is `applyDifference` of replica.ts. */
export function difference(type: ColumnType, before: Value, after: Value): Value {
  if (type.kind === 'scalar' || type.max === 1) return after;
  if (before instanceof Map && after instanceof Map) {
    const pairs = new Map<Atom, Atom>();
    for (const [key, old] of before) if (!after.has(key)) pairs.set(key, old);
    for (const [key, value] of after) if (before.get(key) !== value) pairs.set(key, value);
    return pairs;
  }
  if (!Array.isArray(before) || !Array.isArray(after)) return after;
  const [old, now] = [new Set<Atom>(before), new Set<Atom>(after)];
  return [...old.symmetricDifference(now)];
}

/** `old` holds every column of a deleted row, and of a changed row the changed ones; `new` every column of a row that is there. */
function rowUpdate2(columns: ReadonlyMap<string, ColumnType>, update: unknown): object | string {
  if (!isObject(update)) return 'no object';
  // In a reply they lie as deep as the rows of a notification, and are unparsed too.
  const [old, now] = [parsed(update.old), parsed(update.new)];
  if (old === undefined && now === undefined) return 'neither old nor new';
  if (now === undefined) return { delete: null };
  if (old === undefined) return { insert: now };
  if (!isObject(old) || !isObject(now)) return 'a row that is no object';
  const modify: [string, WireValue][] = [];
  for (const [column, sent] of Object.entries(old)) {
    const type = columns.get(column);
    if (type === undefined) return `column ${column} is not monitored`;
    const value = wireDifference(type, sent, now[column]);
    if (value === undefined) {
      return `column ${column} cannot go from ${shown(sent)} to ${shown(now[column])}`;
    }
    modify.push([column, value]);
  }
  return { modify: Object.fromEntries(modify) };
}

function wireDifference(type: ColumnType, old: unknown, now: unknown): WireValue | undefined {
  const [before, after] = [decodeValue(type, old), decodeValue(type, now)];
  if (before === undefined || after === undefined) return undefined;
  return encodeValue(type, difference(type, before, after));
}

function shown(wire: unknown): string {
  return (JSON.stringify(wire) ?? 'nothing').slice(0, 100);
}
