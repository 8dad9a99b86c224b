/**
 * What the agent knows: the server's word (FDB, mesh, port facts), the switch's (rows, flows), and what follows from
 * both (networks with a local VLAN). Changed by `reduce.ts` and its parts alone, rendered by `render.ts`, read by `plan.ts`.
 */
import type { Config } from './config/config.ts';
import { type Egress, portEgress } from './flows/br-tun.ts';
import type { Flow } from './flows/flow.ts';
import { FlowLedger, type Subject } from './flows/ledger.ts';
import { Journal } from './journal/journal.ts';
import type { Origin, SavedNetwork } from './journal/record.ts';
import type { Touched } from './l2pop/fdb.ts';
import { FdbTable } from './l2pop/fdb-table.ts';
import type { NetworkSync } from './l2pop/sync.ts';
import { Mesh } from './tunnel/mesh.ts';
import { parseTunnelKey, type TunnelKey, tunnelKey } from './tunnel/ports.ts';
import type { IpAddress, LocalVlan, MacAddress, NetworkId, Ofport, PortId, TunnelType } from './values.ts';
import type { Segment } from './vif/facts.ts';
import { LocalVlans, type NetworkKey } from './vif/local-vlans.ts';
import type { Facts, Wiring } from './vif/wiring.ts';
import { SwitchView } from './vswitch/switch-view.ts';

/** A network segment with a VIF here. */
export interface LocalNetwork {
  readonly key: NetworkKey;
  readonly id: NetworkId;
  readonly segment: Segment;
  readonly vlan: LocalVlan;
  readonly vifs: Set<PortId>;
  /** MACs of ports that are bound here: no flow leads elsewhere for them, whatever the FDB says. */
  readonly ownMacs: Map<MacAddress, PortId>;
  readonly sync: NetworkSync;
}

export interface Vif {
  readonly id: PortId;
  facts: Facts;
  /** Whether the facts are to be asked for; a `port_update` heard while they were asked sets `wanted` again. */
  asking: 'wanted' | 'asked' | 'done';
  /** How often its facts came and settled nothing (see `askAgainLater`). */
  unsettled: number;
  wiring: Wiring;
  network: NetworkKey | undefined;
  /** Its entry in the network's `ownMacs`. */
  ownMac: MacAddress | undefined;
  /** The `next_cfg` that carries its settings; `undefined`: not set yet. Reported up once `cur_cfg` is there. */
  configured: number | undefined;
  /** While its binding is not active: the server was told that it is plugged and wired here. */
  announced: boolean;
}

/** What of a network has to be rendered again. */
export interface NetworkDirt extends Omit<Touched, 'claims'> {
  all: boolean;
}

/** Ports of which the request of the last change is remembered: those that FDB messages will speak of next. */
const MAX_REQUESTS = 4096;
/** Networks that left, of which an answer may come yet: as many as can be here at a time. */
const MAX_ASKED = 4094;

export class State {
  readonly config: Config;
  readonly view: SwitchView;
  readonly vlans = new LocalVlans();
  readonly networks = new Map<NetworkKey, LocalNetwork>();
  readonly vifs = new Map<PortId, Vif>();
  readonly fdb: FdbTable;
  /** Networks whose FDB the journal has brought (`restore.ts`), until all VIFs of before have been seen. */
  readonly restored = new Map<NetworkKey, SavedNetwork>();
  /** Networks that our predecessor had asked for, or we when they left; the latest of them, see {@link noteAsked}. */
  readonly askedBefore = new Set<NetworkKey>();
  /** Until when a network that our predecessor had asked for, and that then left, may get that answer; its journal does not tell. */
  successorUntil = 0;
  /** Networks of the `up` that is under way: it may bring a snapshot of each, whether it is a question or not. */
  readonly calling = new Set<NetworkKey>();
  readonly journal: Journal;
  /**
   * Networks of which the journal's file may lack something: that they came, left or are settled, or these claims. See
   * `save.ts`; {@link markUnsaved} adds to it.
   */
  readonly unsaved = new Map<NetworkKey, Touched['claims']>();
  /** Networks in the journal's file, and whether as settled; `stale`: what is there is of no use. */
  readonly saved = new Map<NetworkKey, boolean | 'stale'>();
  readonly mesh = new Mesh();
  /** Tunnel → local networks that reach a VTEP through it (l2_population). */
  readonly tunnelUsers = new Map<TunnelKey, Set<NetworkKey>>();
  readonly tun = new FlowLedger();
  readonly int = new FlowLedger();
  /** Anti-spoofing that the last dump had, by VIF, if any VIF's facts were awaited: kept as it is until they are known. */
  antiSpoofing: ReadonlyMap<Ofport, readonly Flow[]> = new Map();
  /** Subject → what it waits for (DESIGN, rule 2). */
  readonly blocked = new Map<Subject, string>();

