/** Events change the state: the only writer of it. No I/O, no clock: `now` comes in as milliseconds since the epoch. */
import { onDutyDone, onDutyStarted } from './duty-life.ts';
import type { Event } from './events.ts';
import { antiSpoofingByOfport } from './flows/anti-spoofing.ts';
import * as brInt from './flows/br-int.ts';
import * as brTun from './flows/br-tun.ts';
import type { DumpedFlow } from './flows/flow.ts';
import { ownership } from './flows/ownership.ts';
import { BR_INT, BR_TUN } from './flows/tables.ts';
import type { Origin } from './journal/record.ts';
import { nothingTouched, type Touched } from './l2pop/fdb.ts';
import type { EntriesChange, FdbChange } from './l2pop/parse.ts';
import { recoverFdb } from './l2pop/recover.ts';
import type { SyncTimes } from './l2pop/sync.ts';
import { doubtRestored, restore, settleRestored, settleVifs } from './restore.ts';
import type { LocalNetwork, State } from './state.ts';
import { parseTunnelKey, tunnelKey } from './tunnel/ports.ts';
import type { IpAddress, LocalVlan, Ofport, TunnelType } from './values.ts';
import { type NetworkKey, networkKey } from './vif/local-vlans.ts';
import { refreshVif } from './vif-life.ts';
import type { SwitchRowChange } from './vswitch/monitors.ts';
import type { ViewChanges } from './vswitch/switch-view.ts';

type EventOf<K extends Event['kind']> = Extract<Event, { kind: K }>;

export function reduce(state: State, event: Event, now: number): void {
  switch (event.kind) {
    case 'rows': {
      const lastCfg = state.view.root?.curCfg ?? 0;
      const changes = state.view.applyRows(event.changes);
      if ((state.view.root?.curCfg ?? lastCfg) < lastCfg) onEarlierDatabase(state, lastCfg);
      // A bridge of ours that was made anew has no flows.
      if (event.changes.some((change) => isNewBridge(state, change))) state.compareWanted = true;
      if (event.initial) onConnected(state);
      onView(state, changes, now);
      settleVifs(state);
      break;
    }
    case 'membership':
      onView(state, state.view.applyMembership(event.bridges), now);
      settleVifs(state);
      break;
    case 'ovsdb-lost':
      state.connected = false;
      break;
    case 'dump':
      onDump(state, event.tun, event.int, now);
      break;
    case 'compare':
      state.compareWanted = true;
      break;
    case 'maintain':
      if (state.journal.reopen(now)) state.compareWanted = true;
      break;
    case 'fdb':
      if (state.config.agent.l2Population) onFdb(state, event, now);
      break;
    case 'marker':
      onMarker(state, event.id, event.edge, now);
      break;
    case 'notification':
      onNotification(state, event, now);
      break;
    case 'deaf':
      onGap(state, now);
      state.isDeaf = true;
      break;
    case 'gap':
      if (event.l2population) onGap(state, now);
      if (event.ports) for (const vif of state.vifs.values()) vif.asking = 'wanted';
      break;
    case 'resync':
      for (const key of event.networks) state.networks.get(key)?.sync.want(now);
      break;
    case 'restored':
      restore(state, event.contents, event.boot, now);
      break;
    case 'link-down':
      for (const { sync } of state.networks.values()) if (sync.status === 'asked') sync.lost(now);
      break;
    case 'link-up':
      state.isDeaf = false;
      break;
    case 'endpoints-asked':
      state.mesh.asked(event.type);
      break;
    case 'endpoints':
      onMesh(state, event.type, state.mesh.replace(event.type, event.vteps));
      break;
    case 'duty-started':
      onDutyStarted(state, event.duty, now);
      break;
    case 'duty-done':
      onDutyDone(state, event.duty, event.outcome, now);
      break;
    case 'wake':
      break;
  }
}

/** What was sent of the FDB is lost: nothing of it is certain any more. */
function onGap(state: State, now: number): void {
  doubtRestored(state);
  state.isDeaf = false;
  for (const { sync } of state.networks.values()) sync.gap(now, state.resyncDelay);
}

function isNewBridge({ config: { ovs } }: State, { table, before, after }: SwitchRowChange): boolean {
  if (table !== 'Bridge' || before !== undefined) return false;
  return after?.name === ovs.integrationBridge || after?.name === ovs.tunnelBridge;
}

/** After a (re)connect nothing that was on its way can be relied on, and vswitchd may have restarted with OVSDB. */
function onConnected(state: State): void {
  state.connected = true;
  state.creating.clear();
  // The database may have been put back to an earlier day, and count from there.
  state.bridgesCfg = 0;
  state.compareWanted = true;
  state.dirty.bridges = true;
}

/** The database was put back to an earlier day, or made anew: what waits for a later `cur_cfg` would wait for ever. */
function onEarlierDatabase(state: State, reached: number): void {
  for (const ofport of state.retired.keys()) state.retired.set(ofport, 0);
  for (const vif of state.vifs.values()) {
    if (vif.configured === undefined) continue;
    const isInForce = vif.configured <= reached;
    vif.configured = isInForce ? 0 : undefined;
    if (isInForce) continue;
    state.unconfirmed.add(vif.id);
    state.dirty.vifs.add(vif.id);
  }
}

