/**
 * What is to be done to the switch next, as data: at most one OVSDB transaction that makes things, one ordered bundle a
 * bridge, one transaction that binds VIFs and takes things away, and what may only be said afterwards (DESIGN, rule 3).
 */
import { forgetPortLines, forgetVlanLines } from './flows/br-tun.ts';
import { addLine, deleteLine } from './flows/flow.ts';
import type { FlowChanges } from './flows/ledger.ts';
import type { Operation } from './ovsdb/operations.ts';
import { renderDirty } from './render.ts';
import type { LocalNetwork, State } from './state.ts';
import { parseTunnelKey, type TunnelKey, tunnelInterfaceType, tunnelOptions, tunnelPortName } from './tunnel/ports.ts';
import { DEAD_VLAN, type IpAddress, type LocalVlan, type Ofport, type PortId } from './values.ts';
import type { NetworkKey } from './vif/local-vlans.ts';
import type { SwitchInterface, SwitchPort } from './vswitch/rows.ts';
import {
  addTunnelPort,
  adoptTunnelPort,
  deletePort,
  type PortSettings,
  portMatches,
  setPort,
} from './vswitch/transact.ts';

export interface BundlePlan {
  readonly bridge: string;
  readonly changes: FlowChanges;
  /** Said before the changes: whatever they add is there afterwards. */
  readonly first: readonly string[];
}

/** Operations that belong together, and what they do: if the switch refuses them, that is left out. */
export interface OperationGroup {
  /** For the log: a sentence, and the things it speaks of. */
  readonly what: string;
  readonly facts: Readonly<Record<string, string | number>>;
  readonly operations: readonly Operation[];
  readonly tunnel?: TunnelKey;
  readonly vif?: PortId;
}

export interface BoundVif {
  readonly id: PortId;
  readonly network: NetworkKey;
}

export interface Plan {
  /** Tunnel ports made or adopted, VIFs isolated. */
  readonly create: readonly OperationGroup[];
  readonly bundles: { readonly int: BundlePlan; readonly tun: BundlePlan };
  /** VIFs bound, tunnel ports deleted. */
  readonly finish: readonly OperationGroup[];
  /** Ofports of the tunnel ports that `finish` deletes. */
  readonly retiring: readonly Ofport[];
  /** Those that are gone by now, and from which `next_cfg` on: the bundle forgets what was learned through them meanwhile. */
  readonly retired: ReadonlyMap<Ofport, number>;
  /** VIFs whose settings `finish` carries, or that have them already. */
  readonly bound: readonly BoundVif[];
  readonly alreadyBound: readonly BoundVif[];
  /** What was planned, to be planned again if it fails. */
  readonly tunnels: readonly TunnelKey[];
  readonly vifs: readonly PortId[];
  readonly creating: readonly TunnelKey[];
  readonly freedVlans: readonly LocalVlan[];
}

/** Renders what is dirty and plans the difference. Takes the dirt with it: {@link replan} gives it back. */
export function makePlan(state: State): Plan {
  renderDirty(state);
  const { config } = state;
  const create: OperationGroup[] = [];
  const finish: OperationGroup[] = [];
  const predecessors = state.predecessors.tun;
  const retire = [...state.freedVlans].flatMap((vlan) => forgetVlanLines(vlan, predecessors));
  const retiring: Ofport[] = [];
  takeLost(state, retire);
  const retired = takeRetired(state);
  for (const ofport of retired.keys()) retire.push(...forgetPortLines(ofport, predecessors));
  const creating: TunnelKey[] = [];
  for (const key of state.dirty.tunnels) planTunnel(state, key, { create, finish, retire, retiring, creating });
  const bound: BoundVif[] = [];
  const alreadyBound: BoundVif[] = [];
  for (const id of state.dirty.vifs) planVif(state, id, { create, finish, bound, alreadyBound });
  const plan: Plan = {
    create,
    bundles: {
      int: { bridge: config.ovs.integrationBridge, changes: state.int.changes(), first: [] },
      tun: { bridge: config.ovs.tunnelBridge, changes: state.tun.changes(), first: retire },
    },
    finish,
    retiring,
    retired,
    bound,
    alreadyBound,
    tunnels: [...state.dirty.tunnels],
    vifs: [...state.dirty.vifs],
    creating,
    freedVlans: [...state.freedVlans],
  };
  state.dirty.tunnels.clear();
  state.dirty.vifs.clear();
  state.freedVlans.clear();
  return plan;
}

