/** The control socket: HTTP on a unix socket that only its owner may use (`curl --unix-socket PATH http://l/status`). */
import { chmodSync, lstatSync, mkdirSync, unlinkSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import type { Logger } from 'pino';
import type { ControlHandlers } from './api.ts';
import { type Answer, answer, failure } from './routes.ts';

/** `in-use`: a daemon answers on the socket. `no-socket`: something else has its name. Else the code of the system's error. */
export class ControlError extends Error {
  override readonly name = 'ControlError';
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export interface ControlServerOptions {
  readonly path: string;
  readonly handlers: ControlHandlers;
  readonly log: Logger;
}

/** Longest path of a unix socket, without its final NUL (unix(7)). */
const MAX_PATH = 107;
/** Milliseconds in which a live daemon takes a connection. */
const PROBE_TIMEOUT = 2_000;
/** Milliseconds. */
const CLOSE_GRACE = 2_000;

export class ControlServer {
  readonly #options: ControlServerOptions;
  readonly #server: Server;

  constructor(options: ControlServerOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  /**
   * Makes the directory if it is missing and takes over the socket of a daemon that is dead.
   * @throws ControlError
   */
  async listen(): Promise<void> {
    const { path } = this.#options;
    if (Buffer.byteLength(path) > MAX_PATH) {
      throw new ControlError(
        'ENAMETOOLONG',
        `control socket ${path}: longer than the ${MAX_PATH} bytes a unix socket may have`,
      );
    }
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o750 });
      try {
        await this.#bind();
      } catch (error) {
        if (codeOf(error) !== 'EADDRINUSE') throw error;
        await removeIfStale(path);
        await this.#bind();
      }
    } catch (error) {
      if (error instanceof ControlError) throw error;
      throw new ControlError(codeOf(error), `control socket ${path}: ${messageOf(error)}`, { cause: error });
    }
  }

  /** Takes the socket away; what is being asked has a moment to be answered. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = Promise.withResolvers<void>();
    this.#server.close(() => closed.resolve());
    const timer = setTimeout(() => this.#server.closeAllConnections(), CLOSE_GRACE);
    await closed.promise;
    clearTimeout(timer);
  }

  #bind(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', reject);
    this.#server.once('listening', () => {
      this.#server.off('error', reject);
      resolve();
    });
    // bind(2) happens within listen(): there is no moment at which others could connect.
    const before = process.umask(0o177);
    try {
      this.#server.listen(this.#options.path);
      if (this.#server.listening) chmodSync(this.#options.path, 0o600);
    } finally {
      process.umask(before);
    }
    return promise;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { handlers, log } = this.#options;
    const { method = '', url = '' } = request;
    // A body says nothing to us; it has to be read all the same.
    request.resume();
    let reply: Answer;
    try {
      reply = await answer(handlers, method, url);
    } catch (error) {
      log.error({ err: error, method, url }, 'the control socket has no answer because of a mistake in the program');
      reply = failure(500, `internal error: ${messageOf(error)}`);
    }
    const body = `${JSON.stringify(reply.body)}\n`;
    response.writeHead(reply.status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      // Nothing that is idle has to be waited for when the daemon stops.
      connection: 'close',
      ...(reply.allow === undefined ? {} : { allow: reply.allow }),
    });
    response.end(method === 'HEAD' ? undefined : body);
  }
}

/** @throws ControlError unless the path is a socket that nobody listens on, or is gone. */
async function removeIfStale(path: string): Promise<void> {
  try {
    if (!lstatSync(path).isSocket())
      throw new ControlError('no-socket', `control socket ${path}: a file of that name is there and is no socket`);
    if (await isAnswered(path))
      throw new ControlError('in-use', `another l2pop-agent is running: it answers on ${path}`);
    unlinkSync(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

/** Only a refusal proves that nobody is there: a daemon that is busy takes its time. */
async function isAnswered(path: string): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(path);
    const done = (answered: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answered);
    };
    const timer = setTimeout(() => done(true), PROBE_TIMEOUT);
    socket.once('connect', () => done(true));
    socket.once('error', (error) => done(codeOf(error) !== 'ECONNREFUSED' && codeOf(error) !== 'ENOENT'));
  });
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
