/** The ports of a chaos run and their VMs: what is done to them, as users and Nova do it, and what follows for the server's database. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cloud } from '../cloud.ts';
import { AdminError } from '../server/admin-client.ts';
import { Vm } from '../vm.ts';
import type { Gates } from './gate.ts';
import { migrate } from './migration.ts';
import { subnets } from './port-steps.ts';
import type { HostNumber, NetworkPlan, PortAction, PortChange, PortPlan } from './steps.ts';
import type { Span } from './windows.ts';

/** As it must be when everything is at rest. */
export interface KnownPort {
  readonly plan: PortPlan;
  host: HostNumber;
  ipv4: string;
  ipv6: string;
  isUp: boolean;
  /** Plugged on `host`. */
  vm: Vm | undefined;
}

/** Milliseconds that the server is asked again for what it refuses: an address may not be free yet. */
const PATIENCE = 30_000;

type MigrationStep = Extract<PortChange, { kind: 'migrate' }>;

export class Ports {
  readonly known = new Map<string, KnownPort>();
  /** When VMs were plugged and unplugged. */
  readonly churn: Span[] = [];
  readonly #cloud: Cloud;
  readonly #networks: readonly NetworkPlan[];
  readonly #gates: Gates;

  constructor(cloud: Cloud, networks: readonly NetworkPlan[], gates: Gates) {
    this.#cloud = cloud;
    this.#networks = networks;
    this.#gates = gates;
  }

  async createNetworks(): Promise<void> {
    for (const [i, { id, name, type, segmentationId }] of this.#networks.entries()) {
      const body = { id, name, network_type: type, segmentation_id: segmentationId, subnets: [...subnets(i)] };
      await this.#cloud.admin.createNetwork(body);
    }
  }

  named(name: string): KnownPort {
    const port = this.known.get(name);
    if (port === undefined) throw new Error(`there is no port ${name}`);
    return port;
  }

  async carryOut(action: PortAction): Promise<void> {
    if (action.kind === 'create') await this.create(action.port);
    else await this.#change(action, this.named(action.port));
  }

  async #change(action: PortChange, port: KnownPort): Promise<void> {
    switch (action.kind) {
      case 'plug':
        port.vm = await this.#boot(port);
        break;
      case 'unplug':
        await this.#end(port);
        break;
      case 'down':
      case 'up':
        port.isUp = action.kind === 'up';
        await this.#update(port, { admin_state_up: port.isUp });
        break;
      case 'move':
        await this.#move(port, action.to, action.order);
        break;
      case 'migrate':
        await this.#migrate(port, action);
        break;
      case 'readdress':
        Object.assign(port, { ipv4: action.ipv4, ipv6: action.ipv6 });
        await this.#update(port, { fixed_ips: [port.ipv4, port.ipv6] });
        await this.#readdress(port);
        break;
      case 'delete':
        this.known.delete(action.port);
        if (action.first === 'vm') await this.#end(port);
        await this.#deletePort(port);
        await this.#end(port);
        break;
    }
  }

  /** The port, bound, and its VM, plugged. */
  async create(plan: PortPlan): Promise<void> {
    const { id, name, mac, network, host, ipv4, ipv6 } = plan;
    const port: KnownPort = { plan, host, ipv4, ipv6, isUp: true, vm: undefined };
    this.known.set(name, port);
    const body = { id, name, mac_address: mac, network_id: this.#network(network).id, host: `host${host}` };
    await this.#ask(async () => {
      await this.#cloud.admin.createPort({ ...body, fixed_ips: [ipv4, ipv6] });
    });
    port.vm = await this.#boot(port);
  }

  async #move(port: KnownPort, to: HostNumber, order: 'unplug-first' | 'bind-first'): Promise<void> {
    const { vm } = port;
    if (order === 'unplug-first') await this.#end(port);
    await this.#update(port, { host: `host${to}` });
    if (order === 'bind-first') await this.#end(port);
    port.host = to;
    if (vm !== undefined) port.vm = await this.#boot(port);
  }

  async #migrate(port: KnownPort, { to, end, copying, closing }: MigrationStep): Promise<void> {
    const { plan, host, vm } = port;
    if (vm === undefined) throw new Error(`${plan.name} has no VM that could migrate`);
    port.vm = await migrate({
      ...{ portId: plan.id, from: host, to, source: vm, end, copying, closing },
      boot: () => this.#boot({ ...port, host: to }, { unplugged: true }),
      ask: (request) => this.#ask(async () => void (await request(this.#cloud.admin))),
      churning: (on, work) => this.#churning(on, work),
      remove: (ended, on) => this.#delete(ended, on),
    });
    if (end === 'completed') port.host = to;
  }

  async #boot({ plan, host, ipv4, ipv6 }: KnownPort, { unplugged = false } = {}): Promise<Vm> {
    const { id: portId, mac, name } = plan;
    const addresses = [`${ipv4}/24`, `${ipv6}/64`];
    const spec = { name, portId, mac, addresses, mtu: 1400, unplugged };
    return await this.#churning(host, () => Vm.boot(this.#cloud.host(host), spec));
  }

  async #end(port: KnownPort): Promise<void> {
    const { vm, host } = port;
    port.vm = undefined;
    if (vm !== undefined) await this.#delete(vm, host);
  }

  async #delete(vm: Vm, host: HostNumber): Promise<void> {
    await this.#gates.memoryOf(host).pass(() => this.#churning(host, () => vm.delete()));
  }

  async #churning<T>(host: HostNumber, work: () => Promise<T>): Promise<T> {
    const span: Span = { host, from: Date.now(), to: undefined };
    this.churn.push(span);
    try {
      return await work();
    } finally {
      span.to = Date.now();
    }
  }

  async #readdress({ vm, ipv4, ipv6 }: KnownPort): Promise<void> {
    await vm?.namespace.ip(
      'addr flush dev eth0',
      `addr add ${ipv4}/24 dev eth0`,
      `addr add ${ipv6}/64 dev eth0 nodad`,
      'neigh flush dev eth0',
    );
  }

  async #update({ plan }: KnownPort, change: Parameters<Cloud['admin']['updatePort']>[1]): Promise<void> {
    await this.#ask(async () => {
      await this.#cloud.admin.updatePort(plan.id, change);
    });
  }

  async #deletePort({ plan }: KnownPort): Promise<void> {
    await this.#ask(() => this.#cloud.admin.deletePort(plan.id));
  }

  /** An address is taken until the port that had it has let go of it, in a lane of its own. */
  async #ask(request: () => Promise<void>): Promise<void> {
    const deadline = performance.now() + PATIENCE;
    for (;;) {
      try {
        await this.#gates.server.pass(request);
        return;
      } catch (error) {
        if (!(error instanceof AdminError) || error.status !== 409 || performance.now() > deadline) throw error;
      }
      await sleep(100);
    }
  }

  #network(name: string): NetworkPlan {
    const network = this.#networks.find((one) => one.name === name);
    if (network === undefined) throw new Error(`there is no network ${name}`);
    return network;
  }
}
