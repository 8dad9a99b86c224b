/** From what the user wants to see to the request of one `monitor_cond_since` (ovsdb-server(7) 4.1.12, 4.1.15), checked against the schema. */
import type { Columns, RowOf } from './columns.ts';
import { describe, fits } from './columns.ts';
import type { Condition } from './operations.ts';
import type { ColumnType, DatabaseSchema, TableSchema } from './schema.ts';

/** A row is seen if **any** of these holds; `true` and `false` may stand for a condition. */
export type MonitorWhere = readonly (Condition | boolean)[];

/** Each is `true` unless told otherwise. Of a row that was not sent with `initial` or `insert`, later changes are ignored. */
export interface MonitorSelect {
  readonly initial?: boolean;
  readonly insert?: boolean;
  readonly modify?: boolean;
  readonly delete?: boolean;
}

export interface MonitorRequest {
  readonly columns: Columns;
  /** Left out: every row. */
  readonly where?: MonitorWhere;
  readonly select?: MonitorSelect;
}

/** `<monitor-cond-request>` (ovsdb-server(7) 4.1.12). Without `columns`: all of them. */
export interface WireMonitorRequest {
  readonly columns?: readonly string[];
  readonly where?: MonitorWhere;
  readonly select?: MonitorSelect;
}

/** By table. */
export type MonitorRequests = Readonly<Record<string, MonitorRequest>>;

/** A row of a monitored table, typed by the declared columns. */
export type MonitoredRow<Request extends MonitorRequest> = RowOf<Request['columns']>;

/** What happened to one row of one of the tables. */
export type MonitoredChange<Requests extends MonitorRequests> = {
  [Table in keyof Requests & string]: {
    readonly table: Table;
    readonly uuid: string;
    /** `undefined`: the row is new, or newly meets the conditions. */
    readonly before: MonitoredRow<Requests[Table]> | undefined;
    /** `undefined`: the row is gone, or no longer meets the conditions. */
    readonly after: MonitoredRow<Requests[Table]> | undefined;
  };
}[keyof Requests & string];

export interface MonitoredTable {
  readonly columns: ReadonlyMap<string, ColumnType>;
  /** The server may change rows that it never sent. */
  readonly partial: boolean;
  /** A row that is not here is not there. */
  readonly everyRow: boolean;
}

export interface MonitorPlan {
  readonly requests: Readonly<Record<string, readonly WireMonitorRequest[]>>;
  readonly tables: ReadonlyMap<string, MonitoredTable>;
}

/**
 * Columns used in `where` are added to `columns`: without them ovsdb-server 3.1.0 can drop another session's update, or crash.
 * A text says everything that the server lacks, or has otherwise than declared.
 */
export function planMonitors(schema: DatabaseSchema, monitors: MonitorRequests): MonitorPlan | string {
  const requests: Record<string, readonly WireMonitorRequest[]> = {};
  const tables = new Map<string, MonitoredTable>();
  const lacks: string[] = [];
  for (const [table, { columns, where, select }] of Object.entries(monitors)) {
    const known = schema.tables.get(table);
    if (known === undefined) {
      lacks.push(`no table ${table}`);
      continue;
    }
    lacks.push(...columnLacks(table, known, columns, where));
    const names = new Set([...Object.keys(columns), ...conditionColumns(where)]);
    // `_uuid` is the key of every row and cannot be monitored; in `where` it is always allowed.
    names.delete('_uuid');
    requests[table] = [
      {
        columns: [...names],
        ...(where === undefined ? {} : { where }),
        ...(select === undefined ? {} : { select }),
      },
    ];
    const types = new Map([...known].filter(([name]) => names.has(name)));
    const partial = select?.initial === false || select?.insert === false;
    tables.set(table, { columns: types, partial, everyRow: where === undefined && !partial });
  }
  return lacks.length === 0 ? { requests, tables } : lacks.join(', ');
}

function columnLacks(table: string, known: TableSchema, columns: Columns, where: MonitorWhere | undefined): string[] {
  const lacks: string[] = [];
  for (const [name, declared] of Object.entries(columns)) {
    const type = known.get(name);
    if (type === undefined) lacks.push(`no column ${name} in table ${table}`);
    else if (!fits(declared, type)) {
      lacks.push(`column ${name} in table ${table} as ${describe(type)}, not ${describe(declared)}`);
    }
  }
  const unknown = conditionColumns(where).filter((name) => !known.has(name) && !(name in columns));
  return [...lacks, ...unknown.map((name) => `no column ${name} in table ${table}`)];
}

function conditionColumns(where: MonitorWhere | undefined): string[] {
  return (where ?? []).flatMap((condition) => (typeof condition === 'boolean' ? [] : [condition[0]]));
}
