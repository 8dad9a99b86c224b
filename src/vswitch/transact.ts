/** The transactions that the daemon sends: pure builders of operations (RFC 7047, 5.2; OVS.md, "Adding a port"). */
import { map, named, set, uuid, type WireAtom } from '../ovsdb/notation.ts';
import { byUuid, insert, mutate, type Operation, select, update, type WireRow } from '../ovsdb/operations.ts';
import { OWNER_KEY, type SwitchPort } from './rows.ts';
import type { AttachedPort, SwitchView } from './switch-view.ts';

export interface NewTunnelPort {
  readonly name: string;
  /** `Interface.type`. */
  readonly type: string;
  readonly options: Readonly<Record<string, string>>;
}

export interface BridgeSettings {
  readonly integrationBridge: string;
  readonly tunnelBridge: string;
  /** On br-int, leading to br-tun. */
  readonly intPeerPatchPort: string;
  /** On br-tun, leading to br-int. */
  readonly tunPeerPatchPort: string;
  readonly datapathType: string;
  readonly bridgeMacTableSize: number;
}

/** What Neutron writes; bundles need OpenFlow14. */
const PROTOCOLS = ['OpenFlow10', 'OpenFlow13', 'OpenFlow14'];

/**
 * What br-int, br-tun and their patch pair lack to be as Neutron makes them; empty when all is there.
 *
 * A predecessor's controllers stay: Open vSwitch deletes every flow of a bridge that gets its first controller or loses its
 * last one (connmgr_set_controllers() in its connmgr.c).
 */
export function bridgeOperations(view: SwitchView, names: BridgeSettings): Operation[] {
  const { integrationBridge, tunnelBridge, intPeerPatchPort, tunPeerPatchPort } = names;
  return [
    ...oneBridge(view, integrationBridge, names),
    ...oneBridge(view, tunnelBridge, names),
    ...onePatch(view, integrationBridge, intPeerPatchPort, tunPeerPatchPort),
    ...onePatch(view, tunnelBridge, tunPeerPatchPort, intPeerPatchPort),
  ];
}

function oneBridge(view: SwitchView, name: string, settings: BridgeSettings): Operation[] {
  const bridge = view.bridge(name);
  if (bridge !== undefined) {
    const missing = PROTOCOLS.filter((protocol) => !bridge.protocols.includes(protocol));
    const row: WireRow = {
      ...(bridge.failMode === 'secure' ? {} : { fail_mode: 'secure' }),
      // No protocols at all means OVS's defaults, OpenFlow14 among them.
      ...(bridge.protocols.length > 0 && missing.length > 0
        ? { protocols: set([...bridge.protocols, ...missing]) }
        : {}),
    };
    return Object.keys(row).length > 0 ? [update('Bridge', byUuid(bridge.uuid), row)] : [];
  }
  const id = `bridge_${rowName(name)}`;
  return [
    ...insertPort(name, { type: 'internal' }),
    insert(
      'Bridge',
      {
        name,
        datapath_type: settings.datapathType,
        fail_mode: 'secure',
        protocols: set(PROTOCOLS),
        other_config: map({ 'mac-table-size': String(settings.bridgeMacTableSize) }),
        ports: named(`port_${rowName(name)}`),
      },
      { name: id },
    ),
    mutate('Open_vSwitch', [], [['bridges', 'insert', named(id)]]),
  ];
}

function onePatch(view: SwitchView, bridgeName: string, name: string, peer: string): Operation[] {
  const known = view.patch(name);
  if (known !== undefined) {
    return known.interface.options.get('peer') === peer
      ? []
      : [update('Interface', byUuid(known.interface.uuid), { options: map({ peer }) })];
  }
  return [...insertPort(name, { type: 'patch', options: map({ peer }) }), attach(view, bridgeName, name)];
}

export function addTunnelPort(view: SwitchView, tunnelBridge: string, port: NewTunnelPort): Operation[] {
  return [
    ...insertPort(port.name, {
      type: port.type,
      options: map(port.options),
      external_ids: map({ [OWNER_KEY]: 'tunnel' }),
    }),
    attach(view, tunnelBridge, port.name),
  ];
}

/** Makes an existing tunnel port ours and sets its options; the port itself stays. */
export function adoptTunnelPort(existing: AttachedPort, options: Readonly<Record<string, string>>): Operation[] {
  const where = byUuid(existing.interface.uuid);
  return [
    update('Interface', where, { options: map(options) }),
    mutate('Interface', where, [['external_ids', 'insert', map({ [OWNER_KEY]: 'tunnel' })]]),
  ];
}

/** A Port row without a bridge goes by itself, and its Interface with it (ovsdb-server garbage-collects both). */
export function deletePort(view: SwitchView, bridgeName: string, port: SwitchPort): Operation[] {
  const bridge = view.bridge(bridgeName);
  if (bridge === undefined) return [];
  return [mutate('Bridge', byUuid(bridge.uuid), [['ports', 'delete', uuid(port.uuid)]])];
}

/** Columns of a VIF's Port, as binding leaves them. */
export interface PortSettings {
  readonly tag: number;
  /** `undefined`: left as it is. */
  readonly otherConfig: Readonly<Record<string, string>> | undefined;
}

/** Tag, record, and no trunk. Keys of `other_config` that are not ours stay. */
export function setPort(port: SwitchPort, settings: PortSettings): Operation {
  const otherConfig = settings.otherConfig && { ...Object.fromEntries(port.otherConfig), ...settings.otherConfig };
  return update('Port', byUuid(port.uuid), {
    tag: settings.tag,
    vlan_mode: set([]),
    trunks: set([]),
    ...(otherConfig === undefined ? {} : { other_config: map(otherConfig) }),
  });
}

export function portMatches(port: SwitchPort, settings: PortSettings): boolean {
  return (
    port.tag === settings.tag &&
    port.vlanMode === undefined &&
    port.trunks.length === 0 &&
    Object.entries(settings.otherConfig ?? {}).every(([key, value]) => port.otherConfig.get(key) === value)
  );
}

/**
 * Ends a transaction that ovs-vswitchd has to act on: `cur_cfg` reaches the value that {@link readNextCfg} finds in the
 * results when it has done so (ovs-vswitchd.conf.db(5), Open_vSwitch).
 */
export function bumpNextCfg(): Operation[] {
  return [mutate('Open_vSwitch', [], [['next_cfg', '+=', 1]]), select('Open_vSwitch', [], ['next_cfg'])];
}

export function readNextCfg(
  results: readonly { readonly rows?: readonly Readonly<Record<string, unknown>>[] }[],
): number {
  const value = results.at(-1)?.rows?.[0]?.next_cfg;
  return typeof value === 'number' ? value : 0;
}

function insertPort(name: string, columns: WireRow): Operation[] {
  const id = rowName(name);
  return [
    insert('Interface', { name, ...columns }, { name: `interface_${id}` }),
    insert('Port', { name, interfaces: named(`interface_${id}`) }, { name: `port_${id}` }),
  ];
}

/** Into a bridge that is there, or that the same transaction makes. */
function attach(view: SwitchView, bridgeName: string, portName: string): Operation {
  const bridge = view.bridge(bridgeName);
  const where = bridge === undefined ? [['name', '==', bridgeName] as const] : byUuid(bridge.uuid);
  const port: WireAtom = named(`port_${rowName(portName)}`);
  return mutate('Bridge', where, [['ports', 'insert', port]]);
}

/** A `uuid-name` may have letters, digits and underscores only. */
function rowName(name: string): string {
  return name.replace(/[^A-Za-z0-9]/g, (character) => `_${character.charCodeAt(0).toString(16)}_`);
}
