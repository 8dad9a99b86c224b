/** When to try again, and what of an outage is worth saying. Time and chance come from the caller. */

const FIRST_DELAY_MS = 100;
/** Also how long a session must have lasted before the delays start small again: a server that drops us at once is not hammered. */
export const LONGEST_DELAY_MS = 2000;

export class Retry {
  #failures = 0;
  readonly #said = new Set<string>();

  /** Milliseconds until the next try. `random` is in [0, 1): delays are spread over the upper half, so that not all clients of a server come back at once. */
  delay(lastedMs: number, random: number): number {
    if (lastedMs >= LONGEST_DELAY_MS) this.#failures = 0;
    const delay = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** this.#failures);
    this.#failures++;
    return delay * (0.5 + random / 2);
  }

  /** True once an outage for each class of error: a lost connection and its refusals are one story, a server that lacks a column is another. */
  isNews(reason: Error): boolean {
    if (this.#said.has(reason.name)) return false;
    this.#said.add(reason.name);
    return true;
  }

  /** The outage is over. */
  connected(): void {
    this.#said.clear();
  }
}
