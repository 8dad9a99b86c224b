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
import type { CallOptions } from './connection.ts';
import { Connection } from './connection.ts';
import { isOvsdbError, OvsdbConnectionError } from './errors.ts';
import { wasDone } from './evidence.ts';
import type { FirstRead } from './first-read.ts';
import { MONITOR_ID, readAll } from './first-read.ts';
import type { Log } from './log.ts';
import type { MonitoredChange, MonitoredRow, MonitoredTable, MonitorRequests, MonitorWhere } from './monitor.ts';
import { monitorCondChange } from './monitor-requests.ts';
import { parseNotification } from './notifications.ts';
import type { Operation } from './operations.ts';
import { differences, Replica } from './replica.ts';
import { transact } from './requests.ts';
import { Retry } from './retry.ts';
import type { TlsFiles } from './socket.ts';
import { openFirst } from './socket.ts';
import type { OperationResult } from './transaction.ts';
import { toUpdates2 } from './updates.ts';

/** `initial`: with these changes the replica is complete, whether read for the first time or after a reconnect. */
export type ChangeKind = 'initial' | 'update';
export type ClientState = 'connected' | 'disconnected';

export interface OvsdbClientOptions<Requests extends MonitorRequests = MonitorRequests> {
  /** `unix:PATH`, `tcp:HOST[:PORT]` or `ssl:HOST[:PORT]`. */
  readonly remote: string;
  /** Tried whenever `remote` refuses the connection (ECONNREFUSED). */
  readonly fallback?: string | undefined;
  readonly tls?: TlsFiles | undefined;
  readonly database: string;
  readonly monitors: Requests;
  /** Milliseconds that connecting, and each reply, may take. */
  readonly timeoutMs: number;
  /** Milliseconds of silence before the server is probed, and then until it counts as dead. Default 5000, as OVS has for tcp and ssl; here for unix sockets too. */
  readonly probeMs?: number;
  readonly log: Log;
  /** The changes of one transaction, or with `initial` all that differ from before (possibly none). The replica already has them. */
  onChanges(changes: readonly MonitoredChange<Requests>[], kind: ChangeKind): void;
  /** `connected` comes right before the `initial` changes. `disconnected` comes once an outage (the one at start included), and again when its reason is of another kind. */
  onState(state: ClientState, reason?: Error): void;
}

const DEFAULT_PROBE_MS = 5000;

/** What a monitor's notification carried: `<table-updates>` or `<table-updates2>`. */
interface Updates {
  readonly kind: 'update' | 'update2' | 'update3';
  readonly updates: unknown;
}

/** A session whose first read is complete. */
interface Session extends Pick<FirstRead, 'connection' | 'schema' | 'method'> {
  readonly tables: Map<string, MonitoredTable>;
  readonly replica: Replica;
}

export class OvsdbClient<const Requests extends MonitorRequests = MonitorRequests> {
  readonly #options: OvsdbClientOptions<Requests>;
  readonly #remote: Address;
  readonly #fallback: Address | undefined;
  readonly #closing = new AbortController();
  readonly #retry = new Retry();
  #monitors: MonitorRequests;
  #running: Promise<void> | undefined;
  /** The newest one, whether read completely or not. */
  #connection: Connection | undefined;
  #session: Session | undefined;
  /** Of the last session that was read completely. */
  #known: Pick<Session, 'replica' | 'tables'> | undefined;
  /** Bytes of connections that have ended. */
  readonly #earlier = { read: 0, written: 0 };

