/**
 * The journal's file: one SQLite database in which a batch is committed before its messages are acknowledged (DESIGN,
 * rule 10). WAL with synchronous=NORMAL: a kill -9 at any instruction loses no commit that returned; a power loss may lose
 * the last ones, and is told by the boot id in the header. The lock is held as long as it is open: two daemons cannot
 * write to one file.
 */
import { existsSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { type Fault, isBusy, JournalError, journalError, unfitFile } from './errors.ts';
import { checkWritable, makeFile, moveAside, removeFile } from './files.ts';
import { countEntries, decode, type EntryQuery, selectEntries } from './queries.ts';
import type { ClaimsWrite, Entry, EntryState, JournalBatch, JournalContents, JournalHeader } from './record.ts';
import {
  type Cell,
  ClaimReader,
  claimCells,
  entryCells,
  type Row,
  readEntry,
  readHeader,
  readMessage,
  readNetwork,
  readOffset,
  readVif,
} from './rows.ts';
import { APPLICATION_ID, MIGRATIONS } from './schema.ts';
import { prepareAll, type Statements } from './statements.ts';

/** Milliseconds to wait for whoever reads the file at the moment of opening; afterwards it is ours. */
const BUSY_TIMEOUT = 2_000;
/** Ids of messages that are kept: more than can be unacknowledged, and so come again, at any time. */
const MESSAGES_KEPT = 10_000;
/** KiB of pages in memory. */
const CACHE_SIZE = 8 * 1024;
/** Bytes to which the write-ahead log is cut back after it has grown. */
const LOG_SIZE = 8 * 1024 * 1024;

export interface JournalOptions {
  /** Milliseconds since the epoch; names what is set aside. */
  now(): number;
  /** {@link MIGRATIONS}, unless it is they that are tested. */
  readonly migrations?: readonly string[];
}

export interface OpenedJournal {
  readonly database: JournalDatabase;
  /** `undefined`: it is new, or `begin` was never called. */
  readonly contents: JournalContents | undefined;
  /** Why what was there could not be used, for the log. */
  readonly problem?: string;
  /** Its new name. */
  readonly setAside?: string;
}

/** What became of a file that is of no use any more. `stays`: it could be neither renamed nor deleted. */
export type SetAside =
  | { readonly outcome: 'renamed'; readonly path: string }
  | { readonly outcome: 'deleted' }
  | { readonly outcome: 'stays'; readonly reason: string };

export interface TrimLimits {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Completed entries older than so many milliseconds go. */
  readonly keepMs: number;
  /** Of the completed ones that are younger, the oldest beyond so many go. */
  readonly keepCount: number;
  /** Rows that one call removes at most. */
  readonly step: number;
}

export class JournalDatabase {
  readonly path: string;
  readonly #database: DatabaseSync;
  readonly #statements: Statements;
  readonly #now: () => number;
  #counts: Readonly<Record<EntryState, number>>;
  #lastId = 0;

  /** Use {@link JournalDatabase.open}. */
  private constructor(path: string, database: DatabaseSync, now: () => number) {
    this.path = path;
    this.#database = database;
    this.#now = now;
    this.#statements = prepareAll(database);
    this.#counts = countEntries(this.#statements, path);
  }

  /**
   * Opens the file or makes it, and its directory. One that is of no use (corrupt, another program's, of a newer schema, not
   * to be written to) is renamed to `<path>.<fault>-<time>`, and a new one begun: what goes on without it makes it old, and a
   * later start would take it for the truth. One that another process has open stays: it may be a live daemon's.
   * @throws JournalError `busy`: another process has it, for seconds. Else, `unwritable`: no file can be had there now; what
   * was there is set aside as far as that is possible.
   */
  static open(path: string, options: JournalOptions): OpenedJournal {
    try {
      return JournalDatabase.#openFile(path, options);
    } catch (error) {
      if (!(error instanceof JournalError) || isBusy(error) || !existsSync(path)) throw error;
      const setAside = setFileAside(path, error, options.now());
      return { ...JournalDatabase.#openFile(path, options), problem: error.message, setAside };
    }
  }

  /** @throws JournalError */
  static #openFile(path: string, { now, migrations = MIGRATIONS }: JournalOptions): OpenedJournal {
    let isNew = false;
    let database: DatabaseSync | undefined;
    try {
      if (existsSync(path)) checkWritable(path);
      else {
        makeFile(path);
        isNew = true;
      }
      database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT, defensive: true });
      configure(database);
      migrate(database, path, migrations);
      const journal = new JournalDatabase(path, database, now);
      return { database: journal, contents: journal.#read() };
    } catch (error) {
      closeQuietly(database);
      const told = journalError(path, error);
      // Another daemon that started at the same moment may have got the lock first.
      if (isNew && !isBusy(told)) removeQuietly(path);
      throw told;
    }
  }

  /** How many entries there are, by state. */
  get counts(): Readonly<Record<EntryState, number>> {
    return this.#counts;
  }

  /**
   * Makes the file that of this host. If it was another host's or VTEP's, or `anew` because what it holds is of no use: all is
   * forgotten, except that entries can still be read; those that were open are completed, with a remark. Ids begin again.
   * @throws JournalError
   */
  begin({ host, localIp, boot }: JournalHeader, { anew = false }: { readonly anew?: boolean } = {}): void {
    const { header, writeHeader, closeEntries, moveEntries, unsettleNetworks, ...statements } = this.#statements;
    this.#transaction(() => {
      const row = header.get() as Row | undefined;
      if (row !== undefined && (anew || row[0] !== host || row[1] !== localIp)) {
        const { dropNetworks, forgetNetworks, forgetVifs, forgetMessages, forgetOffsets, forgetHeader } = statements;
        for (const forget of [dropNetworks, forgetNetworks, forgetVifs, forgetMessages, forgetOffsets, forgetHeader])
          forget.run();
        closeEntries.run(`given up: of host ${row[0]}, local_ip ${row[1]}, before the journal was begun anew`);
        moveEntries.run();
      }
      // The boot of the file is ours from now on: what another kept is to be confirmed, also if we are killed at once.
      if (row !== undefined && row[2] !== boot) unsettleNetworks.run();
      writeHeader.run(host, localIp, boot);
    });
    this.#lastId = Number((header.get() as Row | undefined)?.[4]);
    this.#counts = this.#guard(() => countEntries(this.#statements, this.path));
  }

  /**
   * One transaction: all of it or nothing.
   * @throws JournalError
   */
  commit(batch: JournalBatch): void {
    const statements = this.#statements;
    const counts = { ...this.#counts };
    let lastId = this.#lastId;
    this.#transaction(() => {
      for (const key of batch.gone) {
        statements.dropNetwork.run(key);
        statements.forgetNetwork.run(key);
      }
      for (const { id, segment, settled } of batch.networks) {
        statements.writeNetwork.run(`${id} ${segment.type} ${segment.segmentationId}`, Number(settled));
      }
      for (const claims of batch.claims) this.#writeClaims(claims);
      for (const port of batch.vifsGone) statements.forgetVif.run(port);
      for (const port of batch.vifs) statements.writeVif.run(port);
      for (const entry of batch.entries) {
        // Ids ascend: a greater one is new.
        const former = entry.id > lastId ? undefined : (statements.entryState.get(entry.id) as Row | undefined);
        if (former !== undefined) counts[former[0] as EntryState]--;
        counts[entry.state]++;
        lastId = Math.max(lastId, entry.id);
        statements.writeEntry.run(...entryCells(entry));
      }
      for (const message of batch.messages) statements.writeMessage.run(message);
      statements.forgetOffsets.run();
      for (const [topic, next] of batch.offsets) statements.writeOffset.run(topic, next);
      const { changes } = statements.updateHeader.run(batch.sequence, lastId, batch.at);
      if (changes !== 1) throw new TypeError('the journal was written to before begin()');
    });
    this.#lastId = lastId;
    this.#counts = counts;
  }

  /**
   * One small step of removing: completed entries that are too old or too many, ids of messages beyond the newest 10,000,
   * claims of networks that are gone. True: there is more.
   * @throws JournalError
   */
  trim({ now, keepMs, keepCount, step }: TrimLimits): boolean {
    const { trimByAge, trimByCount, trimMessages, trimClaims, leftover, forgetLeftover } = this.#statements;
    let left = step;
    let completed = this.#counts.completed;
    const run = (statement: StatementSync, ...cells: Cell[]) => {
      const removed = Number(statement.run(...cells).changes);
      left -= removed;
      return removed;
    };
    this.#transaction(() => {
      completed -= run(trimByAge, now - keepMs, left);
      const surplus = Math.min(left, completed - keepCount);
      if (surplus > 0) completed -= run(trimByCount, surplus);
      if (left > 0) run(trimMessages, MESSAGES_KEPT, left);
      for (let row = leftover.get() as Row | undefined; row !== undefined && left > 0; ) {
        run(trimClaims, row[0] as number, left);
        if (left > 0) forgetLeftover.run(row[0] as number);
        row = leftover.get() as Row | undefined;
      }
    });
    this.#counts = { ...this.#counts, completed };
    return left <= 0;
  }

  /**
   * Newest first.
   * @throws JournalError
   */
  entries(query: EntryQuery): Entry[] {
    return this.#guard(() => selectEntries(this.#statements, this.path, query));
  }

  /** Closes it, after an error or before another is begun, and moves it out of the way. */
  setAside(fault: Fault): SetAside {
    closeQuietly(this.#database);
    try {
      return { outcome: 'renamed', path: moveAside(this.path, fault, this.#now()) };
    } catch (renaming) {
      try {
        removeFile(this.path);
        return { outcome: 'deleted' };
      } catch {
        return { outcome: 'stays', reason: (renaming as Error).message };
      }
    }
  }

  /** Everything moves from the write-ahead log into the database itself. */
  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }

  /** @throws JournalError */
  #read(): JournalContents | undefined {
    const { header, networks, claims, vifs, openEntries, messages, offsets } = this.#statements;
    const row = header.get() as Row | undefined;
    if (row === undefined) return undefined;
    const [head] = decode(this.path, [row], readHeader, 'the header');
    if (head === undefined) return undefined;
    this.#lastId = head.lastId;
    const reader = new ClaimReader();
    return {
      header: head.header,
      sequence: head.sequence,
      lastId: head.lastId,
      networks: decode(this.path, networks.all(), readNetwork, 'a network').map(({ number, ...network }) => ({
        ...network,
        claims: decode(this.path, claims.all(number), (claim) => reader.read(claim), 'a claim'),
      })),
      vifs: decode(this.path, vifs.all(), readVif, 'a VIF'),
      open: decode(this.path, openEntries.all(), readEntry, 'an entry'),
      messages: decode(this.path, messages.all(), readMessage, 'a message'),
      offsets: new Map(decode(this.path, offsets.all(), readOffset, 'an offset')),
    };
  }

  #writeClaims({ network, vtep, mac, claims }: ClaimsWrite): void {
    const { networkNumber, forgetClaims, writeClaim } = this.#statements;
    const row = networkNumber.get(network) as Row | undefined;
    if (row === undefined) throw new TypeError(`claims of network ${network}, which the journal does not have`);
    const number = row[0] as number;
    forgetClaims.run(number, vtep, mac ?? '');
    for (const claim of claims) writeClaim.run(number, ...claimCells(claim));
  }

  #transaction(work: () => void): void {
    this.#guard(() => {
      const { begin, commit, rollback } = this.#statements;
      try {
        begin.run();
        work();
        commit.run();
      } catch (error) {
        // Some errors have ended it already.
        if (this.#database.isTransaction) rollback.run();
        throw error;
      }
    });
  }

  #guard<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw journalError(this.path, error);
    }
  }
}

