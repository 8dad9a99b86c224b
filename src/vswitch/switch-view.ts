/**
 * What OVSDB says of our two bridges: their ports, VIFs, tunnel ports and patch ports, kept from row changes.
 * Rows of other bridges are told apart by asking (see monitors.ts): until the answer a port is on no bridge.
 */
import { type TunnelKey, tunnelKey } from '../tunnel/ports.ts';
import type { Ofport, PortId } from '../values.ts';
import type { SwitchRowChange } from './monitors.ts';
import {
  type SwitchBridge,
  type SwitchController,
  type SwitchInterface,
  type SwitchPort,
  type SwitchRoot,
  toBridge,
  toController,
  toInterface,
  toPort,
  toRoot,
} from './rows.ts';

/** A port of one of our bridges with its interface. */
export interface AttachedPort {
  readonly port: SwitchPort;
  readonly interface: SwitchInterface;
}

/** What row changes meant for those who look at the view. */
export interface ViewChanges {
  readonly vifs: Set<PortId>;
  readonly tunnels: Set<TunnelKey>;
  /** Those of `tunnels` that had an ofport, and which. */
  readonly ofportsBefore: Map<TunnelKey, Ofport>;
  /** A bridge or a patch port came, went or changed. */
  bridges: boolean;
}

export class SwitchView {
  readonly #integrationBridge: string;
  readonly #tunnelBridge: string;
  #root: SwitchRoot | undefined;
  readonly #bridges = new Map<string, SwitchBridge>();
  readonly #controllers = new Map<string, SwitchController>();
  readonly #ports = new Map<string, SwitchPort>();
  readonly #interfaces = new Map<string, SwitchInterface>();
  readonly #portOfInterface = new Map<string, string>();
  /** Port → bridge name, '' for bridges that are not ours; absent: not asked yet. */
  readonly #bridgeOfPort = new Map<string, string>();
  readonly #unplaced = new Set<string>();
  /** Interface uuids by what they stand for; the last one plugged is the one that counts. */
  readonly #vifs = new Map<PortId, readonly string[]>();
  readonly #tunnels = new Map<TunnelKey, readonly string[]>();
  readonly #patches = new Map<string, string>();
  readonly #tagCounts = new Map<number, number>();

  constructor(names: { integrationBridge: string; tunnelBridge: string }) {
    this.#integrationBridge = names.integrationBridge;
    this.#tunnelBridge = names.tunnelBridge;
  }

  get root(): SwitchRoot | undefined {
    return this.#root;
  }

