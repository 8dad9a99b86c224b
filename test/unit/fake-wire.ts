/** What the rows of the switch in memory are made of: columns with their defaults, values from the wire, differences. */
import type { Atom, Row, Value, WireValue } from '../../src/ovsdb/notation.ts';
import { compareAtoms, valuesEqual } from '../../src/ovsdb/notation.ts';
import type { SwitchRowChange } from '../../src/vswitch/monitors.ts';

export const DEFAULTS: Readonly<Record<string, Row>> = {
  Open_vSwitch: {
    cur_cfg: 0,
    next_cfg: 0,
    ovs_version: ['3.1.0'],
    datapath_types: ['netdev', 'system'],
    iface_types: ['gre', 'patch', 'vxlan'],
    other_config: new Map(),
    bridges: [],
  },
  Bridge: {
    name: '',
    datapath_id: [],
    datapath_type: '',
    fail_mode: [],
    protocols: [],
    controller: [],
    other_config: new Map(),
    ports: [],
  },
  Controller: { target: '', is_connected: false },
  Port: { name: '', interfaces: [], tag: [], other_config: new Map(), vlan_mode: [], trunks: [] },
  Interface: { name: '', type: '', ofport: [], external_ids: new Map(), options: new Map() },
};

export function decodeRow(
  table: string,
  row: Readonly<Record<string, WireValue>>,
  names: ReadonlyMap<string, string>,
): Row {
  return Object.fromEntries(Object.entries(row).map(([column, wire]) => [column, decode(table, column, wire, names)]));
}

export function decode(table: string, column: string, wire: WireValue, names: ReadonlyMap<string, string>): Value {
  const fallback = DEFAULTS[table]?.[column];
  if (fallback === undefined) throw new Error(`no column ${table}.${column}`);
  if (fallback instanceof Map) return new Map((wire as readonly ['map', [string, string][]])[1]);
  if (!Array.isArray(fallback)) return decodeAtom(wire, names);
  const atoms = Array.isArray(wire) && wire[0] === 'set' ? (wire[1] as WireValue[]) : [wire];
  return atoms.map((atom) => decodeAtom(atom, names)).sort(compareAtoms);
}

export function decodeAtom(wire: WireValue, names: ReadonlyMap<string, string>): Atom {
  if (!Array.isArray(wire)) return wire as Atom;
  const [tag, value] = wire as readonly [string, string];
  const known = tag === 'named-uuid' ? names.get(value) : value;
  if (known === undefined) throw new Error(`no row is named ${value}`);
  return known;
}

export function mutate(value: Value, mutator: string, by: Value): Value {
  if (mutator === '+=') return (value as number) + (by as number);
  if (value instanceof Map) return new Map([...value, ...(by as Map<Atom, Atom>)]);
  const set = new Set(value as Atom[]);
  for (const atom of by as Atom[])
    if (mutator === 'insert') set.add(atom);
    else set.delete(atom);
  return [...set].sort(compareAtoms);
}

export function difference(
  before: Map<string, Map<string, Row>>,
  after: Map<string, Map<string, Row>>,
): SwitchRowChange[] {
  const changes: object[] = [];
  for (const [table, rows] of after) {
    const old = before.get(table) ?? new Map<string, Row>();
    for (const [uuid, row] of rows) {
      const was = old.get(uuid);
      const isSame =
        was !== undefined &&
        Object.keys(row).every((column) => valuesEqual(was[column] as Value, row[column] as Value));
      if (!isSame) changes.push({ table, uuid, before: was, after: row });
    }
    for (const [uuid, was] of old) if (!rows.has(uuid)) changes.push({ table, uuid, before: was, after: undefined });
  }
  return changes as SwitchRowChange[];
}
