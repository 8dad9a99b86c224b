/** A bare JSON-RPC session with ovsdb-server that counts what it receives: for requests that our client does not send. */
import { connect, type Socket } from 'node:net';
import { JsonStream } from '../../src/ovsdb/json-stream.ts';

export class Session {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>();
  #nextId = 1;

  private constructor(socket: Socket) {
    this.#socket = socket;
    const stream = new JsonStream();
    socket.on('data', (chunk: Buffer) => {
      for (const document of stream.push(chunk).documents) this.#take(document as Message);
    });
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#fail(new Error('ovsdb-server closed the connection')));
  }

  static async open(path: string): Promise<Session> {
    const socket = connect(path);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return new Session(socket);
  }

  get bytesRead(): number {
    return this.#socket.bytesRead;
  }

  async call(method: string, params: readonly unknown[]): Promise<unknown> {
    const id = this.#nextId++;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#waiting.set(id, { resolve, reject });
    this.#socket.write(JSON.stringify({ id, method, params }));
    return await promise;
  }

  close(): void {
    this.#socket.destroy();
  }

  #take({ id, method, params, result, error }: Message): void {
    if (method === 'echo') this.#socket.write(JSON.stringify({ id, result: params, error: null }));
    const waiting = typeof id === 'number' && method === undefined ? this.#waiting.get(id) : undefined;
    if (typeof id === 'number') this.#waiting.delete(id);
    if (error === null || error === undefined) waiting?.resolve(result);
    else waiting?.reject(new Error(`ovsdb-server: ${JSON.stringify(error)}`));
  }

  #fail(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

interface Message {
  readonly id?: unknown;
  readonly method?: string;
  readonly params?: unknown;
  readonly result?: unknown;
  readonly error?: unknown;
}
