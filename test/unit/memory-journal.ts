/** The journal's file, told naively: what batches leave behind. For tests of whoever writes and of whoever starts with it. */
import type { Entry, JournalBatch, JournalContents, JournalHeader, SavedClaim } from '../../src/journal/record.ts';
import { forgetSaved, takeUnsaved } from '../../src/save.ts';
import type { State } from '../../src/state.ts';
import type { IpAddress, PortId } from '../../src/values.ts';
import { type NetworkKey, networkKey } from '../../src/vif/local-vlans.ts';

export const HEADER: JournalHeader = { host: 'host1', localIp: '172.30.0.11' as IpAddress, boot: 'this boot' };

export class MemoryJournal {
  readonly batches: JournalBatch[] = [];
  readonly entries = new Map<number, Entry>();
  readonly networks = new Map<string, JournalContents['networks'][number]>();
  readonly #claims = new Map<string, Map<string, readonly SavedClaim[]>>();
  messages: string[] = [];
  offsets = new Map<string, number>();
  readonly vifs = new Set<PortId>();
  sequence = 0;

  commit(batch: JournalBatch): void {
    this.batches.push(batch);
    for (const key of batch.gone) {
      this.networks.delete(key);
      this.#claims.delete(key);
    }
    for (const network of batch.networks) {
      const key = networkKey(network.id, network.segment);
      this.networks.set(key, { ...network, claims: [] });
    }
    for (const { network, vtep, mac, claims } of batch.claims) {
      if (!this.networks.has(network)) throw new Error(`claims of ${network}, which is not here`);
      this.#claims.getOrInsertComputed(network, () => new Map()).set(`${vtep} ${mac}`, claims);
    }
    for (const port of batch.vifsGone) if (!this.vifs.delete(port)) throw new Error(`VIF ${port} is not written`);
    for (const port of batch.vifs) this.vifs.add(port);
    for (const entry of batch.entries) this.entries.set(entry.id, entry);
    this.messages.push(...batch.messages);
    this.offsets = new Map(batch.offsets);
    this.sequence = batch.sequence;
  }

  /** What a start finds. */
  contents(header: JournalHeader = HEADER): JournalContents {
    const networks = [...this.networks].map(([key, network]) => ({
      ...network,
      claims: [...(this.#claims.get(key)?.values() ?? [])].flat(),
    }));
    const entries = [...this.entries.values()];
    return {
      header,
      sequence: this.sequence,
      networks,
      vifs: [...this.vifs],
      open: entries.filter(({ state }) => state !== 'completed'),
      lastId: Math.max(0, ...this.entries.keys()),
      messages: this.messages,
      offsets: this.offsets,
    };
  }

  /** Writes what a state has not written yet, as the agent's loop does. */
  save(
    state: State,
    now: number,
    messages: readonly string[] = [],
    offsets: ReadonlyMap<string, number> = new Map(),
  ): void {
    this.commit({ ...takeUnsaved(state, now), messages, offsets, sequence: state.sequence, at: now });
  }

  /** What of it is not as the state is, told by looking at all of both. */
  differences(state: State): string[] {
    const here: { [key: string]: { readonly settled: boolean; readonly waitsFor: string | undefined } } = {};
    for (const [key, { settled }] of state.restored) here[key] = { settled, waitsFor: this.#refreshes().get(key) };
    for (const [key, network] of state.networks) {
      const { sync } = network;
      const reasons = { unsynced: 'an ACTIVE port to ask with', asked: 'snapshot', synced: undefined };
      const waitsFor = state.mayBeAnswered(network) ? 'snapshot' : reasons[sync.status];
      here[key] = { settled: sync.isSettled && !state.isServerSilent, waitsFor };
    }
    const claimsHere = Object.keys(here).flatMap((key) =>
      [...(state.fdb.get(key as NetworkKey)?.claims() ?? [])].map((claim) => `${key} ${tell(claim)}`),
    );
    const claimsKept = this.contents().networks.flatMap(({ id, segment, claims }) =>
      claims.map((claim) => `${networkKey(id, segment)} ${tell(claim)}`),
    );
    const differences = [
      ...missing('not written', new Set(claimsHere), new Set(claimsKept)),
      ...missing('written', new Set(claimsKept), new Set(claimsHere)),
    ];
    const { vifs, gone, telling, before } = state;
    const portsHere = new Set<string>([...vifs.keys(), ...gone, ...telling, ...before]);
    differences.push(
      ...missing('VIF not written', portsHere, this.vifs),
      ...missing('VIF written', this.vifs, portsHere),
    );
    for (const key of new Set([...this.networks.keys(), ...this.#refreshes().keys(), ...Object.keys(here)])) {
      const kept = JSON.stringify([this.networks.get(key)?.settled, this.#refreshes().get(key)]);
      const wanted = JSON.stringify([here[key]?.settled, here[key]?.waitsFor]);
      if (kept !== wanted) differences.push(`${key}: written ${kept}, it is ${wanted}`);
    }
    return differences;
  }

  #refreshes(): Map<string, string | undefined> {
    const open = [...this.entries.values()].filter(({ kind, state }) => kind === 'refresh' && state !== 'completed');
    return new Map(open.map(({ key, blockedOn }) => [key.slice('refresh '.length), blockedOn]));
  }

  /** Everything of a state, as if it had been written all along. */
  static of(state: State, now: number): MemoryJournal {
    const journal = new MemoryJournal();
    forgetSaved(state);
    journal.save(state, now);
    return journal;
  }
}

function missing(what: string, these: ReadonlySet<string>, those: ReadonlySet<string>): string[] {
  return [...these.difference(those)].map((one) => `${what}: ${one}`);
}

/** Without its dates: that a snapshot has repeated it is not written. */
function tell({ vtep, mac, ip, stamp }: SavedClaim): string {
  return `${vtep} ${mac} ${ip} ${stamp.sequence}`;
}
