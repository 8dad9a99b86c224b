/** The lab server's facts as the admin socket shows them. */
import type { AgentView, EndpointView, NetworkView, PortView, StatusChangeView } from './admin-types.ts';
import type { Agent, Endpoint, Network, Port, StatusChange } from './facts.ts';
import { activeBinding } from './facts.ts';

export function networkView(network: Network): NetworkView {
  return {
    id: network.id,
    name: network.name,
    mtu: network.mtu,
    admin_state_up: network.adminStateUp,
    segments: network.segments.map((segment) => ({
      network_type: segment.networkType,
      segmentation_id: segment.segmentationId,
    })),
    subnets: network.subnets,
  };
}

export function portView(port: Port): PortView {
  return {
    id: port.id,
    network_id: port.networkId,
    name: port.name,
    mac_address: port.mac,
    admin_state_up: port.adminStateUp,
    status: port.status,
    device_id: port.deviceId,
    device_owner: port.deviceOwner,
    fixed_ips: port.fixedIps.map((fixed) => ({ ip_address: fixed.ip, subnet_id: fixed.subnetId })),
    host: activeBinding(port)?.host ?? null,
    bindings: port.bindings.map((binding) => ({
      host: binding.host,
      status: binding.status,
      vif_type: binding.vifType,
      profile: binding.profile,
    })),
  };
}

export function statusChangeView(change: StatusChange): StatusChangeView {
  return {
    port_id: change.portId,
    at: change.at.toISOString(),
    from: change.from,
    to: change.to,
    cause: change.cause,
  };
}

/** @param agentDownTime milliseconds */
export function agentView(agent: Agent, now: Date, agentDownTime: number): AgentView {
  return {
    host: agent.host,
    agent_type: agent.agentType,
    binary: agent.binary,
    alive: now.getTime() - agent.heartbeatAt.getTime() <= agentDownTime,
    created_at: agent.createdAt.toISOString(),
    started_at: agent.startedAt.toISOString(),
    heartbeat_at: agent.heartbeatAt.toISOString(),
    configurations: agent.configurations,
  };
}

export function endpointView(endpoint: Endpoint): EndpointView {
  return {
    tunnel_type: endpoint.tunnelType,
    ip_address: endpoint.ip,
    host: endpoint.host ?? null,
    udp_port: endpoint.udpPort ?? null,
  };
}
