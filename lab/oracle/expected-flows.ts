/**
 * The flows that a host must have, worked out from what neutron-server says of networks and ports: an oracle of its own, in
 * the normal form of the golden tests, that knows neither agent. The reference's host is held to it like ours, so a
 * mistake in here shows there.
 */
import type { Network, Port } from '../neutron/rest-types.ts';
import type { Bridge } from './normal-flows.ts';

export interface CloudFacts {
  readonly networks: readonly Network[];
  readonly ports: readonly Port[];
  /** VTEP by host. */
  readonly vteps: ReadonlyMap<string, string>;
  /** Ports whose device is on br-int now. */
  readonly plugged: ReadonlySet<string>;
}

const TUNNEL_TABLE: Readonly<Record<string, number>> = { gre: 3, vxlan: 4, geneve: 6 };
const LEARN =
  'learn(table=20,hard_timeout=300,priority=1,NXM_OF_VLAN_TCI[0..11],NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],' +
  'load:0->NXM_OF_VLAN_TCI[],load:NXM_NX_TUN_ID[]->NXM_NX_TUN_ID[],output:OXM_OF_IN_PORT[])';

export function expectedFlows(host: string, facts: CloudFacts): Record<Bridge, string[]> {
  return { 'br-tun': tunnelBridge(host, facts).sort(), 'br-int': integrationBridge(host, facts).sort() };
}

function tunnelBridge(host: string, { networks, ports, vteps }: CloudFacts): string[] {
  const flows = [
    'priority=0 actions=drop',
    'priority=1,in_port=<patch-int> actions=goto_table:2',
    'table=2, priority=0,dl_dst=00:00:00:00:00:00/01:00:00:00:00:00 actions=goto_table:20',
    'table=2, priority=0,dl_dst=01:00:00:00:00:00/01:00:00:00:00:00 actions=goto_table:22',
    'table=2, priority=1,arp,dl_dst=ff:ff:ff:ff:ff:ff actions=goto_table:21',
    ...Object.values(TUNNEL_TABLE).map((table) => `table=${table}, priority=0 actions=drop`),
    `table=10, priority=1 actions=${LEARN},output:<patch-int>`,
    'table=20, priority=0 actions=goto_table:22',
    'table=21, priority=0 actions=goto_table:22',
    'table=22, priority=0 actions=drop',
  ];
  const tunnels = new Set<string>();
  for (const network of networks) {
    const active = ports.filter((port) => port.network_id === network.id && port.status === 'ACTIVE');
    if (!active.some((port) => port['binding:host_id'] === host)) continue;
    const type = network['provider:network_type'];
    const table = TUNNEL_TABLE[type];
    if (table === undefined) continue;
    const id = `0x${network['provider:segmentation_id'].toString(16)}`;
    const local = `<${network.id}>`;
    flows.push(
      `table=${table}, priority=1,tun_id=${id} actions=push_vlan:0x8100,set_field:${local}->vlan_vid,goto_table:10`,
    );
    const encapsulate = `pop_vlan,set_field:${id}->tun_id`;
    const outputs = new Set<string>();
    for (const port of active.filter((one) => one['binding:host_id'] !== host)) {
      const tunnel = `<${type} ${vteps.get(port['binding:host_id'])}>`;
      outputs.add(`output:${tunnel}`);
      tunnels.add(`priority=1,in_port=${tunnel} actions=goto_table:${table}`);
      flows.push(...unicast(port, local, `${encapsulate},output:${tunnel}`));
    }
    if (outputs.size === 0) continue;
    flows.push(`table=22, priority=1,dl_vlan=${local} actions=${[encapsulate, ...[...outputs].sort()].join(',')}`);
  }
  return [...flows, ...tunnels];
}

function unicast({ mac_address: mac, fixed_ips }: Port, network: string, actions: string): string[] {
  const ipv4 = fixed_ips.map(({ ip_address }) => ip_address).filter((ip) => !ip.includes(':'));
  return [
    `table=20, priority=2,dl_vlan=${network},dl_dst=${mac} actions=${actions}`,
    ...ipv4.map(
      (ip) =>
        `table=21, priority=1,arp,dl_vlan=${network},arp_tpa=${ip} actions=set_field:2->arp_op,` +
        'move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[],move:NXM_OF_ARP_SPA[]->NXM_OF_ARP_TPA[],' +
        `set_field:${mac}->arp_sha,set_field:${ip}->arp_spa,move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[],` +
        `set_field:${mac}->eth_src,IN_PORT`,
    ),
  ];
}

function integrationBridge(host: string, { ports, plugged }: CloudFacts): string[] {
  const here = ports.filter((port) => port['binding:host_id'] === host && plugged.has(port.id));
  return [
    'priority=0 actions=goto_table:59',
    'priority=65535,dl_vlan=4095 actions=drop',
    'table=23, priority=0 actions=drop',
    'table=24, priority=0 actions=drop',
    'table=30, priority=0 actions=goto_table:59',
    'table=31, priority=0 actions=goto_table:59',
    'table=59, priority=0 actions=goto_table:60',
    'table=60, priority=3 actions=NORMAL',
    'table=62, priority=3 actions=NORMAL',
    ...here.filter((port) => !port.admin_state_up).map((port) => `priority=2,in_port=${vifOf(port)} actions=drop`),
    ...here.flatMap(antiSpoofing),
  ];
}

/** Without security, and for ports that belong to the network itself, there is none. */
function antiSpoofing(port: Port): string[] {
  if (!port.port_security_enabled || port.device_owner.startsWith('network:')) return [];
  const vif = `in_port=${vifOf(port)}`;
  const pairs = port.allowed_address_pairs;
  const macs = new Set([port.mac_address, ...pairs.flatMap(({ mac_address }) => mac_address ?? [])]);
  const ips = [...port.fixed_ips, ...pairs].map(({ ip_address }) => ip_address);
  const targets = new Set([...ips.filter((ip) => ip.includes(':')), ...[...macs].map(linkLocal)]);
  const senders = new Set(ips.filter((ip) => !ip.includes(':')));
  return [
    `priority=10,arp,${vif} actions=goto_table:24`,
    `priority=10,icmp6,${vif},icmp_type=136 actions=goto_table:24`,
    `priority=9,${vif} actions=goto_table:25`,
    ...[...senders].map((ip) => `table=24, priority=2,arp,${vif},arp_spa=${ip} actions=goto_table:25`),
    ...[...targets].map(
      (ip) => `table=24, priority=2,icmp6,${vif},icmp_type=136,nd_target=${ip} actions=goto_table:59`,
    ),
    ...[...macs].map((mac) => `table=25, priority=2,${vif},dl_src=${mac} actions=goto_table:30`),
  ];
}

/** As the normal form names it. A VIF whose port is down is on the dead VLAN. */
function vifOf(port: Port): string {
  return `<${port.admin_state_up ? '' : 'dead '}vif ${port.id}>`;
}

/** The address that a host makes of its MAC (RFC 4291, appendix A), as Open vSwitch writes it. */
function linkLocal(mac: string): string {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = mac.split(':').map((byte) => Number.parseInt(byte, 16));
  const words = [((a ^ 2) << 8) | b, (c << 8) | 0xff, 0xfe00 | d, (e << 8) | f];
  return `fe80::${words.map((word) => word.toString(16)).join(':')}`;
}