  /** To be rendered or planned again. */
  readonly dirty = {
    base: true,
    bridges: true,
    networks: new Map<NetworkKey, NetworkDirt>(),
    vifs: new Set<PortId>(),
    tunnels: new Set<TunnelKey>(),
  };
  /** Tunnel ports that are being made: neither there nor to be made again. */
  readonly creating = new Set<TunnelKey>();
  /** VIFs whose settings may have been set: they are set again, to know when they are in force. */
  readonly unconfirmed = new Set<PortId>();
  /** What the switch refused to make or set; tried again with the next comparison. */
  readonly refused = { tunnels: new Set<TunnelKey>(), vifs: new Set<PortId>() };
  /** Local VLANs whose learned flows have to go before they are used again. */
  readonly freedVlans = new Set<LocalVlan>();
  /** Local VLANs that a network gave back since the start. */
  readonly usedVlans = new Set<LocalVlan>();
  /** A predecessor's cookies by bridge, once seen: our first bundle may take away what they were known by. */
  readonly predecessors = { tun: new Set<string>(), int: new Set<string>() };
  /** VIFs that wait for a local VLAN to be free. */
  readonly withoutVlan = new Set<PortId>();
  /** The `next_cfg` of our last change of the bridges themselves, in this session of OVSDB. */
  bridgesCfg = 0;
  /** Ofports of deleted tunnel ports → the `next_cfg` that takes them away: then what was learned through them goes once more. */
  readonly retired = new Map<Ofport, number>();
  /** Ofports of tunnel ports that went without us: what was learned through them has to go. */
  readonly lostOfports = new Set<Ofport>();
  /** Ports whose VIF went away and of which the server has to be told. */
  readonly gone = new Set<PortId>();
  /** Those of which it is being told. */
  readonly telling = new Set<PortId>();
  /** Ports that were here, or owed, when our predecessor ended, until all VIFs that are here now have been seen. */
  readonly before = new Set<PortId>();
  /** Ports of which the journal's file may lack that they are here, or have what does not matter any more. See `save.ts`. */
  readonly unsavedVifs = new Set<PortId>();
  /** Ports in the journal's file. */
  readonly savedVifs = new Set<PortId>();
  /** Ports that the server could not bring up or down: not mentioned again before this time (ms since the epoch). */
  readonly deferred = new Map<PortId, number>();
  /** OVSDB is connected and its first read complete. */
  connected = false;
  /** The flows there are known; nothing is programmed before. */
  compared = false;
  compareWanted = true;
  /** The FDB was read back from the switch, once. */
  recovered = false;
  /** The first complete pass over the switch is done. */
  passed = false;
  /** Snapshots heard since the start; none at all: the server has no l2population (DESIGN, rule 6). */
  snapshots = 0;
  #isServerSilent = false;
  /** MAC → request id of the last `port_update` that had it: what somebody asked for, where an FDB message has an agent's. */
  readonly #requests = new Map<MacAddress, string>();
  /** Counts what was said of networks that are here. */
  touches = 0;
  /** The queue of FDB notifications is gone: what was asked for now would lack what comes before it is there again. */
  isDeaf = false;
  /** Id of the markers around what was last reported up. */
  lastAsk: string | undefined;
  /** One of them has come back: what comes by name is meant for us. */
  isNameOurs = false;
  /** In [0, 1), another on every host: what all hosts would do at the same time is spread by it. */
  readonly #spread: number;
  /** Orders assertions; 0 is what was read back from the switch. */
  sequence = 0;

