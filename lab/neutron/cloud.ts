/**
 * A cloud with the real neutron-server in one run directory: simulated hosts, and on each our agent or the reference.
 *
 *     root namespace       neutron-server ── MariaDB (mariadb.sock); REST on 127.0.0.1
 *     l2p-ID-underlay      RabbitMQ, bridges `mgmt` and `underlay`
 *     l2p-ID-hostN         l2pop-agent or neutron-openvswitch-agent, ovsdb-server, ovs-vswitchd
 *     l2p-ID-hostN-NAME    a VM
 *
 * `neutron.json` in the run directory is there when everything is up, and says what a later process must know.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts, type LabBroker } from '../broker.ts';
import { Cloud } from '../cloud.ts';
import { Host } from '../host.ts';
import type { RunDirectory } from '../run-directory.ts';
import { mergeSettings, type Settings } from '../settings.ts';
import { Vm, type VmSpec } from '../vm.ts';
import { waitFor } from '../wait.ts';
import { Database } from './database.ts';
import { type AgentKind, HostAgent } from './host-agent.ts';
import type { Rest } from './rest.ts';
import type { AgentRecord, Port } from './rest-types.ts';
import { NeutronServer } from './server.ts';

export interface NeutronCloudOptions {
  /** Number of hosts; 2 by default. */
  readonly hosts?: number;
  /** Which agent runs on which host, by the host's number: `{ 1: 'ours', 2: 'reference' }`. Default: none is started. */
  readonly agents?: Readonly<Record<number, AgentKind>>;
  /** Version of IP that tunnels run over; 4 by default. */
  readonly overlayIpVersion?: 4 | 6;
  /** Added to the configuration files of every host. */
  readonly settings?: Settings;
  /** Added to the server's neutron.conf. */
  readonly serverSettings?: Settings;
  /** Told when a part is up. */
  readonly onProgress?: (what: string) => void;
}

interface Facts {
  readonly hosts: number;
  readonly overlayIpVersion: 4 | 6;
  readonly restPort: number;
  readonly brokerUrl: string;
}

/** A VM and the port it was booted for. */
export interface PluggedVm {
  readonly vm: Vm;
  readonly port: Port;
  /** The port's first addresses, without prefix length. */
  readonly ipv4: string;
  readonly ipv6: string;
}

export class NeutronCloud {
  readonly run: RunDirectory;
  readonly hosts: readonly Host[];
  readonly database: Database;
  readonly server: NeutronServer;
  readonly #facts: Facts;
  readonly #cloud: Cloud | undefined;

  private constructor(run: RunDirectory, facts: Facts, cloud: Cloud | undefined) {
    this.run = run;
    this.hosts = cloud?.hosts ?? Array.from({ length: facts.hosts }, (_, i) => Host.of(run, i + 1));
    this.database = Database.of(run);
    this.server = NeutronServer.of(run, facts.restPort);
    this.#facts = facts;
    this.#cloud = cloud;
  }

  /** Everything that was asked for is up when this resolves, the agents alive at the server; when it rejects, nothing is. */
  static async up(run: RunDirectory, options: NeutronCloudOptions = {}): Promise<NeutronCloud> {
    try {
      return await NeutronCloud.#bringUp(run, options);
    } catch (error) {
      await run.takeDown();
      throw error;
    }
  }

  /** The cloud of a run that is up; `undefined` when it is none of these. What needs the broker's object throws. */
  static of(run: RunDirectory): NeutronCloud | undefined {
    const file = factsFile(run);
    if (!existsSync(file)) return undefined;
    return new NeutronCloud(run, JSON.parse(readFileSync(file, 'utf8')) as Facts, undefined);
  }

