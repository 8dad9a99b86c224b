/**
 * The FDBs of all networks we hear of. Those with a VIF here are kept whole; the others in memory only and bounded,
 * the one heard of longest ago first to go: the first port's snapshot brings them anew (DESIGN, rule 1).
 */
import type { NetworkId } from '../values.ts';
import type { Segment } from '../vif/facts.ts';
import { type NetworkKey, networkIdOf, networkKey } from '../vif/local-vlans.ts';
import { NetworkFdb, nothingTouched, type Stamp, type Touched } from './fdb.ts';
import type { FdbChange } from './parse.ts';

/** MACs kept for networks that have no VIF here; some 300 bytes each. */
const MAX_ELSEWHERE = 50_000;
/** And networks, for those of which only flooding entries are heard. */
const MAX_NETWORKS_ELSEWHERE = 20_000;

export class FdbTable {
  readonly #fdbs = new Map<NetworkKey, NetworkFdb>();
  readonly #segments = new Map<NetworkId, Set<NetworkKey>>();
  /** Networks without a VIF here, in the order they were last heard of. */
  readonly #elsewhere = new Set<NetworkKey>();
  readonly #isLocal: (network: NetworkKey) => boolean;
  #sizeElsewhere = 0;

  constructor(isLocal: (network: NetworkKey) => boolean) {
    this.#isLocal = isLocal;
  }

  get(network: NetworkKey): NetworkFdb | undefined {
    return this.#fdbs.get(network);
  }

  /** The network's FDB, made if it is not there. */
  ensure(network: NetworkId, segment: Segment): NetworkFdb {
    const key = networkKey(network, segment);
    return this.#fdbs.getOrInsertComputed(key, () => {
      this.#segments.getOrInsertComputed(network, () => new Set()).add(key);
      return new NetworkFdb(segment.type, segment.segmentationId);
    });
  }

  /** Applies one change. @returns what was touched in which networks. */
  apply(change: FdbChange, stamp: Stamp): Map<NetworkKey, Touched> {
    const result = new Map<NetworkKey, Touched>();
    const keys =
      change.kind === 'chg_ip'
        ? [...(this.#segments.get(change.network) ?? [])]
        : [networkKey(change.network, change.segment)];
    if (change.kind === 'add') this.ensure(change.network, change.segment);
    for (const key of keys) {
      const fdb = this.#fdbs.get(key);
      if (fdb === undefined) continue;
      const touched = nothingTouched();
      const before = fdb.size;
      applyTo(fdb, change, stamp, touched);
      result.set(key, touched);
      if (!this.#isLocal(key)) this.#countElsewhere(key, fdb.size - before);
    }
    return result;
  }

  /** A network got its first VIF here, or lost its last one. */
  setLocal(network: NetworkKey, local: boolean): void {
    const size = this.#fdbs.get(network)?.size ?? 0;
    if (local && this.#elsewhere.delete(network)) this.#sizeElsewhere -= size;
    if (!local) this.#countElsewhere(network, size);
  }

  /** MACs known, of networks with a VIF here and of all others. */
  sizes(): { local: number; elsewhere: number } {
    let total = 0;
    for (const fdb of this.#fdbs.values()) total += fdb.size;
    return { local: total - this.#sizeElsewhere, elsewhere: this.#sizeElsewhere };
  }

  #countElsewhere(network: NetworkKey, by: number): void {
    this.#elsewhere.delete(network);
    this.#elsewhere.add(network);
    this.#sizeElsewhere += by;
    if (this.#fdbs.get(network)?.isEmpty !== false) this.#forget(network);
    for (const oldest of this.#elsewhere) {
      if (this.#sizeElsewhere <= MAX_ELSEWHERE && this.#elsewhere.size <= MAX_NETWORKS_ELSEWHERE) break;
      this.#forget(oldest);
    }
  }

  #forget(network: NetworkKey): void {
    this.#sizeElsewhere -= this.#fdbs.get(network)?.size ?? 0;
    this.#fdbs.delete(network);
    this.#elsewhere.delete(network);
    const id = networkIdOf(network);
    const segments = this.#segments.get(id);
    segments?.delete(network);
    if (segments?.size === 0) this.#segments.delete(id);
  }
}

function applyTo(fdb: NetworkFdb, change: FdbChange, stamp: Stamp, touched: Touched): void {
  const { vtep } = change;
  switch (change.kind) {
    case 'add':
      if (change.flooding) fdb.addFlooding(vtep, stamp, touched);
      for (const entry of change.entries) fdb.add(vtep, entry, stamp, touched);
      for (const mac of change.located ?? []) fdb.locate(vtep, mac, stamp, touched);
      break;
    case 'remove':
      for (const entry of change.entries) fdb.remove(vtep, entry, touched);
      if (change.flooding) fdb.removeFlooding(vtep, touched);
      break;
    case 'chg_ip':
      fdb.changeIp(vtep, change, stamp, touched);
      break;
  }
}
