/** The methods that agents call, by topic and version, with arguments checked and answers of the recorded shape. */
import type { Endpoint, JsonObject, JsonValue, RpcRequest } from '../../src/rpc/types.ts';
import { RpcFailure } from '../../src/rpc/types.ts';
import { parseIp, parseNetworkId, parsePortId, parseTunnelType } from '../../src/values.ts';
import { strings } from './agent-store.ts';
import type { Devices } from './devices.ts';
import type { Endpoint as TunnelEndpoint } from './facts.ts';
import { tunnelDelete, tunnelUpdate } from './notifications.ts';
import { networkDictionary, networkObject, portObject } from './objects.ts';
import type { Publisher } from './publisher.ts';
import type { Store } from './store.ts';

export const REPORTS_TOPIC = 'q-reports-plugin';
export const PLUGIN_TOPIC = 'q-plugin';

export interface RpcMethodsOptions {
  readonly store: Store;
  readonly devices: Devices;
  readonly publisher: Publisher;
  readonly now: () => Date;
  readonly startedAt: Date;
  /** Milliseconds after which an agent that does not report counts as down. */
  readonly agentDownTime: number;
}

export function rpcMethods(options: RpcMethodsOptions): ReadonlyMap<string, readonly Endpoint[]> {
  const { store, devices, publisher } = options;
  const reports: Endpoint = {
    version: '1.2',
    methods: {
      has_alive_neutron_server: () => true,
      report_state: (request) => reportState(options, request.args),
    },
  };
  const plugin: Endpoint = {
    version: '1.10',
    methods: {
      tunnel_sync: (request) => tunnelSync(store, publisher, request.args),
      get_devices_details_list_and_failed_devices: ({ args }) => devices.details(strings(args.devices), hostOf(args)),
      update_device_list: ({ args }) =>
        devices.updateList({
          devicesUp: strings(args.devices_up),
          devicesDown: strings(args.devices_down),
          host: hostOf(args),
          refreshTunnels: args.refresh_tunnels === true,
        }),
      update_device_up: async ({ args }) => {
        await devices.up(textOf(args, 'device'), hostOf(args), args.refresh_tunnels === true);
        return null;
      },
      update_device_down: ({ args }) => devices.down(textOf(args, 'device'), hostOf(args)),
      get_network_details: ({ args }) => networkDetails(store, args),
    },
  };
  const resources: Endpoint = { version: '1.1', methods: { bulk_pull: (request) => bulkPull(store, request) } };
  return new Map([
    [REPORTS_TOPIC, [reports]],
    [PLUGIN_TOPIC, [plugin, resources]],
  ]);
}

/** "new", "alive", "revived"; null for a report from before our start, which may be a leftover in the queue. */
async function reportState(options: RpcMethodsOptions, args: JsonObject): Promise<JsonValue> {
  const reportedAt = parseNaiveUtc(args.time);
  if (reportedAt === undefined) throw invalid(`time ${show(args.time)} is not %Y-%m-%dT%H:%M:%S.%f`);
  if (reportedAt < options.startedAt) return null;
  const state = objectOf(objectOf(args, 'agent_state'), 'agent_state');
  const now = options.now();
  const before = await options.store.agents.report(
    {
      host: textOf(state, 'host'),
      agentType: textOf(state, 'agent_type'),
      binary: textOf(state, 'binary'),
      topic: textOf(state, 'topic'),
      configurations: objectOf(state, 'configurations'),
      started: state.start_flag === true,
    },
    now,
  );
  if (before === undefined) return 'new';
  return now.getTime() - before.heartbeatAt.getTime() > options.agentDownTime ? 'revived' : 'alive';
}

async function tunnelSync(store: Store, publisher: Publisher, args: JsonObject): Promise<JsonValue> {
  const ip = parseIp(args.tunnel_ip);
  if (ip === undefined) throw invalid(`tunnel_ip ${show(args.tunnel_ip)} is not an IP address`);
  const type = parseTunnelType(args.tunnel_type);
  if (type === undefined) throw invalid(`tunnel_type ${show(args.tunnel_type)} is not gre, vxlan or geneve`);
  const host = typeof args.host === 'string' && args.host !== '' ? args.host : undefined;
  const { endpoints, forget } = await store.endpoints.register(type, ip, host);
  await publisher.publish([...(forget === undefined ? [] : [tunnelDelete(forget, type)]), tunnelUpdate(ip, type)]);
  return { tunnels: endpoints.map(tunnelDictionary) };
}

function tunnelDictionary(endpoint: TunnelEndpoint): JsonObject {
  return {
    ip_address: endpoint.ip,
    ...(endpoint.udpPort === undefined ? {} : { udp_port: endpoint.udpPort }),
    host: endpoint.host ?? null,
  };
}

/** Objects that are not there are left out. */
function bulkPull(store: Store, { args }: RpcRequest): JsonValue {
  const ids = args.filter_kwargs === undefined ? undefined : objectOf(args, 'filter_kwargs').id;
  switch (`${show(args.resource_type)} ${show(args.version)}`) {
    case '"Port" "1.7"':
      return pick(ids, parsePortId, store.ports).map(portObject);
    case '"Network" "1.1"':
      return pick(ids, parseNetworkId, store.networks).map(networkObject);
    default:
      throw invalid(`${show(args.resource_type)} ${show(args.version)} is neither Port 1.7 nor Network 1.1`);
  }
}

/** The objects with these ids, or all if no ids are given. */
function pick<Id, T>(
  ids: JsonValue | undefined,
  parse: (text: string) => Id | undefined,
  from: { get(id: Id): T | undefined; all(): T[] },
): T[] {
  if (ids === undefined) return from.all();
  const found = strings(ids).map((text) => {
    const id = parse(text);
    return id === undefined ? undefined : from.get(id);
  });
  return found.filter((object) => object !== undefined);
}

function networkDetails(store: Store, args: JsonObject): JsonValue {
  const id = parseNetworkId(args.network);
  const network = id === undefined ? undefined : store.networks.get(id);
  if (network === undefined) {
    throw new RpcFailure(
      'NetworkNotFound',
      `Network ${show(args.network)} could not be found.`,
      'neutron_lib.exceptions',
    );
  }
  return networkDictionary(network);
}

/** oslo's `strtime`: UTC without a zone, six digits of seconds, of which milliseconds are kept. */
export function parseNaiveUtc(value: JsonValue | undefined): Date | undefined {
  if (typeof value !== 'string' || !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?$/.test(value)) return undefined;
  const date = new Date(`${value}Z`);
  return Number.isNaN(date.getTime()) ? undefined : date;
}

function hostOf(args: JsonObject): string {
  return textOf(args, 'host');
}

function textOf(args: JsonObject, key: string): string {
  const value = args[key];
  if (typeof value !== 'string') throw invalid(`${key} is ${show(value)}, not a string`);
  return value;
}

function objectOf(args: JsonObject, key: string): JsonObject {
  const value = args[key];
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(`${key} is ${show(value)}, not an object`);
  }
  return value as JsonObject;
}

function show(value: JsonValue | undefined): string {
  return value === undefined ? 'missing' : JSON.stringify(value);
}

function invalid(reason: string): RpcFailure {
  return new RpcFailure('InvalidInput', `Invalid input for operation: ${reason}.`, 'neutron_lib.exceptions');
}
