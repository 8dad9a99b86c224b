/** Who must not meet. */
import type { HostNumber } from './steps.ts';

/** Many pass at a time, unless it is closed: and it closes when those inside have left. */
export class Gate {
  #inside = 0;
  #closed = false;
  /** Told whenever somebody has left or the gate has opened. */
  #waiting: (() => void)[] = [];

  async pass<T>(work: () => Promise<T>): Promise<T> {
    while (this.#closed) await this.#changed();
    this.#inside++;
    try {
      return await work();
    } finally {
      this.#inside--;
      this.#change();
    }
  }

  /** Nobody is inside while the work is done; who comes meanwhile waits. One at a time. */
  async alone<T>(work: () => Promise<T>): Promise<T> {
    while (this.#closed) await this.#changed();
    this.#closed = true;
    try {
      while (this.#inside > 0) await this.#changed();
      return await work();
    } finally {
      this.#closed = false;
      this.#change();
    }
  }

  #changed(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    return promise;
  }

  #change(): void {
    for (const tell of this.#waiting.splice(0)) tell();
  }
}

export class Gates {
  /** Whoever asks the server for a change passes: it is not stopped between a change and its notifications. */
  readonly server = new Gate();
  readonly #memories = new Map<HostNumber, Gate>();

  /**
   * Whoever unplugs a VIF of the host passes: that it was there, nobody could tell the server if the daemon was away just then
   * and its journal is lost too.
   */
  memoryOf(host: HostNumber): Gate {
    const gate = this.#memories.get(host) ?? new Gate();
    this.#memories.set(host, gate);
    return gate;
  }
}
