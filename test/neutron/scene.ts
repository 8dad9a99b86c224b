/**
 * A cloud with the real neutron-server for one test file: what a scenario does to networks and VMs, in words, and the checks
 * that every scenario makes: pings, both ends' flows, and no ACTIVE port that left ACTIVE because of us.
 */
import PQueue from 'p-queue';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { NeutronCloud, type NeutronCloudOptions, type PluggedVm, waitReachable } from '../../lab/neutron/cloud.ts';
import type { AgentKind } from '../../lab/neutron/host-agent.ts';
import type { Network, Port, PortRequest, Subnet, TunnelNetworkType } from '../../lab/neutron/rest-types.ts';
import { StatusWatch } from '../../lab/neutron/status-watch.ts';
import { type CloudFacts, expectedFlows } from '../../lab/oracle/expected-flows.ts';
import { namesOf, normalFlows } from '../../lab/oracle/normal-flows.ts';
import { type Row, rows } from '../../lab/oracle/ovsdb-rows.ts';
import { dump, readRows } from '../../lab/oracle/read-switch.ts';
import { RunDirectory } from '../../lab/run-directory.ts';
import { waitFor } from '../../lab/wait.ts';
import { TUNNEL_INTERFACE_TYPES } from '../../src/tunnel/ports.ts';
import { DIFFERENCES } from '../integration/golden/differences.ts';
import type { Bridge } from '../integration/golden/recording.ts';

export const TUNNEL_TYPES: readonly TunnelNetworkType[] = ['vxlan', 'gre', 'geneve'];
const BRIDGES: readonly Bridge[] = ['br-tun', 'br-int'];

/** By host, agent and bridge, in normal form. */
type FlowsByBridge = Record<string, string[]>;

export interface SceneNetwork {
  readonly network: Network;
  readonly ipv4: Subnet;
  readonly ipv6: Subnet;
}

type BootOptions = NonNullable<Parameters<NeutronCloud['boot']>[2]>;

/**
 * The scene of a test file: brought up and prepared before its first test, taken down after its last. Its logs stay unless
 * all was well.
 */
export function sceneOfFile(options: NeutronCloudOptions, prepare?: (scene: Scene) => Promise<void>): Scene {
  const scene = new Scene(options);
  let isWell = false;
  beforeAll(async () => {
    await scene.up();
    await prepare?.(scene);
    isWell = true;
  });
  afterEach(({ task }) => {
    isWell &&= task.result?.state !== 'fail';
  });
  afterAll(async () => await scene.down(!isWell));
  return scene;
}

export class Scene {
  readonly networks = new Map<string, SceneNetwork>();
  readonly #options: NeutronCloudOptions;
  readonly #vms = new Map<string, PluggedVm>();
  readonly #unplugged = new Set<string>();
  /** Ports that leave ACTIVE because the scenario wants them to. */
  readonly #mayLeave = new Set<string>();
  #cloud: NeutronCloud | undefined;
  #watch: StatusWatch | undefined;
  #mayReferenceKeep = false;
  #isReferenceIgnored = false;

  constructor(options: NeutronCloudOptions) {
    this.#options = options;
  }

  async up(): Promise<void> {
    this.#cloud = await NeutronCloud.up(RunDirectory.createForTest(), this.#options);
    this.#watch = await StatusWatch.start(this.#cloud.database);
  }

  /** Ends everything. */
  async down(areLogsKept: boolean): Promise<void> {
    if (areLogsKept) await this.#cloud?.down();
    else await this.#cloud?.run.remove();
  }

