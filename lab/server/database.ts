/**
 * One SQLite file, safe for several server processes at once: WAL, and every change in a `BEGIN IMMEDIATE` transaction, so
 * that what a change was decided from cannot change before it is written. Busy errors are retried a bounded number of times.
 */
import type { SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite';
import { DatabaseSync } from 'node:sqlite';
import type { JsonObject } from '../../src/rpc/types.ts';
import type { RetryPolicy } from './retry.ts';
import { isBusy, retrying } from './retry.ts';
import { SCHEMA } from './schema.ts';

/** Milliseconds SQLite itself waits for the lock. It blocks the process, so the longer waits are the retries'. */
const BUSY_TIMEOUT = 250;

export type Row = Readonly<Record<string, SQLOutputValue>>;

export class Database {
  readonly #connection: DatabaseSync;
  readonly #retry: RetryPolicy;
  readonly #statements = new Map<string, StatementSync>();

  private constructor(connection: DatabaseSync, retry: RetryPolicy) {
    this.#connection = connection;
    this.#retry = retry;
  }

  /** Opens the file and creates what is not there. `:memory:` is a database of its own. */
  static async open(file: string, retry: RetryPolicy): Promise<Database> {
    const connection = new DatabaseSync(file, { timeout: BUSY_TIMEOUT });
    const database = new Database(connection, retry);
    await retrying(retry, isBusy, () => {
      connection.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
    });
    await database.write(() => {
      connection.exec(SCHEMA);
    });
    return database;
  }

  close(): void {
    this.#statements.clear();
    this.#connection.close();
  }

  get(sql: string, ...parameters: SQLInputValue[]): Row | undefined {
    return this.#statement(sql).get(...parameters);
  }

  all(sql: string, ...parameters: SQLInputValue[]): Row[] {
    return this.#statement(sql).all(...parameters);
  }

  /** Rows changed. */
  run(sql: string, ...parameters: SQLInputValue[]): number {
    return Number(this.#statement(sql).run(...parameters).changes);
  }

  /**
   * Runs `work` in a transaction of its own that holds the write lock from its start; it must not await.
   *
   * @param transient errors of `work` that are worth another attempt; busy errors always are.
   * @throws RetriesExhausted, or what `work` throws.
   */
  write<T>(work: () => T, transient: (error: unknown) => boolean = () => false): Promise<T> {
    return retrying(
      this.#retry,
      (error) => isBusy(error) || transient(error),
      () => this.#transaction(work),
    );
  }

  #transaction<T>(work: () => T): T {
    this.#connection.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.#connection.exec('COMMIT');
      return result;
    } catch (error) {
      if (this.#connection.isTransaction) this.#connection.exec('ROLLBACK');
      throw error;
    }
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#connection.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

/** A TEXT column that is never NULL. */
export function text(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== 'string') throw new TypeError(`column ${column} is not text`);
  return value;
}

/** An INTEGER column that is never NULL. */
export function integer(row: Row, column: string): number {
  const value = row[column];
  if (typeof value !== 'number') throw new TypeError(`column ${column} is not an integer`);
  return value;
}

export function time(row: Row, column: string): Date {
  return new Date(integer(row, column));
}

/** A TEXT column that holds a JSON object that was written here. */
export function dictionary(row: Row, column: string): JsonObject {
  return JSON.parse(text(row, column)) as JsonObject;
}
