/** What every part of the bench is given, and what it gives back. */

import type { RunDirectory } from '../../lab/run-directory.ts';
import type { Screen } from '../../src/ctl/table.ts';
import type { Bar } from './bars.ts';

export interface Bench {
  readonly run: RunDirectory;
  /** A few operations only: whether it works, not what it costs. */
  readonly quick: boolean;
  /** Where python3-ovsdbapp is not installed. */
  readonly withoutOvsdbapp: boolean;
  progress(text: string): void;
}

export interface PartResult {
  /** Goes into the JSON as it is. */
  readonly figures: object;
  readonly bars: readonly Bar[];
  /** For people. */
  readonly text: string;
}

/** A bench is read in files, too: nothing is cut and nothing is coloured. */
export const PLAIN: Screen = { width: undefined, color: false };
