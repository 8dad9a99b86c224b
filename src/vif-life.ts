/** The life of a VIF in the state: seen on br-int, joined to its network, moved, gone (DESIGN, "The life of a VIF"). */
import { NetworkSync } from './l2pop/sync.ts';
import type { LocalNetwork, State, Vif } from './state.ts';
import type { PortId } from './values.ts';
import { type NetworkKey, networkKey } from './vif/local-vlans.ts';
import { decideWiring, type Wired, type Wiring } from './vif/wiring.ts';
import type { SwitchPort } from './vswitch/rows.ts';

/** Brings a VIF's place in the state in line with what the switch and the server say of it now. */
export function refreshVif(state: State, id: PortId, now: number): void {
  place(state, id, now);
  // VIFs that found no local VLAN: one may have been given back. Each once: one that waits on stays in the set.
  const waiting = [...state.withoutVlan].filter((other) => other !== id);
  for (const other of waiting) place(state, other, now);
}

function place(state: State, id: PortId, now: number): void {
  const attached = state.view.vif(id);
  const known = state.vifs.get(id);
  if (attached === undefined) {
    if (known !== undefined) unplug(state, known);
    return;
  }
  const vif = known ?? plug(state, id);
  const wiring = decideWiring(vif.facts, attached.port, state.config.agent.tunnelTypes);
  const target = wiring.kind === 'wired' ? networkKey(wiring.networkId, wiring.segment) : undefined;
  if (target !== vif.network || vif.wiring.kind !== wiring.kind) {
    vif.configured = undefined;
    vif.announced = false;
  }
  if (target !== vif.network) leave(state, vif);
  vif.wiring = wiring.kind === 'wired' ? join(state, vif, wiring, attached.port, now) : wiring;
  ownMac(state, vif);
  // Who waits still keeps its turn.
  if (vif.network !== undefined || wiring.kind === 'dead') state.withoutVlan.delete(id);
  state.dirty.vifs.add(id);
}

function plug(state: State, id: PortId): Vif {
  const vif: Vif = {
    id,
    facts: 'pending',
    asking: 'wanted',
    unsettled: 0,
    wiring: { kind: 'dead', reason: 'just plugged' },
    network: undefined,
    ownMac: undefined,
    configured: undefined,
    announced: false,
  };
  state.vifs.set(id, vif);
  // Back before the server was told that it went.
  state.gone.delete(id);
  state.before.delete(id);
  state.unsavedVifs.add(id);
  state.deferred.delete(id);
  return vif;
}

function unplug(state: State, vif: Vif): void {
  leave(state, vif);
  state.vifs.delete(vif.id);
  state.unconfirmed.delete(vif.id);
  state.withoutVlan.delete(vif.id);
  state.deferred.delete(vif.id);
  state.dirty.vifs.add(vif.id);
  state.unsavedVifs.add(vif.id);
  // Wherever it is bound: the server takes back what the others may have heard of it here (a live migration's source or target).
  if (vif.facts !== 'absent') state.gone.add(vif.id);
}

function join(state: State, vif: Vif, wired: Wired, port: SwitchPort, now: number): Wiring {
  const key = networkKey(wired.networkId, wired.segment);
  const network = state.networks.get(key) ?? open(state, key, wired, port, now);
  if (network === undefined) {
    state.withoutVlan.add(vif.id);
    return { kind: 'dead', reason: 'no local VLAN is free: 4094 networks are in use' };
  }
  network.vifs.add(vif.id);
  vif.network = key;
  return wired;
}

function open(state: State, key: NetworkKey, wired: Wired, port: SwitchPort, now: number): LocalNetwork | undefined {
  const hint = port.otherConfig.get('net_uuid') === wired.networkId ? Number(port.otherConfig.get('tag')) : undefined;
  const vlan = state.vlans.allocate(key, { tag: port.tag, hint }, (tag) => state.view.tagInUse(tag));
  if (vlan === undefined) return undefined;
  const network: LocalNetwork = {
    key,
    id: wired.networkId,
    segment: wired.segment,
    vlan,
    vifs: new Set(),
    ownMacs: new Map(),
    sync: new NetworkSync(
      now,
      state.restored.get(key)?.settled === true ? 'synced' : 'unsynced',
      state.auditAfter(vlan),
      () => state.markUnsaved(key),
    ),
  };
  state.networks.set(key, network);
  state.markUnsaved(key);
  // Some wait for its first VIF.
  if (state.restored.has(key)) state.journal.recheck();
  const isNewToUs = now < state.successorUntil && !state.restored.has(key);
  if (state.askedBefore.delete(key) || isNewToUs) {
    network.sync.expectLateAnswer(now + state.config.own.snapshotConfirm * 1000);
  }
  // A learn() that a datapath still had in its cache may have come after the VLAN was freed (OVS.md).
  if (state.usedVlans.has(vlan)) state.freedVlans.add(vlan);
  // It is there from now on: a chg_ip, which names no segment, finds it.
  state.fdb.ensure(wired.networkId, wired.segment);
  state.fdb.setLocal(key, true);
  state.markAll(key);
  for (const vtep of state.fdb.get(key)?.vteps() ?? []) state.useTunnel(network, vtep, true);
  return network;
}

function leave(state: State, vif: Vif): void {
  const network = vif.network === undefined ? undefined : state.networks.get(vif.network);
  disownMac(state, vif);
  vif.network = undefined;
  if (network === undefined) return;
  network.vifs.delete(vif.id);
  if (network.vifs.size > 0) return;
  for (const vtep of state.fdb.get(network.key)?.vteps() ?? []) state.useTunnel(network, vtep, false);
  state.markAll(network.key);
  // Should it be here again soon, an answer may come yet.
  if (network.sync.status === 'asked' || state.mayBeAnswered(network)) state.noteAsked(network.key);
  state.networks.delete(network.key);
  state.markUnsaved(network.key);
  state.restored.delete(network.key);
  // What comes while it is elsewhere is not written down.
  if (state.saved.has(network.key)) state.saved.set(network.key, 'stale');
  state.fdb.setLocal(network.key, false);
  state.vlans.release(network.key);
  state.freedVlans.add(network.vlan);
  state.usedVlans.add(network.vlan);
}

/**
 * A port that is bound here is here. The FDB may say otherwise for a while: neutron-server counts a port among those of
 * the host that it is migrated from until the old binding is deleted, and its processes may tell of a move in any order.
 */
function ownMac(state: State, vif: Vif): void {
  const network = vif.network === undefined ? undefined : state.networks.get(vif.network);
  const mac = typeof vif.facts === 'object' && vif.facts.binding === 'active' ? vif.facts.mac : undefined;
  if (network === undefined || mac === vif.ownMac) return;
  disownMac(state, vif);
  if (mac === undefined) return;
  vif.ownMac = mac;
  network.ownMacs.set(mac, vif.id);
  state.markMac(network.key, mac);
}

function disownMac(state: State, vif: Vif): void {
  const { ownMac: mac, network: key } = vif;
  vif.ownMac = undefined;
  const network = key === undefined ? undefined : state.networks.get(key);
  if (mac === undefined || network?.ownMacs.get(mac) !== vif.id) return;
  network.ownMacs.delete(mac);
  state.markMac(network.key, mac);
}
