/** What every host must have at rest, from the lab server's database: the oracle of the scenarios, told what ours differs in. Pure. */
import type { Network, Port } from '../neutron/rest-types.ts';
import { expectedFlows } from '../oracle/expected-flows.ts';
import type { Bridge } from '../oracle/normal-flows.ts';
import type { NetworkView, PortView } from '../server/admin-types.ts';

export interface Facts {
  readonly networks: readonly NetworkView[];
  readonly ports: readonly PortView[];
  /** VTEP by host. */
  readonly vteps: ReadonlyMap<string, string>;
  /** Ports whose device is on br-int of the host that they are bound to. */
  readonly plugged: ReadonlySet<string>;
}

/** In the normal form of `oracle/normal-flows.ts`. */
export function expectedOn(host: string, facts: Facts): Record<Bridge, string[]> {
  const flows = expectedFlows(host, {
    networks: facts.networks.map(networkOf),
    ports: facts.ports.map(portOf),
    vteps: facts.vteps,
    plugged: facts.plugged,
  });
  // The reference leaves the anti-spoofing of a VIF that it isolates; ours does not (docs/ARCHITECTURE.md, where we differ).
  const isLeft = (flow: string) => /in_port=<dead vif /.test(flow) && !flow.startsWith('priority=2,');
  const learn = flows['br-tun'].find((flow) => flow.startsWith('table=10, priority=1 '));
  const announcements = ['arp,arp_tha=ff:ff:ff:ff:ff:ff', 'icmp6,icmp_type=134', 'icmp6,icmp_type=136'];
  return {
    'br-tun': [
      ...flows['br-tun'],
      ...announcements.map((match) => `table=10, priority=2,${match} actions=${learn?.replace(/^.*? actions=/, '')}`),
    ].sort(),
    'br-int': flows['br-int'].filter((flow) => !isLeft(flow)),
  };
}

/** `vxlan 172.30.0.12`, from the flows that are expected: a tunnel port for each, and no other. */
export function tunnelsIn(flows: readonly string[]): string[] {
  const named = flows.flatMap((flow) =>
    [...flow.matchAll(/<((?:vxlan|gre|geneve) [^>]+)>/g)].map(([, name = '']) => name),
  );
  return [...new Set(named)].sort();
}

function networkOf({ id, name, mtu, segments }: NetworkView): Network {
  const [segment] = segments;
  return {
    id,
    name,
    mtu,
    'provider:network_type': segment?.network_type ?? '',
    'provider:segmentation_id': segment?.segmentation_id ?? 0,
  };
}

function portOf({ host, bindings, ...port }: PortView): Port {
  return {
    ...port,
    'binding:host_id': host ?? '',
    'binding:vif_type': bindings[0]?.vif_type ?? 'unbound',
    'binding:profile': {},
    allowed_address_pairs: [],
    port_security_enabled: true,
  };
}
