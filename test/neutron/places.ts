/** Where a VIF is on br-int of a host. */
import type { Host } from '../../lab/host.ts';
import { rows } from '../../lab/oracle/ovsdb-rows.ts';
import type { PluggedVm } from './scene.ts';

export const DEAD_VLAN = 4095;

/** The VLAN of a VIF; `undefined`: none yet. */
export async function tagOf(host: Host, { vm }: PluggedVm): Promise<number | undefined> {
  const ports = await rows(host, 'Port', ['name', 'tag']);
  const tag = ports.find(({ name }) => name === vm.device)?.tag;
  return typeof tag === 'number' ? tag : undefined;
}
