/** The paths between the VMs of `Scene.everyTunnelType`, pinged while something happens, and what the pings say of them. */
import { pingWhile, type SteadyPing } from '../../lab/neutron/pinger.ts';
import { type Scene, TUNNEL_TYPES } from './scene.ts';

/** Milliseconds. At 20 pings a second a single one that is lost makes some 100. */
const LONGEST_GAP = 250;

type NamedPing = SteadyPing & { readonly name: string };

/** Out of host1, into it and inside, both families, every tunnel type; the roles a1, a2 and b1 must be there. */
export function allPaths(scene: Scene) {
  return TUNNEL_TYPES.flatMap((type) => {
    const [a1, a2, b1] = [scene.named(`${type}-a1`), scene.named(`${type}-a2`), scene.named(`${type}-b1`)];
    return [
      { from: a1.vm, to: b1.ipv4 },
      { from: b1.vm, to: a1.ipv6 },
      { from: b1.vm, to: a2.ipv4 },
      { from: a1.vm, to: a2.ipv6 },
    ];
  });
}

/** {@link allPaths}, 20 pings a second on each. */
export async function pingAllPathsWhile(scene: Scene, action: () => Promise<void>): Promise<NamedPing[]> {
  return await pingWhile(allPaths(scene), action);
}

/** Those that have lost anything. */
export const lossy = (results: readonly NamedPing[]) => results.filter(({ lost }) => lost > 0);

/** A path may lose a packet on a machine that is busy starting a server; it may not break. */
export const broken = (results: readonly NamedPing[]) =>
  results.filter(({ gaps }) => gaps.some(({ ms }) => ms > LONGEST_GAP));
