/** The messaging options of the lab server: oslo.messaging's defaults but for the brokers and quick reconnects. */
import type { RpcConfig } from '../../src/config/config.ts';
import { parseTransportUrl } from '../../src/config/transport-url.ts';

/** oslo.messaging's defaults, as far as they are the same for everybody here; the tests start from them, too. */
export const RPC_DEFAULTS = {
  tls: undefined,
  loginMethod: 'AMQPLAIN',
  controlExchange: 'neutron',
  responseTimeout: 60_000,
  heartbeat: 60,
  amqpDurableQueues: false,
  amqpAutoDelete: false,
  haQueues: false,
  quorumQueue: false,
  quorumDeliveryLimit: 0,
  quorumMaxMemoryLength: 0,
  quorumMaxMemoryBytes: 0,
  transientQuorumQueue: false,
  streamFanout: false,
  useQueueManager: false,
  transientQueuesTtl: 1800,
  prefetch: 100,
} as const satisfies Partial<RpcConfig>;

/** What `rabbit_stream_fanout` needs, here as at the agents. */
export const STREAM_FANOUT = { quorumQueue: true, transientQuorumQueue: true, streamFanout: true } as const;

/** A complaint says what is wrong with the URL, without its password. */
export function labRpcConfig(transportUrl: string): RpcConfig | { readonly complaint: string } {
  const url = parseTransportUrl(transportUrl);
  if ('complaint' in url) return url;
  return {
    brokers: url.brokers,
    virtualHost: url.virtualHost,
    ...RPC_DEFAULTS,
    hostname: 'lab-server',
    processname: 'lab-server',
    retryInterval: 1,
    retryBackoff: 1,
    intervalMax: 5,
  };
}
