/**
 * The server side of the RPC, scripted: answers what an agent asks from what the test says, publishes what the test wants
 * to be heard, and remembers every request. Where a test needs ML2's own rules it uses the lab server instead.
 */
import { randomUUID } from 'node:crypto';
import { type ChannelModel, type ConfirmChannel, connect } from 'amqplib';
import type { Logger } from 'pino';
import { waitFor } from '../../../lab/wait.ts';
import type { RpcConfig } from '../../../src/config/config.ts';
import { L2POPULATION_TOPIC, REPORTS_TOPIC, SERVER_TOPIC } from '../../../src/neutron/topics.ts';
import { RpcServer } from '../../../src/rpc/server.ts';
import type { JsonObject, JsonValue, RpcRequest } from '../../../src/rpc/types.ts';
import { type Port, portObject } from './port-object.ts';

export interface Call {
  readonly topic: string;
  readonly method: string;
  readonly version: string;
  readonly args: JsonObject;
}

export interface DeviceUpdate {
  readonly up: readonly string[];
  readonly down: readonly string[];
  readonly refresh: boolean;
}

/** One VTEP's entries of a network; `'flood'` is the flooding entry. */
export type Entries = readonly ('flood' | readonly [mac: string, ip: string])[];

export class ServerDouble {
  /** Everything that was asked, oldest first; `report_state` and `has_alive_neutron_server` too. */
  readonly calls: Call[] = [];
  /** What `bulk_pull` knows, by port id. */
  readonly ports = new Map<string, Port>();
  /** What `tunnel_sync` answers, by tunnel type; the asking host is added. */
  readonly endpoints = new Map<string, Set<string>>();
  /** Answers `report_state`. */
  verdict: 'new' | 'alive' | 'revived' = 'alive';
  /** Done before `update_device_list` is answered: what is published here is in the queues before the reply. */
  onUpdate: (update: DeviceUpdate) => Promise<void> = () => Promise.resolve();
  /** Done after `report_state` is answered. */
  onReport: () => void = () => undefined;
  /** Done before `bulk_pull` is answered. */
  onPull: (ids: readonly string[]) => Promise<void> = () => Promise.resolve();
  readonly #config: RpcConfig;
  readonly #log: Logger;
  #server: RpcServer | undefined;
  #raw: { readonly model: ChannelModel; readonly channel: ConfirmChannel } | undefined;

  constructor(config: RpcConfig, log: Logger) {
    this.#config = config;
    this.#log = log;
  }

