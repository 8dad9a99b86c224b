/** A private ovsdb-server: own directory, own database, ended by its pid. Nothing else of Open vSwitch runs. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { vi } from 'vitest';

export const run = promisify(execFile);

export const VSWITCH_SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema';

export class OvsdbServer {
  readonly directory: string;
  readonly socket: string;
  readonly remote: string;
  /** Further ones, for the next `up`. */
  readonly args: string[] = [];
  #process: ChildProcess | undefined;

  /** `schema`: the database's, as JSON; Open vSwitch's if left out. */
  static async start(options: { schema?: object } = {}): Promise<OvsdbServer> {
    const directory = await mkdtemp(join(tmpdir(), 'ovsdb-real-'));
    const server = new OvsdbServer(directory);
    let schema = VSWITCH_SCHEMA;
    if (options.schema !== undefined) {
      schema = join(directory, 'schema');
      await writeFile(schema, JSON.stringify(options.schema));
    }
    await run('ovsdb-tool', ['create', server.database, schema]);
    await server.up();
    return server;
  }

  private constructor(directory: string) {
    this.directory = directory;
    this.socket = join(directory, 'db.sock');
    this.remote = `unix:${this.socket}`;
  }

  get database(): string {
    return join(this.directory, 'conf.db');
  }

  log(): string {
    return readFileSync(join(this.directory, 'log'), 'utf8');
  }

  /** Starts it and waits until it answers. */
  async up(): Promise<void> {
    const args = [
      '--no-chdir',
      `--remote=punix:${this.socket}`,
      `--unixctl=${join(this.directory, 'ctl')}`,
      `--log-file=${join(this.directory, 'log')}`,
      '-vconsole:off',
      ...this.args,
      this.database,
    ];
    this.#process = spawn('ovsdb-server', args, { stdio: 'ignore', cwd: this.directory });
    await vi.waitFor(() => this.#ping(), { timeout: 30_000, interval: 10 });
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#process?.kill(signal);
  }

  /** kill -9, and waits for its end. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await exit;
  }

  async remove(): Promise<void> {
    await this.kill();
    await rm(this.directory, { recursive: true, force: true });
  }

  #ping(): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.socket);
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.destroy();
        resolve();
      });
    });
  }
}

/** A port that nothing listened on a moment ago. */
export async function freePort(host: string): Promise<number> {
  const listener = createServer();
  await new Promise<void>((resolve) => listener.listen(0, host, resolve));
  const address = listener.address();
  await new Promise((resolve) => listener.close(resolve));
  if (typeof address !== 'object' || address === null) throw new Error('no address');
  return address.port;
}
