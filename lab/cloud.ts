/**
 * A small cloud in one run directory: hosts, a broker, the lab server and an agent a host, each as far as wanted.
 *
 *     root namespace       lab server ──┐ (admin socket: server/admin.sock)
 *     l2p-ID-underlay      broker ──────┤ bridges `mgmt` and `underlay`
 *     l2p-ID-hostN         agent ───────┘ ovsdb-server, ovs-vswitchd
 *     l2p-ID-hostN-NAME    a VM
 */
import { join, resolve } from 'node:path';
import { Agent, type Settings } from './agent.ts';
import { type LabBroker, startBroker } from './broker.ts';
import { Host } from './host.ts';
import { type Daemon, startDaemon } from './processes.ts';
import type { RunDirectory } from './run-directory.ts';
import { AdminClient } from './server/admin-client.ts';
import { MGMT_ADDRESS, Underlay } from './underlay.ts';

export interface CloudOptions {
  /** Number of hosts; 3 by default. */
  readonly hosts?: number;
  /** Each needs the one before it; default true. */
  readonly broker?: boolean;
  readonly server?: boolean;
  readonly agents?: boolean;
  /** Neutron options of every agent, added to what the lab sets. */
  readonly settings?: Settings;
  /** Arguments for the lab server: `['--l2population', 'false']`. */
  readonly serverArguments?: readonly string[];
  /** Told when a part is up. */
  readonly onProgress?: (what: string) => void;
}

export class Cloud {
  readonly run: RunDirectory;
  readonly underlay: Underlay;
  readonly hosts: readonly Host[];
  readonly #options: CloudOptions;
  #broker: LabBroker | undefined;
  #server: Daemon | undefined;
  #agents: readonly Agent[] = [];

  private constructor(run: RunDirectory, underlay: Underlay, hosts: readonly Host[], options: CloudOptions) {
    this.run = run;
    this.underlay = underlay;
    this.hosts = hosts;
    this.#options = options;
  }

  /** Everything that was asked for is up and ready when this resolves; when it rejects, nothing is. */
  static async up(run: RunDirectory, options: CloudOptions = {}): Promise<Cloud> {
    try {
      return await Cloud.#bringUp(run, options);
    } catch (error) {
      await run.takeDown();
      throw error;
    }
  }

  static async #bringUp(run: RunDirectory, options: CloudOptions): Promise<Cloud> {
    const progress = options.onProgress ?? (() => undefined);
    const underlay = await Underlay.create(run);
    const indexes = Array.from({ length: options.hosts ?? 3 }, (_, i) => i + 1);
    const hostsUp = indexes.map((index) => Host.up(run, underlay, index));
    const brokerUp = options.broker === false ? undefined : brokerIn(run, underlay);
    // It is waited for below, but may fail before.
    brokerUp?.catch(() => undefined);
    try {
      const cloud = new Cloud(run, underlay, await Promise.all(hostsUp), options);
      await cloud.#meetNeighbours();
      progress(`${cloud.hosts.length} hosts with an Open vSwitch each`);
      await cloud.#bringUpControl(brokerUp, progress);
      return cloud;
    } finally {
      // When one fails the others are waited for too: nothing must start after the clean-up.
      await Promise.allSettled([...hostsUp, brokerUp]);
    }
  }

  async #bringUpControl(brokerUp: Promise<LabBroker> | undefined, progress: (what: string) => void): Promise<void> {
    this.#broker = await brokerUp;
    if (this.#broker === undefined) return;
    progress('RabbitMQ');
    if (this.#options.server === false) return;
    await this.startServer();
    progress('lab server');
    if (this.#options.agents === false) return;
    await this.startAgents();
    progress('l2pop-agent on every host');
  }

  /** By number, from 1, as in its name. */
  host(index: number): Host {
    return at(this.hosts, index, 'host');
  }

  /** By the number of its host. */
  agent(index: number): Agent {
    return at(this.#agents, index, 'agent');
  }

  get broker(): LabBroker {
    if (this.#broker === undefined) throw new Error('this cloud has no broker');
    return this.#broker;
  }

  /** The server's requests: networks, ports, bindings. */
  get admin(): AdminClient {
    return new AdminClient(this.#adminSocket);
  }

  /** How the hosts reach the broker. */
  get transportUrl(): string {
    return `rabbit://guest:guest@${MGMT_ADDRESS}:${this.broker.port}/`;
  }

  /** How this process, in the root namespace, reaches the broker. */
  get transportUrlFromOutside(): string {
    return `rabbit://guest:guest@${this.underlay.address}:${this.broker.port}/`;
  }

  async startServer(): Promise<void> {
    const directory = this.run.directory('server');
    this.#server = await startDaemon(this.run.path, {
      name: 'lab-server',
      command: [
        ...[process.execPath, join(import.meta.dirname, 'server', 'main.ts'), ...(this.#options.serverArguments ?? [])],
        ...['--transport-url', this.transportUrlFromOutside, '--database', join(directory, 'server.db')],
        ...['--admin-socket', this.#adminSocket],
      ],
      ready: async () => (await this.admin.status()).pid > 0,
    });
  }

  /** The database is kept: {@link startServer} goes on with it. */
  async stopServer(): Promise<void> {
    await this.#server?.stop();
  }

  async startAgents(): Promise<void> {
    const { settings = {} } = this.#options;
    const options = { transportUrl: this.transportUrl, settings };
    this.#agents = await Promise.all(this.hosts.map((host) => Agent.start(host, options)));
  }

  /** Ends and deletes everything; the run directory and its logs stay. */
  async down(): Promise<void> {
    await this.run.takeDown();
  }

  get #adminSocket(): string {
    return resolve(this.run.path, 'server', 'admin.sock');
  }

  /** Userspace tunnelling drops the first packet to a VTEP whose MAC it does not know; a ping between the hosts teaches it. */
  async #meetNeighbours(): Promise<void> {
    const pairs = this.hosts.flatMap((from) => this.hosts.filter((to) => to !== from).map((to) => ({ from, to })));
    await Promise.all(
      pairs.flatMap(({ from, to }) =>
        [to.vtep.ipv4, to.vtep.ipv6].map((address) => from.exec(['ping', '-q', '-c', '1', '-W', '5', address])),
      ),
    );
  }
}

async function brokerIn(run: RunDirectory, underlay: Underlay): Promise<LabBroker> {
  const listeners = [underlay.address, MGMT_ADDRESS];
  return await startBroker({ dir: run.path, namespace: underlay.namespace, listeners });
}

function at<T>(list: readonly T[], index: number, what: string): T {
  const one = list[index - 1];
  if (one === undefined) throw new Error(`there is no ${what} ${index}; there are ${list.length}`);
  return one;
}
