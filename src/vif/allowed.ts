/** Which source addresses a port may use: what anti-spoofing lets through, by the rules of neutron-openvswitch-agent. */
import type { MacAddress } from '../values.ts';
import { type IpNetwork, linkLocal, networkOf } from './addresses.ts';
import type { PortFacts } from './facts.ts';

export interface AllowedSources {
  readonly macs: readonly MacAddress[];
  /** ARP sender addresses; `undefined`: any. */
  readonly ipv4: readonly IpNetwork[] | undefined;
  /** Targets of neighbour advertisements; `undefined`: any. */
  readonly ipv6: readonly IpNetwork[] | undefined;
}

/**
 * `undefined`: nothing of this port is checked. A pair of `::/0` lifts the check of neighbour advertisements, one of
 * `0.0.0.0/0` that of ARP and of these: so the reference does it (`setup_arp_spoofing_protection`).
 */
export function allowedSources(facts: PortFacts): AllowedSources | undefined {
  // DHCP and router ports answer for others; only the cloud's own services may own such ports.
  if (!facts.portSecurity || facts.deviceOwner.startsWith('network:')) return undefined;
  const { mac, fixedIps, addressPairs } = facts;
  const macs = [...new Set([mac, ...addressPairs.map((pair) => pair.mac)])].filter((one) => one !== undefined);
  const networks = [...fixedIps.map(networkOf), ...addressPairs.map(({ network }) => network)];
  const ipv4 = new Set(networks.filter((network) => !network.includes(':')));
  const ipv6 = new Set([...networks.filter((network) => network.includes(':')), ...macs.map(linkLocal).map(networkOf)]);
  const anyIpv4 = hasWholeSpace(ipv4);
  return {
    macs,
    ipv4: anyIpv4 ? undefined : [...ipv4],
    ipv6: anyIpv4 || hasWholeSpace(ipv6) ? undefined : [...ipv6],
  };
}

function hasWholeSpace(networks: ReadonlySet<IpNetwork>): boolean {
  return [...networks].some((network) => network.endsWith('/0'));
}
