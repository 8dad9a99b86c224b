/** What can go wrong with the journal's file, as one class that says what its user can do about it. */

/**
 * `unwritable`: nothing can be kept there now (full, read-only, no permission, in use). `corrupt`: what is there cannot be
 * trusted.
 */
export type JournalErrorCode = 'unwritable' | 'corrupt';

/** One word for it, that also names a file set aside: `corrupt`, `foreign`, `newer`, `older`, `readonly`, `unusable`, `io-error`, `full`, `busy`. */
export type Fault = keyof typeof FAULTS;

const FAULTS = {
  corrupt: 'corrupt',
  foreign: 'corrupt',
  newer: 'corrupt',
  older: 'corrupt',
  readonly: 'unwritable',
  unusable: 'unwritable',
  'io-error': 'unwritable',
  full: 'unwritable',
  busy: 'unwritable',
} as const satisfies Record<string, JournalErrorCode>;

export class JournalError extends Error {
  override readonly name = 'JournalError';
  readonly code: JournalErrorCode;
  readonly fault: Fault;

  constructor(fault: Fault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.fault = fault;
    this.code = FAULTS[fault];
  }
}

/** By SQLite's primary result code (https://sqlite.org/rescode.html). The rest speaks of a file that is not as we made it. */
const SQLITE_FAULTS: Readonly<Record<number, Fault>> = {
  3: 'unusable', // PERM
  5: 'busy', // BUSY
  6: 'busy', // LOCKED
  7: 'full', // NOMEM
  8: 'readonly', // READONLY
  10: 'io-error', // IOERR
  13: 'full', // FULL
  14: 'unusable', // CANTOPEN
  15: 'busy', // PROTOCOL
};

const SENTENCES: Readonly<Record<Fault, string>> = {
  corrupt: 'it is corrupt',
  foreign: 'it is of another program',
  newer: 'its schema is newer than ours',
  older: 'its schema is older than ours',
  readonly: 'it cannot be written to',
  unusable: 'it cannot be opened',
  'io-error': 'the disk failed',
  full: 'there is no room left',
  busy: 'another process has it open',
};

/** By the file system's error code. The rest: something of that name is there, or its directory is not. */
const SYSTEM_FAULTS: Readonly<Record<string, Fault>> = {
  EACCES: 'readonly',
  EDQUOT: 'full',
  ENOSPC: 'full',
  EPERM: 'readonly',
  EROFS: 'readonly',
};

/** Another process has the file open: it may be a live daemon's, and is left to it. */
export function isBusy(error: unknown): boolean {
  return error instanceof JournalError && error.fault === 'busy';
}

/** An error of SQLite or of the file system as ours; whatever else was thrown is a mistake in the program and stays as it is. */
export function journalError(path: string, error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof JournalError) return error;
  const fault = faultOf(error);
  if (fault === undefined) return error;
  return new JournalError(fault, `journal ${path}: ${SENTENCES[fault]} (${error.message})`, { cause: error });
}

function faultOf(error: Error): Fault | undefined {
  if ('errcode' in error) return SQLITE_FAULTS[Number(error.errcode) & 0xff] ?? 'corrupt';
  if (!('code' in error)) return undefined;
  // An integer that is too large to be one of ours.
  if (error.code === 'ERR_OUT_OF_RANGE') return 'corrupt';
  return 'syscall' in error ? (SYSTEM_FAULTS[String(error.code)] ?? 'unusable') : undefined;
}

/** A file whose content says that it is of no use to us. */
export function unfitFile(path: string, fault: 'corrupt' | 'foreign' | 'newer' | 'older', why: string): JournalError {
  return new JournalError(fault, `journal ${path}: ${SENTENCES[fault]} (${why})`);
}
