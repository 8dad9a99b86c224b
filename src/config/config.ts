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
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
}

/** Everything `src/rpc` needs; the names are those of oslo.messaging where it has one. */
export interface RpcConfig {
  /** Tried in turn. Never empty. */
  readonly brokers: readonly Broker[];
  readonly virtualHost: string;
  /** `undefined`: plain AMQP. */
  readonly tls: RabbitTls | undefined;
  readonly controlExchange: string;
  /** Milliseconds, `rpc_response_timeout`. */
  readonly responseTimeout: number;
  /** Seconds, `heartbeat_timeout_threshold`; 0: none. */
  readonly heartbeat: number;
  readonly amqpDurableQueues: boolean;
  readonly amqpAutoDelete: boolean;
  readonly quorumQueue: boolean;
  readonly transientQuorumQueue: boolean;
  readonly streamFanout: boolean;
  readonly useQueueManager: boolean;
  readonly hostname: string;
  readonly processname: string;
  /** Seconds, `rabbit_transient_queues_ttl`; 0: the queues never expire. */
  readonly transientQueuesTtl: number;
  /** Unacknowledged messages per consumer, `rabbit_qos_prefetch_count`; 0 in the file means our own default. */
  readonly prefetch: number;
  readonly retryInterval: number;
  readonly retryBackoff: number;
  readonly intervalMax: number;
}

export interface OvsConfig {
  readonly integrationBridge: string;
  readonly tunnelBridge: string;
  readonly intPeerPatchPort: string;
  readonly tunPeerPatchPort: string;
  /** Our own VTEP. */
  readonly localIp: IpAddress;
  /** `unix:PATH`, `tcp:HOST:PORT` or `ssl:HOST:PORT`; already resolved (DESIGN, "Configuration"). */
  readonly ovsdbConnection: string;
  /** True if the connection is a loopback tcp that may be replaced by the unix socket when it refuses. */
  readonly ovsdbFallback: string | undefined;
  readonly sslKeyFile: string | undefined;
  readonly sslCertFile: string | undefined;
  readonly sslCaCertFile: string | undefined;
  readonly datapathType: string;
  /** Seconds. */
  readonly ovsdbTimeout: number;
  /** Where `<bridge>.mgmt` sockets are: OVS_RUNDIR or its default. */
  readonly runDir: string;
}

export interface AgentConfig {
  readonly tunnelTypes: readonly TunnelType[];
  readonly l2Population: boolean;
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
  readonly acceptMissing: readonly string[];
  /** Unix socket of `src/control`. */
  readonly controlSocket: string;
  /** Seconds between full compares with the switch. */
  readonly compareInterval: number;
  /** Seconds, see DESIGN rule 6. */
  readonly snapshotGrace: number;
  /** Seconds between a snapshot that lacks an entry and the one that confirms it. */
  readonly snapshotConfirm: number;
  /** Milliseconds that one `ovs-ofctl` run may take. */
  readonly ofctlTimeout: number;
}

export interface Config {
  readonly host: string;
  readonly debug: boolean;
  readonly statePath: string;
  readonly rpc: RpcConfig;
  readonly ovs: OvsConfig;
  readonly agent: AgentConfig;
  readonly own: OwnConfig;
}
