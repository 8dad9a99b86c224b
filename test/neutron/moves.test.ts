/** VMs that are off while they change their host, in either order of events. Ours on host1 and host2, the reference on host3 and host4. */
import { beforeAll, describe, it } from 'vitest';
import { waitReachable } from '../../lab/neutron/cloud.ts';
import { waitFor } from '../../lab/wait.ts';
import { DEAD_VLAN, tagOf } from './places.ts';
import { sceneOfFile } from './scene.ts';

const scene = sceneOfFile({
  hosts: 4,
  agents: { 1: 'ours', 2: 'ours', 3: 'reference', 4: 'reference' },
  // When the reference reads the details of a port it makes it ACTIVE once more; a server that moves the port meanwhile may
  // tell of it at the old host last. Two snapshots take that back: here within seconds, not after two minutes.
  settings: { l2pop_agent: { snapshot_grace: '1', snapshot_confirm: '3' } },
});

/** A guest that boots asks for its address: the switches on its way learn where it is now. */
async function greet(from: string, to: string): Promise<void> {
  await waitReachable(scene.named(from), scene.named(to));
}

describe.each([
  { from: 1, to: 2, who: 'ours to ours', type: 'vxlan' },
  { from: 1, to: 3, who: 'ours to the reference', type: 'gre' },
  { from: 3, to: 1, who: 'the reference to ours', type: 'geneve' },
] as const)('moved from $who, $type', ({ from, to, type }) => {
  const network = `move-${from}-${to}`;

  beforeAll(async () => {
    await scene.network(network, type);
    // Somebody stays on the old host and somebody is elsewhere; nobody is on the new one.
    await scene.vm(`${network}-near`, network, from);
    await scene.vm(`${network}-far`, network, 4);
    await scene.vm(`${network}-m`, network, from);
    await scene.expectAtRest();
  });

  it('bound to the new host, then gone from the old one, then plugged on the new one', async () => {
    const name = `${network}-m`;
    const { vm, port } = scene.named(name);
    scene.mayLeaveActive(name);
    await scene.cloud.rest.updatePort(port.id, { 'binding:host_id': scene.cloud.host(to).name });
    await scene.cloud.waitStatus('DOWN', port);
    await vm.delete();
    await scene.boot(name, to, port);
    await scene.cloud.waitActive(port);
    await greet(name, `${network}-near`);
    await scene.expectAtRest();
  });

  it('back: plugged on the new host, dead there, and then bound to it', async () => {
    const name = `${network}-m`;
    const { vm, port } = scene.named(name);
    scene.mayLeaveActive(name);
    await vm.delete();
    await scene.cloud.waitStatus('DOWN', port);
    const moved = await scene.boot(name, from, port, { bind: false });
    if (scene.cloud.agent(from).kind === 'ours') {
      await waitFor(
        'the VIF to be on the dead VLAN',
        async () => (await tagOf(scene.cloud.host(from), moved)) === DEAD_VLAN,
      );
    }
    await scene.cloud.rest.updatePort(port.id, { 'binding:host_id': scene.cloud.host(from).name });
    await scene.cloud.waitActive(port);
    await greet(name, `${network}-near`);
    await scene.expectAtRest();
  });

  it('bound to the new host while it is plugged on both', async () => {
    const name = `${network}-m`;
    const { vm, port } = scene.named(name);
    scene.mayLeaveActive(name);
    await vm.namespace.ip('link set eth0 down');
    await scene.boot(name, to, port, { bind: false });
    await scene.cloud.rest.updatePort(port.id, { 'binding:host_id': scene.cloud.host(to).name });
    await scene.cloud.waitActive(port);
    await greet(name, `${network}-near`);
    await scene.expectReachable();
    await vm.delete();
    await scene.expectAtRest();
  });
});