  get cloud(): NeutronCloud {
    if (this.#cloud === undefined) throw new Error('the scene is not up');
    return this.#cloud;
  }

  /** A network with an IPv4 and an IPv6 subnet. */
  async network(name: string, type: TunnelNetworkType): Promise<SceneNetwork> {
    const n = this.networks.size + 1;
    const { rest } = this.cloud;
    const network = await rest.createNetwork({ name, 'provider:network_type': type });
    const subnet = { network_id: network.id, enable_dhcp: false };
    // What is outside is free for scenarios to give out: .200 and up, ::200 and up.
    const pool = (prefix: string) => [{ start: `${prefix}10`, end: `${prefix}99` }];
    const made = {
      network,
      ipv4: await rest.createSubnet({
        ...subnet,
        ip_version: 4,
        cidr: `10.${n}.0.0/24`,
        allocation_pools: pool(`10.${n}.0.`),
      }),
      ipv6: await rest.createSubnet({
        ...subnet,
        ip_version: 6,
        cidr: `fd00:${n}::/64`,
        allocation_pools: pool(`fd00:${n}::`),
      }),
    };
    this.networks.set(name, made);
    return made;
  }

  /** A port, bound nowhere yet. */
  async port(name: string, network: string, request: Omit<PortRequest, 'network_id'> = {}): Promise<Port> {
    const { network: its } = this.networkNamed(network);
    return await this.cloud.rest.createPort({ network_id: its.id, name, ...request });
  }

  /**
   * The VM of a port, plugged on a host unless `how` says otherwise; nothing is waited for. A name that is in use goes over
   * to the new VM: it has moved.
   */
  async boot(name: string, host: number, port: Port, how: BootOptions = {}): Promise<PluggedVm> {
    const plugged = await this.cloud.boot(host, port, how);
    this.#vms.set(name, plugged);
    return plugged;
  }

  /** VMs that are bound to the host and run, in the order of their names; none is plugged. */
  async prepare(names: readonly string[], network: string, host: number): Promise<PluggedVm[]> {
    const queue = new PQueue({ concurrency: 4 });
    const boot = async (name: string) =>
      await this.boot(name, host, await this.port(name, network), { unplugged: true });
    return await queue.addAll(names.map((name) => () => boot(name)));
  }

  /** A port and its VM on a host, ACTIVE. */
  async vm(
    name: string,
    network: string,
    host: number,
    request: Omit<PortRequest, 'network_id'> = {},
  ): Promise<PluggedVm> {
    const plugged = await this.boot(name, host, await this.port(name, network, request));
    await this.cloud.waitActive(plugged.port);
    return plugged;
  }

  /**
   * A network of each tunnel type, named after it, with a VM of each role on its host: `{ a1: 1, b1: 2 }` makes `vxlan-a1`,
   * `gre-b1` and so on. All at rest.
   */
  async everyTunnelType(roles: Readonly<Record<string, number>>): Promise<void> {
    for (const type of TUNNEL_TYPES) {
      await this.network(type, type);
      for (const [role, host] of Object.entries(roles)) await this.vm(`${type}-${role}`, type, host);
    }
    await this.expectReachable();
    await this.expectFlows();
  }

  /** Until their ports are ACTIVE. */
  async waitActive(...names: readonly string[]): Promise<void> {
    await this.cloud.waitActive(...names.map((name) => this.named(name).port));
  }

  named(name: string): PluggedVm {
    const vm = this.#vms.get(name);
    if (vm === undefined) throw new Error(`there is no VM ${name}`);
    return vm;
  }

  networkNamed(name: string): SceneNetwork {
    const network = this.networks.get(name);
    if (network === undefined) throw new Error(`there is no network ${name}`);
    return network;
  }

  /** Replaces the port's addresses at the server and in the VM. Which subnet an address is of is seen by its family. */
  async setAddresses(name: string, addresses: readonly string[]): Promise<void> {
    const { vm, port } = this.named(name);
    const its = [...this.networks.values()].find(({ network }) => network.id === port.network_id);
    if (its === undefined) throw new Error(`${name} is on a network of another scene`);
    const subnet = (ip: string) => (ip.includes(':') ? its.ipv6 : its.ipv4);
    const fixed = addresses.map((ip) => ({ subnet_id: subnet(ip).id, ip_address: ip }));
    const changed = await this.cloud.rest.updatePort(port.id, { fixed_ips: fixed });
    const line = (ip: string) => `addr add ${ip}/${subnet(ip).cidr.split('/')[1]} dev eth0`;
    await vm.namespace.ip(
      'addr flush dev eth0',
      ...addresses.map((ip) => `${line(ip)}${ip.includes(':') ? ' nodad' : ''}`),
    );
    for (const other of this.#vms.values()) await other.vm.forgetNeighbours();
    const first = (isWanted: (ip: string) => boolean) => addresses.find(isWanted) ?? '';
    this.#vms.set(name, {
      vm,
      port: changed,
      ipv4: first((ip) => !ip.includes(':')),
      ipv6: first((ip) => ip.includes(':')),
    });
  }

