/** What the journal kept → state, at a start. Nothing is rendered yet: a network is, when its first VIF is seen. */
import type { Config } from './config/config.ts';
import type { JournalContents, JournalHeader } from './journal/record.ts';
import { nothingTouched } from './l2pop/fdb.ts';
import type { State } from './state.ts';
import { type NetworkKey, networkKey } from './vif/local-vlans.ts';

/** Why what was kept does not fit the configuration; `undefined`: it does. */
export function unfit({ host, localIp }: JournalHeader, config: Config): string | undefined {
  if (host !== config.host) return `it is of host ${host}`;
  return localIp === config.ovs.localIp ? undefined : `local_ip was ${localIp}`;
}

/**
 * Before anything else has changed the state. `boot`: this boot's; what another kept may lack its last moments. `now`:
 * milliseconds since the epoch.
 */
export function restore(
  state: State,
  { header, sequence, networks, vifs, open, lastId }: JournalContents,
  boot: string,
  now: number,
): void {
  state.sequence = sequence;
  state.journal.restore(open, lastId);
  for (const port of vifs) {
    state.before.add(port);
    state.savedVifs.add(port);
  }
  state.successorUntil = now + state.config.own.snapshotConfirm * 1000;
  // Its answer may come yet.
  for (const { kind, key, blockedOn } of open) {
    if (kind !== 'refresh') continue;
    const network = key.slice('refresh '.length) as NetworkKey;
    state.markUnsaved(network);
    if (blockedOn === 'snapshot') state.noteAsked(network);
  }
  for (const { id, segment, settled, claims } of networks) {
    const key = networkKey(id, segment);
    state.markUnsaved(key);
    if (!state.config.agent.l2Population) {
      // A mesh has no FDB: what was kept while there was one grows old.
      state.saved.set(key, 'stale');
      continue;
    }
    const fdb = state.fdb.ensure(id, segment);
    const touched = nothingTouched();
    for (const { vtep, mac, ip, stamp } of claims) {
      if (mac === undefined) fdb.addFlooding(vtep, stamp, touched);
      else if (ip === undefined) fdb.locate(vtep, mac, stamp, touched);
      else fdb.changeIp(vtep, { before: [], after: [{ mac, ip }] }, stamp, touched);
    }
    state.saved.set(key, settled);
    state.restored.set(key, { id, segment, settled: settled && header.boot === boot });
  }
}

/** What is here now is known: of what was here before and went while nobody looked, or was owed, the server is to be told. */
export function settleVifs(state: State): void {
  if (state.before.size === 0 || !state.connected || state.view.portsWithoutBridge().length > 0) return;
  for (const port of state.before) state.gone.add(port);
  state.before.clear();
}

/** Every VIF that was here has been seen: what no VIF wants is kept as other networks are, no better. */
export function settleRestored(state: State): void {
  if (state.restored.size === 0 || !state.recovered) return;
  for (const { facts } of state.vifs.values()) if (facts === 'pending') return;
  const restored = [...state.restored.keys()];
  state.restored.clear();
  // Some wait for a VIF of these.
  state.journal.recheck();
  for (const key of restored) {
    if (state.networks.has(key)) continue;
    state.markUnsaved(key);
    // As when a network leaves: it may be back before the next commit.
    if (state.saved.has(key)) state.saved.set(key, 'stale');
    state.fdb.setLocal(key, false);
  }
}

/** What was sent while we were away is lost: the FDB that we started with has to be confirmed. */
export function doubtRestored(state: State): void {
  for (const [key, network] of state.restored) {
    state.restored.set(key, { ...network, settled: false });
    state.markUnsaved(key);
  }
}
