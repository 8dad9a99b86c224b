/** What a new session asks first: the schema, and then everything the monitors show, in one request. */
import type { Connection } from './connection.ts';
import { OvsdbReplyError, OvsdbSchemaError } from './errors.ts';
import type { MonitorPlan, MonitorRequests } from './monitor.ts';
import { planMonitors } from './monitor.ts';
import { ZERO_UUID } from './notation.ts';
import type { DatabaseSchema } from './schema.ts';
import { parseSchema } from './schema.ts';

export interface FirstRead {
  readonly connection: Connection;
  readonly schema: DatabaseSchema;
  readonly plan: MonitorPlan;
  /** `<table-updates2>`. */
  readonly updates: unknown;
}

/** Our name for the one monitor; unique within a session is enough. */
export const MONITOR_ID = 'replica';

/** Rejects with OvsdbSchemaError if the server lacks what the monitors name, else as `Connection.call`. */
export async function readAll(connection: Connection, database: string, monitors: MonitorRequests): Promise<FirstRead> {
  const schema = parseSchema(await connection.call('get_schema', [database]));
  if (schema === undefined) throw new OvsdbReplyError('get_schema', 'a result that is no schema', undefined);
  const plan = planMonitors(schema, monitors);
  if (typeof plan === 'string') throw new OvsdbSchemaError(plan);
  // A zero transaction id asks for everything; a stand-alone database has no other answer (OVS.md).
  const reply = await connection.call('monitor_cond_since', [database, MONITOR_ID, plan.requests, ZERO_UUID]);
  if (!Array.isArray(reply) || reply.length !== 3) {
    throw new OvsdbReplyError('monitor_cond_since', 'a result that is not [found, last-txn-id, updates]', undefined);
  }
  return { connection, schema, plan, updates: reply[2] };
}
