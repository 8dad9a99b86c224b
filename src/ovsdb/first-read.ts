/** What a new session asks first: the schema, and then everything the monitors show, in one request. */
import type { Connection } from './connection.ts';
import { OvsdbConnectionError, OvsdbReplyError, OvsdbSchemaError } from './errors.ts';
import type { MonitorPlan, MonitorRequests, WireMonitorRequest } from './monitor.ts';
import { planMonitors } from './monitor.ts';
import { monitor, monitorCond, monitorCondSince } from './monitor-requests.ts';
import { ZERO_UUID } from './notation.ts';
import type { WireUpdates } from './notifications.ts';
import { select } from './operations.ts';
import { getSchema, transact } from './requests.ts';
import type { DatabaseSchema } from './schema.ts';
import { toUpdates2 } from './updates.ts';

/** The newest way to monitor that the server knows; a `monitor` (RFC 7047) sees every row, whatever the conditions. */
export type MonitorMethod = 'monitor_cond_since' | 'monitor_cond' | 'monitor';

export interface FirstRead {
  readonly connection: Connection;
  readonly schema: DatabaseSchema;
  readonly plan: MonitorPlan;
  readonly method: MonitorMethod;
  /** `<table-updates2>`; a text: what the server sent instead. */
  readonly updates: WireUpdates | string;
}

/** Our name for the one monitor; unique within a session is enough. */
export const MONITOR_ID = 'replica';

const METHODS: readonly MonitorMethod[] = ['monitor_cond_since', 'monitor_cond', 'monitor'];

/** Rejects with OvsdbSchemaError if the server lacks what the monitors name, else as `Connection.call`. */
export async function readAll(connection: Connection, database: string, monitors: MonitorRequests): Promise<FirstRead> {
  const schema = await getSchema(connection, database);
  const plan = planMonitors(schema, monitors);
  if (typeof plan === 'string') {
    throw new OvsdbSchemaError(`${await describeServer(connection, schema)} has ${plan}`);
  }
  for (const method of METHODS) {
    const updates = await open(connection, database, plan, method);
    if (updates !== undefined) return { connection, schema, plan, method, updates };
  }
  throw new OvsdbReplyError('monitor', 'unknown method', undefined);
}

/** `undefined`: the server does not know this method. */
async function open(
  connection: Connection,
  database: string,
  { requests, tables }: MonitorPlan,
  method: MonitorMethod,
): Promise<WireUpdates | string | undefined> {
  try {
    switch (method) {
      case 'monitor_cond_since':
        // A zero transaction id asks for everything; a stand-alone database has no other answer (OVS.md).
        return (await monitorCondSince(connection, database, MONITOR_ID, requests, ZERO_UUID)).updates;
      case 'monitor_cond':
        return await monitorCond(connection, database, MONITOR_ID, requests);
      case 'monitor':
        return toUpdates2(tables, await monitor(connection, database, MONITOR_ID, withoutConditions(requests)));
    }
  } catch (error) {
    if (error instanceof OvsdbReplyError && error.code === 'unknown method') return undefined;
    throw error;
  }
}

function withoutConditions(requests: MonitorPlan['requests']): MonitorPlan['requests'] {
  const strip = ({ where, ...request }: WireMonitorRequest): WireMonitorRequest => request;
  return Object.fromEntries(Object.entries(requests).map(([table, list]) => [table, list.map(strip)]));
}

/** The schema's version, and Open vSwitch's own where the database says it: whoever reads the message knows what to upgrade. */
async function describeServer(connection: Connection, schema: DatabaseSchema): Promise<string> {
  const known = `the server's database ${schema.name} (schema version ${schema.version}`;
  if (!schema.tables.get('Open_vSwitch')?.has('ovs_version')) return `${known})`;
  try {
    const [result] = await transact(connection, schema, [select('Open_vSwitch', [], ['ovs_version'])]);
    const version = result?.rows?.[0]?.ovs_version;
    return Array.isArray(version) && version.length > 0 ? `${known}, Open vSwitch ${version[0]})` : `${known})`;
  } catch (error) {
    if (error instanceof OvsdbConnectionError) throw error;
    return `${known})`;
  }
}
