/**
 * neutron-server as the model has it: ports on hosts, and l2population's messages by ML2's own rules (lab/server/rules.ts,
 * checked there against recordings). What it holds of a network is what a snapshot read at this instant says.
 */
import { type ActivePort, type FdbMessage, fixedIpsChanged, portGone, portUp } from '../../../lab/server/rules.ts';
import type { NetworkId, PortId, SegmentationId, TunnelType } from '../../../src/values.ts';
import type { PortFacts } from '../../../src/vif/facts.ts';
import type { NetworkKey } from '../../../src/vif/local-vlans.ts';
import { factsOf } from '../host.ts';

export const HERE = '172.30.0.11';
export const REMOTES = ['172.30.0.12', '172.30.0.13', '172.30.0.14'] as const;

export interface Segment {
  readonly key: NetworkKey;
  readonly id: NetworkId;
  readonly type: TunnelType;
  readonly segmentationId: SegmentationId;
}

/** Three segments; the last two are of one network. */
export const SEGMENTS: readonly Segment[] = (
  [
    ['00000000-0000-4000-8000-00000000000a', 'vxlan', 71],
    ['00000000-0000-4000-8000-00000000000b', 'gre', 56],
    ['00000000-0000-4000-8000-00000000000b', 'vxlan', 72],
  ] as const
).map(([id, type, segmentationId]) => ({
  key: `${id} ${type} ${segmentationId}` as NetworkKey,
  id: id as NetworkId,
  type,
  segmentationId: segmentationId as SegmentationId,
}));

interface Port {
  readonly id: PortId;
  readonly segment: Segment;
  readonly mac: string;
  vtep: string;
  ips: readonly string[];
  active: boolean;
}

/** A message, and the VTEP whose entries it changes: those of one VTEP may be kept in order. */
export interface Delta {
  readonly message: FdbMessage;
  readonly about: string;
}

export class ModelServer {
  /** Since when each claim is held, by segment (ms since the epoch). */
  readonly held = new Map<NetworkKey, Map<string, number>>();
  readonly #ports = new Map<PortId, Port>();
  /** Fanouts and snapshots, as a server's operator would count them. */
  readonly counts = { snapshots: 0, fanouts: 0 };

  constructor() {
    for (const { key } of SEGMENTS) this.held.set(key, new Map());
  }

  /** A port that is DOWN. */
  create(id: PortId, segment: Segment, vtep: string, mac: string, ips: readonly string[]): void {
    this.#ports.set(id, { id, segment, mac, vtep, ips, active: false });
  }

  has(id: PortId): boolean {
    return this.#ports.has(id);
  }

  isActive(id: PortId): boolean {
    return this.#ports.get(id)?.active === true;
  }

  setActive(id: PortId, active: boolean, now: number): Delta[] {
    const port = this.#ports.get(id);
    if (port === undefined || port.active === active) return [];
    port.active = active;
    this.#date(port.segment, now);
    return active ? this.#told(port, false) : this.#gone(port);
  }

  /** A migration: it stays ACTIVE. */
  move(id: PortId, vtep: string, now: number): Delta[] {
    const port = this.#ports.get(id);
    if (port === undefined || port.vtep === vtep) return [];
    const before = { ...port };
    port.vtep = vtep;
    this.#date(port.segment, now);
    return port.active ? [...this.#gone(before), ...this.#told(port, false)] : [];
  }

  setIps(id: PortId, ips: readonly string[], now: number): Delta[] {
    const port = this.#ports.get(id);
    if (port === undefined) return [];
    const { ips: before } = port;
    port.ips = ips;
    this.#date(port.segment, now);
    // Of a port that is DOWN too, as ML2 does it.
    return this.#deltas(port, fixedIpsChanged(rulePort(port), before, ruleHost(port.vtep)));
  }

  /** With these IPs, as {@link truth} spells them. */
  claimsOf(id: PortId, ips: readonly string[]): string[] {
    const port = this.#ports.get(id);
    return port === undefined ? [] : ips.map((ip) => `${port.vtep} ${port.mac} ${ip}`);
  }

  delete(id: PortId, now: number): Delta[] {
    const port = this.#ports.get(id);
    if (port === undefined) return [];
    this.#ports.delete(id);
    this.#date(port.segment, now);
    return port.active ? this.#gone(port) : [];
  }

  /** One device of an `update_device_list`: what it says by name comes first, as in ML2. */
  report(id: PortId, refresh: boolean, now: number): FdbMessage[] {
    const port = this.#ports.get(id);
    if (port === undefined || port.vtep !== HERE) return [];
    const status = this.setActive(id, true, now).map(({ message }) => message);
    const messages = portUp(rulePort(port), ruleHost(HERE), this.#activeOn(port.segment), refresh);
    return [...status, ...messages];
  }

  facts(id: PortId): PortFacts | PortId {
    const port = this.#ports.get(id);
    if (port === undefined) return id;
    const { id: networkId, type, segmentationId } = port.segment;
    return factsOf(id, {
      networkId,
      segment: { type, segmentationId },
      segmentText: `${type} ${segmentationId}`,
      status: port.active ? 'ACTIVE' : 'DOWN',
    });
  }

  /** What is so of a segment: `<vtep>` is flooded to, `<vtep> <mac>` is there, `<vtep> <mac> <ip>` is its IP. */
  truth({ key }: Segment): Set<string> {
    return new Set(this.held.get(key)?.keys());
  }

  #date(segment: Segment, now: number): void {
    const held = this.held.get(segment.key) ?? new Map<string, number>();
    const claims = new Set<string>();
    for (const { vtep, mac, ips } of this.#activeOn(segment)) {
      if (vtep === HERE) continue;
      claims.add(vtep);
      for (const ip of ips) claims.add(`${vtep} ${mac}`).add(`${vtep} ${mac} ${ip}`);
    }
    for (const claim of held.keys()) if (!claims.has(claim)) held.delete(claim);
    for (const claim of claims) if (!held.has(claim)) held.set(claim, now);
  }

  #activeOn(segment: Segment): ActivePort[] {
    return [...this.#ports.values()]
      .filter((port) => port.active && port.segment === segment)
      .map(({ vtep, mac, ips }) => ({ host: vtep, vtep, mac, ips }));
  }

  #told(port: Port, refresh: boolean): Delta[] {
    return this.#deltas(port, portUp(rulePort(port), ruleHost(port.vtep), this.#activeOn(port.segment), refresh));
  }

  #gone(port: Port): Delta[] {
    return this.#deltas(port, portGone(rulePort(port), ruleHost(port.vtep), this.#activeOn(port.segment)));
  }

  /** What goes to other hosts by name is not heard here. */
  #deltas(port: Port, messages: readonly FdbMessage[]): Delta[] {
    return messages
      .filter(({ host }) => host === undefined || host === HERE)
      .map((message) => ({ message, about: `${port.segment.id} ${port.vtep}` }));
  }
}

function rulePort({ segment, mac, ips }: Port) {
  return {
    networkId: segment.id,
    mac,
    ips,
    segment: { networkType: segment.type, segmentationId: segment.segmentationId },
  };
}

function ruleHost(vtep: string) {
  return { host: vtep, vtep, tunnelTypes: ['vxlan', 'gre'] };
}
