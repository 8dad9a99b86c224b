/** What a status report says and the state does not know: links, batches, failures. Kept by the agent, times in milliseconds since the epoch. */
import type { JournalPlace } from './journal.ts';
import type { Drift } from './types.ts';

export interface Vitals {
  readonly version: string;
  readonly pid: number;
  readonly startedAt: number;
  readonly broker: {
    readonly up: boolean;
    /** `host:port`; `undefined`: never connected. */
    readonly name: string | undefined;
    readonly since: number | undefined;
    /** Why it is down. */
    readonly reason: string | undefined;
  };
  /** `undefined`: the server has taken no report yet. `verdict`: what it said to the last one. */
  readonly report: { readonly at: number; readonly verdict: string | undefined } | undefined;
  /** When OVSDB was connected or lost; whether it is the state knows. */
  readonly ovsdbSince: number | undefined;
  readonly lastCompare: { readonly at: number; readonly drift: Drift } | undefined;
  /** What has to happen before anything is programmed. */
  readonly waitsFor: string | undefined;
  /** The flow monitors of our bridges. */
  readonly monitors: readonly { readonly bridge: string; readonly up: boolean; readonly since: number }[];
  /** Why the switch cannot be programmed now. */
  readonly switchProblem: string | undefined;
  readonly journal: JournalPlace;
  /** Milliseconds; `undefined`: there was none yet. */
  readonly batches: {
    readonly total: number;
    readonly lastMs: number | undefined;
    readonly lastLatencyMs: number | undefined;
  };
  /** Since start, by name: notifications, duplicates, bad entries, … */
  readonly counters: Readonly<Record<string, number>>;
  /** The last few, oldest first. */
  readonly failures: readonly { readonly at: number; readonly what: string; readonly reason: string }[];
  readonly refused: readonly {
    readonly at: number;
    readonly bridge: string;
    readonly line: string;
    readonly reason: string;
  }[];
}
