/** State → what the journal's file lacks of it: the FDB of the networks here and the VIFs, as they changed since the last time. */
import type { ClaimsWrite, JournalBatch, SavedClaim, SavedNetwork } from './journal/record.ts';
import type { Claim, NetworkFdb, Touched } from './l2pop/fdb.ts';
import type { State } from './state.ts';
import type { PortId } from './values.ts';
import type { NetworkKey } from './vif/local-vlans.ts';

export type Unsaved = Pick<JournalBatch, 'gone' | 'networks' | 'claims' | 'vifs' | 'vifsGone' | 'entries'>;

/** Takes it, once. Networks that are not here are none of the journal's business (DESIGN, rule 1). */
export function takeUnsaved(state: State, now: number): Unsaved {
  const gone: NetworkKey[] = [];
  const networks: SavedNetwork[] = [];
  const claims: ClaimsWrite[] = [];
  for (const [key, changed] of state.unsaved) {
    noteRefresh(state, key, now);
    const network = networkHere(state, key);
    if (state.saved.has(key) && (network === undefined || state.saved.get(key) === 'stale')) {
      gone.push(key);
      state.saved.delete(key);
    }
    if (network === undefined) continue;
    const saved = state.saved.get(key);
    if (saved !== network.settled) networks.push(network);
    const fdb = state.fdb.get(key);
    if (fdb !== undefined) write(claims, key, fdb, saved === undefined ? allClaims(fdb) : changed);
    state.saved.set(key, network.settled);
  }
  state.unsaved.clear();
  return { gone, networks, claims, ...takeVifs(state), entries: state.journal.takeUnsaved() };
}

/** The file is a new one: everything is to be written. */
export function forgetSaved(state: State): void {
  state.saved.clear();
  for (const key of [...state.networks.keys(), ...state.restored.keys()]) state.markUnsaved(key);
  state.savedVifs.clear();
  const { vifs, gone, telling, before } = state;
  for (const ports of [vifs.keys(), gone, telling, before]) for (const port of ports) state.unsavedVifs.add(port);
  state.journal.forgetSaved();
}

/** A VIF that went is as good as here until the server has been told: nobody else would tell it. */
function takeVifs(state: State): Pick<Unsaved, 'vifs' | 'vifsGone'> {
  const isKept = (port: PortId) =>
    state.vifs.has(port) || state.gone.has(port) || state.telling.has(port) || state.before.has(port);
  const changed = [...state.unsavedVifs].filter((port) => isKept(port) !== state.savedVifs.has(port));
  state.unsavedVifs.clear();
  const vifs = changed.filter(isKept);
  const vifsGone = changed.filter((port) => !isKept(port));
  for (const port of vifs) state.savedVifs.add(port);
  for (const port of vifsGone) state.savedVifs.delete(port);
  return { vifs, vifsGone };
}

function networkHere(state: State, key: NetworkKey): SavedNetwork | undefined {
  const network = state.networks.get(key);
  if (network === undefined) return state.restored.get(key);
  const { id, segment, sync } = network;
  return { id, segment, settled: sync.isSettled && !state.isServerSilent };
}

function allClaims(fdb: NetworkFdb): Touched['claims'] {
  const pairs: Touched['claims'] = new Map();
  for (const { vtep, mac } of fdb.claims()) pairs.getOrInsertComputed(vtep, () => new Set()).add(mac);
  return pairs;
}

function write(into: ClaimsWrite[], network: NetworkKey, fdb: NetworkFdb, pairs: Touched['claims']): void {
  for (const [vtep, macs] of pairs) {
    for (const mac of macs) {
      into.push({ network, vtep, mac, claims: [...fdb.claimsOf(vtep, mac)].map(withoutSnapshot) });
    }
  }
}

function withoutSnapshot({ vtep, mac, ip, stamp: { sequence, at, heard } }: Claim): SavedClaim {
  return { vtep, mac, ip, stamp: heard === undefined ? { sequence, at } : { sequence, at, heard } };
}

/** That the server's word on a network is wanted is an intent too; what it waits for changes with its sync. */
function noteRefresh(state: State, key: NetworkKey, now: number): void {
  const { l2Population } = state.config.agent;
  const network = l2Population ? state.networks.get(key) : undefined;
  // A predecessor's waits on, until the network has a VIF.
  if (l2Population && network === undefined && state.restored.has(key)) return;
  const waitsFor = { unsynced: 'an ACTIVE port to ask with', asked: 'snapshot', synced: undefined };
  const reason = network && (state.mayBeAnswered(network) ? waitsFor.asked : waitsFor[network.sync.status]);
  state.journal.refresh(`refresh ${key}`, reason, now);
}