/** @throws JournalError `corrupt`, or SQLite's error */
function configure(database: DatabaseSync): void {
  // The lock is taken with the first read and never given back; no other process has to see the log's index.
  database.exec('PRAGMA locking_mode = EXCLUSIVE');
  database.exec('PRAGMA journal_mode = WAL');
  database.exec('PRAGMA synchronous = NORMAL');
  database.exec(`PRAGMA cache_size = -${CACHE_SIZE}`);
  database.exec(`PRAGMA journal_size_limit = ${LOG_SIZE}`);
  database.exec('PRAGMA trusted_schema = OFF');
}

/** Checks that the file is whole and ours, and makes it of our version. @throws JournalError, or SQLite's error */
function migrate(database: DatabaseSync, path: string, migrations: readonly string[]): void {
  const read = (pragma: string) => Object.values(database.prepare(`PRAGMA ${pragma}`).get() ?? {})[0];
  // Says at once if the file cannot be written to.
  database.exec('BEGIN IMMEDIATE');
  const finding = read('quick_check(1)');
  if (finding !== 'ok') throw unfitFile(path, 'corrupt', String(finding));
  const version = Number(read('user_version'));
  const isEmpty = database.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() === undefined;
  if (!(isEmpty && version === 0) && read('application_id') !== APPLICATION_ID) {
    throw unfitFile(path, 'foreign', 'its application_id is not ours');
  }
  if (version > migrations.length) throw unfitFile(path, 'newer', `version ${version}, ours is ${migrations.length}`);
  if (version < migrations.length) {
    for (const step of migrations.slice(version)) database.exec(step);
    database.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
    database.exec(`PRAGMA user_version = ${migrations.length}`);
  }
  database.exec('COMMIT');
}

function setFileAside(path: string, why: JournalError, at: number): string {
  try {
    return moveAside(path, why.fault, at);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new JournalError('unusable', `${why.message}; nor can it be set aside: ${reason}`, { cause: error });
  }
}

function closeQuietly(database: DatabaseSync | undefined): void {
  try {
    database?.close();
  } catch {
    // What is wrong with it has been said.
  }
}

function removeQuietly(path: string): void {
  try {
    removeFile(path);
  } catch {
    // The same.
  }
}
