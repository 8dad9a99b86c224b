/**
 * A session that comes back: connects, reads what the monitors show, keeps it current, runs transactions; and after
 * every loss does so again, telling its user one difference.
 *
 *     start ──▶ connecting ──▶ reading (get_schema, monitor_cond_since) ──▶ connected
 *                   ▲  │ failed        │ failed                                 │ lost
 *                   └──┴── backoff ◀───┴────────────────────────────────────────┘
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Address } from './address.ts';
import { describeBadAddress, parseAddress } from './address.ts';
import { Connection } from './connection.ts';
import { isOvsdbError, OvsdbConnectionError, OvsdbReplyError } from './errors.ts';
import type { FirstRead } from './first-read.ts';
import { MONITOR_ID, readAll } from './first-read.ts';
import type { Log } from './log.ts';
import type { MonitorRequests } from './monitor.ts';
import type { Row } from './notation.ts';
import type { Operation } from './operations.ts';
import type { RowChange } from './replica.ts';
import { differences, Replica } from './replica.ts';
import { Retry } from './retry.ts';
import type { DatabaseSchema } from './schema.ts';
import type { TlsFiles } from './socket.ts';
import { openFirst } from './socket.ts';
import type { OperationResult } from './transaction.ts';
import { readResults, refusedTransaction } from './transaction.ts';

/** `initial`: with these changes the replica is complete, whether read for the first time or after a reconnect. */
export type ChangeKind = 'initial' | 'update';
export type ClientState = 'connected' | 'disconnected';

export interface OvsdbClientOptions {
  /** `unix:PATH`, `tcp:HOST[:PORT]` or `ssl:HOST[:PORT]`. */
  readonly remote: string;
  /** Tried whenever `remote` refuses the connection (ECONNREFUSED). */
  readonly fallback?: string | undefined;
  readonly tls?: TlsFiles | undefined;
  readonly database: string;
  readonly monitors: MonitorRequests;
  /** Milliseconds that connecting, and each reply, may take. */
  readonly timeoutMs: number;
  /** Milliseconds of silence before the server is probed, and then until it counts as dead. Default 5000, as in OVS. */
  readonly probeMs?: number;
  readonly log: Log;
  /** The changes of one transaction, or with `initial` all that differ from before (possibly none). The replica already has them. */
  onChanges(changes: readonly RowChange[], kind: ChangeKind): void;
  /** `connected` comes right before the `initial` changes. `disconnected` comes once an outage, the one at start included. */
  onState(state: ClientState, reason?: Error): void;
}

const DEFAULT_PROBE_MS = 5000;

/** A session whose first read is complete. */
interface Session {
  readonly connection: Connection;
  readonly schema: DatabaseSchema;
}

export class OvsdbClient {
  readonly #options: OvsdbClientOptions;
  readonly #remote: Address;
  readonly #fallback: Address | undefined;
  readonly #closing = new AbortController();
  readonly #retry = new Retry();
  #running: Promise<void> | undefined;
  /** The newest one, whether read completely or not. */
  #connection: Connection | undefined;
  #session: Session | undefined;
  #replica: Replica | undefined;

  /** Throws TypeError for an address that is none. */
  constructor(options: OvsdbClientOptions) {
    this.#options = options;
    this.#remote = mustParse(options.remote);
    this.#fallback = options.fallback === undefined ? undefined : mustParse(options.fallback);
  }

  /** Connects, and goes on trying until `close`. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Ends the session; waiting transactions are rejected (outcome `unknown`). No callback is called any more. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#connection?.end('ECLOSED', 'closed');
    await this.#running;
  }

  /** By uuid, as of the last update; kept while disconnected. Empty before the first read. */
  rows(table: string): ReadonlyMap<string, Row> {
    return this.#replica?.rows(table) ?? new Map();
  }

  row(table: string, uuid: string): Row | undefined {
    return this.#replica?.row(table, uuid);
  }

