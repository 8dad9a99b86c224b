/**
 * The normal form in which the flows of two switches are compared: without cookies and learned flows, with the names of
 * ports and networks in place of ofports and local VLANs, which both may number as they like. Everything else stays. Pure.
 */

export type Bridge = 'br-tun' | 'br-int';

/** Rows of a switch's database, as `ovsdb-rows.ts` reads them. */
export interface OvsdbRows {
  readonly Bridge: readonly Record<string, unknown>[];
  readonly Port: readonly Record<string, unknown>[];
  readonly Interface: readonly Record<string, unknown>[];
}

/** What the numbers of one bridge stand for. */
export interface Names {
  /** ofport → `vxlan 172.30.0.12`, `patch-int`, `vif e3342ff1-…`, `dead vif …` on the dead VLAN. */
  readonly ports: ReadonlyMap<string, string>;
  /** Local VLAN → network id. */
  readonly networks: ReadonlyMap<string, string>;
}

export const TUNNELS = ['vxlan', 'gre', 'ip6gre', 'geneve'];

/** ofports are numbered by bridge. */
export function namesOf(ovsdb: OvsdbRows, bridge: Bridge): Names {
  const ports = new Map<string, string>();
  const here = interfacesOn(ovsdb, bridge);
  for (const { _uuid, name, type, ofport, options, external_ids } of ovsdb.Interface) {
    if (!here.has(String(_uuid))) continue;
    const isTunnel = TUNNELS.includes(String(type));
    const ifaceId = (external_ids as Record<string, string>)['iface-id'];
    const isDead = ovsdb.Port.some((port) => port.name === name && String(port.tag) === '4095');
    const vif = ifaceId === undefined ? String(name) : `${isDead ? 'dead ' : ''}vif ${ifaceId}`;
    // GRE over IPv6 is GRE.
    const tunnel = `${String(type).replace('ip6', '')} ${(options as Record<string, string>).remote_ip}`;
    ports.set(String(ofport), isTunnel ? tunnel : vif);
  }
  return { ports, networks: networksOf(ovsdb) };
}

/** Uuids of a bridge's interfaces. */
function interfacesOn({ Bridge, Port }: OvsdbRows, bridge: Bridge): Set<string> {
  const ports = new Set(Bridge.filter(({ name }) => name === bridge).flatMap((row) => uuids(row.ports)));
  return new Set(Port.filter(({ _uuid }) => ports.has(String(_uuid))).flatMap((row) => uuids(row.interfaces)));
}

/** A set of one is written as its only member (RFC 7047 §5.1). */
const uuids = (set: unknown): string[] => (Array.isArray(set) ? set.map(String) : [String(set)]);

export function networksOf(ovsdb: OvsdbRows): Map<string, string> {
  const networks = new Map<string, string>();
  for (const { tag, other_config } of ovsdb.Port) {
    const { net_uuid } = other_config as Record<string, string>;
    if (net_uuid !== undefined && String(tag) !== '4095') networks.set(String(tag), net_uuid);
  }
  return networks;
}

export function normalFlows(dump: readonly string[], names: Names): string[] {
  return dump
    .filter((line) => line.includes('actions=') && !line.includes(' hard_timeout='))
    .map((line) => normalFlow(line.trim(), names))
    .sort();
}

function normalFlow(line: string, { ports, networks }: Names): string {
  const port = (ofport: string) => `<${ports.get(ofport) ?? `ofport ${ofport}`}>`;
  const network = (vlan: string) => (vlan === '4095' ? vlan : `<${networks.get(vlan) ?? `VLAN ${vlan}`}>`);
  return sortOutputs(
    line
      .replace(/^cookie=\w+, /, '')
      .replace(/^(duration=\S+ )/, '')
      .replace(/cookie=\w+,(?=NXM)/, '')
      .replace(/in_port=(\d+)/, (_, ofport: string) => `in_port=${port(ofport)}`)
      .replaceAll(/output:(\d+)/g, (_, ofport: string) => `output:${port(ofport)}`)
      .replace(/dl_vlan=(\d+)/, (_, vlan: string) => `dl_vlan=${network(vlan)}`)
      .replace(
        /set_field:(\d+)->vlan_vid/,
        (_, tci: string) => `set_field:${network(String(Number(tci) - 0x1000))}->vlan_vid`,
      ),
  );
}

/** Copies of a flood go out in the order of ofports, which differ. */
function sortOutputs(line: string): string {
  return line.replace(/output:<.*$/, (outputs) =>
    outputs
      .split(/,(?=output:)/)
      .sort()
      .join(','),
  );
}
