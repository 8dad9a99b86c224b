/** A server in this process that says exactly what a test tells it to, byte by byte where that matters. */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { JsonStream } from '../../../src/ovsdb/json-stream.ts';

export interface Message {
  readonly id?: unknown;
  readonly method?: string;
  readonly params?: readonly unknown[];
  readonly result?: unknown;
  readonly error?: unknown;
}

/** A queue whose reader waits. */
class Inbox<T> {
  readonly #items: T[] = [];
  readonly #readers: ((item: T) => void)[] = [];

  put(item: T): void {
    const reader = this.#readers.shift();
    if (reader === undefined) this.#items.push(item);
    else reader(item);
  }

  take(): Promise<T> {
    const item = this.#items.shift();
    return item === undefined ? new Promise((resolve) => this.#readers.push(resolve)) : Promise.resolve(item);
  }
}

export class FakeServer {
  readonly remote: string;
  readonly #directory: string;
  readonly #path: string;
  readonly #sessions = new Inbox<FakeSession>();
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;

  static async create(): Promise<FakeServer> {
    const directory = await mkdtemp(join(tmpdir(), 'ovsdb-fake-'));
    const server = new FakeServer(directory);
    await server.listen();
    return server;
  }

  private constructor(directory: string) {
    this.#directory = directory;
    this.#path = join(directory, 'db.sock');
    this.remote = `unix:${this.#path}`;
  }

  async listen(): Promise<void> {
    const server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      this.#sessions.put(new FakeSession(socket));
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.#path, resolve));
  }

  /** The next client that connects. */
  accept(): Promise<FakeSession> {
    return this.#sessions.take();
  }

  /** Drops all clients and listens no more. */
  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server?.close(() => resolve()) ?? resolve());
  }

  async remove(): Promise<void> {
    await this.stop();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

export class FakeSession {
  /** Resolves when the client has gone. */
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #messages = new Inbox<Message>();

  constructor(socket: Socket) {
    this.#socket = socket.setNoDelay(true);
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
    const stream = new JsonStream();
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      for (const document of stream.push(chunk).documents) this.#messages.put(document as Message);
    });
  }

  next(): Promise<Message> {
    return this.#messages.take();
  }

  /** The next message, which must be this request. */
  async request(method: string): Promise<Message> {
    const message = await this.next();
    if (message.method !== method) throw new Error(`expected ${method}, got ${JSON.stringify(message)}`);
    return message;
  }

  send(...messages: readonly object[]): void {
    this.#socket.write(messages.map((message) => JSON.stringify(message)).join(''));
  }

  /** Resolves when the bytes are with the kernel, so that what follows is another read for the client. */
  raw(bytes: string | Uint8Array): Promise<void> {
    return new Promise((resolve) => this.#socket.write(bytes, () => resolve()));
  }

  drop(): void {
    this.#socket.destroy();
  }
}

/** The schema that the scripted server speaks of. */
export const SCHEMA = {
  name: 'DB',
  version: '1.0.0',
  tables: {
    T: {
      columns: {
        name: { type: 'string' },
        tags: { type: { key: 'string', min: 0, max: 'unlimited' } },
      },
    },
  },
};
export const NO_TXN = '00000000-0000-0000-0000-000000000000';

export function update3(updates: object, monitor = 'replica'): object {
  return { id: null, method: 'update3', params: [monitor, NO_TXN, updates] };
}

/** Answers the first read of a client with these rows. */
export async function serveFirstRead(session: FakeSession, rows: object = {}): Promise<void> {
  session.send({ id: (await session.request('get_schema')).id, result: SCHEMA, error: null });
  const { id } = await session.request('monitor_cond_since');
  session.send({ id, result: [false, NO_TXN, { T: rows }], error: null });
}