/** A plan was not carried out to its end: what it was for is dirty again. Flows are still in the ledgers' difference. */
export function replan(state: State, plan: Plan): void {
  for (const key of plan.tunnels) state.dirty.tunnels.add(key);
  for (const id of plan.vifs) state.dirty.vifs.add(id);
  for (const key of plan.creating) state.creating.delete(key);
  for (const vlan of plan.freedVlans) state.freedVlans.add(vlan);
  for (const { id } of plan.bound) state.unconfirmed.add(id);
  for (const [ofport, cfg] of plan.retired) state.retired.set(ofport, cfg);
  // How much of the bundles was carried out is not known.
  state.compareWanted = true;
}

/** What was learned through a tunnel port that somebody else took away: now, and once more when ovs-vswitchd has caught up. */
function takeLost(state: State, retire: string[]): void {
  if (state.lostOfports.size === 0) return;
  const there = state.view.tunnelOfports();
  for (const ofport of state.lostOfports) {
    // The number is another tunnel port's by now, or we have taken the port away ourselves.
    if (there.has(ofport) || state.retired.has(ofport)) continue;
    retire.push(...forgetPortLines(ofport, state.predecessors.tun));
    state.retired.set(ofport, (state.view.root?.curCfg ?? 0) + 1);
  }
  state.lostOfports.clear();
}

/** OVS puts a deleted learned flow back as long as the port and a cached learn() are there (OVS.md): until `cur_cfg` says it is gone. */
function takeRetired(state: State): Map<Ofport, number> {
  const due = new Map([...state.retired].filter(([, cfg]) => (state.view.root?.curCfg ?? 0) >= cfg));
  for (const ofport of due.keys()) state.retired.delete(ofport);
  if (due.size === 0) return due;
  // A number that a new tunnel port has by now leads somewhere again.
  for (const key of state.view.tunnelKeys()) due.delete(state.view.tunnel(key)?.interface.ofport ?? (0 as Ofport));
  return due;
}

/** Adds before deletes: a change too large for one bundle makes before it breaks, too. */
export function bundleLines({ changes, first }: BundlePlan): string[] {
  return [...first, ...changes.adds.map(addLine), ...changes.deletes.map(deleteLine)];
}

function planTunnel(
  state: State,
  key: TunnelKey,
  into: {
    create: OperationGroup[];
    finish: OperationGroup[];
    retire: string[];
    retiring: Ofport[];
    creating: TunnelKey[];
  },
): void {
  const { agent, ovs } = state.config;
  const tunnel = parseTunnelKey(key);
  const existing = state.view.tunnel(key);
  const options = tunnelOptions(tunnel, ovs.localIp, agent);
  const facts = { type: tunnel.type, vtep: tunnel.remoteIp };
  if (state.isTunnelWanted(key)) {
    if (existing === undefined) {
      if (state.creating.has(key)) return;
      state.creating.add(key);
      into.creating.push(key);
      const port = { name: tunnelPortName(tunnel), type: tunnelInterfaceType(tunnel), options };
      const operations = addTunnelPort(state.view, ovs.tunnelBridge, port);
      into.create.push({ what: 'tunnel port made', facts, operations, tunnel: key });
    } else if (!existing.interface.ours || !samePairs(existing.interface.options, options)) {
      const operations = adoptTunnelPort(existing, options);
      into.create.push({ what: 'tunnel port adopted or mended', facts, operations, tunnel: key });
    }
    return;
  }
  // A predecessor's is left for the day it is wanted; one from an address that this host had before is never (DESIGN, rule 8).
  if (existing === undefined) return;
  if (!existing.interface.ours && (state.passed || !isFromEarlierAddress(existing.interface, ovs.localIp))) return;
  const operations = deletePort(state.view, ovs.tunnelBridge, existing.port);
  into.finish.push({ what: 'tunnel port deleted, no network uses it', facts, operations, tunnel: key });
  const { ofport } = existing.interface;
  if (ofport === undefined) return;
  into.retire.push(...forgetPortLines(ofport, state.predecessors.tun));
  into.retiring.push(ofport);
}

