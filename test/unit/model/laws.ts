/** What must hold of a process at any time, looked at whenever the journal might be written. */
import type { Config } from '../../../src/config/config.ts';
import type { JournalBatch } from '../../../src/journal/record.ts';
import { parseFdbNotification } from '../../../src/l2pop/parse.ts';
import { MARKER_METHOD } from '../../../src/neutron/topics.ts';
import type { JsonObject } from '../../../src/rpc/types.ts';
import type { State } from '../../../src/state.ts';
import type { MemoryJournal } from '../memory-journal.ts';
import { type ModelServer, SEGMENTS, type Segment } from './server.ts';

/** What our FDB says of a segment, as {@link ModelServer.truth} spells it. */
export function claimsOf(state: State, { key }: Segment): Set<string> {
  const fdb = state.fdb.get(key);
  const claims = new Set<string>(fdb?.vteps());
  for (const { vtep, mac, ip } of fdb?.claims() ?? []) {
    if (mac !== undefined) claims.add(ip === undefined ? `${vtep} ${mac}` : `${vtep} ${mac} ${ip}`);
  }
  return claims;
}

export class Laws {
  readonly violations: string[] = [];
  readonly #state: State;
  readonly #server: ModelServer;
  readonly #grace: number;
  /** What the messages that are being taken in take back, by their ids. */
  readonly #spoken = new Map<string, ReadonlySet<string>>();
  #before: readonly Set<string>[] = [];

  constructor(state: State, server: ModelServer) {
    this.#state = state;
    this.#server = server;
    this.#grace = state.config.own.snapshotGrace * 1000;
  }

  hears(id: string, method: string, args: JsonObject, { host, ovs, agent }: Config): void {
    if (method === MARKER_METHOD) return;
    const context = { host, localIp: ovs.localIp, tunnelTypes: agent.tunnelTypes };
    const { changes } = parseFdbNotification(method, args, context);
    const spoken = new Set<string>();
    for (const change of changes) {
      if (change.kind === 'add') continue;
      spoken.add(change.vtep);
      for (const { mac, ip } of change.kind === 'chg_ip' ? change.before : change.entries) {
        spoken.add(`${change.vtep} ${mac}`).add(`${change.vtep} ${mac} ${ip}`);
      }
    }
    if (spoken.size > 0) this.#spoken.set(id, spoken);
  }

  settled(id: string): void {
    this.#spoken.delete(id);
  }

  check(journal: MemoryJournal | undefined, batch: JournalBatch | undefined): void {
    const now = Date.now();
    for (const text of journal?.differences(this.#state) ?? []) this.violations.push(`${now} journal: ${text}`);
    this.#noteRepeats(journal, batch, now);
    this.#noteLost(now);
  }

  /** A message is taken in once, whoever dies. */
  #noteRepeats(journal: MemoryJournal | undefined, batch: JournalBatch | undefined, now: number): void {
    for (const id of batch?.messages ?? []) {
      const isKnown = journal !== undefined && journal.messages.indexOf(id) < journal.messages.lastIndexOf(id);
      if (isKnown) this.violations.push(`${now} ${id} was taken in before`);
    }
  }

  /** An entry that the server has held for longer than the grace goes only if a message takes it back. */
  #noteLost(now: number): void {
    const after = SEGMENTS.map((segment) => claimsOf(this.#state, segment));
    for (const [index, { key }] of SEGMENTS.entries()) {
      if (!this.#state.networks.has(key)) continue;
      for (const claim of this.#before[index] ?? []) {
        const since = this.#server.held.get(key)?.get(claim);
        if (after[index]?.has(claim) === true || since === undefined || since > now - this.#grace) continue;
        if ([...this.#spoken.values()].some((spoken) => spoken.has(claim))) continue;
        this.violations.push(`${now} ${key}: ${claim} is right since ${since} and went`);
      }
    }
    this.#before = after;
  }
}
