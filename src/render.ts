/**
 * From state to wanted flows: renders what is dirty into the ledgers, and nothing else. A flow that lacks something it
 * depends on is not wanted yet; its subject is listed with what it waits for.
 */
import * as brInt from './flows/br-int.ts';
import * as brTun from './flows/br-tun.ts';
import type { Flow } from './flows/flow.ts';
import type { FlowLedger, Subject } from './flows/ledger.ts';
import type { NetworkFdb } from './l2pop/fdb.ts';
import type { LocalNetwork, NetworkDirt, State } from './state.ts';
import { parseTunnelKey, type TunnelKey } from './tunnel/ports.ts';
import type { IpAddress, MacAddress, PortId } from './values.ts';
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
  const vtep = fdb?.vtepOf(mac);
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
    network !== undefined && owner !== undefined && state.config.agent.arpResponder
      ? brTun.arpFlow(network.vlan, ip, owner.mac, owner.vtep)
      : undefined;
  want(state, state.tun, `ip ${key} ${ip}`, flow ? [flow] : []);
}

function renderVif(state: State, id: PortId): void {
  const vif = state.vifs.get(id);
  const ofport = state.view.vif(id)?.interface.ofport;
  const flow = ofport === undefined || vif?.wiring.kind !== 'dead' ? undefined : brInt.deadVifFlow(ofport);
  // While its facts are awaited the dead VLAN alone isolates it: a flow would only be added to be deleted. One from
  // before a restart stays.
  const isWanted = flow !== undefined && (vif?.facts !== 'pending' || state.int.isThere(flow));
  want(state, state.int, `vif ${id}`, isWanted ? [flow] : []);
}

function want(state: State, ledger: FlowLedger, subject: Subject, flows: readonly Flow[], blockedOn?: string): void {
  ledger.want(subject, flows);
  if (blockedOn === undefined) state.blocked.delete(subject);
  else state.blocked.set(subject, blockedOn);
}
