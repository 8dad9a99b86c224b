/**
 * The flows of one bridge: what is wanted, what is there, and the difference, kept so that its cost follows the change.
 *
 * Wanted flows are set by *subject*: the thing they are for (a MAC of a network, a VIF, …). Setting a subject again
 * replaces what it wanted before. What is there is what the last dump showed plus what was applied since.
 */
import { parseCookie } from './cookie.ts';
import { type Flow, type FlowKey, flowKey, sameFlow } from './flow.ts';
import type { FlowEvent } from './monitor-events.ts';

/** Names what a group of flows is for, unique on its bridge. */
export type Subject = string;

export interface FlowChanges {
  /** New, or with other actions or another cookie than what is there. */
  readonly adds: readonly Flow[];
  readonly deletes: readonly FlowKey[];
}

export class FlowLedger {
  readonly #bySubject = new Map<Subject, readonly Flow[]>();
  readonly #wanted = new Map<FlowKey, { readonly flow: Flow; readonly subject: Subject }>();
  readonly #actual = new Map<FlowKey, Flow>();
  readonly #foreign = new Map<FlowKey, Flow>();
  readonly #dirty = new Set<FlowKey>();
  /** By table, the priorities that were ever wanted: few. A flow monitor tells no priority. */
  readonly #priorities = new Map<number, Set<number>>();
  /** The foreign flows as a flow monitor names them, and their actions. */
  readonly #foreignNames = new Map<string, string>();
  /** Flows that are wanted no more and may be there still, and for whom they were. */
  readonly #unwanted = new Map<FlowKey, Subject>();
  /** Wanted flows as the switch refused them: left out until they are wanted otherwise or admitted again. */
  readonly #refused = new Map<FlowKey, Flow>();
  /** Flows that the switch would not delete, and for whom they were: left where they are likewise. */
  readonly #undeletable = new Map<FlowKey, Subject>();

