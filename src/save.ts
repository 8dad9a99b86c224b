/** State → what the journal's file lacks of it: the FDB of the networks here, as it changed since the last time. */
import type { ClaimsWrite, JournalBatch, SavedClaim, SavedNetwork } from './journal/record.ts';
import type { Claim, NetworkFdb } from './l2pop/fdb.ts';
import type { State } from './state.ts';
import type { IpAddress, MacAddress } from './values.ts';
import type { NetworkKey } from './vif/local-vlans.ts';

export type Unsaved = Pick<JournalBatch, 'gone' | 'networks' | 'claims' | 'entries'>;

/** Takes it, once. Networks that are not here are none of the journal's business (DESIGN, rule 1). */
export function takeUnsaved(state: State, now: number): Unsaved {
  noteRefreshes(state, now);
  const gone: NetworkKey[] = [];
  const networks: SavedNetwork[] = [];
  const claims: ClaimsWrite[] = [];
  for (const [key, settled] of state.saved) {
    if (settled !== 'stale' && (state.networks.has(key) || state.restored.has(key))) continue;
    gone.push(key);
    state.saved.delete(key);
  }
  for (const [key, network] of networksHere(state)) {
    const saved = state.saved.get(key);
    if (saved !== network.settled) networks.push(network);
    const fdb = state.fdb.get(key);
    if (fdb !== undefined && saved === undefined) claims.push(...allClaims(key, fdb));
    else if (fdb !== undefined) claims.push(...changedClaims(state, key, fdb));
    state.saved.set(key, network.settled);
  }
  state.unsaved.clear();
  return { gone, networks, claims, entries: state.journal.takeUnsaved() };
}

/** The file is a new one: everything is to be written. */
export function forgetSaved(state: State): void {
  state.saved.clear();
  state.journal.forgetSaved();
}

function* networksHere(state: State): Generator<readonly [NetworkKey, SavedNetwork]> {
  for (const [key, { id, segment, sync }] of state.networks) {
    yield [key, { id, segment, settled: sync.isSettled && !state.isServerSilent }];
  }
  for (const [key, network] of state.restored) if (!state.networks.has(key)) yield [key, network];
}

function allClaims(network: NetworkKey, fdb: NetworkFdb): ClaimsWrite[] {
  const pairs = new Map<IpAddress, Set<MacAddress | undefined>>();
  for (const { vtep, mac } of fdb.claims()) pairs.getOrInsertComputed(vtep, () => new Set()).add(mac);
  return writes(network, fdb, pairs);
}

function changedClaims(state: State, network: NetworkKey, fdb: NetworkFdb): ClaimsWrite[] {
  return writes(network, fdb, state.unsaved.get(network) ?? new Map());
}

function writes(
  network: NetworkKey,
  fdb: NetworkFdb,
  pairs: ReadonlyMap<IpAddress, ReadonlySet<MacAddress | undefined>>,
): ClaimsWrite[] {
  return [...pairs].flatMap(([vtep, macs]) =>
    [...macs].map((mac) => ({ network, vtep, mac, claims: [...fdb.claimsOf(vtep, mac)].map(withoutSnapshot) })),
  );
}

function withoutSnapshot({ vtep, mac, ip, stamp: { sequence, at, heard } }: Claim): SavedClaim {
  return { vtep, mac, ip, stamp: heard === undefined ? { sequence, at } : { sequence, at, heard } };
}

/** That the server's word on a network is wanted is an intent too; what it waits for changes with its sync. */
function noteRefreshes(state: State, now: number): void {
  const { l2Population } = state.config.agent;
  for (const { key, sync } of l2Population ? state.networks.values() : []) {
    const waitsFor = { unsynced: 'an ACTIVE port to ask with', asked: 'snapshot', synced: undefined };
    // A question that was put may be answered still: our successor has to know, too.
    const reason = sync.isLateAnswerPossible ? waitsFor.asked : waitsFor[sync.status];
    state.journal.refresh(`refresh ${key}`, reason, now);
  }
  for (const { kind, key } of state.journal.open) {
    const network = key.slice(key.indexOf(' ') + 1) as NetworkKey;
    if (kind !== 'refresh') continue;
    if (l2Population && (state.networks.has(network) || state.restored.has(network))) continue;
    state.journal.refresh(key, undefined, now);
  }
}
