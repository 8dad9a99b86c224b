/** The normal form in which the OVSDB of a recorded switch and of ours are compared; that of the flows is `lab/oracle/normal-flows.ts`. */
import { networksOf, type OvsdbRows, TUNNELS } from '../../../lab/oracle/normal-flows.ts';

/** What matters of OVSDB, by what the rows are for. `isDifferent`: keys that are left out. */
export function normalOvsdb(
  ovsdb: OvsdbRows,
  isDifferent: (row: string, column: string, key: string) => boolean,
): Record<'bridges' | 'patches' | 'tunnels' | 'vifs', Row[]> {
  const networks = networksOf(ovsdb);
  const vlan = (tag: unknown) => (String(tag) === '4095' ? 'dead' : (networks.get(String(tag)) ?? `VLAN ${tag}`));
  const keep = (row: unknown, column: string, map: unknown) =>
    Object.fromEntries(
      Object.entries(map as Row)
        .filter(([key]) => !isDifferent(String(row), column, key))
        .sort(),
    );
  const vifs = ovsdb.Port.filter(({ name }) => String(name).startsWith('tap')).map(({ name, tag, ...port }) => {
    const record = keep(name, 'other_config', port.other_config);
    // A port that was never wired has no record.
    const recorded = record.tag === undefined ? record : { ...record, tag: vlan(record.tag) };
    return { name, tag: vlan(tag), other_config: recorded, vlan_mode: port.vlan_mode, trunks: port.trunks };
  });
  const interfaces = ovsdb.Interface.map(({ name, type, options, external_ids }) => ({
    name,
    type,
    options: keep(name, 'options', options),
    external_ids: keep(name, 'external_ids', external_ids),
  }));
  const patches = ovsdb.Port.filter(({ name }) => /^patch-/.test(String(name))).map(({ name, tag, other_config }) => ({
    ...interfaces.find((one) => one.name === name),
    name,
    tag,
    other_config: keep(name, 'other_config', other_config),
  }));
  const bridges = ovsdb.Bridge.filter(({ name }) => name === 'br-int' || name === 'br-tun').map((bridge) => ({
    name: bridge.name,
    datapath_type: bridge.datapath_type,
    fail_mode: bridge.fail_mode,
    protocols: bridge.protocols,
    other_config: keep(bridge.name, 'other_config', bridge.other_config),
  }));
  const tunnels = interfaces.filter(({ type }) => TUNNELS.includes(String(type)));
  return {
    bridges: bridges.sort(byName),
    patches: patches.sort(byName),
    tunnels: tunnels.sort(byName),
    vifs: vifs.sort(byName),
  };
}

type Row = Record<string, unknown>;

function byName(a: Row, b: Row): number {
  return String(a.name) < String(b.name) ? -1 : 1;
}
