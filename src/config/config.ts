/** What the rest of the program knows of the configuration: one frozen, validated object with no string left to parse. */
import type { IpAddress, TunnelType } from '../values.ts';

/** One broker of `transport_url`. */
export interface Broker {
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
}

export interface RabbitTls {
  /** `undefined`: the broker's certificate is not verified at all, as in oslo.messaging. */
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  /** Compare the broker's name with its certificate, `ssl_enforce_hostname_verification` (ours is on by default); only ever true with a `caFile`. */
  readonly verifyHostname: boolean;
}

/** Everything `src/rpc` needs; the names are those of oslo.messaging where it has one. */
export interface RpcConfig {
  /** Tried in turn. Never empty. */
  readonly brokers: readonly Broker[];
  readonly virtualHost: string;
  /** `undefined`: plain AMQP. */
  readonly tls: RabbitTls | undefined;
  /** SASL mechanism, `rabbit_login_method`. */
  readonly loginMethod: 'PLAIN' | 'AMQPLAIN' | 'EXTERNAL';
  readonly controlExchange: string;
  /** Milliseconds, `rpc_response_timeout`. */
  readonly responseTimeout: number;
  /** Seconds, `heartbeat_timeout_threshold`; 0: none. */
  readonly heartbeat: number;
  readonly amqpDurableQueues: boolean;
  readonly amqpAutoDelete: boolean;
  /** `x-ha-policy: all` on topic queues, `rabbit_ha_queues`; never together with `quorumQueue`. */
  readonly haQueues: boolean;
  readonly quorumQueue: boolean;
  /** `x-delivery-limit` of quorum queues; 0: not declared. */
  readonly quorumDeliveryLimit: number;
  /** `x-max-in-memory-length` of quorum queues; 0: not declared. */
  readonly quorumMaxMemoryLength: number;
  /** `x-max-in-memory-bytes` of quorum queues; 0: not declared. */
  readonly quorumMaxMemoryBytes: number;
  readonly transientQuorumQueue: boolean;
  readonly streamFanout: boolean;
  readonly useQueueManager: boolean;
  readonly hostname: string;
  readonly processname: string;
  /** Seconds, `rabbit_transient_queues_ttl`; 0: the queues never expire. */
  readonly transientQueuesTtl: number;
  /** Unacknowledged messages per consumer, `rabbit_qos_prefetch_count`; never 0: that in the file means our own default. */
  readonly prefetch: number;
  /** Seconds before the first attempt to reconnect, at least 1. */
  readonly retryInterval: number;
  /** Seconds added per further attempt. */
  readonly retryBackoff: number;
  /** Most seconds between attempts. */
  readonly intervalMax: number;
}

export interface OvsConfig {
  readonly integrationBridge: string;
  readonly tunnelBridge: string;
  readonly intPeerPatchPort: string;
  readonly tunPeerPatchPort: string;
  /** Our own VTEP. */
  readonly localIp: IpAddress;
  /** `unix:PATH`, `tcp:HOST[:PORT]` or `ssl:HOST[:PORT]`, an IPv6 host in brackets, the port 6640 if there is none. */
  readonly ovsdbConnection: string;
  /** `unix:PATH` to use when `ovsdbConnection`, a loopback tcp, refuses; `undefined`: there is no other way. */
  readonly ovsdbFallback: string | undefined;
  readonly sslKeyFile: string | undefined;
  readonly sslCertFile: string | undefined;
  readonly sslCaCertFile: string | undefined;
  readonly datapathType: string;
  /** Seconds. */
  readonly ovsdbTimeout: number;
  /** `other_config:mac-table-size` of both bridges. */
  readonly bridgeMacTableSize: number;
  /** Where `<bridge>.mgmt` sockets are: OVS_RUNDIR or its default. */
  readonly runDir: string;
}

export interface AgentConfig {
  /** Never empty, each once. */
  readonly tunnelTypes: readonly TunnelType[];
  readonly l2Population: boolean;
  /** Never without `l2Population`, as in the reference. */
  readonly arpResponder: boolean;
  readonly vxlanUdpPort: number;
  readonly dontFragment: boolean;
  readonly tunnelCsum: boolean;
  /** DSCP of the outer header, 0–63. */
  readonly dscp: number | undefined;
  readonly dscpInherit: boolean;
  /** Seconds. */
  readonly reportInterval: number;
  readonly dropFlowsOnStart: boolean;
}

/** Section `[l2pop_agent]`: ours alone. */
export interface OwnConfig {
  /** Names of refused options that the operator accepts to be without effect. */
  readonly acceptMissing: readonly string[];
  /** Unix socket of `src/control`. */
  readonly controlSocket: string;
  /** Seconds between full compares with the switch. */
  readonly compareInterval: number;
  /** Seconds, see DESIGN rule 6. */
  readonly snapshotGrace: number;
  /** Seconds between a snapshot that lacks an entry and the one that confirms it. */
  readonly snapshotConfirm: number;
  /** Seconds over which hosts spread what all of them would ask for at the same time; 0: they do not. */
  readonly resyncJitter: number;
  /** Seconds after which a network is asked for though nothing has happened, at the latest; 0: never. */
  readonly auditInterval: number;
  /** Milliseconds that one `ovs-ofctl` run may take. */
  readonly ofctlTimeout: number;
  /** Seconds that completed journal entries are kept, and how many of them at most. */
  readonly journalKeep: number;
  readonly journalKeepEntries: number;
  /** How often the switch may refuse something until it has failed, and seconds before the second attempt (doubled each time). */
  readonly journalAttempts: number;
  readonly journalRetry: number;
  /** Seconds between looks at what has failed. */
  readonly maintenanceInterval: number;
}

export interface Config {
  readonly host: string;
  readonly debug: boolean;
  /** Absolute path of a directory; the journal's file is in it. */
  readonly statePath: string;
  readonly rpc: RpcConfig;
  readonly ovs: OvsConfig;
  readonly agent: AgentConfig;
  readonly own: OwnConfig;
}
