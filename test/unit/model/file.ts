/** The journal's file in the model: one that can be broken for a while (as `journal/keeper.ts` has it), or lose its end. */
import type { JournalBatch, JournalContents } from '../../../src/journal/record.ts';
import { HEADER, MemoryJournal } from '../memory-journal.ts';

/** Milliseconds between attempts to have a file again (`journal/keeper.ts`). */
const RETRY = 60_000;

export class JournalFile {
  /** `undefined`: there is none that could be used. */
  #journal: MemoryJournal | undefined;
  #retryAt = 0;
  #boots = 0;
  /** Boot in which what is there was begun. */
  #begunAt = 0;
  isBroken = false;

  get boot(): string {
    return `boot ${this.#boots}`;
  }

  get journal(): MemoryJournal | undefined {
    return this.#journal;
  }

  /** A process starts. */
  open(now: number): JournalContents | undefined {
    const contents = this.#journal?.contents({ ...HEADER, boot: `boot ${this.#begunAt}` });
    if (this.#journal === undefined) this.#make(now);
    this.#begunAt = this.#boots;
    return contents;
  }

  /** @returns what is written; `undefined`: nothing had to be, or could be. */
  take(take: (what: 'changes' | 'all') => JournalBatch | undefined, now: number): JournalBatch | undefined {
    if (this.#journal !== undefined && !this.isBroken) return take('changes');
    if (this.#journal === undefined && now >= this.#retryAt) {
      this.#make(now);
      if (this.#journal !== undefined) return take('all');
    }
    take('changes');
    if (this.#journal !== undefined) this.#retryAt = now + RETRY;
    this.#journal = undefined;
    return undefined;
  }

  commit(batch: JournalBatch): void {
    this.#journal?.commit(batch);
  }

  delete(): void {
    this.#journal = undefined;
    this.#retryAt = 0;
  }

  /** Power was lost, and with it the last commits. */
  reboot(lost: number): void {
    this.#boots++;
    const batches = this.#journal?.batches;
    if (batches === undefined || lost === 0) return;
    const journal = new MemoryJournal();
    for (const batch of batches.slice(0, -lost)) journal.commit(batch);
    this.#journal = journal;
  }

  #make(now: number): void {
    if (this.isBroken) this.#retryAt = now + RETRY;
    else this.#journal = new MemoryJournal();
  }
}
