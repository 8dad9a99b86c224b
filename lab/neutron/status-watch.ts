/** Every change of a port's status, from a table that triggers of the database fill: none can be missed. */
import type { Database } from './database.ts';

export interface StatusChange {
  readonly portId: string;
  /** Of the database server's clock, which is this machine's; milliseconds since 1970. */
  readonly at: number;
  /** `undefined`: the port was created. */
  readonly was: string | undefined;
  /** `undefined`: the port was deleted. */
  readonly became: string | undefined;
}

export class StatusWatch {
  readonly #database: Database;
  readonly #after: number;

  private constructor(database: Database, after: number) {
    this.#database = database;
    this.#after = after;
  }

  /** Changes from now on. */
  static async start(database: Database): Promise<StatusWatch> {
    const [row] = await database.query('SELECT COALESCE(MAX(id), 0) FROM lab.port_status');
    return new StatusWatch(database, Number(row?.[0]));
  }

  /** Oldest first; of one port or of all. */
  async changes(portId?: string): Promise<StatusChange[]> {
    const rows = await this.#database.query(
      `SELECT port, UNIX_TIMESTAMP(at), was, became FROM lab.port_status WHERE id > ${this.#after} ORDER BY id`,
    );
    const value = (text: string | undefined) => (text === 'NULL' ? undefined : text);
    return rows
      .map(([port = '', at, was, became]) => ({
        portId: port,
        at: Number(at) * 1000,
        was: value(was),
        became: value(became),
      }))
      .filter((change) => portId === undefined || change.portId === portId);
  }

  /** Changes away from ACTIVE of ports that are not in `expected`; deletions are never counted. */
  async leftActive(expected: readonly string[] = []): Promise<StatusChange[]> {
    return (await this.changes()).filter(
      ({ portId, was, became }) => was === 'ACTIVE' && became !== undefined && !expected.includes(portId),
    );
  }
}