  /** Takes the VIF off br-int; nothing is waited for. */
  async pull(name: string): Promise<void> {
    const { vm, port } = this.named(name);
    this.#mayLeave.add(port.id);
    await vm.unplug();
    this.#unplugged.add(port.id);
  }

  /** Takes the VIF off br-int; the port becomes DOWN. */
  async unplug(name: string): Promise<void> {
    await this.pull(name);
    await this.cloud.waitStatus('DOWN', this.named(name).port);
  }

  async replug(name: string): Promise<void> {
    const { vm, port } = this.named(name);
    await vm.plug();
    this.#unplugged.delete(port.id);
    await this.cloud.waitActive(port);
  }

  /** The port may leave ACTIVE until the next {@link expectStayedActive}: the scenario moves it. */
  mayLeaveActive(name: string): void {
    this.#mayLeave.add(this.named(name).port.id);
  }

  async setAdminState(names: readonly string[], state: 'up' | 'down'): Promise<void> {
    const ports = names.map((name) => this.named(name).port);
    for (const { id } of ports) {
      this.#mayLeave.add(id);
      await this.cloud.rest.updatePort(id, { admin_state_up: state === 'up' });
    }
    await this.cloud.waitStatus(state === 'up' ? 'ACTIVE' : 'DOWN', ...ports);
  }

  /** The port goes first, as when a user deletes it, or the VM does. */
  async remove(name: string, first: 'port' | 'vm' = 'port'): Promise<void> {
    const { vm, port } = this.named(name);
    this.#vms.delete(name);
    if (first === 'port') await this.cloud.rest.deletePort(port.id);
    else this.#mayLeave.add(port.id);
    await vm.delete();
    if (first === 'vm') await this.cloud.rest.deletePort(port.id);
  }

