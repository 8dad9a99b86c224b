/**
 * One JSON-RPC session over an open socket (RFC 7047 §4): requests and replies, notifications, echo both ways.
 * It ends once and for good; who wants another opens another.
 */
import type { Socket } from 'node:net';
import type { Outcome } from './errors.ts';
import { OvsdbConnectionError, OvsdbReplyError } from './errors.ts';
import { JsonStream } from './json-stream.ts';
import type { Log } from './log.ts';
import { isObject } from './schema.ts';
import { describeSocketError } from './tls.ts';

export interface ConnectionOptions {
  /** For messages: the address as text. */
  readonly remote: string;
  /** Milliseconds a reply may take. */
  readonly timeoutMs: number;
  /** Milliseconds of silence before we send an echo, and as many again before the session counts as dead. */
  readonly probeMs: number;
  readonly log: Log;
  /** Called for each notification in the order they came; never after the session has ended. */
  onNotification(method: string, params: readonly unknown[]): void;
}

export interface CallOptions {
  /** When it aborts, the server is asked to give the request up. ovsdb-server does so with `transact` and `convert` alone; the rest it answers at once. */
  readonly signal?: AbortSignal;
  /** Milliseconds the reply may take, at most 2^31−1; Infinity for no deadline. Else the connection's. */
  readonly timeoutMs?: number;
}

interface Waiter {
  readonly method: string;
  /** The timer and the signal's listener go. */
  release(): void;
  resolve(result: unknown): void;
  reject(error: Error): void;
}

/** The id of our probes; requests have numbers. */
const PROBE_ID = 'probe';

export class Connection {
  readonly remote: string;
  /** Resolves with the reason when the session has ended. */
  readonly ended: Promise<OvsdbConnectionError>;
  readonly #socket: Socket;
  readonly #options: ConnectionOptions;
  readonly #stream = new JsonStream();
  readonly #waiters = new Map<number, Waiter>();
  readonly #resolveEnded: (reason: OvsdbConnectionError) => void;
  readonly #silence: NodeJS.Timeout;
  #probing = false;
  #nextId = 0;
  #end: OvsdbConnectionError | undefined;

  constructor(socket: Socket, options: ConnectionOptions) {
    this.remote = options.remote;
    this.#socket = socket;
    this.#options = options;
    const { promise, resolve } = Promise.withResolvers<OvsdbConnectionError>();
    this.ended = promise;
    this.#resolveEnded = resolve;
    this.#silence = setTimeout(() => this.#onSilence(), options.probeMs);
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('error', (error: NodeJS.ErrnoException) =>
      this.end(error.code ?? 'EPROTO', describeSocketError(error), error),
    );
    socket.on('close', () => this.end('ECONNRESET', 'the server closed the connection'));
  }

  get hasEnded(): boolean {
    return this.#end !== undefined;
  }

  /** Bytes received since the socket was opened; stays after the end. */
  get bytesRead(): number {
    return this.#socket.bytesRead;
  }

  /** Bytes sent, and those that wait to be; stays after the end. */
  get bytesWritten(): number {
    return this.#socket.bytesWritten;
  }

