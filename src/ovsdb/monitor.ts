/** From what the user wants to see to the request of one `monitor_cond_since` (ovsdb-server(7) 4.1.12, 4.1.15), checked against the schema. */
import type { Condition } from './operations.ts';
import type { ColumnType, DatabaseSchema } from './schema.ts';

export interface MonitorRequest {
  readonly columns: readonly string[];
  /** A row is seen if **any** of these holds; `true` and `false` may stand for a condition. Left out: every row. */
  readonly where?: readonly (Condition | boolean)[];
  /** What to leave out, each `true` unless told otherwise. Of a row that was not sent with `initial` or `insert`, later changes are ignored. */
  readonly select?: {
    readonly initial?: boolean;
    readonly insert?: boolean;
    readonly modify?: boolean;
    readonly delete?: boolean;
  };
}

/** By table. */
export type MonitorRequests = Readonly<Record<string, MonitorRequest>>;

export interface MonitoredTable {
  readonly columns: ReadonlyMap<string, ColumnType>;
  /** The server may change rows that it never sent. */
  readonly partial: boolean;
}

export interface MonitorPlan {
  /** `<monitor-cond-requests>`. */
  readonly requests: Readonly<Record<string, readonly object[]>>;
  readonly tables: ReadonlyMap<string, MonitoredTable>;
}

/**
 * Columns used in `where` are added to `columns`: without them ovsdb-server 3.1.0 can drop another session's update, or crash.
 * A text is the sentence that names what the server lacks.
 */
export function planMonitors(schema: DatabaseSchema, monitors: MonitorRequests): MonitorPlan | string {
  const requests: Record<string, readonly object[]> = {};
  const tables = new Map<string, MonitoredTable>();
  const server = `the server's database ${schema.name} (schema version ${schema.version})`;
  for (const [table, { columns: asked, where, select }] of Object.entries(monitors)) {
    const tableSchema = schema.tables.get(table);
    if (tableSchema === undefined) return `${server} has no table ${table}`;
    const columns = new Map<string, ColumnType>();
    for (const column of [...asked, ...conditionColumns(where)]) {
      const type = tableSchema.get(column);
      if (type === undefined) return `${server} has no column ${column} in table ${table}`;
      columns.set(column, type);
    }
    // `_uuid` is the key of every row and cannot be monitored; in `where` it is always allowed.
    columns.delete('_uuid');
    requests[table] = [
      {
        columns: [...columns.keys()],
        ...(where === undefined ? {} : { where }),
        ...(select === undefined ? {} : { select }),
      },
    ];
    tables.set(table, { columns, partial: select?.initial === false || select?.insert === false });
  }
  return { requests, tables };
}

function conditionColumns(where: MonitorRequest['where']): string[] {
  return (where ?? []).flatMap((condition) => (typeof condition === 'boolean' ? [] : [condition[0]]));
}