function onView(state: State, changes: ViewChanges, now: number): void {
  if (changes.bridges) {
    state.dirty.base = true;
    state.dirty.bridges = true;
  }
  for (const id of changes.vifs) refreshVif(state, id, now);
  for (const key of changes.tunnels) {
    // There, or gone before it was seen to be there.
    state.creating.delete(key);
    state.dirty.tunnels.add(key);
    const before = changes.ofportsBefore.get(key);
    if (before !== undefined && state.view.tunnel(key)?.interface.ofport !== before) state.lostOfports.add(before);
    const { type, remoteIp } = parseTunnelKey(key);
    if (state.config.agent.l2Population) {
      for (const user of state.tunnelUsers.get(key) ?? []) markVtep(state, user, remoteIp);
    } else markMesh(state, type, [remoteIp]);
  }
}

/** Everything of a network that leads to a VTEP. */
function markVtep(state: State, network: NetworkKey, vtep: IpAddress): void {
  const dirt = state.dirt(network);
  dirt.vteps.add(vtep);
  for (const mac of state.fdb.get(network)?.macsBehind(vtep) ?? []) dirt.macs.add(mac);
}

function onDump(state: State, tun: readonly DumpedFlow[], int: readonly DumpedFlow[], now: number): void {
  const { agent, ovs } = state.config;
  const patch = state.view.patch(ovs.tunPeerPatchPort)?.interface.ofport;
  const tunOwner = ownership(
    tun,
    brTun.structuralFlows(patch ?? (0 as Ofport), agent.arpResponder),
    BR_TUN,
    state.predecessors.tun,
  );
  const intOwner = ownership(int, brInt.structuralFlows(), BR_INT, state.predecessors.int);
  const steady = (flows: readonly DumpedFlow[], owner: typeof tunOwner) =>
    flows.filter((flow) => owner(flow) !== 'learned');
  noteLostOfports(
    state,
    tun.filter((flow) => tunOwner(flow) === 'learned'),
  );
  if (!state.recovered && agent.l2Population) recover(state, tun, now);
  state.recovered = true;
  settleRestored(state);
  state.tun.setActual(steady(tun, tunOwner), (flow) => tunOwner(flow) !== 'foreign');
  const isAwaiting = [...state.vifs.values()].some(({ facts }) => facts === 'pending');
  const known = isAwaiting ? int.filter((flow) => intOwner(flow) !== 'foreign') : [];
  state.antiSpoofing = antiSpoofingByOfport(known);
  state.int.setActual(steady(int, intOwner), (flow) => intOwner(flow) !== 'foreign');
  state.compared = true;
  // Whatever was made and has not been seen by now is not there.
  for (const key of state.creating) state.dirty.tunnels.add(key);
  state.creating.clear();
}

/** A tunnel port that went while we were away leaves behind what was learned through it. */
function noteLostOfports(state: State, learned: readonly DumpedFlow[]): void {
  const there = state.view.tunnelOfports();
  for (const { actions } of learned) {
    const output = /output:(\d+)/.exec(actions)?.[1];
    const ofport = output === undefined ? undefined : (Number(output) as Ofport);
    if (ofport !== undefined && !there.has(ofport)) state.lostOfports.add(ofport);
  }
}

function recover(state: State, flows: readonly DumpedFlow[], now: number): void {
  const byOfport = new Map<Ofport, { type: TunnelType; remoteIp: IpAddress }>();
  for (const key of state.view.tunnelKeys()) {
    const ofport = state.view.tunnel(key)?.interface.ofport;
    if (ofport !== undefined) byOfport.set(ofport, parseTunnelKey(key));
  }
  const touched = new Map<NetworkKey, Touched>();
  recoverFdb(flows, {
    fdbOf(vlan) {
      const key = state.vlans.networkOf(vlan as LocalVlan);
      const network = key && state.networks.get(key);
      // A checkpoint knows more than the flows do, and what it does not know is not so.
      if (network === undefined || state.restored.has(network.key)) return undefined;
      const fdb = state.fdb.ensure(network.id, network.segment);
      return { fdb, touched: touched.getOrInsertComputed(network.key, nothingTouched) };
    },
    vtepOf(ofport, fdb) {
      const tunnel = byOfport.get(ofport);
      return tunnel?.type === fdb.type && tunnel.remoteIp !== state.config.ovs.localIp ? tunnel.remoteIp : undefined;
    },
  });
  for (const [key, what] of touched) {
    state.markTouched(key, what, now);
    // An answer that came before knew nothing of these.
    const sync = state.networks.get(key)?.sync;
    if (sync !== undefined && sync.status !== 'unsynced') sync.lost(now);
  }
}

