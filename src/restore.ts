/** State → checkpoint at a stop in good order, checkpoint → state at the next start. */
import type { Config } from './config/config.ts';
import type { Checkpoint, CheckpointNetwork } from './journal/checkpoint.ts';
import { type NetworkFdb, nothingTouched } from './l2pop/fdb.ts';
import type { State } from './state.ts';
import { networkKey } from './vif/local-vlans.ts';

/**
 * The networks of which nothing is to be asked. `undefined`: no checkpoint can be made, because the FDB is not the
 * server's (`l2_population` off), or the server never spoke of it.
 */
export function checkpointOf(state: State, offsets: ReadonlyMap<string, number>): Checkpoint | undefined {
  const { host, agent, ovs } = state.config;
  if (!agent.l2Population || state.isServerSilent) return undefined;
  const networks: CheckpointNetwork[] = [];
  for (const { key, id, segment, sync } of state.networks.values()) {
    const fdb = state.fdb.get(key);
    if (sync.isSettled && fdb !== undefined) networks.push({ id, segment, claims: claimsOf(fdb) });
  }
  // Stopped before their VIFs were seen.
  for (const [key, { id, segment }] of state.restored) {
    const fdb = state.fdb.get(key);
    if (!state.networks.has(key) && fdb !== undefined) networks.push({ id, segment, claims: claimsOf(fdb) });
  }
  return { host, localIp: ovs.localIp, sequence: state.sequence, networks, offsets };
}

/** Why a checkpoint does not fit the configuration; `undefined`: it does. */
export function unfit({ host, localIp }: Checkpoint, { agent, ...config }: Config): string | undefined {
  if (host !== config.host) return `it is of host ${host}`;
  if (localIp !== config.ovs.localIp) return `local_ip was ${localIp}`;
  return agent.l2Population ? undefined : 'l2_population is off';
}

/** Before anything else has changed the state. */
export function restore(state: State, { sequence, networks }: Checkpoint): void {
  state.sequence = sequence;
  for (const { id, segment, claims } of networks) {
    const fdb = state.fdb.ensure(id, segment);
    // Nothing is rendered yet: the network is, when its first VIF is seen.
    const touched = nothingTouched();
    for (const { vtep, mac, ip, stamp } of claims) {
      if (mac === undefined) fdb.addFlooding(vtep, stamp, touched);
      else if (ip === undefined) fdb.locate(vtep, mac, stamp, touched);
      else fdb.changeIp(vtep, { before: [], after: [{ mac, ip }] }, stamp, touched);
    }
    state.restored.set(networkKey(id, segment), { id, segment });
  }
}

/** Every VIF that was here has been seen: what no VIF wants is kept as other networks are, no better. */
export function settleRestored(state: State): void {
  if (state.restored.size === 0 || !state.recovered) return;
  for (const { facts } of state.vifs.values()) if (facts === 'pending') return;
  forgetRestored(state);
}

/** What was sent while we were away is lost: the FDB that we started with is no better than the switch's. */
export function forgetRestored(state: State): void {
  const restored = [...state.restored.keys()];
  state.restored.clear();
  for (const key of restored) if (!state.networks.has(key)) state.fdb.setLocal(key, false);
}

function claimsOf(fdb: NetworkFdb): CheckpointNetwork['claims'] {
  return [...fdb.claims()].map(({ vtep, mac, ip, stamp: { sequence, at, heard } }) => ({
    ...{ vtep, mac, ip },
    stamp: heard === undefined ? { sequence, at } : { sequence, at, heard },
  }));
}
