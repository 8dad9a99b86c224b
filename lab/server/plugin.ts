/**
 * What users and Nova do to networks and ports, as ML2 does it: the change, then the notifications in ML2's order (FDB
 * messages of the mechanism driver first, `port_update` or `port_delete` last).
 *
 * A binding needs no live agent here: the lab binds to any host, with the first segment that the host's agent tunnels, or
 * the first of all if no agent has reported yet.
 */
import type { JsonObject } from '../../src/rpc/types.ts';
import type { NetworkId, PortId } from '../../src/values.ts';
import { strings } from './agent-store.ts';
import type { Binding, FixedIp, Network, Port } from './facts.ts';
import { activeBinding } from './facts.ts';
import type { L2Population } from './l2population.ts';
import type { NetworkChange, NewNetwork } from './network-store.ts';
import { bindingActivate, networkUpdate, portDelete, portUpdate } from './notifications.ts';
import { networkDictionary, portDictionary } from './objects.ts';
import type { NewPort } from './port-store.ts';
import type { Publisher } from './publisher.ts';
import type { Store } from './store.ts';

/** A change of a port; what is absent stays. */
export interface PortRequest {
  readonly name?: string;
  readonly adminStateUp?: boolean;
  readonly fixedIps?: readonly FixedIp[];
  /** `null`: unbind. */
  readonly host?: string | null;
  readonly profile?: JsonObject;
}

export class Plugin {
  readonly #store: Store;
  readonly #l2population: L2Population;
  readonly #publisher: Publisher;
  readonly #now: () => Date;

  constructor(options: { store: Store; l2population: L2Population; publisher: Publisher; now: () => Date }) {
    this.#store = options.store;
    this.#l2population = options.l2population;
    this.#publisher = options.publisher;
    this.#now = options.now;
  }

  async createNetwork(network: NewNetwork): Promise<Network | undefined> {
    await this.#store.networks.create(network, this.#now());
    return this.#store.networks.get(network.id);
  }

  async updateNetwork(id: NetworkId, change: NetworkChange): Promise<Network | undefined> {
    await this.#store.networks.update(id, change, this.#now());
    const network = this.#store.networks.get(id);
    if (network !== undefined) await this.#publisher.publish([networkUpdate(networkDictionary(network))]);
    return network;
  }

  deleteNetwork(id: NetworkId): Promise<'deleted' | 'unknown' | 'in use'> {
    return this.#store.networks.delete(id);
  }

  /** Creating a port says nothing to the agents, bound or not (reference/03). */
  async createPort(
    port: Omit<NewPort, 'binding'>,
    host: string | undefined,
    profile: JsonObject,
  ): Promise<Port | undefined> {
    const binding = host === undefined ? undefined : this.#bind(port.networkId, host, profile);
    await this.#store.ports.create({ ...port, binding }, this.#now());
    return this.#store.ports.get(port.id);
  }

  async updatePort(id: PortId, request: PortRequest): Promise<Port | undefined> {
    const port = this.#store.ports.get(id);
    if (port === undefined) return undefined;
    const { host, profile, ...change } = request;
    const binding = this.#rebind(port, host, profile);
    const update = await this.#store.ports.update(
      id,
      { ...change, ...(binding === undefined ? {} : { binding }) },
      'admin, bound elsewhere',
      this.#now(),
    );
    if (update === undefined) return undefined;
    const { before, after } = update;
    await this.#l2population.fixedIpsChanged(before, after);
    if (before.status === 'ACTIVE' && after.status === 'DOWN') await this.#l2population.portGone(before);
    await this.#portUpdated(after);
    return after;
  }

  /** The port that was. */
  async deletePort(id: PortId): Promise<Port | undefined> {
    const port = await this.#store.ports.delete(id);
    if (port === undefined) return undefined;
    await this.#l2population.portGone(port);
    await this.#publisher.publish([portDelete(id)]);
    return port;
  }

  /** The first half of a live migration: Nova binds the port on the destination too, INACTIVE. */
  async addInactiveBinding(id: PortId, host: string, profile: JsonObject): Promise<Port | undefined> {
    const port = this.#store.ports.get(id);
    if (port === undefined) return undefined;
    await this.#store.ports.addInactiveBinding(id, this.#bind(port.networkId, host, profile));
    return this.#store.ports.get(id);
  }

  /**
   * The second half: the destination's binding becomes ACTIVE, the source's INACTIVE and bound to no segment, the port DOWN
   * until the destination has reported it. Nothing else is said: neither a `port_update` nor that it has left the source.
   *
   * @returns `undefined`: no such port, or no INACTIVE binding of it on this host.
   */
  async activateBinding(id: PortId, host: string): Promise<Port | undefined> {
    if (!(await this.#store.ports.activateBinding(id, host, this.#now()))) return undefined;
    await this.#publisher.publish([bindingActivate(id, host)]);
    return this.#store.ports.get(id);
  }

  /** False: the port has no INACTIVE binding on this host. */
  removeInactiveBinding(id: PortId, host: string): Promise<boolean> {
    return this.#store.ports.removeInactiveBinding(id, host);
  }

  /** Sent only for a bound port (ML2's `_notify_port_updated`). */
  async #portUpdated(port: Port): Promise<void> {
    const segment = activeBinding(port)?.segment;
    if (segment !== undefined) await this.#publisher.publish([portUpdate(portDictionary(port), segment)]);
  }

  #rebind(
    port: Port,
    host: string | null | undefined,
    profile: JsonObject | undefined,
  ): Omit<Binding, 'status'> | null | undefined {
    const binding = activeBinding(port);
    if (host === null) return null;
    const target = host ?? binding?.host;
    if (target === undefined || (target === binding?.host && profile === undefined)) return undefined;
    return this.#bind(port.networkId, target, profile ?? binding?.profile ?? {});
  }

  #bind(networkId: NetworkId, host: string, profile: JsonObject): Omit<Binding, 'status'> {
    const segments = this.#store.networks.get(networkId)?.segments ?? [];
    const configurations = this.#store.agents.withVtep(host)?.configurations;
    const types = configurations === undefined ? undefined : strings(configurations.tunnel_types);
    const segment = segments.find(({ networkType }) => types === undefined || types.includes(networkType));
    const { datapath_type: datapathType, integration_bridge: bridgeName } = configurations ?? {};
    return {
      host,
      vifType: segment === undefined ? 'binding_failed' : 'ovs',
      profile,
      datapathType: typeof datapathType === 'string' ? datapathType : 'system',
      bridgeName: typeof bridgeName === 'string' ? bridgeName : 'br-int',
      segment,
    };
  }
}
