/** The reply to `transact` (RFC 7047 §4.1.3): one result an operation, any of which may be an error, and possibly one more for the commit. */
import { OvsdbReplyError, OvsdbTransactionError } from './errors.ts';
import type { Row, Value } from './notation.ts';
import { decodeValue } from './notation.ts';
import type { Operation } from './operations.ts';
import type { DatabaseSchema } from './schema.ts';
import { isObject } from './schema.ts';
import { parsed } from './unparsed.ts';

/** What an operation gave: insert a uuid; update, mutate and delete a count of rows; select rows; the others nothing. */
export interface OperationResult {
  readonly uuid?: string;
  readonly count?: number;
  readonly rows?: readonly Row[];
}

/** The results if every operation and the commit succeeded. An OvsdbReplyError: the server's answer is none. */
export function readResults(
  schema: DatabaseSchema,
  operations: readonly Operation[],
  reply: unknown,
): readonly OperationResult[] | OvsdbTransactionError | OvsdbReplyError {
  if (!Array.isArray(reply)) return new OvsdbReplyError('transact', 'a result that is no array', undefined);
  const failed = reply.findIndex((result) => isObject(result) && typeof result.error === 'string');
  if (failed >= 0) return operationError(failed, reply[failed]);
  const results: OperationResult[] = [];
  for (const [index, operation] of operations.entries()) {
    const result = readResult(schema, operation, reply[index]);
    if (result === undefined) {
      const text = JSON.stringify(reply[index] ?? null).slice(0, 200);
      return new OvsdbReplyError(
        'transact',
        `${text} as the result of operation ${index} (${operation.op})`,
        undefined,
      );
    }
    results.push(result);
  }
  return results;
}

/** The request as a whole was refused: the transaction did not happen. */
export function refusedTransaction(refusal: OvsdbReplyError): OvsdbTransactionError {
  return new OvsdbTransactionError({
    operation: undefined,
    error: refusal.code,
    details: refusal.details,
    cause: refusal,
  });
}

function operationError(operation: number, result: Readonly<Record<string, unknown>>): OvsdbTransactionError {
  const details = [result.details, result.syntax === undefined ? undefined : `in ${String(result.syntax)}`];
  const said = details.filter((text) => text !== undefined).join(' ');
  return new OvsdbTransactionError({
    operation,
    error: String(result.error),
    details: said === '' ? undefined : said,
  });
}

function readResult(schema: DatabaseSchema, operation: Operation, result: unknown): OperationResult | undefined {
  if (!isObject(result)) return undefined;
  switch (operation.op) {
    case 'insert': {
      const uuid = decodeValue({ kind: 'scalar', key: 'uuid' }, result.uuid);
      return typeof uuid === 'string' ? { uuid } : undefined;
    }
    case 'update':
    case 'mutate':
    case 'delete':
      return typeof result.count === 'number' ? { count: result.count } : undefined;
    case 'select':
      return readRows(schema, operation.table, result.rows);
    case 'wait':
    case 'commit':
    case 'abort':
    case 'comment':
    case 'assert':
      return {};
  }
}

function readRows(schema: DatabaseSchema, table: string, wire: unknown): OperationResult | undefined {
  const columns = schema.tables.get(table);
  if (columns === undefined || !Array.isArray(wire)) return undefined;
  const rows: Row[] = [];
  for (const item of wire) {
    const wireRow = parsed(item);
    if (!isObject(wireRow)) return undefined;
    const row: Record<string, Value> = {};
    for (const [column, sent] of Object.entries(wireRow)) {
      const type = columns.get(column);
      const value = type === undefined ? undefined : decodeValue(type, sent);
      if (value === undefined) return undefined;
      row[column] = value;
    }
    rows.push(row);
  }
  return { rows };
}