function onFdb(state: State, { changes, byName, origin }: EventOf<'fdb'>, now: number): void {
  const sequence = ++state.sequence;
  for (const change of changes) {
    // Only what the server lists by name is a snapshot; what it takes back by name is news like any other.
    if (byName && change.kind === 'add' && !state.isNameOurs) continue;
    if (byName && change.kind === 'add') onSnapshot(state, change, { sequence, origin }, now);
    else onDelta(state, change, { sequence, origin }, now);
  }
}

interface Heard {
  readonly sequence: number;
  readonly origin: Origin | undefined;
}

function onDelta(state: State, change: FdbChange, { sequence, origin }: Heard, now: number): void {
  const times = syncTimes(state);
  for (const [key, touched] of state.fdb.apply(change, { sequence, at: now })) {
    state.markTouched(key, touched, now, origin);
    state.networks.get(key)?.sync.takenBack(change, times, now);
  }
}

/** A message to our host by name: what the server held when it read it, possibly before notifications that we have heard. */
function onSnapshot(state: State, change: EntriesChange, { sequence, origin }: Heard, now: number): void {
  const times = syncTimes(state);
  const sync = state.networks.get(networkKey(change.network, change.segment))?.sync;
  const fresh = sync?.withoutTakenBack(change, times, now) ?? change;
  const since = sync?.outranksSince(times, now) ?? now - times.grace;
  for (const [key, touched] of state.fdb.apply(fresh, { sequence, at: now, snapshot: { since } })) {
    state.markTouched(key, touched, now, origin);
  }
  sync?.snapshot([change], now);
  state.snapshots++;
  state.setServerSilent(false);
  for (const other of state.networks.values()) other.sync.serverSpoke(now);
}

function syncTimes({ config: { own } }: State): SyncTimes {
  return { grace: own.snapshotGrace * 1000, confirm: own.snapshotConfirm * 1000 };
}

function onMarker(state: State, id: string, edge: 'start' | 'end', now: number): void {
  const times = syncTimes(state);
  // The queue by name never expires: before our first marker it is a predecessor's word.
  const isAsked = (network: LocalNetwork) => network.sync.question === id;
  state.isNameOurs ||= id === state.lastAsk || [...state.networks.values()].some(isAsked);
  for (const network of state.networks.values()) {
    if (!isAsked(network)) continue;
    const touched = nothingTouched();
    const fdb = state.fdb.ensure(network.id, network.segment);
    const { status } = network.sync;
    const audit = state.auditAfter(network.vlan);
    network.sync.marker(id, edge, fdb, { ...times, sweep: state.snapshots > 0, audit }, now, touched);
    if (status === 'asked' && network.sync.status === 'synced' && state.snapshots === 0 && !fdb.isEmpty) {
      state.setServerSilent(true);
    }
    state.markTouched(network.key, touched, now);
  }
}

function onNotification(state: State, { notification, origin }: EventOf<'notification'>, now: number): void {
  switch (notification.kind) {
    case 'tunnel-update':
    case 'tunnel-delete':
      // With l2population the FDB alone says which tunnels there are.
      if (state.config.agent.l2Population) break;
      if (notification.kind === 'tunnel-update') state.mesh.add(notification.type, notification.vtep);
      else state.mesh.delete(notification.type, notification.vtep);
      state.journal.record(`tunnel ${tunnelKey(notification.type, notification.vtep)}`, origin, now);
      onMesh(state, notification.type, [notification.vtep]);
      break;
    case 'port-update': {
      if (notification.mac !== undefined && origin?.requestId !== undefined) {
        state.noteRequest(notification.mac, origin.requestId);
      }
      const vif = state.vifs.get(notification.port);
      if (vif === undefined) break;
      vif.asking = 'wanted';
      vif.unsettled = 0;
      state.deferred.delete(notification.port);
      break;
    }
    case 'port-delete': {
      for (const owed of [state.gone, state.before]) owed.delete(notification.port);
      state.unsavedVifs.add(notification.port);
      state.deferred.delete(notification.port);
      const vif = state.vifs.get(notification.port);
      if (vif === undefined) break;
      vif.facts = 'absent';
      vif.asking = 'done';
      refreshVif(state, notification.port, now);
      break;
    }
  }
}

function onMesh(state: State, type: TunnelType, vteps: readonly IpAddress[]): void {
  if (state.config.agent.l2Population) return;
  // Tunnel ports of VTEPs that a complete set lacks are wanted no longer: neither they nor copies of floods to them.
  const known = state.view.tunnelKeys().map(parseTunnelKey);
  const touched = new Set([
    ...vteps,
    ...known.filter((tunnel) => tunnel.type === type).map(({ remoteIp }) => remoteIp),
  ]);
  for (const vtep of touched) state.dirty.tunnels.add(tunnelKey(type, vtep));
  markMesh(state, type, touched);
}

function markMesh(state: State, type: TunnelType, vteps: Iterable<IpAddress>): void {
  for (const network of state.networks.values()) {
    if (network.segment.type === type) for (const vtep of vteps) state.dirt(network.key).vteps.add(vtep);
  }
}