  /**
   * The reply's result. Rejects with OvsdbReplyError, or with OvsdbConnectionError if none came.
   *
   * A request that `signal` cancels (RFC 7047 §4.1.4) ends all the same: with OvsdbReplyError, code `canceled`, or with its
   * result if it was finished first. One cancelled before it was sent is `canceled` too.
   */
  call(
    method: string,
    params: readonly unknown[],
    { signal, timeoutMs = this.#options.timeoutMs }: CallOptions = {},
  ): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    if (this.#end !== undefined) {
      reject(this.#error(method, this.#end, 'not sent'));
      return promise;
    }
    if (signal?.aborted) {
      reject(new OvsdbReplyError(method, 'canceled', 'before it was sent'));
      return promise;
    }
    const id = this.#nextId++;
    const onAbort = (): void => this.#cancel(id);
    const onDeadline = (): void => {
      const message = `${this.remote}: no reply to ${method} in ${timeoutMs} ms`;
      this.#take(id)?.reject(new OvsdbConnectionError(message, { code: 'ETIMEDOUT', outcome: 'unknown' }));
    };
    const timer = timeoutMs === Number.POSITIVE_INFINITY ? undefined : setTimeout(afterReads, timeoutMs, onDeadline);
    const release = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    this.#waiters.set(id, { method, release, resolve, reject });
    this.#send({ id, method, params });
    return promise;
  }

  /** Ends the session; the first reason counts. Requests that wait for a reply are rejected with outcome `unknown`. */
  end(code: string, reason: string, cause?: unknown): void {
    if (this.#end !== undefined) return;
    const end = new OvsdbConnectionError(`${this.remote}: ${reason}`, { code, outcome: 'unknown', cause });
    this.#end = end;
    clearTimeout(this.#silence);
    this.#socket.destroy();
    for (const { method, release, reject } of this.#waiters.values()) {
      release();
      reject(this.#error(method, end, 'unknown'));
    }
    this.#waiters.clear();
    this.#resolveEnded(end);
  }

  /**
   * RFC 7047 wants a reply with the error `canceled`; ovsdb-server 3.1.0 drops the request without a word.
   * It answers in order, so a request still open when an echo sent after the `cancel` comes back has been dropped.
   */
  #cancel(id: number): void {
    this.#send({ id: null, method: 'cancel', params: [id] });
    const settle = (reason?: unknown): void => {
      const waiter = this.#take(id);
      waiter?.reject(reason instanceof Error ? reason : new OvsdbReplyError(waiter.method, 'canceled', undefined));
    };
    this.call('echo', []).then(() => settle(), settle);
  }

  #error(method: string, cause: OvsdbConnectionError, outcome: Outcome): OvsdbConnectionError {
    return new OvsdbConnectionError(
      `${method} ${outcome === 'unknown' ? 'without reply' : outcome}: ${cause.message}`,
      {
        code: cause.code,
        outcome,
        cause,
      },
    );
  }

  #send(message: object): void {
    this.#socket.write(JSON.stringify(message));
  }

  #onData(chunk: Buffer): void {
    this.#probing = false;
    this.#silence.refresh();
    const { documents, problem } = this.#stream.push(chunk);
    for (const document of documents) {
      if (this.#end !== undefined) return;
      this.#onMessage(document);
    }
    if (problem !== undefined) this.end('EPROTO', `the server sent ${problem}`);
  }

  #onMessage(message: unknown): void {
    if (!isObject(message)) {
      this.end('EPROTO', 'the server sent a message that is no object');
      return;
    }
    const { id, method, params } = message;
    if (typeof method !== 'string') this.#onReply(message);
    else if (!Array.isArray(params)) this.end('EPROTO', `the server sent ${method} without params`);
    else if (id === null || id === undefined) this.#options.onNotification(method, params);
    else if (method === 'echo') this.#send({ id, result: params, error: null });
    else this.#send({ id, result: null, error: 'unknown method' });
  }

  /** A reply that no one waits for any more came after its deadline, or is the probe's. */
  #onReply(message: Readonly<Record<string, unknown>>): void {
    const { id, result, error } = message;
    if (id === PROBE_ID) return;
    const waiter = typeof id === 'number' ? this.#take(id) : undefined;
    if (waiter === undefined) {
      this.#options.log.debug({ id }, 'OVSDB reply to no open request');
      return;
    }
    if (error === null || error === undefined) waiter.resolve(result);
    else waiter.reject(replyError(waiter.method, error));
  }

  #take(id: number): Waiter | undefined {
    const waiter = this.#waiters.get(id);
    this.#waiters.delete(id);
    waiter?.release();
    return waiter;
  }

  #onSilence(): void {
    if (!this.#probing) {
      this.#probing = true;
      this.#send({ id: PROBE_ID, method: 'echo', params: [] });
      this.#silence.refresh();
      return;
    }
    afterReads(() => {
      if (this.#probing) this.end('ETIMEDOUT', `no answer to a probe in ${this.#options.probeMs} ms`);
    });
  }
}

/** For a deadline: when this process was held up, the answer may be waiting in the socket, and is to be read first. */
function afterReads(then: () => void): void {
  setImmediate(then);
}

/** ovsdb-server sends an object with `error` and `details`, and for some errors only a text. */
function replyError(method: string, error: unknown): OvsdbReplyError {
  if (!isObject(error)) return new OvsdbReplyError(method, String(error), undefined);
  const details = error.details;
  return new OvsdbReplyError(method, String(error.error), details === undefined ? undefined : String(details));
}