  bridge(name: string): SwitchBridge | undefined {
    for (const bridge of this.#bridges.values()) if (bridge.name === name) return bridge;
    return undefined;
  }

  /** Targets of controllers that are connected to our bridges: another agent is at work on them. */
  connectedControllers(): string[] {
    const ours = [this.bridge(this.#integrationBridge), this.bridge(this.#tunnelBridge)];
    return ours
      .flatMap((bridge) => bridge?.controllers ?? [])
      .map((uuid) => this.#controllers.get(uuid))
      .filter((controller) => controller?.connected === true)
      .map((controller) => controller?.target ?? '');
  }

  /** The VIF with this iface-id on br-int. */
  vif(id: PortId): AttachedPort | undefined {
    return this.#attached(this.#vifs.get(id), this.#integrationBridge);
  }

  vifIds(): PortId[] {
    return [...this.#vifs.keys()].filter((id) => this.vif(id) !== undefined);
  }

  /** The tunnel port to this VTEP on br-tun, whoever made it. */
  tunnel(key: TunnelKey): AttachedPort | undefined {
    return this.#attached(this.#tunnels.get(key), this.#tunnelBridge);
  }

  tunnelKeys(): TunnelKey[] {
    return [...this.#tunnels.keys()].filter((key) => this.tunnel(key) !== undefined);
  }

  tunnelOfports(): Set<Ofport> {
    return new Set(this.tunnelKeys().flatMap((key) => this.tunnel(key)?.interface.ofport ?? []));
  }

  patch(name: string): AttachedPort | undefined {
    const uuid = this.#patches.get(name);
    const found = uuid === undefined ? undefined : this.#withPort(uuid);
    return found !== undefined && this.#isOurs(this.#bridgeOfPort.get(found.port.uuid)) ? found : undefined;
  }

  /** How many ports have this tag, on whatever bridge: a local VLAN in use is not given to another network. */
  tagInUse(tag: number): boolean {
    return (this.#tagCounts.get(tag) ?? 0) > 0;
  }

  /** Ports with an interface of concern whose bridge has to be asked for. */
  portsWithoutBridge(): string[] {
    return [...this.#unplaced];
  }

  applyRows(changes: readonly SwitchRowChange[]): ViewChanges {
    const seen = noChanges();
    for (const change of changes) {
      switch (change.table) {
        case 'Open_vSwitch':
          // `cur_cfg` alone moves with every acknowledgement.
          seen.bridges ||= !isAcknowledgement(change);
          // Of a database made anew the new row may come before the old one goes.
          if (change.after !== undefined) this.#root = toRoot(change.uuid, change.after);
          else if (this.#root?.uuid === change.uuid) this.#root = undefined;
          break;
        case 'Bridge':
          if (change.after === undefined) this.#bridges.delete(change.uuid);
          else this.#bridges.set(change.uuid, toBridge(change.uuid, change.after));
          seen.bridges = true;
          break;
        case 'Controller':
          if (change.after === undefined) this.#controllers.delete(change.uuid);
          else this.#controllers.set(change.uuid, toController(change.after));
          seen.bridges = true;
          break;
        case 'Port':
          this.#applyPort(change.uuid, change.after && toPort(change.uuid, change.after), seen);
          break;
        case 'Interface':
          this.#applyInterface(change.uuid, change.after && toInterface(change.uuid, change.after), seen);
          break;
      }
    }
    return seen;
  }

  /** The answer to a membership query. */
  applyMembership(bridges: ReadonlyMap<string, string | undefined>): ViewChanges {
    const seen = noChanges();
    for (const [port, bridge] of bridges) {
      const row = this.#ports.get(port);
      if (row === undefined) continue;
      this.#unplaced.delete(port);
      this.#bridgeOfPort.set(port, bridge !== undefined && this.#isOurs(bridge) ? bridge : '');
      for (const uuid of row.interfaces) this.#mention(uuid, seen);
    }
    return seen;
  }

  #applyPort(uuid: string, after: SwitchPort | undefined, seen: ViewChanges): void {
    const before = this.#ports.get(uuid);
    if (before?.tag !== undefined) this.#count(before.tag, -1);
    if (after?.tag !== undefined) this.#count(after.tag, 1);
    for (const interfaceUuid of before?.interfaces ?? []) {
      this.#mention(interfaceUuid, seen);
      if (this.#portOfInterface.get(interfaceUuid) === uuid) this.#portOfInterface.delete(interfaceUuid);
    }
    if (after === undefined) {
      this.#ports.delete(uuid);
      this.#bridgeOfPort.delete(uuid);
      this.#unplaced.delete(uuid);
      return;
    }
    this.#ports.set(uuid, after);
    for (const interfaceUuid of after.interfaces) {
      this.#portOfInterface.set(interfaceUuid, uuid);
      this.#mention(interfaceUuid, seen);
    }
  }

  #applyInterface(uuid: string, after: SwitchInterface | undefined, seen: ViewChanges): void {
    this.#mention(uuid, seen);
    const before = this.#interfaces.get(uuid);
    // One that merely changed keeps its place in the order of plugging.
    if (before?.ifaceId !== undefined && before.ifaceId !== after?.ifaceId) {
      removeFrom(this.#vifs, before.ifaceId, uuid);
    }
    if (before?.tunnel !== undefined) removeFrom(this.#tunnels, keyOf(before.tunnel), uuid);
    if (before?.type === 'patch' && this.#patches.get(before.name) === uuid) this.#patches.delete(before.name);
    if (after === undefined) {
      this.#interfaces.delete(uuid);
      return;
    }
    this.#interfaces.set(uuid, after);
    if (after.ifaceId !== undefined) addTo(this.#vifs, after.ifaceId, uuid);
    if (after.tunnel !== undefined) addTo(this.#tunnels, keyOf(after.tunnel), uuid);
    if (after.type === 'patch') this.#patches.set(after.name, uuid);
    this.#mention(uuid, seen);
  }

  #mention(interfaceUuid: string, seen: ViewChanges): void {
    const known = this.#interfaces.get(interfaceUuid);
    const port = this.#portOfInterface.get(interfaceUuid);
    if (known !== undefined && port !== undefined && !this.#bridgeOfPort.has(port)) this.#unplaced.add(port);
    if (known?.ifaceId !== undefined) seen.vifs.add(known.ifaceId);
    if (known?.tunnel !== undefined) this.#mentionTunnel(keyOf(known.tunnel), seen);
    if (known?.type === 'patch') seen.bridges = true;
  }

  #mentionTunnel(key: TunnelKey, seen: ViewChanges): void {
    if (seen.tunnels.has(key)) return;
    seen.tunnels.add(key);
    const ofport = this.tunnel(key)?.interface.ofport;
    if (ofport !== undefined) seen.ofportsBefore.set(key, ofport);
  }

  #attached(uuids: readonly string[] | undefined, bridge: string): AttachedPort | undefined {
    let last: AttachedPort | undefined;
    for (const uuid of uuids ?? []) {
      const found = this.#withPort(uuid);
      if (found !== undefined && this.#bridgeOfPort.get(found.port.uuid) === bridge) last = found;
    }
    return last;
  }

  #withPort(interfaceUuid: string): AttachedPort | undefined {
    const port = this.#ports.get(this.#portOfInterface.get(interfaceUuid) ?? '');
    const known = this.#interfaces.get(interfaceUuid);
    return port && known && { port, interface: known };
  }

  #isOurs(bridge: string | undefined): boolean {
    return bridge === this.#integrationBridge || bridge === this.#tunnelBridge;
  }

  #count(tag: number, by: number): void {
    this.#tagCounts.set(tag, (this.#tagCounts.get(tag) ?? 0) + by);
  }
}

function keyOf(tunnel: NonNullable<SwitchInterface['tunnel']>): TunnelKey {
  return tunnelKey(tunnel.type, tunnel.remoteIp);
}

function addTo<K>(index: Map<K, readonly string[]>, key: K, uuid: string): void {
  const uuids = index.get(key);
  if (uuids === undefined) index.set(key, [uuid]);
  else if (!uuids.includes(uuid)) index.set(key, [...uuids, uuid]);
}

function removeFrom<K>(index: Map<K, readonly string[]>, key: K, uuid: string): void {
  const left = index.get(key)?.filter((one) => one !== uuid) ?? [];
  if (left.length === 0) index.delete(key);
  else index.set(key, left);
}

function noChanges(): ViewChanges {
  return { vifs: new Set(), tunnels: new Set(), ofportsBefore: new Map(), bridges: false };
}

/** Nothing changed but `cur_cfg`: columns that did not change keep their value's identity. */
function isAcknowledgement({ before, after }: Extract<SwitchRowChange, { table: 'Open_vSwitch' }>): boolean {
  if (before === undefined || after === undefined) return false;
  const { cur_cfg: _, ...others } = before;
  return Object.entries(others).every(([column, value]) => after[column as keyof typeof after] === value);
}
