/** A running switch, as the oracle compares it. */
import type { Host } from '../host.ts';
import type { Bridge, OvsdbRows } from './normal-flows.ts';
import { rows } from './ovsdb-rows.ts';

/** The rows of a running switch, as a recording has them. */
export async function readRows(host: Host): Promise<OvsdbRows> {
  return {
    Bridge: await rows(host, 'Bridge', ['name', 'ports', 'datapath_type', 'fail_mode', 'protocols', 'other_config']),
    Port: await rows(host, 'Port', ['_uuid', 'name', 'interfaces', 'tag', 'other_config', 'vlan_mode', 'trunks']),
    Interface: await rows(host, 'Interface', ['_uuid', 'name', 'type', 'ofport', 'options', 'external_ids']),
  };
}

/** As the recordings were made. */
export async function dump(host: Host, bridge: Bridge): Promise<string[]> {
  const argv = ['ovs-ofctl', '-O', 'OpenFlow13', '--no-names', '--no-stats', 'dump-flows', bridge];
  return (await host.exec(argv)).split('\n');
}
