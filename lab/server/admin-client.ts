/** A typed client of the admin socket, for the lab and the tests. */
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import type {
  AgentView,
  BindingBody,
  CountersView,
  EndpointView,
  NetworkBody,
  NetworkChangeBody,
  NetworkView,
  PortBody,
  PortChangeBody,
  PortView,
  StatusChangeView,
  StatusView,
} from './admin-types.ts';

/** The server said no, or nothing: `status` is HTTP's, `undefined` if there was no answer. */
export class AdminError extends Error {
  readonly code = 'ADMIN';
  readonly status: number | undefined;

  constructor(message: string, status: number | undefined, cause?: unknown) {
    super(message, { cause });
    this.name = 'AdminError';
    this.status = status;
  }
}

/** Every method rejects with `AdminError`. */
export class AdminClient {
  readonly #socket: string;

  /** @param socket path of the server's `--admin-socket` */
  constructor(socket: string) {
    this.#socket = socket;
  }

  /** Answers once the server is ready. */
  status(): Promise<StatusView> {
    return this.#ask('GET', '/status');
  }

  counters(): Promise<CountersView> {
    return this.#ask('GET', '/counters');
  }

  agents(): Promise<AgentView[]> {
    return this.#ask('GET', '/agents');
  }

  endpoints(): Promise<EndpointView[]> {
    return this.#ask('GET', '/endpoints');
  }

  /** Status changes, oldest first: of one port, deleted or not, or of all. */
  history(port?: string): Promise<StatusChangeView[]> {
    return this.#ask('GET', port === undefined ? '/history' : `/history?port=${encodeURIComponent(port)}`);
  }

  networks(): Promise<NetworkView[]> {
    return this.#ask('GET', '/networks');
  }

  createNetwork(body: NetworkBody): Promise<NetworkView> {
    return this.#ask('POST', '/networks', body);
  }

  updateNetwork(id: string, body: NetworkChangeBody): Promise<NetworkView> {
    return this.#ask('PUT', `/networks/${encodeURIComponent(id)}`, body);
  }

  async deleteNetwork(id: string): Promise<void> {
    await this.#ask('DELETE', `/networks/${encodeURIComponent(id)}`);
  }

  ports(): Promise<PortView[]> {
    return this.#ask('GET', '/ports');
  }

  port(id: string): Promise<PortView> {
    return this.#ask('GET', `/ports/${encodeURIComponent(id)}`);
  }

  createPort(body: PortBody): Promise<PortView> {
    return this.#ask('POST', '/ports', body);
  }

  updatePort(id: string, body: PortChangeBody): Promise<PortView> {
    return this.#ask('PUT', `/ports/${encodeURIComponent(id)}`, body);
  }

  async deletePort(id: string): Promise<void> {
    await this.#ask('DELETE', `/ports/${encodeURIComponent(id)}`);
  }

  addInactiveBinding(id: string, body: BindingBody): Promise<PortView> {
    return this.#ask('POST', `/ports/${encodeURIComponent(id)}/bindings`, body);
  }

  activateBinding(id: string, host: string): Promise<PortView> {
    return this.#ask('PUT', `/ports/${encodeURIComponent(id)}/bindings/${encodeURIComponent(host)}/activate`);
  }

  async removeInactiveBinding(id: string, host: string): Promise<void> {
    await this.#ask('DELETE', `/ports/${encodeURIComponent(id)}/bindings/${encodeURIComponent(host)}`);
  }

  async #ask<T>(method: string, path: string, body?: object): Promise<T> {
    const { status, answer } = await this.#exchange(method, path, body);
    if (status < 300) return (answer === '' ? undefined : JSON.parse(answer)) as T;
    throw new AdminError(`${method} ${path}: ${status} ${answer.trim()}`, status);
  }

  #exchange(method: string, path: string, body: object | undefined): Promise<{ status: number; answer: string }> {
    return new Promise((resolve, reject) => {
      const failed = (error: Error) => reject(new AdminError(`${method} ${path}: ${error.message}`, undefined, error));
      const outgoing = request({ socketPath: this.#socket, method, path, agent: false }, (response) => {
        text(response).then((answer) => resolve({ status: response.statusCode ?? 0, answer }), failed);
      });
      outgoing.on('error', failed);
      outgoing.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
}