  /** Throws TypeError for an address that is none. */
  constructor(options: OvsdbClientOptions<Requests>) {
    this.#options = options;
    this.#monitors = options.monitors;
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

  /** There is a session, and its first read is complete. */
  get isConnected(): boolean {
    return this.#session !== undefined && !this.#session.connection.hasEnded;
  }

  /** By uuid, as of the last update; kept while disconnected. Empty before the first read. */
  rows<Table extends keyof Requests & string>(table: Table): ReadonlyMap<string, MonitoredRow<Requests[Table]>> {
    // The schema was checked against the declared columns before the first row was read.
    return (this.#known?.replica.rows(table) ?? new Map()) as ReadonlyMap<string, MonitoredRow<Requests[Table]>>;
  }

  row<Table extends keyof Requests & string>(table: Table, uuid: string): MonitoredRow<Requests[Table]> | undefined {
    return this.rows(table).get(uuid);
  }

  /** Of all connections so far. */
  get bytesRead(): number {
    return this.#earlier.read + (this.#connection?.bytesRead ?? 0);
  }

  get bytesWritten(): number {
    return this.#earlier.written + (this.#connection?.bytesWritten ?? 0);
  }

  /**
   * Runs the operations as one transaction. When it resolves the replica shows what it did: the server sends updates before the reply.
   * Rejects with OvsdbTransactionError (refused, nothing done), or OvsdbConnectionError, whose `outcome` tells whether it can have been done.
   * `signal` gives up a transaction that waits; if it came too late, the transaction resolves. One that may wait longer than replies may take wants a `timeoutMs` of its own.
   */
  async transact(operations: readonly Operation[], options: CallOptions = {}): Promise<readonly OperationResult[]> {
    const session = this.#session;
    if (session === undefined) {
      throw new OvsdbConnectionError('transact not sent: no OVSDB session', { code: 'ENOTCONN', outcome: 'not sent' });
    }
    const { connection, schema, replica, tables } = session;
    try {
      return await transact(connection, schema, operations, options);
    } catch (error) {
      if (!(error instanceof OvsdbConnectionError) || error.outcome !== 'unknown') throw error;
      // It may yet be carried out: the next session shows whether it was, and this one must not do it later.
      connection.end(error.code, error.message);
      if (wasDone(operations, replica, tables) !== true) throw error;
      const { code, cause } = error;
      throw new OvsdbConnectionError(`transact done, ${error.message}`, { code, outcome: 'done', cause });
    }
  }

  /**
   * Whether a transaction that was rejected with outcome `unknown` was carried out, by the rows it inserts with chosen uuids;
   * to be asked once the next session's `initial` has come. `undefined`: it inserts none in a table of which every row is monitored, or there is no session.
   */
  wasDone(operations: readonly Operation[]): boolean | undefined {
    return this.#session && wasDone(operations, this.#session.replica, this.#session.tables);
  }

  /**
   * Other conditions for one of the monitored tables, now and in sessions to come. When it resolves, the replica shows the rows that meet them,
   * unless there is no session or it ends meanwhile: then the next first read does. Columns in `where` must be monitored already (TypeError).
   * Conditions that the server refuses (OvsdbReplyError) change nothing.
   * No effect on a server without conditional monitors.
   */
  async setConditions(table: keyof Requests & string, where: MonitorWhere): Promise<void> {
    const request = this.#monitors[table];
    const strange = where.find((one) => typeof one !== 'boolean' && !hasColumn(request, one[0]));
    if (request === undefined || strange !== undefined) {
      throw new TypeError(`conditions of table ${table}: ${request === undefined ? 'not monitored' : strange}`);
    }
    const wanted = { ...request, where };
    this.#monitors = { ...this.#monitors, [table]: wanted };
    try {
      if (this.#session !== undefined) await this.#sendConditions(this.#session, table, where);
    } catch (error) {
      // With conditions that the server refuses no session would ever come again.
      if (this.#monitors[table] === wanted) this.#monitors = { ...this.#monitors, [table]: request };
      throw error;
    }
  }

  async #sendConditions({ connection, method, tables }: Session, table: string, where: MonitorWhere): Promise<void> {
    if (method === 'monitor') return;
    const monitored = tables.get(table);
    if (monitored !== undefined) tables.set(table, { ...monitored, everyRow: false });
    try {
      await monitorCondChange(connection, MONITOR_ID, MONITOR_ID, { [table]: where });
    } catch (error) {
      if (!(error instanceof OvsdbConnectionError)) throw error;
    }
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
    const session = await this.#establish();
    return session instanceof Error ? session : await session.connection.ended;
  }

  /** Connects, reads, and tells what differs. A function of its own, so that nothing of the first read is kept for the life of the session. */
  async #establish(): Promise<Session | Error> {
    // Updates that come before the first read is complete wait until it is.
    const held: Updates[] = [];
    let onUpdates = (updates: Updates): void => void held.push(updates);
    const begun = performance.now();
    const monitors = this.#monitors;
    const opened = await this.#open(monitors, (updates) => onUpdates(updates));
    if (opened instanceof Error) return opened;
    const { connection, schema, method } = opened;
    const tables = new Map(opened.plan.tables);
    const replica = new Replica(tables);
    for (const updates of [{ kind: 'update2', updates: opened.updates } as const, ...held.splice(0)]) {
      const problem = apply(replica, tables, updates);
      if (typeof problem === 'string') connection.end('EPROTO', `the server sent ${problem}`);
    }
    if (connection.hasEnded) return connection.ended;
    const changes = differences(this.#known?.replica, replica, tables.keys());
    const session = { connection, schema, method, tables, replica };
    this.#known = session;
    this.#session = session;
    onUpdates = (updates) => this.#update(connection, replica, tables, updates);
    this.#retry.connected();
    const facts = { remote: connection.remote, schema: schema.version, changes: changes.length };
    this.#options.log.info(
      { ...facts, ms: Math.round(performance.now() - begun) },
      'OVSDB session, first read complete',
    );
    const changed = Object.entries(this.#monitors).filter(([table, { where }]) => where !== monitors[table]?.where);
    for (const [table, { where = [true] }] of changed) {
      this.#sendConditions(session, table, where).catch((error: Error) => connection.end('EPROTO', error.message));
    }
    this.#options.onState('connected');
    if (this.#closing.signal.aborted) return session;
    this.#options.onChanges(changes as readonly MonitoredChange<Requests>[], 'initial');
    return session;
  }

  #update(connection: Connection, replica: Replica, tables: Session['tables'], updates: Updates): void {
    const changes = apply(replica, tables, updates);
    if (typeof changes === 'string') connection.end('EPROTO', `the server sent ${changes}`);
    else if (changes.length > 0) {
      this.#options.onChanges(changes as readonly MonitoredChange<Requests>[], 'update');
    }
  }

  /** Connects and reads; an error of the server or the network is the result. */
  async #open(monitors: MonitorRequests, onUpdates: (updates: Updates) => void): Promise<FirstRead | Error> {
    let connection: Connection | undefined;
    try {
      connection = await this.#connect(onUpdates);
      this.#earlier.read = this.bytesRead;
      this.#earlier.written = this.bytesWritten;
      this.#connection = connection;
      return await readAll(connection, this.#options.database, monitors);
    } catch (error) {
      if (!isOvsdbError(error)) throw error;
      connection?.end('ECLOSED', 'the first read failed');
      return error;
    }
  }

  async #connect(onUpdates: (updates: Updates) => void): Promise<Connection> {
    const { timeoutMs, probeMs = DEFAULT_PROBE_MS, log, tls } = this.#options;
    const { signal } = this.#closing;
    const { socket, remote } = await openFirst(this.#remote, this.#fallback, tls, timeoutMs, signal);
    const connection: Connection = new Connection(socket, {
      remote,
      timeoutMs,
      probeMs,
      log,
      onNotification: (method, params) => {
        const heard = parseNotification(method, params);
        if (typeof heard === 'string') connection.end('EPROTO', `the server sent ${heard}`);
        else if ('updates' in heard && heard.monitor === MONITOR_ID) onUpdates(heard);
        else if (heard.kind === 'monitor_canceled') connection.end('EPROTO', 'the server has cancelled the monitor');
        else log.debug({ method }, 'OVSDB notification that is not for us');
      },
    });
    if (signal.aborted) connection.end('ECLOSED', 'closed');
    return connection;
  }
}

/** The changes; a text: why the updates do not fit. */
function apply(replica: Replica, tables: Session['tables'], { kind, updates }: Updates): ReturnType<Replica['apply']> {
  if (typeof updates === 'string') return updates;
  const updates2 = kind === 'update' ? toUpdates2(tables, updates) : updates;
  return typeof updates2 === 'string' ? updates2 : replica.apply(updates2);
}

function hasColumn(request: MonitorRequests[string] | undefined, column: string): boolean {
  if (request === undefined || column === '_uuid' || column in request.columns) return true;
  return (request.where ?? []).some((one) => typeof one !== 'boolean' && one[0] === column);
}

function mustParse(remote: string): Address {
  const address = parseAddress(remote);
  if (address === undefined) throw new TypeError(describeBadAddress(remote));
  return address;
}
