/**
 * What the daemon asks OVSDB to tell it: no statistics, no `ports` of a bridge, no rows of no concern (OVS.md, "OVSDB").
 * Which bridge a port is on is not in any of these rows; {@link membershipQuery} asks for it once per port.
 */
import { map, uuid } from '../ovsdb/notation.ts';
import { type Operation, select, type Where } from '../ovsdb/operations.ts';

export interface TableMonitor {
  readonly columns: readonly string[];
  /** The elements are OR-ed. */
  readonly where?: Where;
}

export const MONITORS: Readonly<Record<string, TableMonitor>> = {
  Open_vSwitch: { columns: ['cur_cfg', 'ovs_version', 'datapath_types', 'iface_types', 'other_config'] },
  Bridge: { columns: ['name', 'datapath_id', 'datapath_type', 'fail_mode', 'protocols', 'controller'] },
  Controller: { columns: ['target', 'is_connected'] },
  Port: { columns: ['name', 'interfaces', 'tag', 'other_config', 'vlan_mode', 'trunks'] },
  Interface: {
    columns: ['name', 'type', 'ofport', 'external_ids', 'options'],
    where: [
      ['external_ids', '!=', map([])],
      ...['vxlan', 'gre', 'geneve', 'patch'].map((type) => ['type', '==', type] as const),
    ],
  },
};

/** Asks which of our bridges has a port: one operation a bridge and port, some 0.025 ms each. */
export function membershipQuery(portUuids: readonly string[]): Operation[] {
  return portUuids.map((port) => select('Bridge', [['ports', 'includes', uuid(port)]], ['name']));
}

/** Reads the answer to {@link membershipQuery}: port → bridge, `undefined` for a port that is on none any more. */
export function readMembership(
  portUuids: readonly string[],
  results: readonly { readonly rows?: readonly Readonly<Record<string, unknown>>[] }[],
): Map<string, string | undefined> {
  const bridges = new Map<string, string | undefined>();
  for (const [index, port] of portUuids.entries()) {
    const name = results[index]?.rows?.[0]?.name;
    bridges.set(port, typeof name === 'string' ? name : undefined);
  }
  return bridges;
}