  constructor(config: Config, spread = 0) {
    this.config = config;
    this.#spread = spread;
    this.view = new SwitchView(config.ovs);
    this.journal = new Journal({ attempts: config.own.journalAttempts, retry: config.own.journalRetry * 1000 });
    this.fdb = new FdbTable((network) => this.networks.has(network) || this.restored.has(network));
  }

  /** Milliseconds that this host lets pass before it asks for everything, as every other does. */
  get resyncDelay(): number {
    return Math.round(this.#spread * this.config.own.resyncJitter * 1000);
  }

  /** Milliseconds from an answer to the audit of a network; the networks of a host take turns. `undefined`: never. */
  auditAfter(vlan: LocalVlan): number | undefined {
    const { auditInterval } = this.config.own;
    // The golden ratio keeps the turns of neighbours apart.
    const turn = (this.#spread + vlan * 0.618033988749895) % 1;
    return auditInterval === 0 ? undefined : Math.round(auditInterval * 1000 * (0.5 + turn / 2));
  }

  /** Refreshes were answered without any snapshot though the switch has entries: nothing is swept, no network is settled. */
  get isServerSilent(): boolean {
    return this.#isServerSilent;
  }

  setServerSilent(isSilent: boolean): void {
    if (isSilent === this.#isServerSilent) return;
    this.#isServerSilent = isSilent;
    for (const key of this.networks.keys()) this.markUnsaved(key);
  }

  /** @returns its claims that are to be written. */
  markUnsaved(network: NetworkKey): Touched['claims'] {
    return this.unsaved.getOrInsertComputed(network, () => new Map());
  }

  dirt(network: NetworkKey): NetworkDirt {
    return this.dirty.networks.getOrInsertComputed(network, () => ({
      all: false,
      macs: new Set(),
      ips: new Set(),
      vteps: new Set(),
    }));
  }

  /** Everything that the FDB says of a MAC. */
  markMac(key: NetworkKey, mac: MacAddress): void {
    const dirt = this.dirt(key);
    dirt.macs.add(mac);
    for (const ip of this.fdb.get(key)?.ipsOf(mac) ?? []) dirt.ips.add(ip);
  }

  /** A network came here, moved or left: everything of it is to be rendered again, or taken away. */
  markAll(key: NetworkKey): void {
    const dirt = this.dirt(key);
    dirt.all = true;
    const fdb = this.fdb.get(key);
    // By name: what the FDB loses before it is rendered has to be taken away too.
    for (const mac of fdb?.macs() ?? []) dirt.macs.add(mac);
    for (const ip of fdb?.ips() ?? []) dirt.ips.add(ip);
  }

  /**
   * What was touched in a network's FDB is to be written down and rendered, if the network is here; tunnels gain or lose
   * a user. `origin`: the message that did it.
   */
  markTouched(key: NetworkKey, touched: Touched, now: number, origin?: Origin): void {
    const network = this.networks.get(key);
    if (network === undefined && !this.restored.has(key)) return;
    this.touches++;
    const unsaved = this.markUnsaved(key);
    for (const [vtep, macs] of touched.claims) {
      const known = unsaved.getOrInsertComputed(vtep, () => new Set());
      for (const mac of macs) known.add(mac);
    }
    for (const mac of touched.macs) this.journal.record(`mac ${key} ${mac}`, this.#asRequested(origin, mac), now);
    for (const ip of touched.ips) {
      const mac = this.fdb.get(key)?.ownerOf(ip)?.mac;
      this.journal.record(`ip ${key} ${ip}`, this.#asRequested(origin, mac), now);
    }
    if (touched.vteps.size > 0) this.journal.record(`flood ${key}`, origin, now);
    if (network === undefined || touched.macs.size + touched.ips.size + touched.vteps.size === 0) return;
    const dirt = this.dirt(key);
    for (const mac of touched.macs) dirt.macs.add(mac);
    for (const ip of touched.ips) dirt.ips.add(ip);
    for (const vtep of touched.vteps) {
      dirt.vteps.add(vtep);
      const tunnel = tunnelKey(network.segment.type, vtep);
      const wasWanted = this.isTunnelWanted(tunnel);
      this.useTunnel(network, vtep, this.fdb.get(key)?.hasVtep(vtep) === true);
      if (this.isTunnelWanted(tunnel) !== wasWanted) this.journal.record(`tunnel ${tunnel}`, origin, now);
    }
  }

  /** A snapshot of the network that nobody waits for may come: should we be killed, our successor has to know. */
  mayBeAnswered(network: LocalNetwork): boolean {
    return network.sync.isLateAnswerPossible || this.calling.has(network.key);
  }

  /** A network that was asked for is not here: should it come (again), an answer may come yet. */
  noteAsked(network: NetworkKey): void {
    this.askedBefore.delete(network);
    this.askedBefore.add(network);
    if (this.askedBefore.size <= MAX_ASKED) return;
    const [oldest] = this.askedBefore;
    if (oldest !== undefined) this.askedBefore.delete(oldest);
  }

  noteRequest(mac: MacAddress, requestId: string): void {
    this.#requests.delete(mac);
    this.#requests.set(mac, requestId);
    if (this.#requests.size <= MAX_REQUESTS) return;
    const [oldest] = this.#requests.keys();
    if (oldest !== undefined) this.#requests.delete(oldest);
  }

  #asRequested(origin: Origin | undefined, mac: MacAddress | undefined): Origin | undefined {
    const requestId = mac === undefined ? undefined : this.#requests.get(mac);
    return origin === undefined || requestId === undefined ? origin : { ...origin, requestId };
  }

  /** What an intent of the journal waits for (DESIGN, rule 2). */
  blockedOn(subject: Subject): string | undefined {
    const [kind, network = '', type = '', segmentationId = ''] = subject.split(' ');
    if (kind === 'mac' || kind === 'ip' || kind === 'flood') {
      const key = `${network} ${type} ${segmentationId}` as NetworkKey;
      if (this.restored.has(key) && !this.networks.has(key))
        return 'local VLAN: no VIF of the network has been seen yet';
    }
    return this.blocked.get(subject);
  }

  /** A local network starts or ceases to reach a VTEP. */
  useTunnel(network: LocalNetwork, vtep: IpAddress, use: boolean): void {
    const key = tunnelKey(network.segment.type, vtep);
    const users = this.tunnelUsers.getOrInsertComputed(key, () => new Set());
    if (use) users.add(network.key);
    else users.delete(network.key);
    if (users.size === 0) this.tunnelUsers.delete(key);
    this.dirty.tunnels.add(key);
  }

  /** The VTEPs that a network's packets are flooded to. */
  vtepsOf(network: LocalNetwork): Iterable<IpAddress> {
    if (!this.config.agent.l2Population) return this.meshVteps(network.segment.type);
    return this.fdb.get(network.key)?.vteps() ?? [];
  }

  /** All VTEPs of a type but ourselves. Until the server has told them all, those that have a tunnel port count too. */
  meshVteps(type: TunnelType): Set<IpAddress> {
    const vteps = new Set(this.mesh.vteps(type));
    if (!this.mesh.isComplete(type)) {
      for (const tunnel of this.view.tunnelKeys().map(parseTunnelKey)) {
        if (tunnel.type === type) vteps.add(tunnel.remoteIp);
      }
    }
    vteps.delete(this.config.ovs.localIp);
    return vteps;
  }

  isTunnelWanted(key: TunnelKey): boolean {
    if (this.config.agent.l2Population) return (this.tunnelUsers.get(key)?.size ?? 0) > 0;
    const { type, remoteIp } = parseTunnelKey(key);
    const { tunnelTypes } = this.config.agent;
    if (!tunnelTypes.includes(type) || remoteIp === this.config.ovs.localIp) return false;
    return this.mesh.vteps(type).has(remoteIp) || (!this.mesh.isComplete(type) && this.view.tunnel(key) !== undefined);
  }

  /** How to reach a VTEP; `undefined`: its tunnel port has no ofport (yet). */
  egress(type: TunnelType, vtep: IpAddress): Egress | undefined {
    const ofport = this.view.tunnel(tunnelKey(type, vtep))?.interface.ofport;
    return ofport === undefined ? undefined : portEgress(vtep, ofport);
  }
}
