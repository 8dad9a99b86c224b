/** A replica of whole tables that lives from one of the three kinds of monitor, and every notification that fed it. */
import type { Connection } from '../../../src/ovsdb/connection.ts';
import type { MonitoredTable } from '../../../src/ovsdb/monitor.ts';
import { monitor, monitorCond, monitorCondSince } from '../../../src/ovsdb/monitor-requests.ts';
import { ZERO_UUID } from '../../../src/ovsdb/notation.ts';
import { type Notification, parseNotification } from '../../../src/ovsdb/notifications.ts';
import { Replica } from '../../../src/ovsdb/replica.ts';
import { echo, getSchema } from '../../../src/ovsdb/requests.ts';
import type { DatabaseSchema } from '../../../src/ovsdb/schema.ts';
import { toUpdates2 } from '../../../src/ovsdb/updates.ts';
import { connectTo } from '../../unit/ovsdb/open-connection.ts';

export type MonitorKind = 'monitor' | 'monitor_cond' | 'monitor_cond_since';

export class Follower {
  readonly connection: Connection;
  readonly schema: DatabaseSchema;
  readonly replica: Replica;
  readonly #tables: ReadonlyMap<string, MonitoredTable>;
  readonly #kinds = new Set<string>();

  static async open(remote: string, database: string, kind: MonitorKind): Promise<Follower> {
    let hear: (notification: Notification | string) => void = () => undefined;
    const { connection } = await connectTo(remote, {
      onNotification: (method, params) => hear(parseNotification(method, params)),
    });
    const schema = await getSchema(connection, database);
    const follower = new Follower(connection, schema);
    hear = (notification) => follower.#hear(notification);
    const requests = Object.fromEntries(
      [...follower.#tables].map(([table, { columns }]) => [table, [{ columns: [...columns.keys()] }]]),
    );
    switch (kind) {
      case 'monitor':
        follower.#apply(toUpdates2(follower.#tables, await monitor(connection, database, 'm', requests)));
        break;
      case 'monitor_cond':
        follower.#apply(await monitorCond(connection, database, 'm', requests));
        break;
      case 'monitor_cond_since':
        follower.#apply((await monitorCondSince(connection, database, 'm', requests, ZERO_UUID)).updates);
        break;
    }
    return follower;
  }

  private constructor(connection: Connection, schema: DatabaseSchema) {
    this.connection = connection;
    this.schema = schema;
    const tables = [...schema.tables].map(([table, columns]): [string, MonitoredTable] => {
      const shown = new Map([...columns].filter(([column]) => column !== '_uuid' && column !== '_version'));
      return [table, { columns: shown, partial: false, everyRow: true }];
    });
    this.#tables = new Map(tables);
    this.replica = new Replica(this.#tables);
  }

  /** Methods of the notifications that came. */
  get kinds(): readonly string[] {
    return [...this.#kinds];
  }

  /** Resolves when it has what was committed before: the server sends updates before any reply. */
  async catchUp(): Promise<void> {
    await echo(this.connection, []);
  }

  #hear(notification: Notification | string): void {
    if (typeof notification === 'string') throw new Error(notification);
    this.#kinds.add(notification.kind);
    switch (notification.kind) {
      case 'update':
        this.#apply(toUpdates2(this.#tables, notification.updates));
        break;
      case 'update2':
      case 'update3':
        this.#apply(notification.updates);
        break;
      default:
        throw new Error(`unexpected: ${JSON.stringify(notification)}`);
    }
  }

  #apply(updates: unknown): void {
    const told = typeof updates === 'string' ? updates : this.replica.apply(updates);
    if (typeof told === 'string') throw new Error(told);
  }
}
