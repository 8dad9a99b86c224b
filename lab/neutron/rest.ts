/** Neutron's REST API (networking API v2.0), as far as the lab uses it. Names are those of the wire. */
import type {
  AgentRecord,
  Binding,
  Network,
  NetworkRequest,
  Port,
  PortChange,
  PortRequest,
  Subnet,
  SubnetRequest,
} from './rest-types.ts';

/** The server said no (`status` is HTTP's), or nothing (`undefined`). */
export class RestError extends Error {
  readonly code = 'REST';
  readonly status: number | undefined;

  constructor(message: string, status: number | undefined, cause?: unknown) {
    super(message, { cause });
    this.name = 'RestError';
    this.status = status;
  }
}

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';
type Query = Readonly<Record<string, string>>;

/** Milliseconds that one request may take. */
const TIMEOUT = 60_000;
const PROJECT = 'a5e1ab00000000000000000000000001';

/** Every method rejects with {@link RestError}. */
export class Rest {
  readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  networks(): Promise<Network[]> {
    return this.#list('networks', {});
  }

  createNetwork(body: NetworkRequest = {}): Promise<Network> {
    return this.#create('network', body);
  }

  async deleteNetwork(id: string): Promise<void> {
    await this.#ask('DELETE', `networks/${id}`);
  }

  subnets(query: Query = {}): Promise<Subnet[]> {
    return this.#list('subnets', query);
  }

  createSubnet(body: SubnetRequest): Promise<Subnet> {
    return this.#create('subnet', body);
  }

  async deleteSubnet(id: string): Promise<void> {
    await this.#ask('DELETE', `subnets/${id}`);
  }

  /** Filters as in the API: `{ network_id: …, 'binding:host_id': … }`. */
  ports(query: Query = {}): Promise<Port[]> {
    return this.#list('ports', query);
  }

  port(id: string): Promise<Port> {
    return this.#get('port', id);
  }

  createPort(body: PortRequest): Promise<Port> {
    return this.#create('port', body);
  }

  updatePort(id: string, change: PortChange): Promise<Port> {
    return this.#update('port', id, change);
  }

  async deletePort(id: string): Promise<void> {
    await this.#ask('DELETE', `ports/${id}`);
  }

  /** All bindings of a port, the active one too. */
  async bindings(portId: string): Promise<Binding[]> {
    return (await this.#ask<{ bindings: Binding[] }>('GET', `ports/${portId}/bindings`)).bindings;
  }

  /** An inactive binding on another host, as Nova asks for before a live migration. */
  async createBinding(portId: string, host: string): Promise<Binding> {
    const body = { binding: { host, vnic_type: 'normal', profile: {} } };
    return (await this.#ask<{ binding: Binding }>('POST', `ports/${portId}/bindings`, body)).binding;
  }

  /** The binding on `host` becomes the active one, the other inactive. */
  async activateBinding(portId: string, host: string): Promise<void> {
    await this.#ask('PUT', `ports/${portId}/bindings/${host}/activate`);
  }

  async deleteBinding(portId: string, host: string): Promise<void> {
    await this.#ask('DELETE', `ports/${portId}/bindings/${host}`);
  }

  agents(query: Query = {}): Promise<AgentRecord[]> {
    return this.#list('agents', query);
  }

  async deleteAgent(id: string): Promise<void> {
    await this.#ask('DELETE', `agents/${id}`);
  }

  async #list<T>(what: string, query: Query): Promise<T[]> {
    const words = new URLSearchParams(query).toString();
    return (await this.#ask<Record<string, T[]>>('GET', words === '' ? what : `${what}?${words}`))[what] ?? [];
  }

  async #get<T>(what: string, id: string): Promise<T> {
    return one(what, await this.#ask<Record<string, T>>('GET', `${what}s/${id}`));
  }

  async #create<T>(what: string, body: object): Promise<T> {
    const owned = { project_id: PROJECT, ...body };
    return one(what, await this.#ask<Record<string, T>>('POST', `${what}s`, { [what]: owned }));
  }

  async #update<T>(what: string, id: string, change: object): Promise<T> {
    return one(what, await this.#ask<Record<string, T>>('PUT', `${what}s/${id}`, { [what]: change }));
  }

  async #ask<T>(method: Method, path: string, body?: object): Promise<T> {
    const request = `${method} /v2.0/${path}`;
    const response = await fetch(`${this.url}/v2.0/${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      signal: AbortSignal.timeout(TIMEOUT),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }).catch((error: unknown) => {
      throw new RestError(`${request}: no answer`, undefined, error);
    });
    const text = await response.text();
    if (!response.ok) throw new RestError(`${request}: ${response.status} ${text.slice(0, 500)}`, response.status);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }
}

function one<T>(what: string, answer: Record<string, T>): T {
  const found = answer[what];
  if (found === undefined) throw new RestError(`no "${what}" in the answer`, undefined);
  return found;
}
