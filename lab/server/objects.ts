/**
 * How ports and networks look on the wire: as versioned objects (`bulk_pull`), as the dictionaries of the REST API
 * (`port_update`, `get_network_details`), and as device details. Every key is one of the recordings (reference/10, 14, 22).
 */
import type { JsonObject } from '../../src/rpc/types.ts';
import type { Binding, Network, Port, Segment } from './facts.ts';
import { activeBinding } from './facts.ts';

const PROJECT = 'fake_project_id';

/** Versioned object `Port` 1.7, with every binding and its levels. */
export function portObject(port: Port): JsonObject {
  return versioned('Port', '1.7', {
    id: port.id,
    project_id: PROJECT,
    name: port.name,
    network_id: port.networkId,
    mac_address: port.mac,
    admin_state_up: port.adminStateUp,
    device_id: port.deviceId,
    device_owner: port.deviceOwner,
    status: port.status,
    allowed_address_pairs: [],
    bindings: port.bindings.map((binding) => bindingObject(port, binding)),
    data_plane_status: null,
    dhcp_options: [],
    distributed_bindings: [],
    dns: null,
    fixed_ips: port.fixedIps.map((fixed) =>
      versioned('IPAllocation', '1.0', {
        port_id: port.id,
        subnet_id: fixed.subnetId,
        network_id: port.networkId,
        ip_address: fixed.ip,
      }),
    ),
    security: null,
    security_group_ids: [],
    qos_policy_id: null,
    qos_network_policy_id: null,
    binding_levels: port.bindings.flatMap((binding) => bindingLevelObjects(port, binding)),
    revision_number: port.revision,
    description: '',
    created_at: timestamp(port.createdAt),
    updated_at: timestamp(port.updatedAt),
  });
}

/** Versioned object `Network` 1.1. */
export function networkObject(network: Network): JsonObject {
  return versioned('Network', '1.1', {
    id: network.id,
    project_id: PROJECT,
    name: network.name,
    status: 'ACTIVE',
    admin_state_up: network.adminStateUp,
    shared: false,
    mtu: network.mtu,
    security: null,
    segments: network.segments.map(segmentObject),
    dns_domain: null,
    qos_policy_id: null,
    revision_number: network.revision,
    description: '',
    created_at: timestamp(network.createdAt),
    updated_at: timestamp(network.updatedAt),
  });
}

/** The port of `port_update`. */
export function portDictionary(port: Port): JsonObject {
  const binding = activeBinding(port);
  return {
    id: port.id,
    name: port.name,
    network_id: port.networkId,
    tenant_id: PROJECT,
    mac_address: port.mac,
    admin_state_up: port.adminStateUp,
    status: port.status,
    device_id: port.deviceId,
    device_owner: port.deviceOwner,
    standard_attr_id: port.standardAttrId,
    fixed_ips: fixedIpDictionaries(port),
    allowed_address_pairs: [],
    extra_dhcp_opts: [],
    security_groups: [],
    description: '',
    'binding:vnic_type': 'normal',
    'binding:profile': binding?.profile ?? {},
    'binding:host_id': binding?.host ?? '',
    'binding:vif_type': binding?.vifType ?? 'unbound',
    'binding:vif_details': binding === undefined ? {} : vifDetails(binding),
    tags: [],
    created_at: timestamp(port.createdAt),
    updated_at: timestamp(port.updatedAt),
    revision_number: port.revision,
    project_id: PROJECT,
  };
}

/** The answer of `get_network_details` and the network of `network_update`. */
export function networkDictionary(network: Network): JsonObject {
  const segment = network.segments[0];
  return {
    id: network.id,
    name: network.name,
    tenant_id: PROJECT,
    admin_state_up: network.adminStateUp,
    mtu: network.mtu,
    status: 'ACTIVE',
    subnets: network.subnets.map((subnet) => subnet.id),
    standard_attr_id: network.standardAttrId,
    shared: false,
    availability_zone_hints: [],
    availability_zones: [],
    ipv4_address_scope: null,
    ipv6_address_scope: null,
    'router:external': false,
    vlan_transparent: null,
    description: '',
    tags: [],
    created_at: timestamp(network.createdAt),
    updated_at: timestamp(network.updatedAt),
    revision_number: network.revision,
    project_id: PROJECT,
    'provider:network_type': segment?.networkType ?? null,
    'provider:physical_network': null,
    'provider:segmentation_id': segment?.segmentationId ?? null,
  };
}

/** One device of `get_devices_details_list_and_failed_devices` for a port that is bound on the asking host. */
export function deviceDetails(device: string, port: Port, mtu: number, binding: Binding, segment: Segment): JsonObject {
  return {
    device,
    network_id: port.networkId,
    port_id: port.id,
    mac_address: port.mac,
    admin_state_up: port.adminStateUp,
    network_type: segment.networkType,
    segmentation_id: segment.segmentationId,
    physical_network: null,
    mtu,
    fixed_ips: fixedIpDictionaries(port),
    device_owner: port.deviceOwner,
    allowed_address_pairs: [],
    port_security_enabled: true,
    qos_policy_id: null,
    qos_network_policy_id: null,
    profile: binding.profile,
    propagate_uplink_status: false,
  };
}

function bindingObject(port: Port, binding: Binding): JsonObject {
  return versioned('PortBinding', '1.0', {
    port_id: port.id,
    host: binding.host,
    profile: JSON.stringify(binding.profile),
    vif_type: binding.vifType,
    vif_details: JSON.stringify(vifDetails(binding)),
    vnic_type: 'normal',
    status: binding.status,
  });
}

function bindingLevelObjects(port: Port, binding: Binding): JsonObject[] {
  if (binding.segment === undefined) return [];
  return [
    versioned('PortBindingLevel', '1.1', {
      port_id: port.id,
      host: binding.host,
      level: 0,
      driver: 'openvswitch',
      segment: segmentObject(binding.segment),
      segment_id: binding.segment.id,
    }),
  ];
}

function segmentObject(segment: Segment): JsonObject {
  return versioned('NetworkSegment', '1.0', {
    id: segment.id,
    network_id: segment.networkId,
    network_type: segment.networkType,
    segmentation_id: segment.segmentationId,
    is_dynamic: false,
    segment_index: segment.index,
    hosts: [],
    revision_number: 0,
    created_at: timestamp(segment.createdAt),
    updated_at: timestamp(segment.createdAt),
  });
}

function vifDetails(binding: Binding): JsonObject {
  if (binding.vifType !== 'ovs') return {};
  return {
    connectivity: 'l2',
    port_filter: false,
    ovs_hybrid_plug: false,
    datapath_type: binding.datapathType,
    bridge_name: binding.bridgeName,
  };
}

function fixedIpDictionaries(port: Port): JsonObject[] {
  return port.fixedIps.map((fixed) => ({ subnet_id: fixed.subnetId, ip_address: fixed.ip }));
}

function versioned(name: string, version: string, data: JsonObject): JsonObject {
  return {
    'versioned_object.name': name,
    'versioned_object.namespace': 'versionedobjects',
    'versioned_object.version': version,
    'versioned_object.data': data,
  };
}

/** `2026-11-20T20:57:59Z`: UTC, whole seconds. */
function timestamp(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}
