/**
 * The daemons of a run. Each is its own process group and outlives whoever started it, so each is recorded
 * (`processes/NAME.json` in the run directory, before anything waits for it) and ended by that record alone:
 * by pid, after its start time and command line have been compared, never by a name.
 *
 * What a daemon starts and leaves behind (Erlang starts an epmd of its own when ours is gone) has no record, but it has
 * the run directory in its environment, as every process of the run: {@link killStragglers} finds it by that.
 */
import { spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { commandLine, identify, isRunning, type ProcessIdentity, pidsWithEnvironment } from './proc.ts';
import { GiveUp, waitFor } from './wait.ts';

/** In the environment of every process of a run. */
export const RUN_VARIABLE = 'L2POP_LAB_RUN';

export interface DaemonSpec {
  /** Unique in the run: `host1-ovs-vswitchd`. Names the record and the log. */
  readonly name: string;
  readonly command: readonly string[];
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Part of the command line for as long as the process lives, `exec`s included. Default: the last argument. */
  readonly mark?: string;
  /** The signal that ends it; SIGTERM by default. */
  readonly stopSignal?: NodeJS.Signals;
  /** Asked again and again until it is true. Without it the daemon counts as ready when it has been started. */
  readonly ready?: () => boolean | Promise<boolean>;
  /** Milliseconds; 30 s by default. */
  readonly readyTimeout?: number;
}

interface DaemonRecord extends ProcessIdentity {
  readonly name: string;
  readonly command: readonly string[];
  readonly mark: string;
  readonly stopSignal: NodeJS.Signals;
  readonly log: string;
}

/** A daemon that did not become ready; the message ends with the last lines of its log. */
export class DaemonError extends Error {
  readonly code = 'DAEMON_FAILED';
  readonly log: string;

  constructor(message: string, log: string, cause?: unknown) {
    super(`${message}; log ${log}:\n${tail(log, 15)}`, { cause });
    this.name = 'DaemonError';
    this.log = log;
  }
}

/** A started (or, from its record, once started) daemon. */
export class Daemon {
  readonly name: string;
  readonly pid: number;
  /** What it writes to stdout and stderr. */
  readonly log: string;
  readonly #record: DaemonRecord;
  readonly #recordFile: string;

  constructor(record: DaemonRecord, recordFile: string) {
    this.name = record.name;
    this.pid = record.pid;
    this.log = record.log;
    this.#record = record;
    this.#recordFile = recordFile;
  }

  /** True while the process with this pid is the one that was started. */
  get running(): boolean {
    if (!isRunning(this.#record)) return false;
    // While a process replaces itself (execve(2)) its command line is empty for a moment.
    const line = commandLine(this.pid);
    return line === '' || line.includes(this.#record.mark);
  }

  signal(signal: NodeJS.Signals): void {
    if (this.running) sendSignal(this.pid, signal);
  }

  /** Ends it and what is left of its process group; forgets the record. Does nothing when it is gone already. */
  async stop(timeout = 10_000): Promise<void> {
    if (this.running) {
      sendSignal(this.pid, this.#record.stopSignal);
      await this.waitForEnd(timeout).catch(() => undefined);
      // The group's id cannot be taken by others while it has members, and the leader was there a moment ago.
      sendSignal(-this.pid, 'SIGKILL');
      await this.waitForEnd(timeout);
    }
    rmSync(this.#recordFile, { force: true });
  }

  /** SIGKILL to the process alone: a crash. Its children see what they would see in a crash. */
  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.waitForEnd(10_000);
    rmSync(this.#recordFile, { force: true });
  }

  /** SIGKILL to it and its children at once: the machine's power went, or its memory. */
  async killGroup(): Promise<void> {
    if (this.running) sendSignal(-this.pid, 'SIGKILL');
    await this.waitForEnd(10_000);
    rmSync(this.#recordFile, { force: true });
  }

  async waitForEnd(timeout: number): Promise<void> {
    await waitFor(`the end of ${this.name} (pid ${this.pid})`, () => !isRunning(this.#record), {
      timeout,
      interval: 10,
    });
  }
}

/** Starts a daemon with its output appended to `log/NAME.log` of the run directory, and waits until it is ready. */
export async function startDaemon(runDirectory: string, spec: DaemonSpec): Promise<Daemon> {
  const daemon = await launch(runDirectory, spec);
  const { ready } = spec;
  if (ready === undefined) return daemon;
  try {
    await waitFor(
      `${spec.name} to be ready`,
      async () => {
        if (await ready()) return true;
        if (!daemon.running) throw new GiveUp(`${spec.name} has ended`);
        return false;
      },
      { timeout: spec.readyTimeout ?? 30_000 },
    );
  } catch (error) {
    await daemon.stop();
    throw new DaemonError(error instanceof Error ? error.message : String(error), daemon.log, error);
  }
  return daemon;
}

/** From now on nothing can be started in this run directory: what is still being brought up stops at its next step. */
export function closeRun(runDirectory: string): void {
  writeFileSync(join(runDirectory, 'closed'), '');
}

export function isClosed(runDirectory: string): boolean {
  return existsSync(join(runDirectory, 'closed'));
}

/** The daemons of a run directory that were started and not yet stopped, running or not. */
export function recordedDaemons(runDirectory: string): Daemon[] {
  const directory = join(runDirectory, 'processes');
  return list(directory)
    .filter((file) => file.endsWith('.json'))
    .map((file) => join(directory, file))
    .map((file) => new Daemon(JSON.parse(readFileSync(file, 'utf8')) as DaemonRecord, file));
}

/** Ends whatever still runs and was started by a daemon of this run. For when the daemons themselves are stopped. */
export function killStragglers(runDirectory: string): void {
  for (const pid of pidsWithEnvironment(RUN_VARIABLE, runDirectory)) sendSignal(pid, 'SIGKILL');
}

async function launch(runDirectory: string, spec: DaemonSpec): Promise<Daemon> {
  const log = join(runDirectory, 'log', `${spec.name}.log`);
  if (isClosed(runDirectory)) throw new DaemonError(`${spec.name} is not started: the run is being taken down`, log);
  const recordFile = join(runDirectory, 'processes', `${spec.name}.json`);
  mkdirSync(join(runDirectory, 'log'), { recursive: true });
  mkdirSync(join(runDirectory, 'processes'), { recursive: true });
  const [file = '', ...args] = spec.command;
  const output = openSync(log, 'a');
  const child = spawn(file, args, {
    detached: true,
    stdio: ['ignore', output, output],
    env: { ...process.env, ...spec.env, [RUN_VARIABLE]: runDirectory },
    ...(spec.cwd === undefined ? {} : { cwd: spec.cwd }),
  });
  const failure = new Promise<Error>((resolve) => child.once('error', resolve));
  closeSync(output);
  child.unref();
  const { pid } = child;
  if (pid === undefined) throw new DaemonError(`${spec.name} cannot be started`, log, await failure);
  const record: DaemonRecord = {
    // A process that has ended already is recorded like any other; it will just not be found.
    ...(identify(pid) ?? { pid, startTime: -1, boot: '' }),
    name: spec.name,
    command: spec.command,
    mark: spec.mark ?? args.at(-1) ?? file,
    stopSignal: spec.stopSignal ?? 'SIGTERM',
    log,
  };
  writeFileSync(`${recordFile}.new`, `${JSON.stringify(record, undefined, 2)}\n`);
  renameSync(`${recordFile}.new`, recordFile);
  return new Daemon(record, recordFile);
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function tail(file: string, lines: number): string {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  } catch {
    return '(no log)';
  }
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch {
    return [];
  }
}
