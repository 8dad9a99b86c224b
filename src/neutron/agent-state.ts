/** The body of `report_state`: every key that the reference reports (recording `00`), filled from ours. */
import type { Config } from '../config/config.ts';
import type { JsonObject } from '../rpc/types.ts';
import type { SwitchRoot } from '../vswitch/rows.ts';

export interface AgentStateInput {
  readonly config: Config;
  readonly root: SwitchRoot | undefined;
  /** VIFs on br-int. */
  readonly devices: number;
  /** Of this process. */
  readonly uuid: string;
  /** True until the first full pass over the switch is done. */
  readonly starting: boolean;
}

export function agentState({ config, root, devices, uuid, starting }: AgentStateInput): JsonObject {
  const { agent, ovs } = config;
  const inventory = { allocation_ratio: 1.0, min_unit: 1, step_size: 1, reserved: 0 };
  return {
    // ML2 binds ports only to agents of this type and binary (WIRE.md).
    agent_type: 'Open vSwitch agent',
    binary: 'neutron-openvswitch-agent',
    host: config.host,
    topic: 'N/A',
    configurations: {
      bridge_mappings: {},
      resource_provider_bandwidths: {},
      resource_provider_inventory_defaults: inventory,
      resource_provider_packet_processing_without_direction: {},
      resource_provider_packet_processing_with_direction: {},
      resource_provider_packet_processing_inventory_defaults: inventory,
      resource_provider_hypervisors: {},
      integration_bridge: ovs.integrationBridge,
      tunnel_types: agent.tunnelTypes,
      tunneling_ip: ovs.localIp,
      l2_population: agent.l2Population,
      arp_responder_enabled: agent.arpResponder,
      enable_distributed_routing: false,
      log_agent_heartbeats: false,
      extensions: [],
      datapath_type: ovs.datapathType,
      ovs_capabilities: { datapath_types: root?.datapathTypes ?? [], iface_types: root?.ifaceTypes ?? [] },
      vhostuser_socket_dir: '/var/run/openvswitch',
      ovs_hybrid_plug: false,
      baremetal_smartnic: false,
      devices,
      in_distributed_mode: false,
    },
    uuid,
    ...(starting ? { start_flag: true } : {}),
  };
}
