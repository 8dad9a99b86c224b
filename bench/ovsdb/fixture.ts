/** What the measured databases hold: VIFs as Nova plugs them, Neutron's agent binds them and ovs-vswitchd describes them. */
import { createHash } from 'node:crypto';
import { map, set, uuid } from '../../src/ovsdb/notation.ts';
import { insert, mutate, type Operation, select, type WireRow, wait } from '../../src/ovsdb/operations.ts';
import { bumpNextCfg, readNextCfg } from '../../src/vswitch/transact.ts';
import type { PlainClient } from './client.ts';

export const BRIDGE = 'br-int';
/** The article's case: that many ports on each network. */
const PORTS_PER_NETWORK = 4;
const BATCH = 500;
/** Milliseconds. */
const VSWITCHD_PATIENCE = 100_000;

/** A stable uuid for a text. */
export function uuidOf(text: string): string {
  const hex = createHash('sha1').update(text).digest('hex');
  const variant = ((Number.parseInt(hex.slice(16, 18), 16) & 0x3f) | 0x80).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-${variant}${hex.slice(18, 20)}-${hex.slice(20, 32)}`;
}

export interface Vif {
  readonly ifaceId: string;
  readonly name: string;
  readonly mac: string;
  readonly network: string;
  readonly segmentationId: number;
  readonly tag: number;
  readonly portUuid: string;
  readonly interfaceUuid: string;
}

/** VIF number `index`, four to a network. */
export function vif(index: number): Vif {
  const ifaceId = uuidOf(`iface-id ${index}`);
  const network = Math.floor(index / PORTS_PER_NETWORK);
  const name = `tap${ifaceId.slice(0, 11)}`;
  return {
    ifaceId,
    name,
    mac: `fa:16:3e:${ifaceId.slice(0, 2)}:${ifaceId.slice(2, 4)}:${ifaceId.slice(4, 6)}`,
    network: uuidOf(`network ${network}`),
    segmentationId: 10_000 + network,
    // Not 4095, and with more networks than VLANs there are used again: nothing here is switched.
    tag: (network % 4094) + 1,
    portUuid: uuidOf(`Port ${name}`),
    interfaceUuid: uuidOf(`Interface ${name}`),
  };
}

export function plugColumns({ ifaceId, mac }: Vif): WireRow {
  return {
    external_ids: map({
      'attached-mac': mac,
      'iface-id': ifaceId,
      'iface-status': 'active',
      'vm-uuid': uuidOf(`vm of ${ifaceId}`),
    }),
  };
}

/** The network that a port belongs to, as Neutron's agent records it in `Port.other_config`. */
export function bindRecord({ network, segmentationId, tag }: Vif): Record<string, string> {
  return {
    net_uuid: network,
    network_type: 'vxlan',
    physical_network: 'None',
    segmentation_id: String(segmentationId),
    tag: String(tag),
  };
}

/** What binding writes. */
export function bindColumns(one: Vif): WireRow {
  return { tag: one.tag, other_config: map(bindRecord(one)) };
}

/** What ovs-vswitchd writes into a row of Interface. */
export function describedColumns(index: number, { mac }: Vif): WireRow {
  return {
    ofport: index + 1,
    ifindex: index + 10,
    mac_in_use: mac.replace('fa:', 'fe:'),
    admin_state: 'up',
    link_state: 'up',
    link_resets: 1,
    link_speed: 10_000_000_000,
    duplex: 'full',
    mtu: 1450,
    lacp_current: set([]),
    statistics: statistics(index),
    status: map({ driver_name: 'tun', driver_version: '1.6', firmware_version: '' }),
    ingress_policing_rate: 0,
  };
}

export function statistics(seed: number): ReturnType<typeof map> {
  const packets = 1_000_000 + seed;
  return map({
    collisions: 0,
    rx_bytes: packets * 700,
    rx_crc_err: 0,
    rx_dropped: 0,
    rx_errors: 0,
    rx_frame_err: 0,
    rx_missed_errors: 0,
    rx_over_err: 0,
    rx_packets: packets,
    tx_bytes: packets * 900,
    tx_dropped: 0,
    tx_errors: 0,
    tx_packets: packets + 5,
  });
}

/** Inserts a port with one interface, both uuids chosen, and hands the port's to the bridge. */
export function addPort(
  bridgeUuid: string,
  name: string,
  columns: { readonly port?: WireRow; readonly interface?: WireRow } = {},
): Operation[] {
  const [portUuid, interfaceUuid] = [uuidOf(`Port ${name}`), uuidOf(`Interface ${name}`)];
  return [
    insert('Interface', { name, ...columns.interface }, { uuid: interfaceUuid }),
    insert('Port', { name, interfaces: uuid(interfaceUuid), ...columns.port }, { uuid: portUuid }),
    mutate('Bridge', [['_uuid', '==', uuid(bridgeUuid)]], [['ports', 'insert', uuid(portUuid)]]),
  ];
}

/** A root row and the bridges br-int, br-tun with a local port each. */
export async function makeSwitch(client: PlainClient, datapathType = 'netdev'): Promise<void> {
  const operations: Operation[] = [
    insert('Open_vSwitch', { bridges: set([]), ovs_version: '3.1.0', next_cfg: 1, cur_cfg: 1 }),
  ];
  for (const bridge of [BRIDGE, 'br-tun']) {
    operations.push(
      insert('Bridge', { name: bridge, datapath_type: datapathType, fail_mode: 'secure' }, { uuid: uuidOf(bridge) }),
      mutate('Open_vSwitch', [], [['bridges', 'insert', uuid(uuidOf(bridge))]]),
      ...addPort(uuidOf(bridge), bridge, { interface: { type: 'internal' } }),
    );
  }
  await client.transact(operations);
}

/**
 * Bound VIFs number `from` to `to` − 1, hundreds a transaction. `describe`: what stands in for ovs-vswitchd's columns, or
 * what tells a real one how to make the interface.
 */
export async function addVifs(
  client: PlainClient,
  from: number,
  to: number,
  describe: (index: number, vif: Vif) => WireRow = describedColumns,
): Promise<void> {
  for (let first = from; first < to; first += BATCH) {
    const vifs = Array.from({ length: Math.min(BATCH, to - first) }, (_, i) => ({
      index: first + i,
      ...vif(first + i),
    }));
    await client.transact([
      ...vifs.flatMap((one) => [
        insert(
          'Interface',
          { name: one.name, ...plugColumns(one), ...describe(one.index, one) },
          { uuid: one.interfaceUuid },
        ),
        insert(
          'Port',
          { name: one.name, interfaces: uuid(one.interfaceUuid), ...bindColumns(one) },
          { uuid: one.portUuid },
        ),
      ]),
      mutate(
        'Bridge',
        [['name', '==', BRIDGE]],
        [['ports', 'insert', set(vifs.map(({ portUuid }) => uuid(portUuid)))]],
      ),
    ]);
  }
}

/** Ports that others made, by name: ovsdb-server looks at every row for each. */
export async function findPorts(client: PlainClient, names: readonly string[]): Promise<string[]> {
  const found = await client.transact(names.map((name) => select('Port', [['name', '==', name]], ['_uuid'])));
  return found.flatMap(({ rows = [] }) => rows.map((row) => String(row._uuid)));
}

export async function removePorts(client: PlainClient, uuids: readonly string[]): Promise<void> {
  await client.transact([
    mutate('Bridge', [['name', '==', BRIDGE]], [['ports', 'delete', set(uuids.map((id) => uuid(id)))]]),
  ]);
}

export async function countPorts(client: PlainClient): Promise<number> {
  const [bridge] = await client.transact([select('Bridge', [['name', '==', BRIDGE]], ['ports'])]);
  const ports = bridge?.rows?.[0]?.ports;
  // Its own local port is one of them.
  return Array.isArray(ports) ? ports.length - 1 : 0;
}

/**
 * An interface that costs a real ovs-vswitchd no port of the datapath: 16,000 of the userspace datapath would take it many
 * minutes, each addition being a walk over all of them. VIFs are patched in pairs: about a peer that is not there
 * ovs-vswitchd writes an error into the row, at every reconfiguration anew.
 */
export function patchColumns(index: number): WireRow {
  return { type: 'patch', options: map({ peer: vif(index ^ 1).name }) };
}

/** Resolves when ovs-vswitchd has acted on these and everything before. Nobody else may be changing `next_cfg`. */
export async function awaitVswitchd(client: PlainClient, operations: readonly Operation[] = []): Promise<void> {
  const cfg = readNextCfg(await client.transact([...operations, ...bumpNextCfg()]));
  await client.transact([wait('Open_vSwitch', [], '==', ['cur_cfg'], [{ cur_cfg: cfg }], VSWITCHD_PATIENCE)]);
}
