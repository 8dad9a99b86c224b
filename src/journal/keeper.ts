/**
 * The journal while the daemon runs: its file if it can be written, memory alone if not. A file that failed is set aside,
 * since what it holds grows old, and a new one is tried now and then with everything in it.
 */
import type { Logger } from 'pino';
import { JournalDatabase, type TrimLimits } from './database.ts';
import { isBusy, JournalError } from './errors.ts';
import type { JournalBatch, JournalContents, JournalHeader } from './record.ts';

/** Milliseconds between attempts to have a file again. */
const RETRY = 60_000;
/** Milliseconds between looks at what is too old, and between the small steps of taking it away. */
const TRIM_INTERVAL = 10_000;
const TRIM_PAUSE = 20;
/** Rows that a step takes away at most. */
const TRIM_STEP = 500;

export interface KeeperOptions {
  /** Of the file. */
  readonly path: string;
  readonly header: JournalHeader;
  readonly limits: Pick<TrimLimits, 'keepMs' | 'keepCount'>;
  readonly log: Logger;
  now(): number;
}

export class JournalKeeper {
  readonly #options: KeeperOptions;
  #database: JournalDatabase | undefined;
  #retryAt = Number.POSITIVE_INFINITY;
  #trimTimer: NodeJS.Timeout | undefined;
  /** Milliseconds since the epoch: since when there is a file, or none. */
  since: number;
  /** Why there is none. */
  problem: string | undefined;

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.since = options.now();
  }

  /** `undefined`: memory alone. */
  get database(): JournalDatabase | undefined {
    return this.#database;
  }

  /**
   * What a predecessor has kept; `undefined`: nothing that can be used. `fits`: whose it is, is right.
   * @throws JournalError `busy`: another process has the file, and nothing was done.
   */
  open(fits: (header: JournalHeader) => boolean): JournalContents | undefined {
    let contents: JournalContents | undefined;
    try {
      contents = this.#open(fits);
    } catch (error) {
      if (isBusy(error)) throw inUse(this.#options.path, error);
      this.#failed(error);
    }
    this.#trimTimer = setTimeout(() => this.#trim(), TRIM_INTERVAL);
    return contents;
  }

  /** Writes a batch; whatever happens, the daemon goes on. `take`: `all` is everything, for a file that is new. */
  save(take: (what: 'changes' | 'all') => JournalBatch | undefined): void {
    const { now } = this.#options;
    if (this.#database === undefined && now() >= this.#retryAt) {
      try {
        // What is there is older than what is in memory, if anything is.
        this.#open(() => false);
        this.#commit(take('all'));
      } catch (error) {
        this.#failed(error);
      }
      return;
    }
    // In memory, too: what waits to be written does not grow.
    this.#commit(take('changes'));
  }

  close(): void {
    clearTimeout(this.#trimTimer);
    this.#database?.close();
    this.#database = undefined;
  }

  /** @throws JournalError */
  #open(fits: (header: JournalHeader) => boolean): JournalContents | undefined {
    const { path, header, log, now } = this.#options;
    const { database, contents, problem, setAside } = JournalDatabase.open(path, { now });
    this.#database = database;
    if (problem !== undefined)
      log.error({ path, setAside, reason: problem }, 'the journal is of no use and was set aside');
    const isOfUse = contents !== undefined && fits(contents.header);
    database.begin(header, { anew: !isOfUse });
    if (this.problem !== undefined) log.info({ path }, 'the journal is kept in its file again');
    this.#to(undefined);
    return isOfUse ? contents : undefined;
  }

  #commit(batch: JournalBatch | undefined): void {
    if (this.#database === undefined || batch === undefined) return;
    try {
      this.#database.commit(batch);
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    if (!(error instanceof JournalError)) throw error;
    const { path, log, now } = this.#options;
    this.#retryAt = now() + RETRY;
    const setAside = this.#database?.setAside(error.fault);
    this.#database = undefined;
    if (this.problem === undefined) {
      const said =
        'the journal cannot be written: it is kept in memory, and a restart will ask neutron-server for everything';
      log.error({ path, setAside, err: error }, said);
    }
    this.#to(error.message);
  }

  #to(problem: string | undefined): void {
    if ((problem === undefined) !== (this.problem === undefined)) this.since = this.#options.now();
    this.problem = problem;
  }

  #trim(): void {
    const { limits, now } = this.#options;
    let more = false;
    try {
      more = this.#database?.trim({ ...limits, now: now(), step: TRIM_STEP }) ?? false;
    } catch (error) {
      this.#failed(error);
    }
    this.#trimTimer = setTimeout(() => this.#trim(), more ? TRIM_PAUSE : TRIM_INTERVAL);
  }
}

function inUse(path: string, cause: unknown): JournalError {
  const message = `another process has the journal ${path} open: a second l2pop-agent with this state_path? Not started; flows stay as they are`;
  return new JournalError('busy', message, { cause });
}
