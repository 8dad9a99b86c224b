/** What each request to the admin socket does: method and path in, status and JSON out. The HTTP is in `admin.ts`. */
import type { JsonObject } from '../../src/rpc/types.ts';
import type { NetworkId, PortId } from '../../src/values.ts';
import { parseNetworkId, parsePortId } from '../../src/values.ts';
import type { Generator, Input } from './admin-input.ts';
import { readBinding, readNetwork, readNetworkChange, readPort, readPortChange } from './admin-input.ts';
import type { StatusView } from './admin-types.ts';
import { agentView, endpointView, networkView, portView, statusChangeView } from './admin-views.ts';
import type { Network, Port } from './facts.ts';
import type { Plugin } from './plugin.ts';
import type { Publisher } from './publisher.ts';
import type { Store } from './store.ts';

export interface AdminOptions {
  readonly store: Store;
  readonly plugin: Plugin;
  readonly publisher: Publisher;
  readonly status: StatusView;
  readonly generate: Generator;
  readonly now: () => Date;
  /** Milliseconds. */
  readonly agentDownTime: number;
}

export interface AdminRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: JsonObject;
}

export interface AdminAnswer {
  readonly status: number;
  readonly body: unknown;
}

type Handler = (request: AdminRequest, parameters: readonly string[]) => AdminAnswer | Promise<AdminAnswer>;

interface Route {
  readonly method: string;
  /** `*` is one segment of the path and a parameter of the handler. */
  readonly path: string;
  readonly handler: Handler;
}

const NOT_FOUND: AdminAnswer = { status: 404, body: { error: 'not found' } };
const NO_CONTENT: AdminAnswer = { status: 204, body: undefined };

export function adminRoutes(options: AdminOptions): (request: AdminRequest) => AdminAnswer | Promise<AdminAnswer> {
  const routes = [...listRoutes(options), ...networkRoutes(options), ...portRoutes(options)];
  return (request) => {
    for (const route of routes) {
      const parameters = route.method === request.method ? match(route.path, request.path) : undefined;
      if (parameters !== undefined) return route.handler(request, parameters);
    }
    return { status: 404, body: { error: `no such request: ${request.method} ${request.path}` } };
  };
}

function listRoutes({ store, publisher, status, now, agentDownTime }: AdminOptions): Route[] {
  const get = (path: string, body: (request: AdminRequest) => unknown): Route => ({
    method: 'GET',
    path,
    handler: (request) => ok(body(request)),
  });
  return [
    get('/status', () => status),
    get('/counters', () => publisher.counters()),
    get('/agents', () => store.agents.all().map((agent) => agentView(agent, now(), agentDownTime))),
    get('/endpoints', () => store.endpoints.all().map(endpointView)),
    get('/networks', () => store.networks.all().map(networkView)),
    get('/ports', () => store.ports.all().map(portView)),
    get('/history', ({ query }) => {
      const port = query.get('port');
      const id = port === null ? undefined : parsePortId(port);
      return port !== null && id === undefined ? [] : store.ports.history(id).map(statusChangeView);
    }),
  ];
}

function networkRoutes({ store, plugin, generate }: AdminOptions): Route[] {
  const found = (network: Network | undefined, status = 200): AdminAnswer =>
    network === undefined ? NOT_FOUND : { status, body: networkView(network) };
  return [
    {
      method: 'POST',
      path: '/networks',
      handler: ({ body }) =>
        withInput(readNetwork(body, generate), async (network) => found(await plugin.createNetwork(network), 201)),
    },
    {
      method: 'PUT',
      path: '/networks/*',
      handler: ({ body }, [name]) =>
        withNetwork(name, (id) =>
          withInput(readNetworkChange(body), async (change) => found(await plugin.updateNetwork(id, change))),
        ),
    },
    {
      method: 'GET',
      path: '/networks/*',
      handler: (_request, [name]) => withNetwork(name, (id) => found(store.networks.get(id))),
    },
    {
      method: 'DELETE',
      path: '/networks/*',
      handler: (_request, [name]) =>
        withNetwork(name, async (id) => {
          const outcome = await plugin.deleteNetwork(id);
          if (outcome === 'in use') return { status: 409, body: { error: 'the network has ports' } };
          return outcome === 'deleted' ? NO_CONTENT : NOT_FOUND;
        }),
    },
  ];
}

