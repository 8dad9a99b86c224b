/** What the admin socket speaks, in Neutron's names: shared by the server's side and the client's. */
import type { JsonObject } from '../../src/rpc/types.ts';
import type { TunnelType } from '../../src/values.ts';
import type { PortStatus } from './facts.ts';
import type { SentCounters } from './publisher.ts';

export interface SegmentBody {
  readonly network_type: TunnelType;
  readonly segmentation_id: number;
}

export interface NetworkBody extends Partial<SegmentBody> {
  /** Made up if absent, as every id. */
  readonly id?: string;
  readonly name?: string;
  /** Default: what an underlay of 1500 leaves to the first segment's type. */
  readonly mtu?: number;
  /** Instead of `network_type` and `segmentation_id`, for more than one. */
  readonly segments?: readonly SegmentBody[];
  /** CIDRs, or with an id. */
  readonly subnets?: readonly (string | { readonly id?: string; readonly cidr: string })[];
}

export interface NetworkChangeBody {
  readonly name?: string;
  readonly mtu?: number;
  readonly admin_state_up?: boolean;
}

/** An address, in the subnet that contains it or in the one named. */
export type FixedIpBody = string | { readonly ip_address: string; readonly subnet_id?: string };

export interface PortChangeBody {
  readonly name?: string;
  readonly admin_state_up?: boolean;
  readonly fixed_ips?: readonly FixedIpBody[];
  /** `binding:host_id`; null: unbind. */
  readonly host?: string | null;
  /** `binding:profile`. */
  readonly profile?: JsonObject;
}

export interface PortBody extends PortChangeBody {
  readonly network_id: string;
  readonly id?: string;
  readonly mac_address?: string;
  readonly device_id?: string;
  /** Default `compute:nova`. */
  readonly device_owner?: string;
}

export interface BindingBody {
  readonly host: string;
  readonly profile?: JsonObject;
}

export interface NetworkView {
  readonly id: string;
  readonly name: string;
  readonly mtu: number;
  readonly admin_state_up: boolean;
  readonly segments: readonly SegmentBody[];
  readonly subnets: readonly { readonly id: string; readonly cidr: string }[];
}

export interface BindingView {
  readonly host: string;
  readonly status: 'ACTIVE' | 'INACTIVE';
  readonly vif_type: string;
  readonly profile: JsonObject;
}

export interface PortView {
  readonly id: string;
  readonly network_id: string;
  readonly name: string;
  readonly mac_address: string;
  readonly admin_state_up: boolean;
  readonly status: PortStatus;
  readonly device_id: string;
  readonly device_owner: string;
  readonly fixed_ips: readonly { readonly ip_address: string; readonly subnet_id: string }[];
  /** Of the ACTIVE binding. */
  readonly host: string | null;
  readonly bindings: readonly BindingView[];
}

/** Times are ISO 8601. */
export interface StatusChangeView {
  readonly port_id: string;
  readonly at: string;
  readonly from: PortStatus;
  readonly to: PortStatus;
  /** `up, HOST`, `down, HOST` and `details call, HOST` are an agent's doing; `admin, …` is not. */
  readonly cause: string;
}

export interface AgentView {
  readonly host: string;
  readonly agent_type: string;
  readonly binary: string;
  readonly alive: boolean;
  readonly created_at: string;
  readonly started_at: string;
  readonly heartbeat_at: string;
  readonly configurations: JsonObject;
}

export interface EndpointView {
  readonly tunnel_type: TunnelType;
  readonly ip_address: string;
  readonly host: string | null;
  readonly udp_port: number | null;
}

export interface StatusView {
  readonly pid: number;
  readonly started_at: string;
  readonly l2population: boolean;
}

export type CountersView = SentCounters;
