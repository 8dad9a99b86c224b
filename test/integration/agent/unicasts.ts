/** Table 20 by what it says: which MAC is behind which VTEP. */
import { expect } from 'vitest';
import { type AgentRig, waitFor } from './rig.ts';

/** Waits until table 20 has these and no others; fails with the difference. `wanted`: `<MAC> <VTEP>`, sorted. */
export async function expectUnicasts(rig: AgentRig, wanted: readonly string[]): Promise<void> {
  await waitFor(
    'the switch to have what the server said',
    async () => (await unicasts(rig)).join() === wanted.join(),
  ).catch(async () => expect(await unicasts(rig)).toEqual(wanted));
}

async function unicasts(rig: AgentRig): Promise<string[]> {
  const tunnels = (await rig.interfaces()).filter(({ type }) => type === 'vxlan');
  const vteps = new Map(
    tunnels.map(({ ofport, options }) => [String(ofport), (options as Record<string, string>).remote_ip]),
  );
  return (await rig.table(20))
    .map((flow) => /dl_dst=([\da-f:]+).*output:(\d+)/.exec(flow))
    .map((match) => `${match?.[1]} ${vteps.get(match?.[2] ?? '')}`)
    .sort();
}
