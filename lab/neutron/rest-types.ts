/** What Neutron's REST API takes and gives (networking API v2.0), as far as the lab uses it. */

export type TunnelNetworkType = 'vxlan' | 'gre' | 'geneve';

export interface NetworkRequest {
  readonly name?: string;
  readonly mtu?: number;
  readonly port_security_enabled?: boolean;
  readonly 'provider:network_type'?: TunnelNetworkType | 'flat' | 'vlan';
  /** Without it the server takes a free one. */
  readonly 'provider:segmentation_id'?: number;
  readonly 'provider:physical_network'?: string;
}

export interface Network {
  readonly id: string;
  readonly name: string;
  readonly mtu: number;
  readonly 'provider:network_type': string;
  readonly 'provider:segmentation_id': number;
}

export interface SubnetRequest {
  readonly network_id: string;
  readonly ip_version: 4 | 6;
  readonly cidr: string;
  readonly enable_dhcp?: boolean;
  readonly gateway_ip?: string | null;
  /** What addresses are given out from; without it all but the gateway's. */
  readonly allocation_pools?: readonly { readonly start: string; readonly end: string }[];
  readonly name?: string;
}

export interface Subnet {
  readonly id: string;
  readonly network_id: string;
  readonly ip_version: 4 | 6;
  readonly cidr: string;
}

export interface FixedIp {
  readonly subnet_id: string;
  readonly ip_address: string;
}

export interface AddressPair {
  readonly ip_address: string;
  readonly mac_address?: string;
}

export type PortStatus = 'ACTIVE' | 'DOWN' | 'BUILD' | 'ERROR' | 'N/A';

export interface PortChange {
  readonly name?: string;
  readonly admin_state_up?: boolean;
  readonly mac_address?: string;
  readonly fixed_ips?: readonly Partial<FixedIp>[];
  readonly allowed_address_pairs?: readonly AddressPair[];
  readonly port_security_enabled?: boolean;
  readonly device_id?: string;
  readonly device_owner?: string;
  readonly 'binding:host_id'?: string;
  readonly 'binding:profile'?: Readonly<Record<string, unknown>>;
}

export interface PortRequest extends PortChange {
  readonly network_id: string;
}

export interface Port {
  readonly id: string;
  readonly name: string;
  readonly network_id: string;
  readonly mac_address: string;
  readonly status: PortStatus;
  readonly admin_state_up: boolean;
  readonly fixed_ips: readonly FixedIp[];
  readonly allowed_address_pairs: readonly AddressPair[];
  readonly port_security_enabled: boolean;
  readonly device_owner: string;
  readonly 'binding:host_id': string;
  readonly 'binding:vif_type': string;
  readonly 'binding:profile': Readonly<Record<string, unknown>>;
}

/** A row of `/ports/ID/bindings`. */
export interface Binding {
  readonly host: string;
  readonly status: 'ACTIVE' | 'INACTIVE';
  readonly vif_type: string;
}

/** What `openstack network agent show` prints. */
export interface AgentRecord {
  readonly id: string;
  readonly host: string;
  readonly agent_type: string;
  readonly binary: string;
  readonly topic: string;
  readonly alive: boolean;
  readonly admin_state_up: boolean;
  /** UTC, `2026-01-31 12:00:00`. */
  readonly heartbeat_timestamp: string;
  readonly started_at: string;
  readonly configurations: Readonly<Record<string, unknown>>;
  readonly resource_versions?: unknown;
}
