/** The tunnel ports: those that are wanted, those that are there, and who uses them. */
import type { State } from '../state.ts';
import { parseTunnelKey, type TunnelKey, tunnelKey } from '../tunnel/ports.ts';
import { networkIdOf } from '../vif/local-vlans.ts';
import { timestamp } from './time.ts';
import type { TunnelReport, TunnelsReport } from './types.ts';

export function tunnelsReport(state: State, now: number): TunnelsReport {
  const { localIp } = state.config.ovs;
  const tunnels = allTunnelKeys(state).map((key) => tunnelReport(state, key));
  return { at: timestamp(now), localIp, tunnels: tunnels.sort(byTypeAndName) };
}

/** Wanted, there, or both. */
export function allTunnelKeys(state: State): TunnelKey[] {
  const keys = new Set([...state.tunnelUsers.keys(), ...state.view.tunnelKeys()]);
  if (!state.config.agent.l2Population) {
    for (const type of state.config.agent.tunnelTypes) {
      for (const vtep of state.meshVteps(type)) keys.add(tunnelKey(type, vtep));
    }
  }
  return [...keys];
}

function tunnelReport(state: State, key: TunnelKey): TunnelReport {
  const { type, remoteIp } = parseTunnelKey(key);
  const there = state.view.tunnel(key);
  const wanted = state.isTunnelWanted(key);
  const owner = there === undefined ? null : there.interface.ours ? 'ours' : wanted ? 'adopt' : 'foreign';
  return {
    type,
    remoteIp,
    port: there?.port.name ?? null,
    ofport: there?.interface.ofport ?? null,
    owner,
    wanted,
    networks: wanted ? users(state, key) : [],
  };
}

function users(state: State, key: TunnelKey): string[] {
  if (state.config.agent.l2Population) return [...(state.tunnelUsers.get(key) ?? [])].map(networkIdOf).sort();
  const { type } = parseTunnelKey(key);
  return [...state.networks.values()]
    .filter(({ segment }) => segment.type === type)
    .map(({ id }) => id)
    .sort();
}

function byTypeAndName(a: TunnelReport, b: TunnelReport): number {
  return a.type.localeCompare(b.type) || a.remoteIp.localeCompare(b.remoteIp, 'en', { numeric: true });
}
