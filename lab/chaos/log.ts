/**
 * What happened in a chaos run and when, a JSON line each in `log/chaos.jsonl` of the run directory: the schedule follows
 * from the seed, the interleaving does not, so a failure is studied here.
 */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunDirectory } from '../run-directory.ts';

export class ChaosLog {
  readonly file: string;
  readonly #print: (line: string) => void;

  constructor(run: RunDirectory, print: (line: string) => void) {
    this.file = join(run.directory('log'), 'chaos.jsonl');
    this.#print = print;
  }

  /** For the file alone. */
  note(what: string, facts: object = {}): void {
    appendFileSync(this.file, `${JSON.stringify({ time: new Date().toISOString(), what, ...facts })}\n`);
  }

  /** For the file and for who watches. */
  say(line: string, facts: object = {}): void {
    this.note(line.trim(), facts);
    this.#print(line);
  }
}
