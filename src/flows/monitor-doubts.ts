/**
 * Which events of a flow monitor are not of our own making. An event that the ledger expects settles whatever was told
 * of that flow before; so our own bundles leave no doubt behind, whenever their events come.
 */
import { parseCookie } from './cookie.ts';
import type { FlowLedger } from './ledger.ts';
import type { FlowEvent } from './monitor-events.ts';

/** Doubts that are kept apart; beyond it is known only that there are more. */
const MAX_DOUBTS = 1_000;

export class Doubts {
  readonly #ledger: Pick<FlowLedger, 'expects'>;
  readonly #events = new Map<string, FlowEvent>();
  /** The last one for which there was no room. */
  #overflow: FlowEvent | undefined;

  constructor(ledger: Pick<FlowLedger, 'expects'>) {
    this.#ledger = ledger;
  }

  note(event: FlowEvent): void {
    // Of a flow of ours that gets another cookie nothing is told under the old one.
    const whose = parseCookie(event.cookie) === undefined ? event.cookie : 'ours';
    const key = `${event.table} ${whose} ${event.match}`;
    if (this.#ledger.expects(event)) this.#events.delete(key);
    else if (this.#events.size < MAX_DOUBTS) this.#events.set(key, event);
    else this.#overflow = event;
  }

  get isEmpty(): boolean {
    return this.#events.size === 0 && this.#overflow === undefined;
  }

  /** Those that the ledger still does not expect, the last one of each flow; all that overflowed are in doubt. */
  standing(): FlowEvent[] {
    for (const [key, event] of this.#events) if (this.#ledger.expects(event)) this.#events.delete(key);
    return [...this.#events.values(), ...(this.#overflow === undefined ? [] : [this.#overflow])];
  }

  /** A comparison is about to be made: it answers them all. */
  clear(): void {
    this.#events.clear();
    this.#overflow = undefined;
  }
}
