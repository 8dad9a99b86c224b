/**
 * The tables. Every rule that two servers on one file must not break together is a constraint here, and the code that
 * writes relies on it: one endpoint per type and address, one per type and host, one ACTIVE binding per port.
 *
 * Times are milliseconds since 1970. `seq` keeps the order of creation and doubles as Neutron's `standard_attr_id`.
 */
export const SCHEMA = `
CREATE TABLE IF NOT EXISTS networks (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  mtu INTEGER NOT NULL,
  admin_state_up INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS segments (
  id TEXT PRIMARY KEY,
  network_id TEXT NOT NULL REFERENCES networks (id) ON DELETE CASCADE,
  network_type TEXT NOT NULL,
  segmentation_id INTEGER NOT NULL,
  position INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  UNIQUE (network_type, segmentation_id),
  UNIQUE (network_id, position)
) STRICT;

CREATE TABLE IF NOT EXISTS subnets (
  id TEXT PRIMARY KEY,
  network_id TEXT NOT NULL REFERENCES networks (id) ON DELETE CASCADE,
  cidr TEXT NOT NULL,
  position INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS subnets_by_network ON subnets (network_id);

CREATE TABLE IF NOT EXISTS ports (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  network_id TEXT NOT NULL REFERENCES networks (id),
  name TEXT NOT NULL,
  mac TEXT NOT NULL,
  admin_state_up INTEGER NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('ACTIVE', 'BUILD', 'DOWN')),
  device_id TEXT NOT NULL,
  device_owner TEXT NOT NULL,
  revision INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  UNIQUE (network_id, mac)
) STRICT;
CREATE INDEX IF NOT EXISTS ports_by_network ON ports (network_id, status);

CREATE TABLE IF NOT EXISTS fixed_ips (
  port_id TEXT NOT NULL REFERENCES ports (id) ON DELETE CASCADE,
  subnet_id TEXT NOT NULL REFERENCES subnets (id),
  ip TEXT NOT NULL,
  position INTEGER NOT NULL,
  PRIMARY KEY (subnet_id, ip)
) STRICT;
CREATE INDEX IF NOT EXISTS fixed_ips_by_port ON fixed_ips (port_id);

CREATE TABLE IF NOT EXISTS bindings (
  port_id TEXT NOT NULL REFERENCES ports (id) ON DELETE CASCADE,
  host TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('ACTIVE', 'INACTIVE')),
  vif_type TEXT NOT NULL CHECK (vif_type IN ('ovs', 'binding_failed', 'unbound')),
  profile TEXT NOT NULL,
  datapath_type TEXT NOT NULL,
  bridge_name TEXT NOT NULL,
  PRIMARY KEY (port_id, host)
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS one_active_binding ON bindings (port_id) WHERE status = 'ACTIVE';

CREATE TABLE IF NOT EXISTS binding_levels (
  port_id TEXT NOT NULL,
  host TEXT NOT NULL,
  level INTEGER NOT NULL,
  segment_id TEXT NOT NULL REFERENCES segments (id),
  PRIMARY KEY (port_id, host, level),
  FOREIGN KEY (port_id, host) REFERENCES bindings (port_id, host) ON DELETE CASCADE
) STRICT;

CREATE TABLE IF NOT EXISTS status_history (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  port_id TEXT NOT NULL,
  at INTEGER NOT NULL,
  from_status TEXT NOT NULL,
  to_status TEXT NOT NULL,
  cause TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS status_history_by_port ON status_history (port_id);

CREATE TABLE IF NOT EXISTS agents (
  agent_type TEXT NOT NULL,
  host TEXT NOT NULL,
  binary TEXT NOT NULL,
  topic TEXT NOT NULL,
  configurations TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  started_at INTEGER NOT NULL,
  heartbeat_at INTEGER NOT NULL,
  PRIMARY KEY (agent_type, host)
) STRICT;
CREATE INDEX IF NOT EXISTS agents_by_host ON agents (host);

CREATE TABLE IF NOT EXISTS endpoints (
  tunnel_type TEXT NOT NULL CHECK (tunnel_type IN ('gre', 'vxlan', 'geneve')),
  ip TEXT NOT NULL,
  host TEXT,
  udp_port INTEGER,
  PRIMARY KEY (tunnel_type, ip),
  UNIQUE (tunnel_type, host)
) STRICT;
`;
