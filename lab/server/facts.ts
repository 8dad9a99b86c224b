/** The rows of the lab server's tables as the rest of it sees them: networks, ports, bindings, agents, tunnel endpoints. */
import type { JsonObject } from '../../src/rpc/types.ts';
import type { IpAddress, MacAddress, NetworkId, PortId, TunnelType } from '../../src/values.ts';

export type PortStatus = 'ACTIVE' | 'BUILD' | 'DOWN';
export type BindingStatus = 'ACTIVE' | 'INACTIVE';

export interface Segment {
  readonly id: string;
  readonly networkId: NetworkId;
  readonly networkType: TunnelType;
  readonly segmentationId: number;
  /** Position among the network's segments, from 0. */
  readonly index: number;
  readonly createdAt: Date;
}

export interface Subnet {
  readonly id: string;
  readonly cidr: string;
}

export interface Network {
  readonly id: NetworkId;
  readonly standardAttrId: number;
  readonly name: string;
  readonly mtu: number;
  readonly adminStateUp: boolean;
  readonly revision: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly segments: readonly Segment[];
  readonly subnets: readonly Subnet[];
}

export interface FixedIp {
  readonly subnetId: string;
  readonly ip: IpAddress;
}

export interface Binding {
  readonly host: string;
  readonly status: BindingStatus;
  /**
   * `binding_failed`: no segment of the network is of a type that the host's agent tunnels. `unbound`: another binding was
   * activated in its place.
   */
  readonly vifType: 'ovs' | 'binding_failed' | 'unbound';
  /** Free form; Nova puts `migrating_to` here. */
  readonly profile: JsonObject;
  readonly datapathType: string;
  readonly bridgeName: string;
  /** The bottom bound segment (binding level 0); none if nothing is bound. */
  readonly segment: Segment | undefined;
}

export interface Port {
  readonly id: PortId;
  readonly standardAttrId: number;
  readonly networkId: NetworkId;
  readonly name: string;
  readonly mac: MacAddress;
  readonly adminStateUp: boolean;
  readonly status: PortStatus;
  readonly deviceId: string;
  readonly deviceOwner: string;
  readonly revision: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly fixedIps: readonly FixedIp[];
  /** At most one is ACTIVE. */
  readonly bindings: readonly Binding[];
}

export interface Agent {
  readonly host: string;
  readonly agentType: string;
  readonly binary: string;
  readonly topic: string;
  readonly configurations: JsonObject;
  readonly createdAt: Date;
  readonly startedAt: Date;
  readonly heartbeatAt: Date;
}

export interface Endpoint {
  readonly tunnelType: TunnelType;
  readonly ip: IpAddress;
  /** `undefined`: registered by an agent that did not say its host (tunnel_sync before version 1.4). */
  readonly host: string | undefined;
  /** VXLAN only. */
  readonly udpPort: number | undefined;
}

export interface StatusChange {
  readonly portId: PortId;
  readonly at: Date;
  readonly from: PortStatus;
  readonly to: PortStatus;
  /** The call or the admin request that did it. */
  readonly cause: string;
}

export function activeBinding(port: Port): Binding | undefined {
  return port.bindings.find((binding) => binding.status === 'ACTIVE');
}
