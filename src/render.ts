/**
 * From state to wanted flows: renders what is dirty into the ledgers, and nothing else. A flow that lacks something it
 * depends on is not wanted yet; its subject is listed with what it waits for.
 */
import { antiSpoofingFlows } from './flows/anti-spoofing.ts';
import * as brInt from './flows/br-int.ts';
import * as brTun from './flows/br-tun.ts';
import { formatCookie } from './flows/cookie.ts';
import type { Flow } from './flows/flow.ts';
import type { FlowLedger, Subject } from './flows/ledger.ts';
import type { NetworkFdb } from './l2pop/fdb.ts';
import type { LocalNetwork, NetworkDirt, State, Vif } from './state.ts';
import { parseTunnelKey, type TunnelKey } from './tunnel/ports.ts';
import type { IpAddress, LocalVlan, MacAddress, Ofport, PortId } from './values.ts';
import { allowedSources } from './vif/allowed.ts';
import type { NetworkKey } from './vif/local-vlans.ts';

export function renderDirty(state: State): void {
  const { dirty } = state;
  if (dirty.base) renderBase(state);
  dirty.base = false;
  for (const key of dirty.tunnels) renderTunnel(state, key);
  for (const [key, dirt] of dirty.networks) renderNetwork(state, key, dirt);
  dirty.networks.clear();
  for (const id of dirty.vifs) renderVif(state, id);
}

function renderBase(state: State): void {
  const { ovs, agent } = state.config;
  const patch = state.view.patch(ovs.tunPeerPatchPort)?.interface.ofport;
  want(
    state,
    state.tun,
    'base',
    patch === undefined ? [] : brTun.structuralFlows(patch, agent.arpResponder),
    patch === undefined ? `ofport of ${ovs.tunPeerPatchPort}` : undefined,
  );
  state.int.want('base', brInt.structuralFlows());
}

function renderTunnel(state: State, key: TunnelKey): void {
  const subject = `tunnel ${key}`;
  const { type, remoteIp } = parseTunnelKey(key);
  if (!state.isTunnelWanted(key)) {
    want(state, state.tun, subject, []);
    return;
  }
  const ofport = state.view.tunnel(key)?.interface.ofport;
  if (ofport === undefined) want(state, state.tun, subject, [], `ofport of tunnel ${key}`);
  else want(state, state.tun, subject, [brTun.tunnelInFlow(type, remoteIp, ofport)]);
}

function renderNetwork(state: State, key: NetworkKey, dirt: NetworkDirt): void {
  const network = state.networks.get(key);
  const fdb = state.fdb.get(key);
  if (dirt.all) {
    const { segment, vlan } = network ?? {};
    const flows = segment && vlan ? [brTun.segmentFlow(segment.type, segment.segmentationId, vlan)] : [];
    want(state, state.tun, `segment ${key}`, flows);
  }
  if (dirt.all || dirt.vteps.size > 0) renderFlood(state, key, network);
  for (const mac of dirt.macs) renderMac(state, key, network, fdb, mac);
  for (const ip of dirt.ips) renderIp(state, key, network, fdb, ip);
}

function renderFlood(state: State, key: NetworkKey, network: LocalNetwork | undefined): void {
  const subject = `flood ${key}`;
  if (network === undefined) {
    want(state, state.tun, subject, []);
    return;
  }
  const egresses: brTun.Egress[] = [];
  const missing: IpAddress[] = [];
  for (const vtep of state.vtepsOf(network)) {
    const egress = state.egress(network.segment.type, vtep);
    if (egress === undefined) missing.push(vtep);
    else egresses.push(egress);
  }
  const flow = brTun.floodFlow(network.vlan, network.segment.segmentationId, egresses);
  const reason = missing.length > 0 ? `ofport of ${network.segment.type} tunnels to ${missing.join(', ')}` : undefined;
  want(state, state.tun, subject, flow ? [flow] : [], reason);
}

function renderMac(
  state: State,
  key: NetworkKey,
  network: LocalNetwork | undefined,
  fdb: NetworkFdb | undefined,
  mac: MacAddress,
): void {
  const subject = `mac ${key} ${mac}`;
  const vtep = network?.ownMacs.has(mac) ? undefined : fdb?.vtepOf(mac);
  if (network === undefined || vtep === undefined) {
    want(state, state.tun, subject, []);
    return;
  }
  const { type, segmentationId } = network.segment;
  const egress = state.egress(type, vtep);
  if (egress === undefined) want(state, state.tun, subject, [], `ofport of tunnel ${type} ${vtep}`);
  else want(state, state.tun, subject, [brTun.unicastFlow(network.vlan, segmentationId, mac, egress)]);
}

function renderIp(
  state: State,
  key: NetworkKey,
  network: LocalNetwork | undefined,
  fdb: NetworkFdb | undefined,
  ip: IpAddress,
): void {
  const owner = fdb?.ownerOf(ip);
  const flow =
    network !== undefined && owner !== undefined && !network.ownMacs.has(owner.mac) && state.config.agent.arpResponder
      ? brTun.arpFlow(network.vlan, ip, owner.mac, owner.vtep)
      : undefined;
  want(state, state.tun, `ip ${key} ${ip}`, flow ? [flow] : []);
}

function renderVif(state: State, id: PortId): void {
  const subject = `vif ${id}`;
  const vif = state.vifs.get(id);
  const ofport = state.view.vif(id)?.interface.ofport;
  if (vif === undefined) want(state, state.int, subject, []);
  else if (ofport === undefined) want(state, state.int, subject, [], `ofport of VIF ${id}`);
  else want(state, state.int, subject, vifFlows(state, vif, ofport));
}

/** A dead VIF has the drop alone: behind anti-spoofing's higher priorities it would do nothing. */
function vifFlows(state: State, vif: Vif, ofport: Ofport): readonly Flow[] {
  const vlan = vif.network === undefined ? undefined : state.networks.get(vif.network)?.vlan;
  if (vlan === undefined) {
    const drop = brInt.deadVifFlow(ofport);
    // While its facts are awaited the dead VLAN alone isolates it: a flow would only be added to be deleted. One from
    // before a restart stays.
    return vif.facts !== 'pending' || state.int.isThere(drop) ? [drop] : [];
  }
  if (typeof vif.facts !== 'object') return foundAntiSpoofing(state, ofport, vlan);
  const allowed = allowedSources(vif.facts);
  return allowed === undefined ? [] : antiSpoofingFlows(ofport, vlan, allowed);
}

/** What a VIF that was wired before us may send is not known yet: what the switch lets through stays. */
function foundAntiSpoofing(state: State, ofport: Ofport, vlan: LocalVlan): readonly Flow[] {
  const there = (state.antiSpoofing.get(ofport) ?? []).filter((flow) => state.int.isThere(flow));
  return there.map((flow) => ({ ...flow, cookie: formatCookie('vif', vlan) }));
}

function want(state: State, ledger: FlowLedger, subject: Subject, flows: readonly Flow[], blockedOn?: string): void {
  ledger.want(subject, flows);
  if (blockedOn === state.blocked.get(subject)) return;
  state.journal.recheck(subject);
  if (blockedOn === undefined) state.blocked.delete(subject);
  else state.blocked.set(subject, blockedOn);
}
