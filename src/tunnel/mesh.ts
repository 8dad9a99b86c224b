/** The VTEPs of each tunnel type when peers are found without l2population: `tunnel_sync`, `tunnel_update`, `tunnel_delete`. */
import type { IpAddress, TunnelType } from '../values.ts';

export class Mesh {
  readonly #vteps = new Map<TunnelType, Set<IpAddress>>();
  readonly #complete = new Set<TunnelType>();
  /** What was heard while the set is asked for: there, or gone. */
  readonly #heard = new Map<TunnelType, Map<IpAddress, boolean>>();

  /** The whole set of a type is asked for: what notifications say from now on is newer than the answer. */
  asked(type: TunnelType): void {
    this.#heard.set(type, new Map());
  }

  /** The whole set of a type, from the reply of `tunnel_sync`. @returns the VTEPs that came or went. */
  replace(type: TunnelType, vteps: readonly IpAddress[]): IpAddress[] {
    const before = this.vteps(type);
    const after = new Set(vteps);
    for (const [vtep, isThere] of this.#heard.get(type) ?? []) {
      if (isThere) after.add(vtep);
      else after.delete(vtep);
    }
    this.#heard.delete(type);
    this.#vteps.set(type, after);
    this.#complete.add(type);
    return [...before.symmetricDifference(after)];
  }

  add(type: TunnelType, vtep: IpAddress): void {
    this.#vteps.getOrInsertComputed(type, () => new Set()).add(vtep);
    this.#heard.get(type)?.set(vtep, true);
  }

  delete(type: TunnelType, vtep: IpAddress): void {
    this.#vteps.get(type)?.delete(vtep);
    this.#heard.get(type)?.set(vtep, false);
  }

  vteps(type: TunnelType): ReadonlySet<IpAddress> {
    return this.#vteps.get(type) ?? new Set();
  }

  /** The server has told all of this type: what is not in the set is not there. */
  isComplete(type: TunnelType): boolean {
    return this.#complete.has(type);
  }
}
