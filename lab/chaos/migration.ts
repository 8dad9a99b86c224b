/**
 * A live migration as Nova does it (nova/compute/manager.py): a second binding, the VIF plugged on the destination, then
 * either the switch-over and the end of the source, or the end of the destination.
 *
 * The old binding goes before the old VIF does. Nova does it the other way round; then neutron-server still counts the port
 * on the source when the VIF is reported gone, and does not take back that the source is flooded to: nobody can tell that
 * from what is right, so nothing could be checked at rest.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { AdminClient } from '../server/admin-client.ts';
import type { Vm } from '../vm.ts';
import { waitFor } from '../wait.ts';
import type { HostNumber, PortChange } from './steps.ts';

/** Milliseconds that a destination gets to wire the VIF; one that is administratively down never is. */
const PLUGGING = 5_000;
const DEAD_VLAN = 4095;

export interface Migration
  extends Pick<Extract<PortChange, { kind: 'migrate' }>, 'to' | 'end' | 'copying' | 'closing'> {
  readonly portId: string;
  readonly from: HostNumber;
  /** The port's VM, on `from`. */
  readonly source: Vm;
  /** Boots it on `to`, not plugged. */
  boot(): Promise<Vm>;
  ask(request: (admin: AdminClient) => Promise<unknown>): Promise<void>;
  /** While the work is done, links and ports of the host come and go. */
  churning<T>(host: HostNumber, work: () => Promise<T>): Promise<T>;
  /** Unplugs it and ends it. */
  remove(vm: Vm, on: HostNumber): Promise<void>;
}

/** @returns the VM that the port has afterwards, plugged where the port is bound. */
export async function migrate(migration: Migration): Promise<Vm> {
  const { portId, from, to, source, churning, ask } = migration;
  const [old, there] = [`host${from}`, `host${to}`];
  await ask((admin) => admin.addInactiveBinding(portId, { host: there }));
  await ask((admin) => admin.updatePort(portId, { profile: { migrating_to: there } }));
  const destination = await churning(to, async () => await plugPaused(await migration.boot()));
  const isWired = async () => await hasVlan(destination);
  await waitFor('the VIF to be wired', isWired, { timeout: PLUGGING, interval: 50 }).catch(() => false);
  await sleep(migration.copying);
  if (migration.end === 'aborted') {
    await ask((admin) => admin.removeInactiveBinding(portId, there));
    await ask((admin) => admin.updatePort(portId, { profile: {} }));
    await sleep(migration.closing);
    await migration.remove(destination, to);
    return source;
  }
  await churning(from, () => source.namespace.ip('link set eth0 down'));
  await churning(to, () => destination.namespace.ip('link set eth0 up'));
  await ask((admin) => admin.activateBinding(portId, there));
  await sleep(migration.closing);
  await ask((admin) => admin.removeInactiveBinding(portId, old));
  await migration.remove(source, from);
  return destination;
}

/** It is there and does not run yet; its addresses stay. */
async function plugPaused(vm: Vm): Promise<Vm> {
  await vm.namespace.sysctl({ 'ipv6/conf/eth0/keep_addr_on_down': 1 });
  await vm.namespace.ip('link set eth0 down');
  await vm.plug();
  return vm;
}

async function hasVlan({ host, device }: Vm): Promise<boolean> {
  const tag = Number(await host.vsctl('get', 'Port', device, 'tag'));
  return tag > 0 && tag !== DEAD_VLAN;
}
