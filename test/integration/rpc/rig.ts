/** A private broker with clients and servers on it, and a log that can be looked into. */

import { randomUUID } from 'node:crypto';
import { type ChannelModel, connect } from 'amqplib';
import { pino } from 'pino';
import { type LabBroker, startBroker } from '../../../lab/broker.ts';
import { RunDirectory } from '../../../lab/run-directory.ts';
import { RPC_DEFAULTS } from '../../../lab/server/rpc-config.ts';
import { waitFor } from '../../../lab/wait.ts';
import type { RpcConfig } from '../../../src/config/config.ts';
import { RpcClient } from '../../../src/rpc/client.ts';
import { RpcServer } from '../../../src/rpc/server.ts';
import type { Delivery, LinkEvent, RpcClientOptions, RpcIds, RpcServerOptions } from '../../../src/rpc/types.ts';

export { waitFor };

export const FDB = 'q-agent-notifier-l2population-update';
/** The six notification topics of an agent. */
export const TOPICS = [
  FDB,
  'q-agent-notifier-tunnel-update',
  'q-agent-notifier-tunnel-delete',
  'q-agent-notifier-port-update',
  'q-agent-notifier-port-delete',
  'q-agent-notifier-binding-activate',
];

export type LogLine = Record<string, unknown> & { level: number; msg: string };

export function hex(): string {
  return randomUUID().replaceAll('-', '');
}

export function ids(): RpcIds {
  return { uniqueId: hex, requestId: () => `req-${randomUUID()}` };
}

export function recordingLog() {
  const lines: LogLine[] = [];
  const log = pino({ level: 'debug' }, { write: (line: string) => lines.push(JSON.parse(line) as LogLine) });
  return { log, lines, withMessage: (text: string) => lines.filter((line) => line.msg.includes(text)) };
}

/** A client that remembers what it got. Deliveries are acknowledged at once unless `hold`. */
export class TestClient {
  readonly client: RpcClient;
  readonly deliveries: Delivery[] = [];
  readonly events: LinkEvent[] = [];
  readonly missing: string[] = [];
  readonly logged = recordingLog();
  hold = false;

  constructor(config: RpcConfig, host: string, overrides: Partial<RpcClientOptions> = {}) {
    this.client = new RpcClient({
      config,
      host,
      log: this.logged.log,
      topics: TOPICS,
      byName: [FDB],
      ids: ids(),
      now: () => new Date(),
      onDelivery: (delivery) => {
        this.deliveries.push(delivery);
        if (!this.hold) delivery.ack();
      },
      onLink: (event) => this.events.push(event),
      onMissing: (topic) => this.missing.push(topic),
      ...overrides,
    });
  }

  get methods(): string[] {
    return this.deliveries.map((delivery) => delivery.request.method);
  }

  /** Starts and waits for the first `up`; returns it. */
  async up(): Promise<Extract<LinkEvent, { kind: 'up' }>> {
    this.client.start();
    return await this.nextUp(0);
  }

  /** The first `up` after `seen` events. */
  async nextUp(seen: number): Promise<Extract<LinkEvent, { kind: 'up' }>> {
    return await waitFor('an up', () => this.events.slice(seen).find((event) => event.kind === 'up'));
  }

  async received(count: number): Promise<void> {
    await waitFor(`${count} deliveries`, () => this.deliveries.length >= count);
  }
}

export class Rig {
  readonly broker: LabBroker;
  readonly run: RunDirectory;
  readonly #closers: (() => Promise<void>)[] = [];

  private constructor(run: RunDirectory, broker: LabBroker) {
    this.run = run;
    this.broker = broker;
  }

  static async start(): Promise<Rig> {
    const run = RunDirectory.createForTest();
    return new Rig(run, await startBroker({ dir: run.path }));
  }

  /** For a broker that was started in another way; who started it ends it. */
  static around(run: RunDirectory, broker: LabBroker): Rig {
    return new Rig(run, broker);
  }

  config(overrides: Partial<RpcConfig> = {}): RpcConfig {
    return {
      brokers: [{ host: '127.0.0.1', port: this.broker.port, username: 'guest', password: 'guest' }],
      virtualHost: '/',
      ...RPC_DEFAULTS,
      responseTimeout: 20_000,
      hostname: 'machine',
      processname: 'l2pop-agent',
      retryInterval: 0.1,
      retryBackoff: 0.1,
      intervalMax: 0.5,
      ...overrides,
    };
  }

  client(host: string, config = this.config(), overrides: Partial<RpcClientOptions> = {}): TestClient {
    const client = new TestClient(config, host, overrides);
    this.#closers.push(() => client.client.close());
    return client;
  }

  async server(dispatch: RpcServerOptions['dispatch'], topics = ['q-plugin'], config = this.config()) {
    const logged = recordingLog();
    const options = { config, host: 'server', log: logged.log, topics, ids: ids(), now: () => new Date(), dispatch };
    const server = new RpcServer(options);
    this.#closers.push(() => server.close());
    await server.start();
    return { server, logged };
  }

  /** amqplib without anything of ours around it. */
  async raw(): Promise<ChannelModel> {
    const model = await connect({ hostname: '127.0.0.1', port: this.broker.port });
    model.on('error', () => undefined);
    this.#closers.push(() => model.close().catch(() => undefined));
    return model;
  }

  /** Ends clients and servers and empties the broker, for the next test. */
  async reset(): Promise<void> {
    await Promise.all(this.#closers.splice(0).map((close) => close()));
    await this.broker.ctl(
      'eval',
      '[rabbit_amqqueue:delete(Q, false, false, <<"test">>) || Q <- rabbit_amqqueue:list()].',
    );
  }

  /** Their properties belong to the mode of a test. */
  async deleteExchanges(): Promise<void> {
    await this.broker.ctl(
      'eval',
      '[rabbit_exchange:delete(element(2, X), false, <<"test">>) || X <- rabbit_exchange:list(), not lists:prefix("amq.", binary_to_list(element(4, element(2, X)))), element(4, element(2, X)) =/= <<>>].',
    );
  }

  async queues(...columns: string[]): Promise<string[][]> {
    return await this.#list('list_queues', 'name', ...columns);
  }

  async exchanges(...columns: string[]): Promise<string[][]> {
    return (await this.#list('list_exchanges', 'name', ...columns)).filter(([name = '']) => !/^(amq\..*)?$/.test(name));
  }

  async #list(...command: string[]): Promise<string[][]> {
    const [what = '', ...columns] = command;
    const text = await this.broker.ctl('--silent', what, '--no-table-headers', ...columns);
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split('\t'))
      .sort();
  }

  async close(): Promise<void> {
    await Promise.all(this.#closers.splice(0).map((close) => close()));
    await this.run.remove();
  }
}
