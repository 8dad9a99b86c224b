/**
 * Ports by the thousand: rows put into neutron-server's database as ML2 and l2population read them, because ten thousand
 * ports by REST take an hour. They are ACTIVE and bound to made-up hosts, each with a row in `agents` that names its VTEP:
 * l2population asks for no more. No notification tells of them; who gets its first port on the network hears of them in
 * its snapshot.
 */
import type { Database } from '../../lab/neutron/database.ts';
import type { Network, Subnet } from '../../lab/neutron/rest-types.ts';

export interface Crowd {
  readonly network: Network;
  /** IPv4, /16; `.0.x` of it is left to others. */
  readonly subnet: Subnet;
  readonly size: number;
  /** The ports are spread over these evenly. */
  readonly vteps: readonly string[];
}

/** MACs of the crowd begin so; the last three bytes count. */
const MAC_PREFIX = 'fa:16:3f';

/** All of it in one transaction. */
export async function insertCrowd(database: Database, { network, subnet, size, vteps }: Crowd): Promise<void> {
  const hosts = vteps.map((vtep) => ({ vtep, name: `crowd-${vtep}` }));
  const [segment] = await database.query(`SELECT id FROM networksegments WHERE network_id = '${network.id}'`);
  const [project] = await database.query(`SELECT project_id FROM networks WHERE id = '${network.id}'`);
  const prefix = subnet.cidr.split('.').slice(0, 2).join('.');
  const host = `ELT(1 + n % ${hosts.length}, ${hosts.map(({ name }) => `'${name}'`).join(', ')})`;
  await database.query(`
    START TRANSACTION;
    ${hosts.map(({ vtep, name }) => agentRow(name, vtep)).join('\n')}
    SET @first = (SELECT MAX(id) FROM standardattributes);
    CREATE TEMPORARY TABLE crowd AS SELECT seq AS n, UUID() AS id, @first + seq AS attribute,
      LOWER(CONCAT('${MAC_PREFIX}:', INSERT(INSERT(LPAD(HEX(seq), 6, '0'), 3, 0, ':'), 6, 0, ':'))) AS mac,
      CONCAT('${prefix}.', 1 + seq DIV 250, '.', 1 + seq % 250) AS ip FROM seq_1_to_${size};
    INSERT INTO standardattributes (id, resource_type, created_at, updated_at, revision_number)
      SELECT attribute, 'ports', UTC_TIMESTAMP(), UTC_TIMESTAMP(), 1 FROM crowd;
    INSERT INTO ports (id, project_id, name, network_id, mac_address, admin_state_up, status, device_id, device_owner,
      standard_attr_id, ip_allocation)
      SELECT id, '${project?.[0] ?? ''}', '', '${network.id}', mac, 1, 'ACTIVE', id, 'compute:nova', attribute, 'immediate' FROM crowd;
    INSERT INTO portsecuritybindings (port_id, port_security_enabled) SELECT id, 1 FROM crowd;
    INSERT INTO ipallocations (port_id, ip_address, subnet_id, network_id)
      SELECT id, ip, '${subnet.id}', '${network.id}' FROM crowd;
    INSERT INTO ml2_port_bindings (port_id, host, vif_type, vnic_type, profile, vif_details, status)
      SELECT id, ${host}, 'ovs', 'normal', '', '{"connectivity": "l2", "port_filter": false}', 'ACTIVE' FROM crowd;
    INSERT INTO ml2_port_binding_levels (port_id, host, level, driver, segment_id)
      SELECT id, ${host}, 0, 'openvswitch', '${segment?.[0] ?? ''}' FROM crowd;
    COMMIT;`);
}

function agentRow(host: string, vtep: string): string {
  const configurations = { tunneling_ip: vtep, tunnel_types: ['vxlan', 'gre', 'geneve'], l2_population: true };
  return `INSERT INTO agents (id, agent_type, \`binary\`, topic, host, admin_state_up, created_at, started_at,
      heartbeat_timestamp, configurations, \`load\`)
    VALUES (UUID(), 'Open vSwitch agent', 'neutron-openvswitch-agent', 'N/A', '${host}', 1, UTC_TIMESTAMP(), UTC_TIMESTAMP(),
      UTC_TIMESTAMP(), '${JSON.stringify(configurations)}', 0);`;
}
