/** Typed access to resolved options. Asking for an option that does not exist, or for the wrong type, is a programming error. */
import type { Effective, EffectiveOptions } from './resolve.ts';

export class OptionReader {
  readonly #options: EffectiveOptions;

  constructor(options: EffectiveOptions) {
    this.#options = options;
  }

  /** `undefined`: its value was refused, which is reported already. */
  find(id: string): Effective | undefined {
    return this.#options.get(id);
  }

  text(id: string): string {
    const value = this.textOrUnset(id);
    if (value === undefined) throw new TypeError(`option ${id} has no value`);
    return value;
  }

  textOrUnset(id: string): string | undefined {
    const value = this.#options.get(id)?.value;
    if (value !== undefined && typeof value !== 'string') throw new TypeError(`option ${id} is no text`);
    return value;
  }

  /** Of an integer or a decimal option. */
  number(id: string): number {
    const value = this.numberOrUnset(id);
    if (value === undefined) throw new TypeError(`option ${id} has no value`);
    return value;
  }

  numberOrUnset(id: string): number | undefined {
    const value = this.#options.get(id)?.value;
    if (value !== undefined && typeof value !== 'number') throw new TypeError(`option ${id} is no number`);
    return value;
  }

  flag(id: string): boolean {
    const value = this.#options.get(id)?.value;
    if (typeof value !== 'boolean') throw new TypeError(`option ${id} is no boolean`);
    return value;
  }

  list(id: string): readonly string[] {
    const value = this.#options.get(id)?.value;
    if (typeof value !== 'object') throw new TypeError(`option ${id} is no list`);
    return value;
  }
}