  /** Every VM reaches every other one of its network, or those of the list do. IPv4 and IPv6. */
  async expectReachable(names: readonly string[] = [...this.#vms.keys()]): Promise<void> {
    const vms = names.map((name) => this.named(name)).filter(({ port }) => !this.#unplugged.has(port.id));
    for (const from of vms) {
      const others = vms.filter((to) => to !== from && to.port.network_id === from.port.network_id);
      await Promise.all(others.map((to) => waitReachable(from, to)));
    }
  }

  async expectUnreachable(from: string, to: string): Promise<void> {
    const [source, target] = [this.named(from), this.named(to)];
    for (const address of [target.ipv4, target.ipv6]) {
      const { received } = await source.vm.ping(address, { count: 2, interval: 0.2, wait: 0.5 });
      expect(received, `${from} reaches ${to} at ${address}`).toBe(0);
    }
  }

  /**
   * From now on the reference may have flows that it should not have any more. It handles the messages of a queue
   * concurrently: many ports deleted at once leave some of their entries behind for good.
   */
  forgiveLeftoversOfReference(): void {
    this.#mayReferenceKeep = true;
  }

  /** From now on {@link expectFlows} looks at our hosts only. */
  ignoreFlowsOfReference(): void {
    this.#isReferenceIgnored = true;
  }

  /** Waits until both bridges of every host with an agent have the flows that they must have, and no other. */
  async expectFlows(timeout = 30_000): Promise<void> {
    const matches = async () => {
      const { actual, expected } = await this.#flows();
      return JSON.stringify(actual) === JSON.stringify(expected);
    };
    // What differs says more than that a deadline has passed.
    await waitFor('the flows of all hosts', matches, { timeout, interval: 200 }).catch(() => undefined);
    const { actual, expected } = await this.#flows();
    expect(actual).toEqual(expected);
  }

  /**
   * No port on a host with our agent has left ACTIVE since the last call (or the start), but those that the scenario took
   * down. The reference's own ports flap whenever it reads their details.
   */
  async expectStayedActive(): Promise<void> {
    const isTheirs = (host: string) => this.#kindOf(host) !== 'ours';
    const theirs = (await this.cloud.rest.ports()).filter((port) => isTheirs(port['binding:host_id']));
    expect(await this.#watch?.leftActive([...theirs.map(({ id }) => id), ...this.#mayLeave])).toEqual([]);
    this.#mayLeave.clear();
    this.#watch = await StatusWatch.start(this.cloud.database);
  }

  /** Nothing is under way any more, and all is as it must be. */
  async expectAtRest(): Promise<void> {
    await this.expectReachable();
    await this.expectFlows();
    await this.expectStayedActive();
  }

  /** Tunnel ports of a host, with what a port that was made anew would not keep. */
  async tunnelPorts(host: number): Promise<Row[]> {
    const all = await rows(this.cloud.host(host), 'Interface', ['_uuid', 'name', 'type', 'ofport', 'options']);
    const tunnels = all.filter(({ type }) => TUNNEL_INTERFACE_TYPES.some((one) => one === type));
    return tunnels.sort((a, b) => (String(a.name) < String(b.name) ? -1 : 1));
  }

  async #flows(): Promise<{ actual: FlowsByBridge; expected: FlowsByBridge }> {
    const facts = await this.#facts();
    const actual: FlowsByBridge = {};
    const expected: FlowsByBridge = {};
    for (const [i, host] of this.cloud.hosts.entries()) {
      const kind = this.cloud.agent(i + 1).lastKind;
      if (kind === undefined || (kind === 'reference' && this.#isReferenceIgnored)) continue;
      const ovsdb = await readRows(host);
      const wanted = expectedFlows(host.name, facts);
      for (const bridge of BRIDGES) {
        const key = `${host.name} (${kind}) ${bridge}`;
        const flows = normalFlows(await dump(host, bridge), namesOf(ovsdb, bridge));
        const isForgiven = (flow: string) =>
          kind === 'reference' && this.#mayReferenceKeep && !wanted[bridge].includes(flow);
        actual[key] = flows.filter((flow) => !isDifference(kind, 'ours', bridge, flow) && !isForgiven(flow));
        expected[key] = wanted[bridge].filter((flow) => !isDifference(kind, 'reference', bridge, flow));
      }
    }
    return { actual, expected };
  }

  async #facts(): Promise<CloudFacts> {
    const { rest, hosts } = this.cloud;
    const plugged = [...this.#vms.values()].map(({ port }) => port.id).filter((id) => !this.#unplugged.has(id));
    return {
      networks: await rest.networks(),
      ports: await rest.ports(),
      vteps: new Map(hosts.map((host) => [host.name, this.cloud.vtep(host)])),
      plugged: new Set(plugged),
    };
  }

  #kindOf(host: string): AgentKind | undefined {
    const index = this.cloud.hosts.findIndex(({ name }) => name === host);
    return index < 0 ? undefined : this.cloud.agent(index + 1).lastKind;
  }
}

/** On our host, what only we have, and what only the reference would have. */
function isDifference(kind: AgentKind, side: 'ours' | 'reference', bridge: Bridge, flow: string): boolean {
  if (kind !== 'ours') return false;
  return DIFFERENCES.some((one) => one.side === side && one.bridge === bridge && one.flows.test(flow));
}

export type { PluggedVm, Port };
