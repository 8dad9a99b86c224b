/**
 * The requests of RFC 7047 §4.1 and ovsdb-server(7) that open no monitor (those: monitor-requests.ts), one function each.
 *
 * Each rejects as `Connection.call` does; a result of the wrong form is an OvsdbReplyError that says what was expected.
 */
import type { CallOptions, Connection } from './connection.ts';
import { OvsdbReplyError } from './errors.ts';
import type { Operation } from './operations.ts';
import type { DatabaseSchema } from './schema.ts';
import { isObject, parseSchema } from './schema.ts';
import type { OperationResult } from './transaction.ts';
import { readResults, refusedTransaction } from './transaction.ts';
import { whole } from './unparsed.ts';

/** RFC 7047 §4.1.1. ovsdb-server lists `_Server`, its own, too. */
export async function listDatabases(connection: Connection): Promise<readonly string[]> {
  const result = await connection.call('list_dbs', []);
  if (Array.isArray(result) && result.every((name) => typeof name === 'string')) return result;
  throw unexpected('list_dbs', 'the names of databases', result);
}

/** RFC 7047 §4.1.2. */
export async function getSchema(connection: Connection, database: string): Promise<DatabaseSchema> {
  const result = whole(await connection.call('get_schema', [database]));
  const schema = parseSchema(result);
  if (schema === undefined) throw unexpected('get_schema', 'a schema', result);
  return schema;
}

/**
 * RFC 7047 §4.1.3, on the database of `schema`. Rejects with OvsdbTransactionError if nothing was done; when `signal` was the
 * reason its `error` is `canceled`. A transaction that the signal came too late for resolves.
 */
export async function transact(
  connection: Connection,
  schema: DatabaseSchema,
  operations: readonly Operation[],
  options: CallOptions = {},
): Promise<readonly OperationResult[]> {
  let reply: unknown;
  try {
    reply = await connection.call('transact', [schema.name, ...operations], options);
  } catch (error) {
    throw error instanceof OvsdbReplyError ? refusedTransaction(error) : error;
  }
  const results = readResults(schema, operations, reply);
  if (results instanceof Error) throw results;
  return results;
}

/** RFC 7047 §4.1.8. `false`: another session has the lock, and the notification `locked` tells when it is ours. Error `syntax error`: asked for before. */
export function lock(connection: Connection, name: string): Promise<boolean> {
  return askForLock(connection, 'lock', name);
}

/** RFC 7047 §4.1.8. The lock is ours at once; the session that had it hears `stolen`. Always `true`. */
export function steal(connection: Connection, name: string): Promise<boolean> {
  return askForLock(connection, 'steal', name);
}

/** RFC 7047 §4.1.8. Gives the lock up, or the place in its queue. Error `syntax error`: neither was asked for. */
export async function unlock(connection: Connection, name: string): Promise<void> {
  expectEmpty('unlock', await connection.call('unlock', [name]));
}

/** RFC 7047 §4.1.11. The answer is what was sent. */
export async function echo(connection: Connection, params: readonly unknown[]): Promise<readonly unknown[]> {
  const result = await connection.call('echo', params);
  if (!Array.isArray(result)) throw unexpected('echo', 'what was sent', result);
  return result;
}

/** ovsdb-server(7) 4.1.17, since 2.7: another uuid each time the server starts. */
export async function getServerId(connection: Connection): Promise<string> {
  const result = await connection.call('get_server_id', []);
  if (typeof result !== 'string') throw unexpected('get_server_id', 'a uuid as text', result);
  return result;
}

/** ovsdb-server(7) 4.1.18, since 2.9. `true`: when a database comes, goes or is converted the session stays, and its monitors are cancelled instead. */
export async function setDbChangeAware(connection: Connection, aware: boolean): Promise<void> {
  expectEmpty('set_db_change_aware', await connection.call('set_db_change_aware', [aware]));
}

/**
 * ovsdb-server(7) 4.1.19, since 2.9: the database takes a new schema, with its data, or nothing of it. `schema`: `<database-schema>` as JSON.
 * Rejects with OvsdbReplyError if refused: `constraint violation`, `syntax error`, …
 * The server ends every session that is not aware of changes (`setDbChangeAware`), this one included.
 */
export async function convert(
  connection: Connection,
  database: string,
  schema: Readonly<Record<string, unknown>>,
  options: CallOptions = {},
): Promise<void> {
  expectEmpty('convert', await connection.call('convert', [database, schema], options));
}

/** For a result that is not of the form it should have. */
export function unexpected(method: string, expected: string, result: unknown): OvsdbReplyError {
  return new OvsdbReplyError(
    method,
    `expected ${expected}, not ${(JSON.stringify(result) ?? 'nothing').slice(0, 200)}`,
    undefined,
  );
}

/** Throws OvsdbReplyError unless the result is `{}`. */
export function expectEmpty(method: string, result: unknown): void {
  if (!isObject(result)) throw unexpected(method, '{}', result);
}

async function askForLock(connection: Connection, method: 'lock' | 'steal', name: string): Promise<boolean> {
  const result = await connection.call(method, [name]);
  if (isObject(result) && typeof result.locked === 'boolean') return result.locked;
  throw unexpected(method, '{"locked": true or false}', result);
}