  /** Replaces what a subject wants; no flows: it wants nothing. */
  want(subject: Subject, flows: readonly Flow[]): void {
    for (const old of this.#bySubject.get(subject) ?? []) {
      const key = flowKey(old);
      if (this.#wanted.get(key)?.subject !== subject) continue;
      this.#wanted.delete(key);
      this.#unwanted.set(key, subject);
      this.#dirty.add(key);
    }
    for (const flow of flows) {
      const key = flowKey(flow);
      this.#unwanted.delete(key);
      this.#wanted.set(key, { flow, subject });
      this.#priorities.getOrInsertComputed(flow.table, () => new Set()).add(flow.priority);
      this.#dirty.add(key);
    }
    if (flows.length > 0) this.#bySubject.set(subject, flows);
    else this.#bySubject.delete(subject);
  }

  /**
   * Takes a complete dump for what is there. `mine` says which flows are ours to change: the others are kept apart as
   * foreign and never deleted. Every difference becomes part of {@link changes}.
   */
  setActual(dump: readonly Flow[], mine: (flow: Flow) => boolean): void {
    this.#actual.clear();
    this.#foreign.clear();
    this.#dirty.clear();
    for (const flow of dump) (mine(flow) ? this.#actual : this.#foreign).set(flowKey(flow), flow);
    for (const known of [this.#unwanted, this.#undeletable]) {
      for (const key of known.keys()) if (!this.#actual.has(key)) known.delete(key);
    }
    this.#foreignNames.clear();
    for (const flow of this.#foreign.values()) this.#foreignNames.set(nameOf(flow), flow.actions);
    for (const key of this.#actual.keys()) this.#dirty.add(key);
    for (const key of this.#wanted.keys()) this.#dirty.add(key);
  }

  /** What has to be done for the wanted flows to be there and no others of ours. Keys already right are forgotten. */
  changes(): FlowChanges {
    const adds: Flow[] = [];
    const deletes: FlowKey[] = [];
    for (const key of this.#dirty) {
      const wanted = this.#wanted.get(key)?.flow;
      const actual = this.#actual.get(key);
      const refused = this.#refused.get(key);
      if (wanted !== undefined && refused !== undefined && sameFlow(wanted, refused)) {
        this.#dirty.delete(key);
        continue;
      }
      if (wanted === undefined && actual !== undefined && this.#undeletable.has(key)) {
        this.#dirty.delete(key);
        continue;
      }
      this.#refused.delete(key);
      this.#undeletable.delete(key);
      if (wanted !== undefined && (actual === undefined || !sameFlow(wanted, actual))) adds.push(wanted);
      else if (wanted === undefined && actual !== undefined) deletes.push(key);
      else this.#dirty.delete(key);
    }
    return { adds, deletes };
  }

  /** The switch has taken these changes. */
  applied(changes: FlowChanges): void {
    for (const flow of changes.adds) this.#settle(flowKey(flow), flow);
    for (const key of changes.deletes) this.#settle(key, undefined);
  }

  /**
   * The switch refused these changes. Flows, and what was to be deleted, are left as they are until they are wanted
   * otherwise or their subject is admitted again; deletes of what nobody has wanted, until the next dump. @returns the subjects.
   */
  refused(changes: FlowChanges): Set<Subject> {
    const subjects = new Set<Subject>();
    for (const flow of changes.adds) {
      const key = flowKey(flow);
      this.#dirty.delete(key);
      this.#refused.set(key, flow);
      const subject = this.#wanted.get(key)?.subject;
      if (subject !== undefined) subjects.add(subject);
    }
    for (const key of changes.deletes) {
      this.#dirty.delete(key);
      const subject = this.#unwanted.get(key);
      if (subject === undefined) continue;
      this.#undeletable.set(key, subject);
      subjects.add(subject);
    }
    return subjects;
  }

  /** What was refused of a subject is to be tried again. */
  readmit(subject: Subject): void {
    for (const flow of this.#bySubject.get(subject) ?? []) {
      const key = flowKey(flow);
      if (this.#refused.delete(key)) this.#dirty.add(key);
    }
    for (const [key, of] of this.#undeletable) {
      if (of !== subject) continue;
      this.#undeletable.delete(key);
      this.#dirty.add(key);
    }
  }

  wanted(): Flow[] {
    return [...this.#wanted.values()].map(({ flow }) => flow);
  }

  actual(): Flow[] {
    return [...this.#actual.values()];
  }

  foreign(): Flow[] {
    return [...this.#foreign.values()];
  }

  /** Whether a flow of ours with the same table, priority and match is there. */
  isThere(flow: Flow): boolean {
    return this.#actual.has(flowKey(flow));
  }

  get size(): number {
    return this.#wanted.size;
  }

  /** Whether what a flow monitor tells is what our own bundles and learn() do, or leaves a foreign flow as the last dump had it. */
  expects(event: FlowEvent): boolean {
    const ours = parseCookie(event.cookie);
    if (ours?.kind === 'learned') return true;
    const actions = ours === undefined ? this.#foreignNames.get(nameOf(event)) : this.#wantedActions(event);
    if (event.kind === 'deleted') return actions === undefined;
    // Without its actions an add is believed, an alteration never.
    if (event.actions === undefined) return event.kind === 'added' && actions !== undefined;
    return actions === event.actions;
  }

  #wantedActions({ kind, table, match, cookie }: FlowEvent): string | undefined {
    for (const priority of this.#priorities.get(table) ?? []) {
      const key = flowKey({ table, priority, match });
      const flow = this.#wanted.get(key)?.flow;
      // What the switch has refused us, and nobody tries again now, is put there by somebody else, who may take it away again.
      const isOurs = kind === 'deleted' || !this.#refused.has(key);
      if (flow?.cookie === cookie && isOurs) return flow.actions;
    }
    return undefined;
  }

  #dropForeign(key: FlowKey): void {
    const flow = this.#foreign.get(key);
    if (flow === undefined) return;
    this.#foreign.delete(key);
    this.#foreignNames.delete(nameOf(flow));
  }

  #settle(key: FlowKey, flow: Flow | undefined): void {
    if (flow === undefined) {
      this.#actual.delete(key);
      this.#unwanted.delete(key);
    } else {
      this.#actual.set(key, flow);
      this.#dropForeign(key);
    }
    const wanted = this.#wanted.get(key)?.flow;
    const right = flow === undefined ? wanted === undefined : wanted !== undefined && sameFlow(flow, wanted);
    if (right) this.#dirty.delete(key);
  }
}

function nameOf({ table, match, cookie }: Pick<Flow, 'table' | 'match' | 'cookie'>): string {
  return `${table} ${cookie} ${match}`;
}