  async start(): Promise<void> {
    this.#server = new RpcServer({
      config: this.#config,
      host: 'server',
      log: this.#log,
      topics: [SERVER_TOPIC, REPORTS_TOPIC],
      ids: { uniqueId: () => randomUUID().replaceAll('-', ''), requestId: () => `req-${randomUUID()}` },
      now: () => new Date(),
      dispatch: (topic, request) => this.#answer(topic, request),
    });
    await this.#server.start();
  }

  async stop(): Promise<void> {
    await this.#raw?.model.close().catch(() => undefined);
    this.#raw = undefined;
    await this.#server?.close();
    this.#server = undefined;
  }

  /** Forgets everything that a test has said or heard. */
  clear(): void {
    this.calls.length = 0;
    this.ports.clear();
    this.endpoints.clear();
    this.verdict = 'alive';
    this.onUpdate = () => Promise.resolve();
    this.onPull = () => Promise.resolve();
    this.onReport = () => undefined;
  }

  /** The requests of one method. */
  asked(method: string): JsonObject[] {
    return this.calls.filter((call) => call.method === method).map(({ args }) => args);
  }

  /** Every `update_device_list`, in short. */
  get updates(): DeviceUpdate[] {
    return this.asked('update_device_list').map(toUpdate);
  }

  /** Waits until the agent has said that a device is up, or down. */
  async told(direction: 'up' | 'down', port: string): Promise<void> {
    await waitFor(`the agent to report ${port} ${direction}`, () =>
      this.updates.some((update) => update[direction].includes(port)),
    );
  }

  async fanout(topic: string, method: string, args: JsonObject): Promise<void> {
    await this.#running().fanout(topic, method, args, { version: '1.0' });
  }

  async byName(host: string, topic: string, method: string, args: JsonObject): Promise<void> {
    await this.#running().cast(`${topic}.${host}`, method, args, { version: '1.0' });
  }

  /** An `add_fdb_entries` or `remove_fdb_entries` to everybody; to one host with `host`. */
  async fdb(
    kind: 'add' | 'remove',
    port: Pick<Port, 'network' | 'type' | 'segmentationId'>,
    byVtep: Readonly<Record<string, Entries>>,
    host?: string,
  ): Promise<void> {
    const ports = Object.fromEntries(Object.entries(byVtep).map(([vtep, entries]) => [vtep, entries.map(onTheWire)]));
    const { network, type, segmentationId } = port;
    const args = { fdb_entries: { [network]: { network_type: type, segment_id: segmentationId, ports } } };
    if (host === undefined) await this.fanout(L2POPULATION_TOPIC, `${kind}_fdb_entries`, args);
    else await this.byName(host, L2POPULATION_TOPIC, `${kind}_fdb_entries`, args);
  }

  /** A body as it is, no envelope added. Resolves when the broker has it. */
  async publish(exchange: string, routingKey: string, body: string, properties: object = {}): Promise<void> {
    const channel = await this.#channel();
    channel.publish(exchange, routingKey, Buffer.from(body), { contentType: 'application/json', ...properties });
    await channel.waitForConfirms();
  }

  /** Consumes a queue so that nobody else can; the result ends that. */
  async occupy(name: string): Promise<() => Promise<unknown>> {
    const channel = await this.#channel();
    const { consumerTag } = await channel.consume(name, () => undefined, { exclusive: true });
    return () => channel.cancel(consumerTag);
  }

  async deleteQueues(names: readonly string[]): Promise<void> {
    const channel = await this.#channel();
    for (const name of names) await channel.deleteQueue(name);
  }

  async #channel(): Promise<ConfirmChannel> {
    if (this.#raw === undefined) {
      const [broker] = this.#config.brokers;
      const model = await connect({ hostname: broker?.host ?? '', port: broker?.port ?? 0 });
      model.on('error', () => undefined);
      model.on('close', () => {
        this.#raw = undefined;
      });
      this.#raw = { model, channel: await model.createConfirmChannel() };
    }
    return this.#raw.channel;
  }

  #running(): RpcServer {
    if (this.#server === undefined) throw new Error('the server double is not running');
    return this.#server;
  }

  async #answer(topic: string, { method, version, args }: RpcRequest): Promise<JsonValue> {
    this.calls.push({ topic, method, version, args });
    switch (method) {
      case 'has_alive_neutron_server':
        return true;
      case 'report_state': {
        const { verdict } = this;
        this.onReport();
        return verdict;
      }
      case 'tunnel_sync':
        return this.#tunnelSync(args);
      case 'bulk_pull':
        return await this.#bulkPull(args);
      case 'update_device_list':
        return await this.#updateDevices(toUpdate(args));
      default:
        throw new Error(`the server double has no ${method}`);
    }
  }

  #tunnelSync({ tunnel_type, tunnel_ip, host }: JsonObject): JsonValue {
    const others = [...(this.endpoints.get(String(tunnel_type)) ?? [])].map((ip) => ({ ip_address: ip, host: ip }));
    return { tunnels: [{ ip_address: tunnel_ip ?? '', host: host ?? '' }, ...others] };
  }

  async #bulkPull({ filter_kwargs }: JsonObject): Promise<JsonValue> {
    const ids = (filter_kwargs as { id: string[] }).id;
    await this.onPull(ids);
    return ids.flatMap((id) => {
      const port = this.ports.get(id);
      return port === undefined ? [] : [portObject(port)];
    });
  }

  async #updateDevices(update: DeviceUpdate): Promise<JsonValue> {
    await this.onUpdate(update);
    this.#setStatus(update.up, 'ACTIVE');
    this.#setStatus(update.down, 'DOWN');
    return {
      devices_up: update.up.filter((id) => this.ports.has(id)),
      failed_devices_up: update.up.filter((id) => !this.ports.has(id)),
      devices_down: update.down.map((device) => ({ device, exists: this.ports.has(device) })),
      failed_devices_down: [],
    };
  }

  #setStatus(ids: readonly string[], status: Port['status']): void {
    for (const id of ids) {
      const port = this.ports.get(id);
      if (port !== undefined) this.ports.set(id, { ...port, status });
    }
  }
}

function toUpdate(args: JsonObject): DeviceUpdate {
  const { devices_up, devices_down, refresh_tunnels } = args as unknown as {
    devices_up: string[];
    devices_down: string[];
    refresh_tunnels: boolean;
  };
  return { up: devices_up, down: devices_down, refresh: refresh_tunnels };
}

function onTheWire(entry: Entries[number]): JsonValue {
  return entry === 'flood' ? ['00:00:00:00:00:00', '0.0.0.0'] : [...entry];
}
