/**
 * What may be done to ports next: a model of which ports there are and where, kept while the schedule is made, so that every
 * step makes sense whatever the others do. Pure.
 */
import type { Random } from './random.ts';
import type { HostNumber, NetworkPlan, PortAction, PortPlan } from './steps.ts';

/** Beside the steady ones. */
const MOST_PORTS = 14;
/** Milliseconds a port is left alone after a step of its own, and an address after its port has gone. */
const PORT_PAUSE = 300;
const ADDRESS_PAUSE = 1_500;
/** Of migrations: how many are called off, and how long they take at most, as `PortChange` has it. */
const ABORTED = 0.35;
const COPYING = 2_500;
const CLOSING = 1_500;
/** Last parts of the addresses that are given out, the same few again and again: a new owner of an old address is a hard case. */
const FIRST_ADDRESS = 100;
const ADDRESSES = 12;

interface Model {
  readonly plan: PortPlan;
  host: HostNumber;
  address: number;
  isPlugged: boolean;
  isUp: boolean;
  /** Not before. */
  at: number;
}

export class PortSteps {
  readonly #random: Random;
  readonly #networks: readonly NetworkPlan[];
  readonly #hosts: readonly HostNumber[];
  readonly #ports: Model[] = [];
  /** `network address` → free again at. */
  readonly #addresses = new Map<string, number>();
  #count = 0;

  constructor(random: Random, networks: readonly NetworkPlan[], hosts: readonly HostNumber[]) {
    this.#random = random;
    this.#networks = networks;
    this.#hosts = hosts;
  }

  /** `undefined`: nothing can be done at this time. */
  next(at: number): PortAction | undefined {
    const ready = this.#ports.filter((port) => port.at <= at);
    const room = MOST_PORTS - this.#ports.length;
    if (ready.length === 0 || this.#random.next() * MOST_PORTS < room) return room > 0 ? this.#create(at) : undefined;
    const port = this.#random.pick(ready);
    port.at = at + PORT_PAUSE;
    return this.#change(port, at);
  }

  #change(port: Model, at: number): PortAction | undefined {
    const { name } = port.plan;
    const others = this.#hosts.filter((host) => host !== port.host);
    const kinds: (readonly [PortAction['kind'], number])[] = [
      [port.isPlugged ? 'unplug' : 'plug', port.isPlugged ? 2 : 8],
      [port.isUp ? 'down' : 'up', port.isUp ? 1 : 6],
      ['readdress', 3],
      ['delete', 3],
      ...(port.isPlugged
        ? ([
            ['move', 4],
            ['migrate', 5],
          ] as const)
        : []),
    ];
    const kind = this.#random.weighted(kinds);
    switch (kind) {
      case 'plug':
      case 'unplug':
        port.isPlugged = kind === 'plug';
        return { kind, port: name };
      case 'down':
      case 'up':
        port.isUp = kind === 'up';
        return { kind, port: name };
      case 'move': {
        port.host = this.#random.pick(others);
        return { kind, port: name, to: port.host, order: this.#random.pick(['unplug-first', 'bind-first']) };
      }
      case 'migrate':
        return this.#migrate(port, this.#random.pick(others), at);
      case 'readdress':
        return this.#readdress(port, at);
      case 'delete':
        this.#ports.splice(this.#ports.indexOf(port), 1);
        this.#release(port, at);
        return { kind, port: name, first: this.#random.pick(['vm', 'port']) };
      case 'create':
        return undefined;
    }
  }

  #create(at: number): PortAction | undefined {
    const network = this.#random.pick(this.#networks);
    const address = this.#take(network.name, at);
    if (address === undefined) return undefined;
    this.#count++;
    const plan = {
      name: `p${this.#count}`,
      id: this.#random.uuid(),
      mac: this.#random.mac(),
      network: network.name,
      host: this.#random.pick(this.#hosts),
      ...addresses(this.#networks.indexOf(network), address),
    };
    this.#ports.push({ plan, host: plan.host, address, isPlugged: true, isUp: true, at: at + PORT_PAUSE });
    return { kind: 'create', port: plan };
  }

  #migrate(port: Model, to: HostNumber, at: number): PortAction {
    const end = this.#random.chance(ABORTED) ? 'aborted' : 'completed';
    if (end === 'completed') port.host = to;
    const [copying, closing] = [this.#random.between(0, COPYING), this.#random.between(0, CLOSING)];
    port.at = at + copying + closing + PORT_PAUSE;
    return { kind: 'migrate', port: port.plan.name, to, end, copying, closing };
  }

  #readdress(port: Model, at: number): PortAction | undefined {
    const address = this.#take(port.plan.network, at);
    if (address === undefined) return undefined;
    this.#release(port, at);
    port.address = address;
    const network = this.#networks.findIndex(({ name }) => name === port.plan.network);
    return { kind: 'readdress', port: port.plan.name, ...addresses(network, address) };
  }

  #take(network: string, at: number): number | undefined {
    const all = Array.from({ length: ADDRESSES }, (_, i) => FIRST_ADDRESS + i);
    const free = all.filter((address) => (this.#addresses.get(`${network} ${address}`) ?? 0) <= at);
    if (free.length === 0) return undefined;
    const address = this.#random.pick(free);
    this.#addresses.set(`${network} ${address}`, Number.POSITIVE_INFINITY);
    return address;
  }

  #release({ plan, address }: Model, at: number): void {
    this.#addresses.set(`${plan.network} ${address}`, at + ADDRESS_PAUSE);
  }
}

/** @param network its index @param address its last part */
export function addresses(network: number, address: number): { readonly ipv4: string; readonly ipv6: string } {
  return { ipv4: `10.${network + 1}.0.${address}`, ipv6: `fd00:${network + 1}::${address}` };
}

/** The subnets that {@link addresses} are in. */
export function subnets(network: number): readonly [ipv4: string, ipv6: string] {
  return [`10.${network + 1}.0.0/24`, `fd00:${network + 1}::/64`];
}
