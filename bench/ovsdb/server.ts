/** A private ovsdb-server in the run's directory, what is in its database, and the CPU that it has used. */
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Daemon, startDaemon } from '../../lab/processes.ts';
import { run as runCommand, tryRun } from '../../lab/run.ts';
import type { RunDirectory } from '../../lab/run-directory.ts';

const SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema';

export class Server {
  readonly run: RunDirectory;
  /** OVS_RUNDIR of this switch. */
  readonly directory: string;
  readonly socket: string;
  readonly #daemon: Daemon;
  #vswitchd: Daemon | undefined;

  private constructor(run: RunDirectory, directory: string, daemon: Daemon) {
    this.run = run;
    this.directory = directory;
    this.socket = join(directory, 'db.sock');
    this.#daemon = daemon;
  }

  /** With an empty database; `name`: unique in the run. */
  static async start(run: RunDirectory, name: string): Promise<Server> {
    const directory = run.directory(name);
    const database = join(directory, 'conf.db');
    const socket = join(directory, 'db.sock');
    await runCommand(['ovsdb-tool', 'create', database, SCHEMA]);
    const daemon = await startDaemon(run.path, {
      name: `${name}-ovsdb-server`,
      command: [
        'ovsdb-server',
        ...['--no-chdir', `--remote=punix:${socket}`, `--unixctl=${join(directory, 'ovsdb-server.ctl')}`],
        ...['-vconsole:warn', '-vsyslog:off', database],
      ],
      env: { OVS_RUNDIR: directory },
      ready: () => isListening(socket),
    });
    return new Server(run, directory, daemon);
  }

  get remote(): string {
    return `unix:${this.socket}`;
  }

  /** Without the kernel's datapath; bridges of type `dummy` then take nothing of the machine's network. */
  async startVswitchd(): Promise<void> {
    const control = join(this.directory, 'ovs-vswitchd.ctl');
    this.#vswitchd = await startDaemon(this.run.path, {
      name: `${basename(this.directory)}-ovs-vswitchd`,
      command: [
        ...['ovs-vswitchd', this.remote, '--disable-system', '--enable-dummy', '--no-chdir', `--unixctl=${control}`],
        ...['-vconsole:warn', '-vsyslog:off'],
      ],
      env: { OVS_RUNDIR: this.directory, OVS_DBDIR: this.directory },
      ready: async () => (await tryRun(['ovs-appctl', '-t', control, 'version'])).exitCode === 0,
    });
  }

  async stop(): Promise<void> {
    await this.#vswitchd?.stop();
    await this.#daemon.stop();
  }

  /** CPU of ovs-vswitchd, which never quite rests. */
  vswitchdCpuMs(): number {
    return this.#vswitchd === undefined ? 0 : cpuMsOf(this.#vswitchd.pid);
  }

  /** Milliseconds of CPU since its start, when it has nothing left to do. */
  async cpuMs(): Promise<number> {
    return await settledCpuMs(this.#daemon.pid);
  }
}

/** Milliseconds a server is given to come to rest. */
const REST = 1_000;

/**
 * CPU that a process has used, all threads (schedstat(5): nanoseconds), read once it sleeps: the kernel brings a thread's
 * figure up to date when the thread stops running, and a server still has work to do after its reply is out.
 */
export async function settledCpuMs(pid: number): Promise<number> {
  const deadline = performance.now() + REST;
  while (!isAsleep(pid) && performance.now() < deadline) await sleep(0);
  return cpuMsOf(pid);
}

export function cpuMsOf(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads.reduce((sum, thread) => {
    const [nanoseconds] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ');
    return sum + Number(nanoseconds) / 1e6;
  }, 0);
}

function isAsleep(pid: number): boolean {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).startsWith('S');
}

function isListening(path: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(path);
  socket.once('error', () => resolve(false));
  socket.once('connect', () => {
    socket.destroy();
    resolve(true);
  });
  return promise;
}
