/** What can go wrong with the journal's file, as one class that says what its user can do about it. */

/**
 * `unwritable`: nothing can be kept there now (full, read-only, no permission, in use). `corrupt`: what is there cannot be
 * trusted.
 */
export type JournalErrorCode = 'unwritable' | 'corrupt';

/** One word for it, that also names a file set aside: `corrupt`, `foreign`, `newer`, `readonly`, `unusable`, `io-error`, `full`, `busy`. */
export type Fault = keyof typeof FAULTS;

const FAULTS = {
  corrupt: { code: 'corrupt', isInTheFile: true },
  foreign: { code: 'corrupt', isInTheFile: true },
  newer: { code: 'corrupt', isInTheFile: true },
  readonly: { code: 'unwritable', isInTheFile: true },
  unusable: { code: 'unwritable', isInTheFile: true },
  'io-error': { code: 'unwritable', isInTheFile: true },
  full: { code: 'unwritable', isInTheFile: false },
  busy: { code: 'unwritable', isInTheFile: false },
} as const satisfies Record<string, { code: JournalErrorCode; isInTheFile: boolean }>;

export class JournalError extends Error {
  override readonly name = 'JournalError';
  readonly code: JournalErrorCode;
  readonly fault: Fault;

  constructor(fault: Fault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.fault = fault;
    this.code = FAULTS[fault].code;
  }

  /** Another file in its place may do: a full disk has no room for that one either, and one in use is its owner's. */
  get isInTheFile(): boolean {
    return FAULTS[this.fault].isInTheFile;
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
  readonly: 'it cannot be written to',
  unusable: 'it cannot be opened',
  'io-error': 'the disk failed',
  full: 'there is no room left',
  busy: 'another process has it open',
};

/** An error of SQLite or of the file system as ours; whatever else was thrown is a mistake in the program and stays as it is. */
export function journalError(path: string, error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof JournalError) return error;
  if ('errcode' in error && typeof error.errcode === 'number') {
    const fault = SQLITE_FAULTS[error.errcode & 0xff] ?? 'corrupt';
    return new JournalError(fault, `journal ${path}: ${SENTENCES[fault]} (SQLite: ${error.message})`, { cause: error });
  }
  if ('syscall' in error && 'code' in error) {
    const fault = error.code === 'ENOSPC' || error.code === 'EDQUOT' ? 'full' : 'unusable';
    return new JournalError(fault, `journal ${path}: ${SENTENCES[fault]} (${error.message})`, { cause: error });
  }
  return error;
}

/** A file whose content says that it is of no use to us. */
export function unfitFile(path: string, fault: 'corrupt' | 'foreign' | 'newer', why: string): JournalError {
  return new JournalError(fault, `journal ${path}: ${SENTENCES[fault]} (${why})`);
}
