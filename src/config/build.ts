/** The configuration object from resolved, valid options. */
import { parseIp, parseTunnelType, type TunnelType } from '../values.ts';
import type { AgentConfig, Config, OvsConfig, OwnConfig, RabbitTls, RpcConfig } from './config.ts';
import type { OptionReader } from './reader.ts';
import type { TransportUrl } from './transport-url.ts';

/** Enough to keep a batch fed, little enough that a slow switch does not pile up the cloud's messages in this process. */
const DEFAULT_PREFETCH = 200;
const RABBIT = 'oslo_messaging_rabbit';

export function buildConfig(options: OptionReader, url: TransportUrl, runDir: string): Config {
  return deepFreeze({
    host: options.text('DEFAULT.host'),
    debug: options.flag('DEFAULT.debug'),
    statePath: options.text('DEFAULT.state_path'),
    rpc: buildRpc(options, url),
    ovs: buildOvs(options, runDir),
    agent: buildAgent(options),
    own: buildOwn(options),
  });
}

function buildRpc(options: OptionReader, url: TransportUrl): RpcConfig {
  const flag = (name: string) => options.flag(`${RABBIT}.${name}`);
  const number = (name: string) => options.number(`${RABBIT}.${name}`);
  return {
    brokers: url.brokers,
    virtualHost: url.virtualHost,
    tls: flag('ssl') ? buildTls(options) : undefined,
    loginMethod: loginMethod(options.text(`${RABBIT}.rabbit_login_method`)),
    controlExchange: options.text('DEFAULT.control_exchange'),
    responseTimeout: options.number('DEFAULT.rpc_response_timeout') * 1000,
    heartbeat: number('heartbeat_timeout_threshold'),
    amqpDurableQueues: flag('amqp_durable_queues'),
    amqpAutoDelete: flag('amqp_auto_delete'),
    haQueues: flag('rabbit_ha_queues'),
    quorumQueue: flag('rabbit_quorum_queue'),
    quorumDeliveryLimit: number('rabbit_quorum_delivery_limit'),
    quorumMaxMemoryLength: number('rabbit_quorum_max_memory_length'),
    quorumMaxMemoryBytes: number('rabbit_quorum_max_memory_bytes'),
    transientQuorumQueue: flag('rabbit_transient_quorum_queue'),
    streamFanout: flag('rabbit_stream_fanout'),
    useQueueManager: flag('use_queue_manager'),
    hostname: options.text(`${RABBIT}.hostname`),
    processname: options.text(`${RABBIT}.processname`),
    transientQueuesTtl: number('rabbit_transient_queues_ttl'),
    prefetch: number('rabbit_qos_prefetch_count') || DEFAULT_PREFETCH,
    retryInterval: Math.max(1, number('rabbit_retry_interval')),
    retryBackoff: number('rabbit_retry_backoff'),
    intervalMax: number('rabbit_interval_max'),
  };
}

function buildTls(options: OptionReader): RabbitTls {
  const caFile = options.textOrUnset(`${RABBIT}.ssl_ca_file`);
  return {
    caFile,
    certFile: options.textOrUnset(`${RABBIT}.ssl_cert_file`),
    keyFile: options.textOrUnset(`${RABBIT}.ssl_key_file`),
    verifyHostname: caFile !== undefined && options.flag(`${RABBIT}.ssl_enforce_hostname_verification`),
  };
}

function loginMethod(text: string): RpcConfig['loginMethod'] {
  if (text === 'PLAIN' || text === 'AMQPLAIN' || text === 'EXTERNAL') return text;
  throw new TypeError(`the option table let login method ${text} through`);
}

function buildOvs(options: OptionReader, runDir: string): OvsConfig {
  const localIp = parseIp(options.text('ovs.local_ip'));
  if (localIp === undefined) throw new TypeError('the option table let an invalid local_ip through');
  const ovsdbConnection = options.text('ovs.ovsdb_connection');
  return {
    integrationBridge: options.text('ovs.integration_bridge'),
    tunnelBridge: options.text('ovs.tunnel_bridge'),
    intPeerPatchPort: options.text('ovs.int_peer_patch_port'),
    tunPeerPatchPort: options.text('ovs.tun_peer_patch_port'),
    localIp,
    ovsdbConnection,
    ovsdbFallback: isLoopback(ovsdbConnection) ? defaultConnection(runDir) : undefined,
    sslKeyFile: options.textOrUnset('ovs.ssl_key_file'),
    sslCertFile: options.textOrUnset('ovs.ssl_cert_file'),
    sslCaCertFile: options.textOrUnset('ovs.ssl_ca_cert_file'),
    datapathType: options.text('ovs.datapath_type'),
    ovsdbTimeout: options.number('ovs.ovsdb_timeout'),
    bridgeMacTableSize: options.number('ovs.bridge_mac_table_size'),
    runDir,
  };
}

/** Where ovsdb-server listens in every installation. */
export function defaultConnection(runDir: string): string {
  return `unix:${runDir}/db.sock`;
}

/** Neutron makes ovsdb-server listen there when it does not; we never do, and take the socket instead. */
function isLoopback(connection: string): boolean {
  return /^tcp:(127(\.\d+){3}|localhost|\[::1\])(:\d+)?$/.test(connection);
}

function buildAgent(options: OptionReader): AgentConfig {
  const types = options.list('agent.tunnel_types').map(parseTunnelType);
  const l2Population = options.flag('agent.l2_population');
  return {
    tunnelTypes: [...new Set(types.filter((type): type is TunnelType => type !== undefined))],
    l2Population,
    arpResponder: l2Population && options.flag('agent.arp_responder'),
    vxlanUdpPort: options.number('agent.vxlan_udp_port'),
    dontFragment: options.flag('agent.dont_fragment'),
    tunnelCsum: options.flag('agent.tunnel_csum'),
    dscp: options.numberOrUnset('agent.dscp'),
    dscpInherit: options.flag('agent.dscp_inherit'),
    reportInterval: options.number('agent.report_interval'),
    dropFlowsOnStart: options.flag('agent.drop_flows_on_start'),
  };
}

function buildOwn(options: OptionReader): OwnConfig {
  return {
    acceptMissing: options.list('l2pop_agent.accept_missing'),
    controlSocket: options.text('l2pop_agent.control_socket'),
    compareInterval: options.number('l2pop_agent.compare_interval'),
    snapshotGrace: options.number('l2pop_agent.snapshot_grace'),
    snapshotConfirm: options.number('l2pop_agent.snapshot_confirm'),
    resyncJitter: options.number('l2pop_agent.resync_jitter'),
    auditInterval: options.number('l2pop_agent.audit_interval'),
    ofctlTimeout: options.number('l2pop_agent.ofctl_timeout'),
    journalKeep: options.number('l2pop_agent.journal_keep'),
    journalKeepEntries: options.number('l2pop_agent.journal_keep_entries'),
    journalAttempts: options.number('l2pop_agent.journal_attempts'),
    journalRetry: options.number('l2pop_agent.journal_retry'),
    maintenanceInterval: options.number('l2pop_agent.maintenance_interval'),
  };
}

function deepFreeze<T extends object>(object: T): Readonly<T> {
  for (const value of Object.values(object)) {
    if (typeof value === 'object' && value !== null) deepFreeze(value);
  }
  return Object.freeze(object);
}
