/**
 * Where a VIF belongs: a pure decision from what the server and the switch say of it.
 *
 *      plugged ──► unknown ──► wired ◄──► dead
 *                     │                    ▲
 *                     └────────────────────┘
 *
 * `unknown`: the server has not been heard; a VIF that a predecessor wired stays as it is, any other is isolated.
 * `wired`: on its network's local VLAN. `dead`: on the dead VLAN, with the reason.
 */
import { type NetworkId, parseNetworkId, parseSegmentationId, parseTunnelType, type TunnelType } from '../values.ts';
import type { SwitchPort } from '../vswitch/rows.ts';
import type { PortFacts, Segment } from './facts.ts';

export interface Wired {
  readonly kind: 'wired';
  readonly networkId: NetworkId;
  readonly segment: Segment;
}

export type Wiring = Wired | { readonly kind: 'dead'; readonly reason: string };

/** `asked for and not there` is its own state: the server does not know the port. */
export type Facts = PortFacts | 'pending' | 'absent';

export function decideWiring(facts: Facts, port: SwitchPort, tunnelTypes: readonly TunnelType[]): Wiring {
  if (facts === 'pending') return asFound(port) ?? dead('port facts are awaited');
  if (facts === 'absent') return dead('the server does not know the port');
  if (facts.binding === 'elsewhere') return dead('the port is not bound to this host');
  if (!facts.adminStateUp) return dead('the port is administratively down');
  if (facts.segment === undefined) return dead(`the port's segment is no tunnel (${facts.segmentText})`);
  if (!tunnelTypes.includes(facts.segment.type)) {
    return dead(`the network is ${facts.segment.type}, tunnel_types has ${tunnelTypes.join(', ')}`);
  }
  return { kind: 'wired', networkId: facts.networkId, segment: facts.segment };
}

/** The record that binding leaves in `Port.other_config`, Neutron's or ours; counts only beside a live tag. */
function asFound(port: SwitchPort): Wired | undefined {
  if (port.tag === undefined || port.tag < 1 || port.tag > 4094) return undefined;
  const networkId = parseNetworkId(port.otherConfig.get('net_uuid'));
  const type = parseTunnelType(port.otherConfig.get('network_type'));
  const idText = port.otherConfig.get('segmentation_id') ?? '';
  const id = type && /^\d+$/.test(idText) ? parseSegmentationId(type, Number(idText)) : undefined;
  return networkId && type && id !== undefined
    ? { kind: 'wired', networkId, segment: { type, segmentationId: id } }
    : undefined;
}

function dead(reason: string): Wiring {
  return { kind: 'dead', reason };
}
