/**
 * Streams: whether anything is missing between the last message we had and those that come now. The broker tells
 * nothing: it starts at the oldest message left when ours has been removed for its age, and when the stream was made
 * anew and has not come that far, it waits until it has, and lets everything before pass unseen. So the last message
 * that we had is asked for once more: if another one comes first, or none, there is a gap.
 */
export interface ResumeOptions {
  /** Offset of the last message we had. */
  readonly last: number;
  /** Milliseconds to wait for it. */
  readonly patience: number;
  /** Ends the wait. */
  readonly signal: AbortSignal;
  /** Another message came first. Messages flow. */
  onGap(): void;
  /** None came. None will: the consumer has to be made anew. */
  onSilence(): void;
}

export class Resume {
  readonly #last: number;
  readonly #onGap: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor({ last, patience, signal, onGap, onSilence }: ResumeOptions) {
    this.#last = last;
    this.#onGap = onGap;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      onSilence();
    }, patience);
    signal.addEventListener('abort', () => clearTimeout(this.#timer), { once: true });
  }

  /** True: it is the one that we had, not to be handled again. */
  isRepeat(offset: number): boolean {
    const isLast = offset === this.#last;
    if (this.#timer !== undefined) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      if (!isLast) this.#onGap();
    }
    return isLast;
  }
}
