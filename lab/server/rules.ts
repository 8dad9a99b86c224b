/**
 * ML2's l2population rules: which FDB messages a change of a port causes, from facts that were read after the change.
 *
 * The rules are those of neutron's `plugins/ml2/drivers/l2pop/mech_driver.py`, checked against the recordings 04–20. The
 * facts are read when a rule runs, not when the port changed: with three or more first ports at once a host may hear of no
 * snapshot and the others of no flooding entry, as with the real server.
 */
import type { TunnelType } from '../../src/values.ts';

export type FdbEntry = readonly [mac: string, ip: string];

export const FLOODING_ENTRY: FdbEntry = ['00:00:00:00:00:00', '0.0.0.0'];

/** One network of `fdb_entries`: the segment, and the entries of each VTEP. */
export type NetworkFdb = {
  readonly segment_id: number;
  readonly network_type: string;
  readonly ports: Readonly<Record<string, readonly FdbEntry[]>>;
};

export type AddressChange = {
  readonly before?: readonly FdbEntry[];
  readonly after?: readonly FdbEntry[];
};

/** A message on the topic l2population-update: to one host by name, or to everyone if `host` is `undefined`. */
export type FdbMessage =
  | {
      readonly method: 'add_fdb_entries' | 'remove_fdb_entries';
      readonly host: string | undefined;
      readonly entries: Readonly<Record<string, NetworkFdb>>;
    }
  | {
      readonly method: 'update_fdb_entries';
      readonly host: undefined;
      readonly entries: {
        readonly chg_ip: Readonly<Record<string, Readonly<Record<string, AddressChange>>>>;
      };
    };

/** A host's agent as far as the rules care. */
export interface HostFacts {
  readonly host: string;
  /** The agent's `tunneling_ip`. */
  readonly vtep: string;
  /** The agent's `tunnel_types`: FDB entries of other types are not sent about this host. */
  readonly tunnelTypes: readonly string[];
}

export interface PortFacts {
  readonly networkId: string;
  readonly mac: string;
  readonly ips: readonly string[];
  /** The bottom bound segment; `undefined`: the port is not bound. */
  readonly segment: { readonly networkType: TunnelType; readonly segmentationId: number } | undefined;
}

/** A port that is ACTIVE on the network, once for each host that has a binding of it, ACTIVE or not. */
export interface ActivePort {
  readonly host: string;
  readonly vtep: string;
  readonly mac: string;
  readonly ips: readonly string[];
}

/**
 * A port is wired on its host. With the host's first or second ACTIVE port, or when a refresh is asked for: the host gets
 * the network's table (unless there is no remote VTEP), and the others get the flooding entry beside the port's own.
 *
 * @param host `undefined`: no agent with a `tunneling_ip` has reported from the port's host.
 * @param activePorts of the network, on all hosts.
 */
export function portUp(
  port: PortFacts,
  host: HostFacts | undefined,
  activePorts: readonly ActivePort[],
  refreshTunnels: boolean,
): FdbMessage[] {
  const segment = tunneledSegment(port, host);
  if (segment === undefined || host === undefined) return [];
  const here = activePortsOf(host.host, activePorts);
  const first = here === 1 || here === 2 || refreshTunnels;
  const messages: FdbMessage[] = [];
  if (first) {
    const table = remoteTable(host.host, activePorts);
    if (Object.keys(table).length > 0) {
      messages.push({
        method: 'add_fdb_entries',
        host: host.host,
        entries: { [port.networkId]: { ...segment, ports: table } },
      });
    }
  }
  const entries = [...(first ? [FLOODING_ENTRY] : []), ...entriesOf(port)];
  messages.push({
    method: 'add_fdb_entries',
    host: undefined,
    entries: { [port.networkId]: { ...segment, ports: { [host.vtep]: entries } } },
  });
  return messages;
}

/** A port of this host is no longer there. With no ACTIVE port left on the host the flooding entry goes too. */
export function portGone(
  port: PortFacts,
  host: HostFacts | undefined,
  activePorts: readonly ActivePort[],
): FdbMessage[] {
  const segment = tunneledSegment(port, host);
  if (segment === undefined || host === undefined) return [];
  const last = activePortsOf(host.host, activePorts) === 0;
  const entries = [...(last ? [FLOODING_ENTRY] : []), ...entriesOf(port)];
  return [
    {
      method: 'remove_fdb_entries',
      host: undefined,
      entries: { [port.networkId]: { ...segment, ports: { [host.vtep]: entries } } },
    },
  ];
}

/**
 * The fixed IPs of a port changed; a list that would be empty is left out.
 *
 * @param port as it is now; `ips` of the port before the change are in `ipsBefore`.
 * @param host where the port was bound before the change.
 */
export function fixedIpsChanged(
  port: PortFacts,
  ipsBefore: readonly string[],
  host: HostFacts | undefined,
): FdbMessage[] {
  if (tunneledSegment(port, host) === undefined || host === undefined) return [];
  const before = entriesOf({ ...port, ips: ipsBefore.filter((ip) => !port.ips.includes(ip)) });
  const after = entriesOf({ ...port, ips: port.ips.filter((ip) => !ipsBefore.includes(ip)) });
  if (before.length === 0 && after.length === 0) return [];
  const change: AddressChange = {
    ...(before.length > 0 ? { before } : {}),
    ...(after.length > 0 ? { after } : {}),
  };
  return [
    {
      method: 'update_fdb_entries',
      host: undefined,
      entries: { chg_ip: { [port.networkId]: { [host.vtep]: change } } },
    },
  ];
}

function tunneledSegment(
  port: PortFacts,
  host: HostFacts | undefined,
): { segment_id: number; network_type: string } | undefined {
  if (port.segment === undefined || !host?.tunnelTypes.includes(port.segment.networkType)) return undefined;
  return { segment_id: port.segment.segmentationId, network_type: port.segment.networkType };
}

function activePortsOf(host: string, activePorts: readonly ActivePort[]): number {
  return activePorts.filter((port) => port.host === host).length;
}

function remoteTable(host: string, activePorts: readonly ActivePort[]): Record<string, FdbEntry[]> {
  const table: Record<string, FdbEntry[]> = {};
  for (const port of activePorts) {
    if (port.host === host) continue;
    table[port.vtep] ??= [FLOODING_ENTRY];
    table[port.vtep]?.push(...entriesOf(port));
  }
  return table;
}

function entriesOf(port: { readonly mac: string; readonly ips: readonly string[] }): FdbEntry[] {
  return port.ips.map((ip) => [port.mac, ip]);
}
