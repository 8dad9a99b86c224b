/** The VTEPs of each tunnel type when peers are found without l2population: `tunnel_sync`, `tunnel_update`, `tunnel_delete`. */
import type { IpAddress, TunnelType } from '../values.ts';

export class Mesh {
  readonly #vteps = new Map<TunnelType, Set<IpAddress>>();
  readonly #complete = new Set<TunnelType>();

  /** The whole set of a type, from the reply of `tunnel_sync`. @returns the VTEPs that came or went. */
  replace(type: TunnelType, vteps: readonly IpAddress[]): IpAddress[] {
    const before = this.vteps(type);
    const after = new Set(vteps);
    this.#vteps.set(type, after);
    this.#complete.add(type);
    return [...before.symmetricDifference(after)];
  }

  add(type: TunnelType, vtep: IpAddress): void {
    this.#vteps.getOrInsertComputed(type, () => new Set()).add(vtep);
  }

  delete(type: TunnelType, vtep: IpAddress): void {
    this.#vteps.get(type)?.delete(vtep);
  }

  vteps(type: TunnelType): ReadonlySet<IpAddress> {
    return this.#vteps.get(type) ?? new Set();
  }

  /** The server has told all of this type: what is not in the set is not there. */
  isComplete(type: TunnelType): boolean {
    return this.#complete.has(type);
  }
}
