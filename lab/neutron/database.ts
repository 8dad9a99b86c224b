/**
 * A private MariaDB with Neutron's schema: own data directory, a unix socket and no port. To make the schema takes half a
 * minute, so an initialised data directory is kept in `.dev/` (template.ts) and copied for each run.
 */
import { join } from 'node:path';
import { type Daemon, startDaemon } from '../processes.ts';
import { run } from '../run.ts';
import type { RunDirectory } from '../run-directory.ts';
import { copyTemplate, keepTemplate } from './template.ts';

/** Makes the schema in an empty database. */
export type MakeSchema = (database: Database) => Promise<void>;

export class Database {
  readonly #run: RunDirectory;
  #daemon: Daemon | undefined;

  private constructor(directory: RunDirectory) {
    this.#run = directory;
  }

  /** A server with an initialised database `neutron`: from the template or, when there is none, made, which makes the template. */
  static async start(directory: RunDirectory, makeSchema: MakeSchema): Promise<Database> {
    const database = new Database(directory);
    if (await copyTemplate(database.#data)) {
      await database.#start();
      return database;
    }
    await database.#install();
    await database.#start();
    await database.query('CREATE DATABASE neutron CHARACTER SET utf8', '');
    await makeSchema(database);
    await database.#watchPorts();
    await database.#stop();
    await keepTemplate(database.#data);
    await database.#start();
    return database;
  }

  /** The database of a run that is up. */
  static of(directory: RunDirectory): Database {
    return new Database(directory);
  }

  get socket(): string {
    return join(this.#run.path, 'mariadb.sock');
  }

  /** For `[database] connection`. */
  get url(): string {
    return `mysql+pymysql://root@localhost/neutron?unix_socket=${this.socket}&charset=utf8`;
  }

  /** Rows as texts, NULL as `NULL`; no rows for statements that have none. Throws `CommandError` with MariaDB's message. */
  async query(sql: string, schema = 'neutron'): Promise<string[][]> {
    const text = await run(
      ['mariadb', '--no-defaults', '-uroot', `--socket=${this.socket}`, '--batch', '--skip-column-names', schema],
      { input: sql },
    );
    return text === '' ? [] : text.split('\n').map((line) => line.split('\t'));
  }

  get #data(): string {
    return join(this.#run.path, 'mariadb');
  }

  async #install(): Promise<void> {
    await run(
      [
        ...['mariadb-install-db', '--no-defaults', '--user=root', `--datadir=${this.#data}`],
        ...['--auth-root-authentication-method=normal', '--skip-test-db', '--innodb-log-file-size=16M'],
      ],
      { timeout: 120_000 },
    );
  }

  async #start(): Promise<void> {
    this.#daemon = await startDaemon(this.#run.path, {
      name: 'mariadb',
      command: [
        ...['mariadbd', '--no-defaults', '--user=root', '--skip-networking', '--skip-log-bin'],
        // Nothing here has to survive a power loss.
        ...['--innodb-flush-log-at-trx-commit=0', '--innodb-log-file-size=16M', '--innodb-buffer-pool-size=64M'],
        ...[`--pid-file=${this.#data}.pid`, `--socket=${this.socket}`, `--datadir=${this.#data}`],
      ],
      ready: async () => (await this.query('SELECT 1', '')).length === 1,
      readyTimeout: 60_000,
    });
  }

  async #stop(): Promise<void> {
    await this.#daemon?.stop(30_000);
  }

  /** A row for every change of a port's status, committed with the change itself: no poll could miss as little. */
  async #watchPorts(): Promise<void> {
    const log = (when: string, port: string, before: string, after: string, condition = 'TRUE') =>
      `CREATE TRIGGER lab_port_${when} AFTER ${when} ON ports FOR EACH ROW
         INSERT INTO lab.port_status (port, was, became) SELECT ${port}, ${before}, ${after} FROM DUAL WHERE ${condition};`;
    await this.query(
      `CREATE DATABASE lab;
       CREATE TABLE lab.port_status (id INT AUTO_INCREMENT PRIMARY KEY, at DATETIME(6) NOT NULL DEFAULT NOW(6),
         port CHAR(36) CHARACTER SET ascii NOT NULL, was VARCHAR(16), became VARCHAR(16));
       ${log('INSERT', 'NEW.id', 'NULL', 'NEW.status')}
       ${log('UPDATE', 'NEW.id', 'OLD.status', 'NEW.status', 'OLD.status <> NEW.status')}
       ${log('DELETE', 'OLD.id', 'OLD.status', 'NULL')}`,
    );
  }
}
