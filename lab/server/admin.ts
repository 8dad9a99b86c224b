/** The admin socket: HTTP with JSON on a unix socket, for the demo, the tests and `curl --unix-socket`. */
import { once } from 'node:events';
import { chmod, rm } from 'node:fs/promises';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { Logger } from 'pino';
import type { JsonObject } from '../../src/rpc/types.ts';
import { isObject } from './admin-input.ts';
import type { AdminAnswer, AdminRequest } from './admin-routes.ts';
import { isDuplicate } from './retry.ts';

/** Bytes of a request body. */
const LONGEST_BODY = 1 << 20;

export type AdminHandler = (request: AdminRequest) => AdminAnswer | Promise<AdminAnswer>;

export class AdminServer {
  readonly #server: Server;
  readonly #path: string;

  constructor(options: { path: string; handler: AdminHandler; log: Logger }) {
    this.#path = options.path;
    this.#server = createServer((request, response) => {
      void answer(options, request, response);
    });
  }

  /** A socket file that is in the way is a leftover and goes. The socket is the owner's alone. */
  async start(): Promise<void> {
    await rm(this.#path, { force: true });
    this.#server.listen(this.#path);
    await once(this.#server, 'listening');
    await chmod(this.#path, 0o600);
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }
}

async function answer(
  options: { handler: AdminHandler; log: Logger },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { status, body } = await handle(options, request);
  if (response.destroyed) return;
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(body === undefined ? undefined : `${JSON.stringify(body)}\n`);
}

async function handle(options: { handler: AdminHandler; log: Logger }, request: IncomingMessage): Promise<AdminAnswer> {
  const url = new URL(request.url ?? '/', 'http://lab');
  const { method = 'GET' } = request;
  try {
    const body = await readBody(request);
    if (body === undefined) return { status: 400, body: { error: 'the body is not a JSON object' } };
    return await options.handler({ method, path: url.pathname, query: url.searchParams, body });
  } catch (error) {
    if (isDuplicate(error)) return { status: 409, body: { error: error instanceof Error ? error.message : '' } };
    options.log.error({ err: error, method, path: url.pathname }, 'admin request failed');
    return { status: 500, body: { error: error instanceof Error ? error.message : String(error) } };
  }
}

/** No body is an empty object. `undefined`: it is something else than a JSON object, or too long. */
async function readBody(request: IncomingMessage): Promise<JsonObject | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    const bytes = Buffer.from(chunk as Uint8Array);
    length += bytes.length;
    if (length <= LONGEST_BODY) chunks.push(bytes);
  }
  if (length > LONGEST_BODY) return undefined;
  if (length === 0) return {};
  try {
    const value: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
