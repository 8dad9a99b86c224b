/**
 * The options that mean something here, with Neutron's and oslo.messaging's own names, defaults and meaning (neutron 21.0.0 to 2026.1,
 * oslo.messaging 14 to 17), and our own in [l2pop_agent]. What is read and ignored is in `harmless.ts`.
 */
import type { Option, OptionType, OptionValue, Refusal } from './option.ts';
import { PORT } from './option.ts';

const BOOLEAN: OptionType = { kind: 'boolean' };
const TEXT: OptionType = { kind: 'text' };
const LIST: OptionType = { kind: 'list' };
const IP: OptionType = { kind: 'ip' };
// A bridge is a network device as well (IFNAMSIZ) and names a socket; a patch port is neither.
const BRIDGE: OptionType = {
  kind: 'text',
  pattern: /^(?!-)[^\s/]{1,15}$/,
  allowed: 'a bridge name: 1 to 15 characters, no white space, no /, no - in front',
};
const PORT_NAME: OptionType = {
  kind: 'text',
  pattern: /^(?!-)\S+$/,
  allowed: 'a port name: no white space, no - in front',
};
const PATH: OptionType = { kind: 'text', pattern: /^\//, allowed: 'an absolute path' };
const integer = (min: number, max = 2 ** 31 - 1): OptionType => ({ kind: 'integer', min, max });
/** A timer of Node waits 2^31-1 ms at most, some 24 days; one that is set further ahead fires at once. */
const LONGEST = Math.floor((2 ** 31 - 1) / 1000);
const seconds = (min: number): OptionType => integer(min, LONGEST);
const choice = (...choices: string[]): OptionType => ({ kind: 'choice', choices });

interface More {
  readonly deprecated?: readonly string[];
  readonly secret?: boolean;
  readonly refused?: Refusal;
}

function option(
  section: string,
  name: string,
  type: OptionType,
  initial: string | undefined,
  doc: string,
  more: More = {},
): Option {
  const { deprecated = [], secret = false, refused } = more;
  return { section, name, type, default: initial, doc, deprecated, secret, refused };
}

const whenTrue = (value: OptionValue): boolean => value === true;
const whenSet = (value: OptionValue): boolean => value !== undefined && (typeof value !== 'object' || value.length > 0);
/** Short and long spelling of the firewall that does nothing. */
const NOOP_FIREWALL = [
  'noop',
  'neutron.agent.firewall.NoopFirewallDriver',
  'neutron.agent.firewall:NoopFirewallDriver',
];

const RABBIT = 'oslo_messaging_rabbit';
const OWN = 'l2pop_agent';

/**
 * Defaults that depend on the host are `undefined` here and filled in by `load.ts`: `host`, `hostname`, `ovsdb_connection`
 * and `control_socket`.
 */
export const OPTIONS: readonly Option[] = [
  option(
    'DEFAULT',
    'host',
    { kind: 'host' },
    undefined,
    'Name of this host towards the server and in queue names. Default: the host name.',
  ),
  option('DEFAULT', 'debug', BOOLEAN, 'false', 'Log at debug level.'),
  option('DEFAULT', 'state_path', PATH, '/var/lib/neutron', 'Directory of state files; the journal is one.'),
  option('DEFAULT', 'transport_url', { kind: 'uri' }, 'rabbit://', 'Brokers, credentials and virtual host.', {
    secret: true,
  }),
  option('DEFAULT', 'control_exchange', TEXT, 'neutron', 'Exchange of calls and casts.'),
  option('DEFAULT', 'rpc_response_timeout', seconds(1), '60', 'Seconds to wait for the reply to a call.'),

  option('ovs', 'integration_bridge', BRIDGE, 'br-int', 'Bridge of the VIFs.', {
    deprecated: ['ovs.ovs_integration_bridge'],
  }),
  option('ovs', 'tunnel_bridge', BRIDGE, 'br-tun', 'Bridge of the tunnels.'),
  option('ovs', 'int_peer_patch_port', PORT_NAME, 'patch-tun', 'Patch port on the integration bridge.'),
  option('ovs', 'tun_peer_patch_port', PORT_NAME, 'patch-int', 'Patch port on the tunnel bridge.'),
  option('ovs', 'local_ip', IP, undefined, 'Our VTEP: an address of this host.'),
  option(
    'ovs',
    'ovsdb_connection',
    { kind: 'connection' },
    undefined,
    'Where ovsdb-server listens. Default: the unix socket db.sock in OVS_RUNDIR.',
  ),
  option('ovs', 'ssl_key_file', TEXT, undefined, 'Private key for an ssl: ovsdb_connection.'),
  option('ovs', 'ssl_cert_file', TEXT, undefined, 'Certificate for an ssl: ovsdb_connection.'),
  option('ovs', 'ssl_ca_cert_file', TEXT, undefined, 'CA certificate for an ssl: ovsdb_connection.'),
  option('ovs', 'datapath_type', choice('system', 'netdev'), 'system', 'Datapath of the bridges: kernel or userspace.'),
  option('ovs', 'ovsdb_timeout', seconds(1), '10', 'Seconds an OVSDB transaction may take.'),
  option(
    'ovs',
    'bridge_mac_table_size',
    integer(10, 1_000_000),
    '50000',
    'other_config:mac-table-size of the bridges.',
  ),
  option('ovs', 'bridge_mappings', LIST, '', 'Physical networks and their bridges.', {
    refused: { when: whenSet, missing: 'flat and VLAN networks would not be wired' },
  }),
  option('ovs', 'resource_provider_bandwidths', LIST, '', 'Bandwidth inventory for Placement.', {
    refused: { when: whenSet, missing: 'the bandwidth inventory would not be reported to Placement' },
  }),
  option(
    'ovs',
    'resource_provider_packet_processing_without_direction',
    LIST,
    '',
    'Packet rate inventory for Placement.',
    {
      refused: { when: whenSet, missing: 'the packet rate inventory would not be reported to Placement' },
    },
  ),
  option(
    'ovs',
    'resource_provider_packet_processing_with_direction',
    LIST,
    '',
    'Packet rate inventory for Placement.',
    {
      refused: { when: whenSet, missing: 'the packet rate inventory would not be reported to Placement' },
    },
  ),

  option(
    'agent',
    'tunnel_types',
    { kind: 'list', items: ['gre', 'vxlan', 'geneve'] },
    '',
    'Tunnel types of this host.',
  ),
  option(
    'agent',
    'l2_population',
    BOOLEAN,
    'false',
    'Peers are told by FDB notifications; else a full mesh that learns.',
  ),
  option('agent', 'arp_responder', BOOLEAN, 'false', 'Answer ARP and ND on the host. Only with l2_population.'),
  option('agent', 'vxlan_udp_port', PORT, '4789', 'UDP port of VXLAN.'),
  option('agent', 'dont_fragment', BOOLEAN, 'true', 'Set DF on the outer header.'),
  option('agent', 'tunnel_csum', BOOLEAN, 'false', 'Set the checksum of the tunnel header.'),
  option('agent', 'dscp', integer(0, 63), undefined, 'DSCP of the outer header.'),
  option('agent', 'dscp_inherit', BOOLEAN, 'false', 'Copy the DSCP of the inner header.'),
  option('agent', 'report_interval', { kind: 'positive', max: LONGEST }, '30', 'Seconds between state reports.'),
  option('agent', 'drop_flows_on_start', BOOLEAN, 'false', 'Start with empty flow tables.'),
  option('agent', 'extensions', LIST, '', 'Agent extensions.', {
    refused: {
      when: whenSet,
      missing: 'what these extensions do (qos, fdb, log, dhcp, metadata_path, local_ip …) would not be done',
    },
  }),
  option('agent', 'enable_distributed_routing', BOOLEAN, 'false', 'Distributed virtual routing.', {
    refused: {
      when: whenTrue,
      missing: 'the flows of distributed routers would not exist and VMs here could not be routed',
    },
  }),
  option('agent', 'baremetal_smartnic', BOOLEAN, 'false', 'Ports of Smart NICs.', {
    refused: { when: whenTrue, missing: 'ports of Smart NICs would not be plugged' },
  }),

  option('securitygroup', 'enable_security_group', BOOLEAN, 'true', 'Security groups are in use.'),
  option('securitygroup', 'firewall_driver', TEXT, undefined, 'Security group driver.', {
    refused: {
      when: (value) => whenSet(value) && !NOOP_FIREWALL.includes(String(value)),
      missing: 'security groups would not be enforced and VMs would be open',
    },
  }),

  option(RABBIT, 'ssl', BOOLEAN, 'false', 'TLS to the brokers.', { deprecated: [`${RABBIT}.rabbit_use_ssl`] }),
  option(RABBIT, 'ssl_ca_file', TEXT, undefined, 'CA certificate; without it the broker is not verified.', {
    deprecated: [`${RABBIT}.kombu_ssl_ca_certs`],
  }),
  option(RABBIT, 'ssl_cert_file', TEXT, undefined, 'Client certificate.', {
    deprecated: [`${RABBIT}.kombu_ssl_certfile`],
  }),
  option(RABBIT, 'ssl_key_file', TEXT, undefined, "Client certificate's private key.", {
    deprecated: [`${RABBIT}.kombu_ssl_keyfile`],
  }),
  option(
    RABBIT,
    'ssl_enforce_hostname_verification',
    BOOLEAN,
    // oslo.messaging's stable branches have false, lest a running cloud break; OSSN-0096 (CVE-2026-44393) says what that costs.
    'true',
    "With ssl_ca_file: compare the broker's name in transport_url with its certificate.",
  ),
  option(RABBIT, 'ssl_enforce_fips_mode', BOOLEAN, 'false', 'OpenSSL FIPS mode.', {
    refused: { when: whenTrue, missing: 'FIPS mode would not be enforced' },
  }),
  option(RABBIT, 'kombu_compression', TEXT, undefined, 'Compress messages.', {
    refused: { when: whenSet, missing: 'messages that others compress could not be read' },
  }),
  option(RABBIT, 'rabbit_login_method', choice('PLAIN', 'AMQPLAIN', 'EXTERNAL'), 'AMQPLAIN', 'SASL mechanism.', {
    deprecated: ['DEFAULT.rabbit_login_method'],
  }),
  option(
    RABBIT,
    'heartbeat_timeout_threshold',
    integer(0, 65535),
    '60',
    'Seconds of silence after which the broker is gone; 0: none.',
  ),
  option(RABBIT, 'amqp_durable_queues', BOOLEAN, 'false', 'Topic queues and exchange are durable.', {
    deprecated: ['DEFAULT.amqp_durable_queues', 'DEFAULT.rabbit_durable_queues'],
  }),
  option(RABBIT, 'amqp_auto_delete', BOOLEAN, 'false', 'Topic queues go with their last consumer.', {
    deprecated: ['DEFAULT.amqp_auto_delete'],
  }),
  option(RABBIT, 'rabbit_ha_queues', BOOLEAN, 'false', 'Declare topic queues with x-ha-policy.', {
    deprecated: ['DEFAULT.rabbit_ha_queues'],
  }),
  option(RABBIT, 'rabbit_quorum_queue', BOOLEAN, 'false', 'Topic queues are quorum queues.'),
  option(RABBIT, 'rabbit_transient_quorum_queue', BOOLEAN, 'false', 'Fanout and reply queues are quorum queues.'),
  option(RABBIT, 'rabbit_quorum_delivery_limit', integer(0), '0', 'x-delivery-limit of quorum queues; 0: none.'),
  option(
    RABBIT,
    'rabbit_quorum_max_memory_length',
    integer(0),
    '0',
    'x-max-in-memory-length of quorum queues; 0: none.',
    {
      deprecated: [`${RABBIT}.rabbit_quroum_max_memory_length`],
    },
  ),
  option(
    RABBIT,
    'rabbit_quorum_max_memory_bytes',
    integer(0),
    '0',
    'x-max-in-memory-bytes of quorum queues; 0: none.',
    {
      deprecated: [`${RABBIT}.rabbit_quroum_max_memory_bytes`],
    },
  ),
  option(RABBIT, 'rabbit_stream_fanout', BOOLEAN, 'false', 'One stream per fanout exchange instead of queues.'),
  option(
    RABBIT,
    'rabbit_transient_queues_ttl',
    integer(0),
    '1800',
    'Seconds an unused fanout or reply queue lives; 0: for ever.',
  ),
  option(
    RABBIT,
    'rabbit_qos_prefetch_count',
    integer(0, 65535),
    '0',
    'Unacknowledged messages per consumer; 0: our own default.',
  ),
  option(RABBIT, 'use_queue_manager', BOOLEAN, 'false', 'Queue names from host, process and a counter.'),
  option(RABBIT, 'hostname', TEXT, undefined, 'Host in these names. Default: the host name.'),
  option(RABBIT, 'processname', TEXT, 'l2pop-agent', 'Process in these names.'),
  option(RABBIT, 'rabbit_retry_interval', seconds(0), '1', 'Seconds before the first attempt to reconnect.'),
  option(RABBIT, 'rabbit_retry_backoff', seconds(0), '2', 'Seconds added per further attempt.', {
    deprecated: ['DEFAULT.rabbit_retry_backoff'],
  }),
  option(RABBIT, 'rabbit_interval_max', seconds(1), '30', 'Most seconds between attempts.'),

  option(OWN, 'accept_missing', LIST, '', 'Refused options that the operator accepts to be without effect.'),
  option(
    OWN,
    'control_socket',
    PATH,
    undefined,
    'Unix socket of l2popctl. Default: control.sock in the runtime directory.',
  ),
  option(OWN, 'compare_interval', seconds(1), '300', 'Seconds between full compares with the switch.'),
  option(
    OWN,
    'snapshot_grace',
    seconds(0),
    '30',
    'Seconds before a refresh within which a delta outlives its snapshot.',
  ),
  option(OWN, 'snapshot_confirm', seconds(1), '60', 'Seconds between the two snapshots that together remove an entry.'),
  option(
    OWN,
    'resync_jitter',
    seconds(0),
    '10',
    'Seconds over which hosts spread their refreshes after an outage that concerned all; 0: at once.',
  ),
  option(
    OWN,
    'audit_interval',
    seconds(0),
    '14400',
    'Seconds within which each network is refreshed though nothing has happened; 0: never.',
  ),
  option(OWN, 'ofctl_timeout', integer(1), '30000', 'Milliseconds one run of ovs-ofctl may take.'),
  option(OWN, 'journal_keep', integer(0), '86400', 'Seconds that completed journal entries are kept.'),
  option(OWN, 'journal_keep_entries', integer(0), '10000', 'Completed journal entries kept at most.'),
  option(OWN, 'journal_attempts', integer(1), '5', 'How often the switch may refuse something until it has failed.'),
  option(OWN, 'journal_retry', seconds(1), '2', 'Seconds before the second attempt; doubled for each further one.'),
  option(OWN, 'maintenance_interval', seconds(1), '600', 'Seconds between looks at what has failed.'),
];

/** What `[l2pop_agent] accept_missing` may name. */
export const REFUSABLE: readonly string[] = OPTIONS.filter(({ refused }) => refused !== undefined).map(
  ({ name }) => name,
);
