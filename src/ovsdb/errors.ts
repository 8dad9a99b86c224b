/** What can go wrong between us and ovsdb-server, as classes a caller can tell apart. */

/** `not sent`: the server has never seen it. `done`: no reply came, but the replica shows what it did. `unknown`: no reply came. */
export type Outcome = 'not sent' | 'done' | 'unknown';

/** No session, or the session ended. `code` is Node's (`ECONNREFUSED`), or EPROTO (what came is no OVSDB), ETIMEDOUT, ECLOSED (our own close). */
export class OvsdbConnectionError extends Error {
  override readonly name = 'OvsdbConnectionError';
  readonly code: string;
  /** Of the request that this error answers. */
  readonly outcome: Outcome;

  constructor(message: string, facts: { code: string; outcome: Outcome; cause?: unknown }) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.code = facts.code;
    this.outcome = facts.outcome;
  }
}

/** The server answered a request with an error, or with something that is no answer to it. `code` is the server's word (`unknown database`, `syntax error`). */
export class OvsdbReplyError extends Error {
  override readonly name = 'OvsdbReplyError';
  readonly code: string;
  readonly method: string;
  readonly details: string | undefined;

  constructor(method: string, code: string, details: string | undefined) {
    super(`${method}: ${code}${details === undefined ? '' : `: ${details}`}`);
    this.method = method;
    this.code = code;
    this.details = details;
  }
}

/** The server lacks something that the monitors ask for. */
export class OvsdbSchemaError extends Error {
  override readonly name = 'OvsdbSchemaError';
  readonly code = 'schema mismatch';
}

/**
 * Why a transaction was refused, by what its sender can do about it. `conflict`: the database is not as a `wait` says; look
 * again, then decide anew. `constraint`: the operations as they are will never pass. `lock`: the lock that they assert is
 * another's. `given up`: by the sender's own abort or cancel. `server`: memory, disk, a cluster without quorum; the same may pass later.
 * `request`: it was not understood.
 */
export type RefusalKind = 'conflict' | 'constraint' | 'lock' | 'given up' | 'server' | 'request';

/** RFC 7047 §3.1, §4.1.3 and §5.2; ovsdb-server's own are `duplicate uuid`, `permission error`, `canceled` and `not leader`. All others: `request`. */
const REFUSALS: Readonly<Record<string, RefusalKind>> = {
  'timed out': 'conflict',
  'constraint violation': 'constraint',
  'referential integrity violation': 'constraint',
  'domain error': 'constraint',
  'range error': 'constraint',
  'duplicate uuid': 'constraint',
  'not owner': 'lock',
  aborted: 'given up',
  canceled: 'given up',
  'resources exhausted': 'server',
  'I/O error': 'server',
  'not leader': 'server',
};

/** The transaction was refused; nothing of it was done. */
export class OvsdbTransactionError extends Error {
  override readonly name = 'OvsdbTransactionError';
  /** Same as `error`. */
  readonly code: string;
  /** Index into the operations; their number if the commit as a whole failed; `undefined` if the request itself was refused. */
  readonly operation: number | undefined;
  /** RFC 7047's word: `constraint violation`, `referential integrity violation`, `timed out`, `aborted`, `not owner`, … */
  readonly error: string;
  readonly details: string | undefined;
  readonly kind: RefusalKind;

  constructor(facts: { operation: number | undefined; error: string; details: string | undefined; cause?: unknown }) {
    const place = facts.operation === undefined ? 'transaction' : `operation ${facts.operation}`;
    super(
      `${place}: ${facts.error}${facts.details === undefined ? '' : `: ${facts.details}`}`,
      facts.cause === undefined ? undefined : { cause: facts.cause },
    );
    this.code = facts.error;
    this.operation = facts.operation;
    this.error = facts.error;
    this.kind = REFUSALS[facts.error] ?? 'request';
    this.details = facts.details;
  }
}

/** An error of the network or the server, as against one of the program. */
export function isOvsdbError(error: unknown): error is OvsdbConnectionError | OvsdbReplyError | OvsdbSchemaError {
  return error instanceof OvsdbConnectionError || error instanceof OvsdbReplyError || error instanceof OvsdbSchemaError;
}
