/** Between a client and a server: passes on what comes on a unix socket, and counts it. */
import { connect, createServer, type Server, type Socket } from 'node:net';

export class Relay {
  readonly remote: string;
  /** Bytes since the last reset. */
  toServer = 0;
  toClient = 0;
  readonly #listener: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(path: string, target: string) {
    this.remote = `unix:${path}`;
    this.#listener = createServer((client) => this.#join(client, connect(target)));
  }

  static async start(path: string, target: string): Promise<Relay> {
    const relay = new Relay(path, target);
    await new Promise<void>((resolve, reject) => {
      relay.#listener.once('error', reject);
      relay.#listener.listen(path, resolve);
    });
    return relay;
  }

  /** What was counted, and counts anew. */
  take(): { readonly toServer: number; readonly toClient: number } {
    const { toServer, toClient } = this;
    this.toServer = 0;
    this.toClient = 0;
    return { toServer, toClient };
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#listener.close(resolve));
  }

  #join(client: Socket, server: Socket): void {
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(from);
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
      from.on('error', () => to.destroy());
      from.pipe(to);
    }
    client.on('data', (chunk: Buffer) => {
      this.toServer += chunk.length;
    });
    server.on('data', (chunk: Buffer) => {
      this.toClient += chunk.length;
    });
  }
}