function planVif(
  state: State,
  id: PortId,
  into: { create: OperationGroup[]; finish: OperationGroup[]; bound: BoundVif[]; alreadyBound: BoundVif[] },
): void {
  const vif = state.vifs.get(id);
  const port = state.view.vif(id)?.port;
  if (vif === undefined || port === undefined) return;
  const network = vif.network === undefined ? undefined : state.networks.get(vif.network);
  const settings = network && portSettings(network);
  // Without an ofport it has no anti-spoofing: what is not bound yet is bound when it has one.
  const hasOfport = state.view.vif(id)?.interface.ofport !== undefined;
  if (network === undefined || settings === undefined || !(hasOfport || portMatches(port, settings))) {
    // Isolation comes before anything else; binding only after the flows.
    if (isIsolated(port)) return;
    const reason = vif.wiring.kind === 'dead' ? vif.wiring.reason : 'no ofport yet';
    const facts = { port: id, name: port.name, reason };
    const operations = [setPort(port, { tag: DEAD_VLAN, otherConfig: undefined })];
    into.create.push({ what: 'VIF isolated', facts, operations, vif: id });
    return;
  }
  if (portMatches(port, settings) && !state.unconfirmed.has(id)) into.alreadyBound.push({ id, network: network.key });
  else {
    const facts = { port: id, name: port.name, network: network.id, vlan: network.vlan };
    into.finish.push({ what: 'VIF bound', facts, operations: [setPort(port, settings)], vif: id });
    into.bound.push({ id, network: network.key });
  }
}

/** What a VIF's Port is to look like on its network; the record in `other_config` is Neutron's (WIRE.md, OVS.md). */
function portSettings(network: LocalNetwork): PortSettings {
  return {
    tag: network.vlan,
    otherConfig: {
      net_uuid: network.id,
      network_type: network.segment.type,
      physical_network: 'None',
      segmentation_id: String(network.segment.segmentationId),
      tag: String(network.vlan),
    },
  };
}

/** On the dead VLAN alone, as an access port or as plug code leaves it (OVS.md: `vlan_mode=trunk`, `trunks=4095`). */
export function isIsolated(port: SwitchPort): boolean {
  if (port.tag !== DEAD_VLAN) return false;
  if (port.vlanMode === undefined) return port.trunks.length === 0;
  return port.vlanMode === 'trunk' && port.trunks.length === 1 && port.trunks[0] === DEAD_VLAN;
}

/** Made by Neutron's agent (OVS.md), with another `local_ip` (or spelled so): from the first plan on OVSDB does not tell us of it, and its name may be wanted. */
function isFromEarlierAddress({ options }: SwitchInterface, localIp: IpAddress): boolean {
  const address = options.get('local_ip');
  const isNeutrons = options.get('in_key') === 'flow' && options.get('out_key') === 'flow';
  return isNeutrons && address !== undefined && address !== localIp;
}

function samePairs(actual: ReadonlyMap<string, string>, wanted: Readonly<Record<string, string>>): boolean {
  const entries = Object.entries(wanted);
  return actual.size === entries.length && entries.every(([key, value]) => actual.get(key) === value);
}
