/** Operations of a transaction (RFC 7047 §5.2), as data that goes out as it is. Values are written with the helpers of notation.ts. */
import type { WireValue } from './notation.ts';
import { uuid } from './notation.ts';

export type ConditionFunction = '==' | '!=' | 'includes' | 'excludes' | '<' | '<=' | '>' | '>=';
export type Condition = readonly [column: string, test: ConditionFunction, value: WireValue];
/** In a transaction all conditions must hold; none means every row. */
export type Where = readonly Condition[];

export type Mutator = '+=' | '-=' | '*=' | '/=' | '%=' | 'insert' | 'delete';
/** `delete` on a map column takes a set of keys, or a map of pairs that must match. */
export type Mutation = readonly [column: string, mutator: Mutator, value: WireValue];

export type WireRow = Readonly<Record<string, WireValue>>;

export type Operation =
  | {
      readonly op: 'insert';
      readonly table: string;
      readonly row: WireRow;
      readonly uuid?: string;
      readonly 'uuid-name'?: string;
    }
  | { readonly op: 'select'; readonly table: string; readonly where: Where; readonly columns?: readonly string[] }
  | { readonly op: 'update'; readonly table: string; readonly where: Where; readonly row: WireRow }
  | {
      readonly op: 'mutate';
      readonly table: string;
      readonly where: Where;
      readonly mutations: readonly Mutation[];
    }
  | { readonly op: 'delete'; readonly table: string; readonly where: Where }
  | {
      readonly op: 'wait';
      readonly table: string;
      readonly where: Where;
      readonly columns: readonly string[];
      readonly until: '==' | '!=';
      readonly rows: readonly WireRow[];
      readonly timeout?: number;
    }
  | { readonly op: 'commit'; readonly durable: boolean }
  | { readonly op: 'abort' }
  | { readonly op: 'comment'; readonly comment: string }
  | { readonly op: 'assert'; readonly lock: string };

/** The row with this uuid. */
export function byUuid(id: string): Where {
  return [['_uuid', '==', uuid(id)]];
}

/**
 * `id.uuid`: the new row's uuid, chosen by the client (ovsdb-server since 2.13; an existing one is a "duplicate uuid" error).
 * `id.name`: what `named()` calls the row elsewhere in the same transaction.
 */
export function insert(
  table: string,
  row: WireRow,
  id: { readonly uuid?: string; readonly name?: string } = {},
): Operation {
  return {
    op: 'insert',
    table,
    row,
    ...(id.uuid === undefined ? {} : { uuid: id.uuid }),
    ...(id.name === undefined ? {} : { 'uuid-name': id.name }),
  };
}

/** Without columns: all of them. `_uuid` and `_version` are columns too. */
export function select(table: string, where: Where, columns?: readonly string[]): Operation {
  return { op: 'select', table, where, ...(columns === undefined ? {} : { columns }) };
}

/** Replaces the given columns of the rows. */
export function update(table: string, where: Where, row: WireRow): Operation {
  return { op: 'update', table, where, row };
}

/** A `where` that matches no row is no error: the result's count is 0. */
export function mutate(table: string, where: Where, mutations: readonly Mutation[]): Operation {
  return { op: 'mutate', table, where, mutations };
}

/** The operation `delete`, whose name JavaScript keeps for itself. */
export function remove(table: string, where: Where): Operation {
  return { op: 'delete', table, where };
}

/** The transaction waits until the columns of the rows found are (`==`) or are not (`!=`) exactly `rows`. `timeout` in milliseconds; 0 fails at once, none waits forever. */
export function wait(
  table: string,
  where: Where,
  until: '==' | '!=',
  columns: readonly string[],
  rows: readonly WireRow[],
  timeout?: number,
): Operation {
  return { op: 'wait', table, where, columns, until, rows, ...(timeout === undefined ? {} : { timeout }) };
}

/** `durable`: the reply comes after the change is on the disk. */
export function commit(durable: boolean): Operation {
  return { op: 'commit', durable };
}

/** Ends the transaction with the error "aborted". */
export function abort(): Operation {
  return { op: 'abort' };
}

/** Goes into the server's log of the database. */
export function comment(text: string): Operation {
  return { op: 'comment', comment: text };
}

/** Fails with "not owner" unless this session holds the lock. */
export function assert(lock: string): Operation {
  return { op: 'assert', lock };
}