  /**
   * Runs the operations as one transaction. When it resolves the replica shows what it did: the server sends updates before the reply.
   * Rejects with OvsdbTransactionError (refused, nothing done), or OvsdbConnectionError, whose `outcome` tells whether it can have been done.
   */
  async transact(operations: readonly Operation[]): Promise<readonly OperationResult[]> {
    const session = this.#session;
    if (session === undefined) {
      throw new OvsdbConnectionError('transact not sent: no OVSDB session', { code: 'ENOTCONN', outcome: 'not sent' });
    }
    const { connection, schema } = session;
    let reply: unknown;
    try {
      reply = await connection.call('transact', [this.#options.database, ...operations]);
    } catch (error) {
      // It may yet be carried out: the next session shows whether it was, and this one must not do it later.
      if (error instanceof OvsdbConnectionError && error.code === 'ETIMEDOUT')
        connection.end('ETIMEDOUT', error.message);
      throw error instanceof OvsdbReplyError ? refusedTransaction(error) : error;
    }
    const results = readResults(schema, operations, reply);
    if (results instanceof Error) throw results;
    return results;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const started = performance.now();
      const reason = await this.#serve();
      const lastedMs = this.#session === undefined ? 0 : performance.now() - started;
      this.#session = undefined;
      if (signal.aborted) return;
      if (this.#retry.isNews(reason)) {
        this.#options.log.warn({ err: reason }, 'no OVSDB session, trying until there is one');
        this.#options.onState('disconnected', reason);
      }
      await sleep(this.#retry.delay(lastedMs, Math.random()), undefined, { signal }).catch(() => undefined);
    }
  }

  /** One session from beginning to end; resolves with the reason of its end. */
  async #serve(): Promise<Error> {
    // Updates that come before the first read is complete wait until it is.
    const held: unknown[] = [];
    let onUpdates = (updates: unknown): void => void held.push(updates);
    const begun = performance.now();
    const opened = await this.#open((updates) => onUpdates(updates));
    if (opened instanceof Error) return opened;
    const { connection, schema, plan } = opened;
    const replica = new Replica(plan.tables);
    for (const updates of [opened.updates, ...held]) {
      const problem = replica.apply(updates);
      if (typeof problem === 'string') connection.end('EPROTO', `the server sent ${problem}`);
    }
    if (connection.hasEnded) return connection.ended;
    const changes = differences(this.#replica, replica, plan.tables.keys());
    this.#replica = replica;
    this.#session = { connection, schema };
    onUpdates = (updates) => this.#update(connection, replica, updates);
    this.#retry.connected();
    const facts = { remote: connection.remote, schema: schema.version, changes: changes.length };
    this.#options.log.info(
      { ...facts, ms: Math.round(performance.now() - begun) },
      'OVSDB session, first read complete',
    );
    this.#options.onState('connected');
    this.#options.onChanges(changes, 'initial');
    return connection.ended;
  }

  #update(connection: Connection, replica: Replica, updates: unknown): void {
    const changes = replica.apply(updates);
    if (typeof changes === 'string') connection.end('EPROTO', `the server sent ${changes}`);
    else if (changes.length > 0) this.#options.onChanges(changes, 'update');
  }

  /** Connects and reads; an error of the server or the network is the result. */
  async #open(onUpdates: (updates: unknown) => void): Promise<FirstRead | Error> {
    let connection: Connection | undefined;
    try {
      connection = await this.#connect(onUpdates);
      this.#connection = connection;
      return await readAll(connection, this.#options.database, this.#options.monitors);
    } catch (error) {
      if (!isOvsdbError(error)) throw error;
      connection?.end('ECLOSED', 'the first read failed');
      return error;
    }
  }

  async #connect(onUpdates: (updates: unknown) => void): Promise<Connection> {
    const { timeoutMs, probeMs = DEFAULT_PROBE_MS, log, tls } = this.#options;
    const { signal } = this.#closing;
    const { socket, remote } = await openFirst(this.#remote, this.#fallback, tls, timeoutMs, signal);
    const connection: Connection = new Connection(socket, {
      remote,
      timeoutMs,
      probeMs,
      log,
      onNotification: (method, params) => {
        if (method === 'update3' && params[0] === MONITOR_ID) onUpdates(params[2]);
        else if (method === 'monitor_canceled') connection.end('EPROTO', 'the server has cancelled the monitor');
        else log.debug({ method }, 'OVSDB notification that is not for us');
      },
    });
    if (signal.aborted) connection.end('ECLOSED', 'closed');
    return connection;
  }
}

function mustParse(remote: string): Address {
  const address = parseAddress(remote);
  if (address === undefined) throw new TypeError(describeBadAddress(remote));
  return address;
}
