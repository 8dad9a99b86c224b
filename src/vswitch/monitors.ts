/**
 * What the daemon asks OVSDB to tell it: no statistics, no `ports` of a bridge, as few rows of no concern as the protocol
 * can leave out (src/ovsdb/README.md, "What can be said in a condition").
 * Which bridge a port is on is not in any of these rows; {@link membershipQuery} asks for it once per port.
 */
import { mapOf, optional, scalar, setOf } from '../ovsdb/columns.ts';
import type { MonitoredChange, MonitoredRow, MonitorRequest, MonitorWhere } from '../ovsdb/monitor.ts';
import { map, uuid } from '../ovsdb/notation.ts';
import { type Operation, select } from '../ovsdb/operations.ts';
import { TUNNEL_INTERFACE_TYPES } from '../tunnel/ports.ts';
import type { IpAddress } from '../values.ts';

/** ovs-vswitchd.conf.db(5) has the columns; every connect checks them against the server's schema. */
const TABLES = {
  Open_vSwitch: {
    columns: {
      cur_cfg: scalar('integer'),
      ovs_version: optional('string'),
      datapath_types: setOf('string'),
      iface_types: setOf('string'),
      other_config: mapOf('string', 'string'),
    },
  },
  Bridge: {
    columns: {
      name: scalar('string'),
      datapath_type: scalar('string'),
      fail_mode: optional('string'),
      protocols: setOf('string'),
      controller: setOf('uuid'),
    },
  },
  Controller: { columns: { target: scalar('string'), is_connected: scalar('boolean') } },
  Port: {
    columns: {
      name: scalar('string'),
      interfaces: setOf('uuid'),
      tag: optional('integer'),
      other_config: mapOf('string', 'string'),
      vlan_mode: optional('string'),
      trunks: setOf('integer'),
    },
  },
  Interface: {
    columns: {
      name: scalar('string'),
      type: scalar('string'),
      ofport: optional('integer'),
      external_ids: mapOf('string', 'string'),
      options: mapOf('string', 'string'),
    },
  },
} as const satisfies Readonly<Record<string, MonitorRequest>>;

export type SwitchMonitors = typeof TABLES & { readonly Interface: { readonly where?: MonitorWhere } };
export type SwitchRow<Table extends keyof SwitchMonitors> = MonitoredRow<SwitchMonitors[Table]>;
export type SwitchRowChange = MonitoredChange<SwitchMonitors>;

/** Everything that a start has to know: a predecessor's tunnel ports have nothing but their type to be known by. */
export function switchMonitors(patchPorts: readonly string[]): SwitchMonitors {
  const where: MonitorWhere = [
    ['external_ids', '!=', map([])],
    ...TUNNEL_INTERFACE_TYPES.map((type) => ['type', '==', type] as const),
    ...patchPorts.map((name) => ['name', '==', name] as const),
  ];
  return { ...TABLES, Interface: { ...TABLES.Interface, where } };
}

/**
 * VIFs and our own tunnel ports have external_ids, our patch ports their names (`names`: theirs and others to be heard of): enough once a predecessor's tunnel ports are
 * ours. Whoever else makes a tunnel port from our address (`local_ip`) would be in our way, so those are seen too.
 */
export function ownInterfaces(names: readonly string[], localIp: IpAddress): MonitorWhere {
  return [
    ['external_ids', '!=', map([])],
    ['options', 'includes', map({ local_ip: localIp })],
    ...names.map((name) => ['name', '==', name] as const),
  ];
}

/** Above this the `ports` of all bridges, some 48 bytes each, are a shorter answer than one operation a port (0.025 ms and 250 bytes). */
const FEW_PORTS = 200;

/** Asks which bridge has each of these ports. */
export function membershipQuery(portUuids: readonly string[]): Operation[] {
  if (portUuids.length > FEW_PORTS) return [select('Bridge', [], ['name', 'ports'])];
  return portUuids.map((port) => select('Bridge', [['ports', 'includes', uuid(port)]], ['name']));
}

/** Reads the answer to {@link membershipQuery}: port → bridge, `undefined` for a port that is on none any more. */
export function readMembership(
  portUuids: readonly string[],
  results: readonly { readonly rows?: readonly Readonly<Record<string, unknown>>[] }[],
): Map<string, string | undefined> {
  const bridges = new Map<string, string | undefined>(portUuids.map((port) => [port, undefined]));
  if (portUuids.length <= FEW_PORTS) {
    for (const [index, port] of portUuids.entries()) bridges.set(port, nameOf(results[index]?.rows?.[0]));
    return bridges;
  }
  for (const row of results[0]?.rows ?? []) {
    for (const port of Array.isArray(row.ports) ? row.ports : []) if (bridges.has(port)) bridges.set(port, nameOf(row));
  }
  return bridges;
}

function nameOf(row: Readonly<Record<string, unknown>> | undefined): string | undefined {
  return typeof row?.name === 'string' ? row.name : undefined;
}
