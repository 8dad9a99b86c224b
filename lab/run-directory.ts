/**
 * The one directory of a run and the record in it of everything the run made outside of it: daemons, network namespaces,
 * links in the root namespace. Things are recorded before they are made, so that whoever comes next can
 * take away what a killed run left, and nothing else.
 *
 *     run.json           id, name, owner (pid and start time), kept
 *     namespaces, links  one name a line
 *     processes/         one record a daemon (processes.ts)
 *     log/               one log a daemon
 *     closed             there once the run is being taken down for good
 */
import { randomBytes } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { identify, isRunning, type ProcessIdentity } from './proc.ts';
import { closeRun, isClosed, killStragglers, recordedDaemons } from './processes.ts';
import { tryRun } from './run.ts';

/** Where namespaces have their names; iproute2 fixes it. */
const NETNS_DIRECTORY = '/run/netns';
/** Every namespace of the lab begins with this. */
const PREFIX = 'l2p-';
/** A unix socket's path may have 107 bytes (unix(7)); the longest below a run directory takes this many. */
const LONGEST_SOCKET = '/host10/run/l2pop-agent/control.sock'.length;

/** Milliseconds until a daemon that does not end by itself is killed: RabbitMQ while it boots hears no SIGTERM. */
const TAKE_DOWN_PATIENCE = 3_000;

interface RunRecord {
  readonly id: string;
  readonly name: string;
  readonly owner: ProcessIdentity;
  /** True when the run is to stay up after its owner has ended (`--keep`). */
  readonly kept: boolean;
}

/** `.dev` of the checkout: every run directory is in it, tests' too, so that a later run finds what a killed one left. */
export const DEV_DIRECTORY = resolve(import.meta.dirname, '..', '.dev');

export class RunDirectory {
  readonly path: string;
  #record: RunRecord;

  private constructor(path: string, record: RunRecord) {
    this.path = path;
    this.#record = record;
  }

  /** A new run in `.dev/NAME`, owned by this process. What a run of that name left is to be cleaned before. */
  static create(name: string): RunDirectory {
    const path = join(DEV_DIRECTORY, name);
    if (path.length + LONGEST_SOCKET > 107) {
      throw new Error(
        `${path}: too long for the unix sockets in it; put the checkout in a directory with a shorter path`,
      );
    }
    const owner = identify(process.pid);
    if (owner === undefined) throw new Error('/proc is not mounted');
    mkdirSync(path, { recursive: true });
    const run = new RunDirectory(path, { id: freshId(), name, owner, kept: false });
    run.#save();
    return run;
  }

  /** A new run for a test: `.dev/test-XXXX`. */
  static createForTest(): RunDirectory {
    return RunDirectory.create(`test-${freshId()}`);
  }

  /** The run recorded in `.dev/NAME`; `undefined` when there is none. */
  static open(name: string): RunDirectory | undefined {
    const path = join(DEV_DIRECTORY, name);
    try {
      return new RunDirectory(path, JSON.parse(readFileSync(join(path, 'run.json'), 'utf8')) as RunRecord);
    } catch {
      return undefined;
    }
  }

  /** All runs on record, whoever owns them. */
  static all(): RunDirectory[] {
    if (!existsSync(DEV_DIRECTORY)) return [];
    return readdirSync(DEV_DIRECTORY).flatMap((name) => RunDirectory.open(name) ?? []);
  }

  get name(): string {
    return this.#record.name;
  }

  /** Four characters that no other run on this machine has: part of the name of whatever the run makes outside. */
  get id(): string {
    return this.#record.id;
  }

  get kept(): boolean {
    return this.#record.kept;
  }

  /** Kept, and something of it still runs: after a boot of the machine it is only a record. */
  get isUp(): boolean {
    return this.kept && recordedDaemons(this.path).some(({ running }) => running);
  }

  /** The process that made the run, when it still runs. */
  get liveOwner(): number | undefined {
    return isRunning(this.#record.owner) ? this.#record.owner.pid : undefined;
  }

  /** Marks the run as one that stays up without its owner. */
  keep(): void {
    this.#record = { ...this.#record, kept: true };
    this.#save();
  }

  /** Makes a directory below the run directory and returns its path. */
  directory(...names: string[]): string {
    const path = join(this.path, ...names);
    mkdirSync(path, { recursive: true });
    return path;
  }

  /** The full name of the run's namespace `name`, recorded: call this before making it. */
  claimNamespace(name: string): string {
    this.#assertOpen();
    const full = `${PREFIX}${this.id}-${name}`;
    appendFileSync(join(this.path, 'namespaces'), `${full}\n`);
    return full;
  }

  /** The full name of a link of the run in the root namespace, recorded: call this before making it. */
  claimLink(suffix: string): string {
    this.#assertOpen();
    const full = `${PREFIX}${this.id}${suffix}`;
    appendFileSync(join(this.path, 'links'), `${full}\n`);
    return full;
  }

  /** Every namespace that the run has claimed, the newest first, there or not. */
  get namespaces(): string[] {
    return this.#lines('namespaces');
  }

  /** Makes every later start or claim in this run fail: for a take-down while the run is still being brought up. */
  close(): void {
    closeRun(this.path);
  }

  /** Ends every recorded daemon and deletes every recorded link and namespace. Safe to repeat; logs and records stay. */
  async takeDown(): Promise<void> {
    const stopped = await Promise.allSettled(
      recordedDaemons(this.path).map((daemon) => daemon.stop(TAKE_DOWN_PATIENCE)),
    );
    killStragglers(this.path);
    // Deleting a namespace takes its links along; one whose name is gone already is no error.
    await Promise.all(this.#lines('links').map((link) => tryRun(['ip', 'link', 'del', link])));
    await Promise.all(
      this.namespaces
        .filter((name) => existsSync(join(NETNS_DIRECTORY, name)))
        .map((name) => tryRun(['ip', 'netns', 'del', name])),
    );
    const failed = stopped.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
    if (failed.length > 0) throw new AggregateError(failed, failed.map(String).join('; '));
  }

  /** {@link takeDown}, and the directory with its logs goes too. */
  async remove(): Promise<void> {
    await this.takeDown();
    rmSync(this.path, { recursive: true, force: true });
  }

  #assertOpen(): void {
    if (isClosed(this.path)) throw new Error('the run is being taken down');
  }

  #lines(file: string): string[] {
    const path = join(this.path, file);
    if (!existsSync(path)) return [];
    const names = readFileSync(path, 'utf8').split('\n');
    // The record is a file that anyone could have damaged: only names that a run of this id can have made.
    return [...new Set(names)].filter((name) => name.startsWith(`${PREFIX}${this.id}`)).reverse();
  }

  #save(): void {
    writeFileSync(join(this.path, 'run.json'), `${JSON.stringify(this.#record, undefined, 2)}\n`);
  }
}

/** Takes away every run whose owner has ended and that was not kept on purpose. Returns their names. */
export async function removeOrphans(): Promise<string[]> {
  const orphans = RunDirectory.all().filter((run) => run.liveOwner === undefined && !run.kept);
  await Promise.all(orphans.map((run) => run.remove()));
  return orphans.map((run) => run.name);
}

function freshId(): string {
  const taken = existsSync(NETNS_DIRECTORY) ? readdirSync(NETNS_DIRECTORY) : [];
  for (;;) {
    const id = randomBytes(2).toString('hex');
    if (!taken.some((name) => name.startsWith(`${PREFIX}${id}`))) return id;
  }
}
