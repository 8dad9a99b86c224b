/**
 * The requests that open, change and close monitors: RFC 7047 §4.1.5 and 4.1.7, ovsdb-server(7) 4.1.12, 4.1.13 and 4.1.15.
 *
 * `monitor` is a name that the user chooses, unique among all monitors of a session; updates come as notifications with it,
 * and may come before the reply does. Each function rejects as `Connection.call` does.
 */
import type { Connection } from './connection.ts';
import type { MonitorWhere, WireMonitorRequest } from './monitor.ts';
import type { WireUpdates } from './notifications.ts';
import { expectEmpty, unexpected } from './requests.ts';
import { isObject } from './schema.ts';

/** By table. `MonitorPlan.requests` is one. */
export type ByTable<T> = Readonly<Record<string, T>>;

/** RFC 7047 §4.1.5: every row, whatever `where` says. `<table-updates>`; then come `update` notifications. See `toUpdates2` of updates.ts. */
export async function monitor(
  connection: Connection,
  database: string,
  name: string,
  requests: ByTable<readonly WireMonitorRequest[]>,
): Promise<WireUpdates> {
  return expectUpdates('monitor', await connection.call('monitor', [database, name, requests]));
}

/** ovsdb-server(7) 4.1.12, since 2.6. `<table-updates2>`; then come `update2` notifications. */
export async function monitorCond(
  connection: Connection,
  database: string,
  name: string,
  requests: ByTable<readonly WireMonitorRequest[]>,
): Promise<WireUpdates> {
  return expectUpdates('monitor_cond', await connection.call('monitor_cond', [database, name, requests]));
}

export interface UpdatesSince {
  /** The server knows the transaction asked for, and `updates` holds what came after it; else everything. */
  readonly found: boolean;
  /** The newest transaction in `updates`; the zero uuid if the server keeps no history. */
  readonly lastTransaction: string;
  /** `<table-updates2>`. */
  readonly updates: WireUpdates;
}

/** ovsdb-server(7) 4.1.15, since 2.12. Then come `update3` notifications. `lastTransaction` is the newest that the user has seen; the zero uuid for none. */
export async function monitorCondSince(
  connection: Connection,
  database: string,
  name: string,
  requests: ByTable<readonly WireMonitorRequest[]>,
  lastTransaction: string,
): Promise<UpdatesSince> {
  const method = 'monitor_cond_since';
  const result = await connection.call(method, [database, name, requests, lastTransaction]);
  if (Array.isArray(result) && result.length === 3) {
    const [found, last, updates]: unknown[] = result;
    if (typeof found === 'boolean' && typeof last === 'string' && isObject(updates)) {
      return { found, lastTransaction: last, updates };
    }
  }
  throw unexpected(method, '[found, last transaction, updates]', result);
}

/**
 * ovsdb-server(7) 4.1.13: other conditions for tables of a conditional monitor, which is called `newName` from then on.
 * When it resolves, the updates that the change brings have come: rows that meet the new conditions as `insert`, those that no longer do as `delete`.
 */
export async function monitorCondChange(
  connection: Connection,
  name: string,
  newName: string,
  where: ByTable<MonitorWhere>,
): Promise<void> {
  const method = 'monitor_cond_change';
  const requests = Object.fromEntries(Object.entries(where).map(([table, one]) => [table, [{ where: one }]]));
  expectEmpty(method, await connection.call(method, [name, newName, requests]));
}

/** RFC 7047 §4.1.7. No update of this monitor comes after the reply. Error `unknown monitor`: there is none of that name. */
export async function monitorCancel(connection: Connection, name: string): Promise<void> {
  expectEmpty('monitor_cancel', await connection.call('monitor_cancel', [name]));
}

function expectUpdates(method: string, result: unknown): WireUpdates {
  if (!isObject(result)) throw unexpected(method, 'updates by table', result);
  return result;
}
