/** A port as neutron-server's `bulk_pull` writes it: the versioned object `Port` 1.7 of recording `14`, as far as agents read it. */
import type { JsonObject } from '../../../src/rpc/types.ts';

export interface Port {
  readonly id: string;
  readonly network: string;
  readonly type: string;
  readonly segmentationId: number;
  readonly mac: string;
  readonly ips: readonly string[];
  readonly host: string;
  readonly status: 'DOWN' | 'BUILD' | 'ACTIVE';
  readonly adminStateUp: boolean;
  /** A live migration's target, in the profile of the active binding. */
  readonly migratingTo?: string;
}

export function portObject(port: Port): JsonObject {
  const segment = versioned('NetworkSegment', '1.0', {
    network_id: port.network,
    network_type: port.type,
    segmentation_id: port.segmentationId,
    is_dynamic: false,
    segment_index: 0,
    hosts: [],
  });
  const binding = {
    port_id: port.id,
    host: port.host,
    profile: JSON.stringify(port.migratingTo === undefined ? {} : { migrating_to: port.migratingTo }),
    vif_type: 'ovs',
    vif_details: '{"connectivity": "l2", "port_filter": false, "bridge_name": "br-int"}',
    vnic_type: 'normal',
    status: 'ACTIVE',
  };
  const level = { port_id: port.id, host: port.host, level: 0, driver: 'openvswitch', segment };
  return versioned('Port', '1.7', {
    id: port.id,
    network_id: port.network,
    mac_address: port.mac,
    admin_state_up: port.adminStateUp,
    device_owner: 'compute:nova',
    status: port.status,
    allowed_address_pairs: [],
    bindings: [versioned('PortBinding', '1.0', binding)],
    fixed_ips: port.ips.map((ip) =>
      versioned('IPAllocation', '1.0', { port_id: port.id, network_id: port.network, ip_address: ip }),
    ),
    security: null,
    security_group_ids: [],
    binding_levels: [versioned('PortBindingLevel', '1.1', level)],
  });
}

function versioned(name: string, version: string, data: JsonObject): JsonObject {
  return {
    'versioned_object.name': name,
    'versioned_object.namespace': 'versionedobjects',
    'versioned_object.version': version,
    'versioned_object.data': data,
  };
}
