/**
 * Local VLANs 1–4094, one a network segment with a VIF here. The switch's own tags are the record: a network takes the
 * tag that its port already has, so that a restart changes nothing.
 */
import { type LocalVlan, type NetworkId, parseLocalVlan } from '../values.ts';
import type { Segment } from './facts.ts';

declare const brand: unique symbol;
/** A network segment: a network can have several (WIRE.md, "Semantics"). */
export type NetworkKey = string & { readonly [brand]: 'NetworkKey' };

export function networkKey(network: NetworkId, segment: Segment): NetworkKey {
  return `${network} ${segment.type} ${segment.segmentationId}` as NetworkKey;
}

export function networkIdOf(key: NetworkKey): NetworkId {
  return key.slice(0, key.indexOf(' ')) as NetworkId;
}

export class LocalVlans {
  readonly #byNetwork = new Map<NetworkKey, LocalVlan>();
  readonly #networks = new Map<LocalVlan, NetworkKey>();

  get(network: NetworkKey): LocalVlan | undefined {
    return this.#byNetwork.get(network);
  }

  networkOf(vlan: LocalVlan): NetworkKey | undefined {
    return this.#networks.get(vlan);
  }

  /**
   * The network's VLAN; a new one is, in this order, what the port has, what the port's record hints at, the lowest
   * that no port has. `undefined`: all 4094 are taken.
   */
  allocate(
    network: NetworkKey,
    port: { tag: number | undefined; hint: number | undefined },
    tagInUse: (tag: number) => boolean,
  ): LocalVlan | undefined {
    const known = this.#byNetwork.get(network);
    if (known !== undefined) return known;
    const free = (tag: LocalVlan | undefined) => (tag !== undefined && !this.#networks.has(tag) ? tag : undefined);
    const unused = (tag: LocalVlan | undefined) => (tag !== undefined && !tagInUse(tag) ? free(tag) : undefined);
    let vlan = free(parseLocalVlan(port.tag)) ?? unused(parseLocalVlan(port.hint));
    for (let tag = 1; vlan === undefined && tag <= 4094; tag++) vlan = unused(parseLocalVlan(tag));
    if (vlan === undefined) return undefined;
    this.#byNetwork.set(network, vlan);
    this.#networks.set(vlan, network);
    return vlan;
  }

  release(network: NetworkKey): LocalVlan | undefined {
    const vlan = this.#byNetwork.get(network);
    if (vlan === undefined) return undefined;
    this.#byNetwork.delete(network);
    this.#networks.delete(vlan);
    return vlan;
  }
}
