/** A port as neutron-server's `bulk_pull` writes it: the versioned object `Port` 1.7 of recording `14`, as far as agents read it. */
import { randomUUID } from 'node:crypto';
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
  /** A host with a second binding, INACTIVE. */
  readonly inactiveOn?: string;
  /** Default `compute:nova`. */
  readonly deviceOwner?: string;
  /** Default: the server has no port security. */
  readonly portSecurity?: boolean;
  /** Allowed address pairs: an address or network, and perhaps a MAC. */
  readonly pairs?: readonly (readonly [ip: string, mac?: string])[];
}

/** A port that is bound to a host and not up yet, alone on a new network; what is said in `more` is otherwise. */
export function portOn(host: string, more: Partial<Port> = {}): Port {
  return {
    ...{ network: randomUUID(), type: 'vxlan', segmentationId: 77 },
    ...{ id: randomUUID(), mac: 'fa:16:3e:00:00:01', ips: [], host, status: 'DOWN', adminStateUp: true },
    ...more,
  };
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
  const binding = (host: string, status: string, profile: JsonObject) => ({
    port_id: port.id,
    host,
    profile: JSON.stringify(profile),
    vif_type: 'ovs',
    vif_details: '{"connectivity": "l2", "port_filter": false, "bridge_name": "br-int"}',
    vnic_type: 'normal',
    status,
  });
  const profile = port.migratingTo === undefined ? {} : { migrating_to: port.migratingTo };
  const bindings = [binding(port.host, 'ACTIVE', profile)];
  if (port.inactiveOn !== undefined) bindings.push(binding(port.inactiveOn, 'INACTIVE', {}));
  const levels = bindings.map(({ host }) => ({ port_id: port.id, host, level: 0, driver: 'openvswitch', segment }));
  return versioned('Port', '1.7', {
    id: port.id,
    network_id: port.network,
    mac_address: port.mac,
    admin_state_up: port.adminStateUp,
    device_owner: port.deviceOwner ?? 'compute:nova',
    status: port.status,
    allowed_address_pairs: (port.pairs ?? []).map(([ip, mac = port.mac]) =>
      versioned('AllowedAddressPair', '1.0', { port_id: port.id, mac_address: mac, ip_address: ip }),
    ),
    bindings: bindings.map((one) => versioned('PortBinding', '1.0', one)),
    fixed_ips: port.ips.map((ip) =>
      versioned('IPAllocation', '1.0', { port_id: port.id, network_id: port.network, ip_address: ip }),
    ),
    security:
      port.portSecurity === undefined
        ? null
        : versioned('PortSecurity', '1.0', { id: port.id, port_security_enabled: port.portSecurity }),
    security_group_ids: [],
    binding_levels: levels.map((level) => versioned('PortBindingLevel', '1.1', level)),
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