function portRoutes({ store, plugin, generate }: AdminOptions): Route[] {
  const found = (port: Port | undefined, status = 200): AdminAnswer =>
    port === undefined ? NOT_FOUND : { status, body: portView(port) };
  return [
    {
      method: 'POST',
      path: '/ports',
      handler: ({ body }) => {
        const networkId = parseNetworkId(body.network_id);
        const network = networkId === undefined ? undefined : store.networks.get(networkId);
        if (network === undefined) return badRequest([`network_id ${JSON.stringify(body.network_id)} is no network`]);
        return withInput(readPort(body, network, generate), async ({ port, host, profile }) =>
          found(await plugin.createPort(port, host, profile), 201),
        );
      },
    },
    {
      method: 'PUT',
      path: '/ports/*',
      handler: ({ body }, [name]) =>
        withPort(name, (id) => {
          const port = store.ports.get(id);
          const network = port === undefined ? undefined : store.networks.get(port.networkId);
          if (network === undefined) return NOT_FOUND;
          return withInput(readPortChange(body, network), async (change) => found(await plugin.updatePort(id, change)));
        }),
    },
    {
      method: 'GET',
      path: '/ports/*',
      handler: (_request, [name]) => withPort(name, (id) => found(store.ports.get(id))),
    },
    {
      method: 'DELETE',
      path: '/ports/*',
      handler: (_request, [name]) =>
        withPort(name, async (id) => ((await plugin.deletePort(id)) === undefined ? NOT_FOUND : NO_CONTENT)),
    },
    {
      method: 'POST',
      path: '/ports/*/bindings',
      handler: ({ body }, [name]) =>
        withPort(name, (id) =>
          withInput(readBinding(body), async ({ host, profile }) =>
            found(await plugin.addInactiveBinding(id, host, profile), 201),
          ),
        ),
    },
    {
      method: 'PUT',
      path: '/ports/*/bindings/*/activate',
      handler: (_request, [name, host = '']) =>
        withPort(name, async (id) => found(await plugin.activateBinding(id, host))),
    },
    {
      method: 'DELETE',
      path: '/ports/*/bindings/*',
      handler: (_request, [name, host = '']) =>
        withPort(name, async (id) => ((await plugin.removeInactiveBinding(id, host)) ? NO_CONTENT : NOT_FOUND)),
    },
  ];
}

type Answer = AdminAnswer | Promise<AdminAnswer>;

function withInput<T>(input: Input<T>, handle: (value: T) => Answer): Answer {
  return 'problems' in input ? badRequest(input.problems) : handle(input.value);
}

function withNetwork(name: string | undefined, handle: (id: NetworkId) => Answer): Answer {
  const id = parseNetworkId(name);
  return id === undefined ? NOT_FOUND : handle(id);
}

function withPort(name: string | undefined, handle: (id: PortId) => Answer): Answer {
  const id = parsePortId(name);
  return id === undefined ? NOT_FOUND : handle(id);
}

function ok(body: unknown): AdminAnswer {
  return { status: 200, body };
}

function badRequest(problems: readonly string[]): AdminAnswer {
  return { status: 400, body: { error: problems.join('; ') } };
}

function match(pattern: string, path: string): string[] | undefined {
  const wanted = pattern.split('/');
  const actual = path.split('/');
  if (wanted.length !== actual.length) return undefined;
  const parameters: string[] = [];
  for (const [index, segment] of actual.entries()) {
    if (wanted[index] === '*') parameters.push(decodeURIComponent(segment));
    else if (wanted[index] !== segment) return undefined;
  }
  return parameters;
}
