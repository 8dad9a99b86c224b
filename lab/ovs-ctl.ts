/** `ovs-ctl restart` (ovs-ctl(8)) step by step: its own script would start daemons that the lab does not know. */
import { join } from 'node:path';
import type { Host } from './host.ts';

const SCRIPTS = '/usr/share/openvswitch/scripts';
const HOLD = 'other_config:flow-restore-wait=true';

/** Flows are saved, both daemons exchanged, flows restored under `flow-restore-wait`; `held` is awaited just before the restoring. */
export async function ovsCtlRestart(host: Host, held: () => Promise<void> = async () => undefined): Promise<void> {
  const bridges = (await host.vsctl('--', '--real', 'list-br')).split('\n').filter((name) => name !== '');
  // What is saved is in files, which the restoring deletes; if it does not come to that they go with the run.
  const restore = await host.exec([join(SCRIPTS, 'ovs-save'), 'save-flows', ...bridges], {
    env: { TMPDIR: host.path },
  });
  await host.daemon('ovsdb-server').stop();
  await host.startOvsdbServer();
  await host.daemon('ovs-vswitchd').stop();
  await host.vsctl('--no-wait', 'set', 'Open_vSwitch', '.', HOLD);
  await host.startVswitchd();
  await held();
  await host.exec(['sh', '-e', '-c', restore]);
  const [column = '', pair = ''] = HOLD.split(':');
  await host.vsctl('--no-wait', '--if-exists', 'remove', 'Open_vSwitch', '.', column, pair);
}
