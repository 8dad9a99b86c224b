/** What neutron-server is to be told or asked next: a pure look at the state. One duty at a time, in this order. */
import type { Duty } from './events.ts';
import { isIsolated } from './plan.ts';
import type { LocalNetwork, State, Vif } from './state.ts';
import type { PortId } from './values.ts';

/** Ports in one call: more make the server slow to answer, and what is not answered in time is asked again. */
const MAX_PORTS = 100;
/**
 * Networks whose refresh is under way at a time; each costs the server a snapshot and a fanout. They are asked for in one
 * call, and there is one call at a time.
 */
const MAX_REFRESHES = 20;

/** `undefined`: nothing is owed. `ask` is the id for the markers of a duty that may bring a snapshot. */
export function nextDuty(state: State, now: number, ask: () => string): Duty | undefined {
  if (!state.connected) return undefined;
  // Down before facts, so that a port that went and came back is not read as it was before.
  const isDue = (id: PortId) => (state.deferred.get(id) ?? 0) <= now;
  const down = take([...state.gone, ...vifs(state, isDownOwed)].filter(isDue));
  if (down.length > 0) return { kind: 'down', ports: down };
  const pull = take(vifs(state, (_, vif) => vif.asking === 'wanted').filter(isDue));
  if (pull.length > 0) return { kind: 'pull', ports: pull };
  const plugged = take(vifs(state, isPluggedOwed).filter(isDue));
  if (plugged.length > 0) return { kind: 'plugged', ports: plugged };
  const up = take(vifs(state, isUpOwed).filter(isDue));
  if (up.length > 0) return { kind: 'up', ports: up, refresh: false, ask: ask() };
  const refresh = refreshes(state, now, isDue);
  if (refresh.length > 0) return { kind: 'up', ports: refresh, refresh: true, ask: ask() };
  return undefined;
}

/** When the state wants to be looked at again though nothing happens: milliseconds since the epoch. */
export function nextWake(state: State, now: number): number | undefined {
  let wake = Number.POSITIVE_INFINITY;
  for (const { sync } of state.networks.values()) {
    wake = Math.min(wake, sync.nextAt(now) ?? wake);
  }
  for (const at of state.deferred.values()) if (at > now) wake = Math.min(wake, at);
  return Number.isFinite(wake) ? wake : undefined;
}

function isUpOwed(state: State, vif: Vif): boolean {
  if (typeof vif.facts !== 'object') return false;
  return vif.facts.binding === 'active' && vif.facts.status !== 'ACTIVE' && isInForce(state, vif);
}

/** Live migration to us: Nova may wait with it until the VIF is plugged here (`network-vif-plugged`). */
function isPluggedOwed(state: State, vif: Vif): boolean {
  return typeof vif.facts === 'object' && vif.facts.isAwaited && !vif.announced && isInForce(state, vif);
}

/** ovs-vswitchd has what makes the VIF part of its network. */
function isInForce(state: State, vif: Vif): boolean {
  if (vif.wiring.kind !== 'wired') return false;
  // A VIF whose device does not exist has no ofport; it is up when it has one.
  if (state.view.vif(vif.id)?.interface.ofport === undefined) return false;
  return vif.configured !== undefined && (state.view.root?.curCfg ?? 0) >= vif.configured;
}

/** The server believes it up, and it was taken down here. */
function isDownOwed(state: State, vif: Vif): boolean {
  if (typeof vif.facts !== 'object' || vif.wiring.kind !== 'dead') return false;
  if (vif.facts.binding !== 'active' || vif.facts.adminStateUp || vif.facts.status !== 'ACTIVE') return false;
  const port = state.view.vif(vif.id)?.port;
  return port !== undefined && isIsolated(port);
}

/**
 * One ACTIVE port of each network that wants the server's word; the rest is not mentioned (WIRE.md). Those that have not
 * heard it come first, what was in sync before last.
 */
function refreshes(state: State, now: number, isDue: (id: PortId) => boolean): PortId[] {
  if (!state.config.agent.l2Population || state.isDeaf) return [];
  const networks = [...state.networks.values()];
  const inFlight = networks.filter(({ sync }) => sync.isInFlight(now)).length;
  const wanting = networks.filter(({ sync }) => sync.wantsRefresh(now));
  const [first, last] = [wanting.filter(isUnsynced), wanting.filter((network) => !isUnsynced(network))];
  const ports: PortId[] = [];
  for (const { vifs } of [...first, ...last]) {
    if (ports.length >= MAX_REFRESHES - inFlight) break;
    const port = [...vifs].find((id) => isAskable(state, id) && isDue(id));
    if (port !== undefined) ports.push(port);
  }
  return ports;
}

function isUnsynced({ sync }: LocalNetwork): boolean {
  return sync.status === 'unsynced';
}

/** To report it up once more changes nothing at the server. */
export function isAskable(state: State, id: PortId): boolean {
  const facts = state.vifs.get(id)?.facts;
  return typeof facts === 'object' && facts.binding === 'active' && facts.status === 'ACTIVE';
}

function vifs(state: State, test: (state: State, vif: Vif) => boolean): PortId[] {
  const found: PortId[] = [];
  for (const vif of state.vifs.values()) if (test(state, vif)) found.push(vif.id);
  return found;
}

function take(ports: readonly PortId[]): PortId[] {
  return ports.slice(0, MAX_PORTS);
}