  static async #bringUp(run: RunDirectory, options: NeutronCloudOptions): Promise<NeutronCloud> {
    const progress = options.onProgress ?? (() => undefined);
    const { hosts = 2, agents = {}, overlayIpVersion = 4, settings = {}, serverSettings = {} } = options;
    const [restPort = 0] = await freePorts(1);
    const cloudUp = Cloud.up(run, { hosts, server: false, agents: false, onProgress: progress });
    // The schema needs the server's configuration but no broker.
    const schema = async (database: Database) =>
      await NeutronServer.configure(run, { transportUrl: 'fake:', database, port: restPort }).makeSchema();
    const databaseUp = Database.start(run, schema);
    const [cloudResult, databaseResult] = await Promise.allSettled([cloudUp, databaseUp]);
    if (cloudResult.status === 'rejected') throw cloudResult.reason;
    if (databaseResult.status === 'rejected') throw databaseResult.reason;
    progress('MariaDB');
    const cloud = cloudResult.value;
    const facts: Facts = { hosts, overlayIpVersion, restPort, brokerUrl: cloud.transportUrlFromOutside };
    const server = NeutronServer.configure(run, {
      transportUrl: facts.brokerUrl,
      database: databaseResult.value,
      port: restPort,
      settings: mergeSettings({ ml2: { overlay_ip_version: String(overlayIpVersion) } }, serverSettings),
    });
    await server.start();
    progress(`neutron-server, ${server.rest.url}`);
    const neutron = new NeutronCloud(run, facts, cloud);
    for (const host of neutron.hosts) {
      const ovs = { local_ip: neutron.vtep(host) };
      new HostAgent(host).configure(cloud.transportUrl, mergeSettings({ ovs }, settings));
    }
    await Promise.all(
      Object.entries(agents).map(async ([index, kind]) => {
        await neutron.agent(Number(index)).start(kind);
        await neutron.waitAlive(Number(index));
        progress(`${kind === 'ours' ? 'l2pop-agent' : 'neutron-openvswitch-agent'} on host${index}`);
      }),
    );
    writeFileSync(factsFile(run), `${JSON.stringify(facts)}\n`);
    return neutron;
  }

  /** By number, from 1, as in its name. */
  host(index: number): Host {
    const host = this.hosts[index - 1];
    if (host === undefined) throw new Error(`there is no host ${index}; there are ${this.hosts.length}`);
    return host;
  }

  /** By the number of its host. */
  agent(index: number): HostAgent {
    return new HostAgent(this.host(index));
  }

  /** The address of a host's tunnels. */
  vtep(host: Host): string {
    return this.#facts.overlayIpVersion === 4 ? host.vtep.ipv4 : host.vtep.ipv6;
  }

  get rest(): Rest {
    return this.server.rest;
  }

  /** Only where the cloud was brought up, not in a later process. */
  get broker(): LabBroker {
    if (this.#cloud === undefined) throw new Error('the broker belongs to the process that brought the cloud up');
    return this.#cloud.broker;
  }

  get brokerUrl(): string {
    return this.#facts.brokerUrl;
  }

  /** The agent of a host as the server sees it; `undefined` when it has never reported. */
  async agentRecord(index: number): Promise<AgentRecord | undefined> {
    const records = await this.rest.agents({ host: this.host(index).name });
    return records.find(({ agent_type }) => agent_type === 'Open vSwitch agent');
  }

  /** Until the server has heard from the agent since it was last started. */
  async waitAlive(index: number): Promise<AgentRecord> {
    const started = this.agent(index).startedAt;
    return await waitFor(
      `host${index}'s agent to be alive at the server`,
      async () => {
        const record = await this.agentRecord(index);
        // Whole seconds of UTC.
        const heard = Date.parse(`${record?.heartbeat_timestamp.replace(' ', 'T')}Z`);
        return record?.alive === true && heard >= Math.floor(started / 1000) * 1000 && record;
      },
      { timeout: 60_000, interval: 100 },
    );
  }

  /**
   * Boots a VM for a port as Nova does: the port gets bound to the host first (unless it is, or `bind` says no), then the
   * device is plugged. Nothing is waited for; see {@link waitActive}.
   */
  async boot(
    index: number,
    port: Pick<Port, 'id'>,
    { bind = true, ...spec }: Partial<Omit<VmSpec, 'portId'>> & { readonly bind?: boolean } = {},
  ): Promise<PluggedVm> {
    const host = this.host(index);
    let facts = await this.rest.port(port.id);
    if (bind && facts['binding:host_id'] !== host.name) {
      facts = await this.rest.updatePort(port.id, {
        'binding:host_id': host.name,
        device_owner: facts.device_owner || 'compute:nova',
      });
    }
    const [network, subnets] = [
      (await this.rest.networks()).find(({ id }) => id === facts.network_id),
      await this.rest.subnets({ network_id: facts.network_id }),
    ];
    const prefix = (subnetId: string) => subnets.find(({ id }) => id === subnetId)?.cidr.split('/')[1] ?? '';
    const vm = await Vm.boot(host, {
      name: facts.name === '' ? port.id.slice(0, 8) : facts.name,
      mac: facts.mac_address,
      addresses: facts.fixed_ips.map(({ ip_address, subnet_id }) => `${ip_address}/${prefix(subnet_id)}`),
      ...(network === undefined ? {} : { mtu: network.mtu }),
      ...spec,
      portId: port.id,
    });
    const ips = facts.fixed_ips.map(({ ip_address }) => ip_address);
    const first = (isWanted: (ip: string) => boolean) => ips.find(isWanted) ?? '';
    return { vm, port: facts, ipv4: first((ip) => !ip.includes(':')), ipv6: first((ip) => ip.includes(':')) };
  }

  /** Until all these ports are ACTIVE. */
  async waitActive(...ports: readonly Pick<Port, 'id'>[]): Promise<void> {
    await this.waitStatus('ACTIVE', ...ports);
  }

  async waitStatus(status: Port['status'], ...ports: readonly Pick<Port, 'id'>[]): Promise<void> {
    const wanted = new Set(ports.map(({ id }) => id));
    await waitFor(
      `${wanted.size} port(s) to be ${status}`,
      async () => {
        const there = await this.database.query(`SELECT id FROM ports WHERE status = '${status}'`);
        return [...wanted].every((id) => there.some(([one]) => one === id));
      },
      { timeout: 60_000, interval: 50 },
    );
  }

  /** Ends and deletes everything; the run directory and its logs stay. */
  async down(): Promise<void> {
    await this.run.takeDown();
  }
}

/** One ping each of IPv4 and IPv6 answered, tried until both are: flows may still be on their way. */
export async function waitReachable(from: PluggedVm, to: PluggedVm): Promise<void> {
  for (const address of [to.ipv4, to.ipv6].filter((one) => one !== '')) {
    await waitFor(`${from.vm.name} to reach ${to.vm.name} at ${address}`, async () => {
      const { received } = await from.vm.ping(address, { count: 1, wait: 0.5 });
      return received === 1;
    });
  }
}

function factsFile(run: RunDirectory): string {
  return join(run.path, 'neutron.json');
}
