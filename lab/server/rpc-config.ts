/** The messaging options of the lab server: oslo.messaging's defaults but for the brokers and quick reconnects. */
import type { RpcConfig } from '../../src/config/config.ts';
import { parseTransportUrl } from '../../src/config/transport-url.ts';

/** A complaint says what is wrong with the URL, without its password. */
export function labRpcConfig(transportUrl: string): RpcConfig | { readonly complaint: string } {
  const url = parseTransportUrl(transportUrl);
  if ('complaint' in url) return url;
  return {
    brokers: url.brokers,
    virtualHost: url.virtualHost,
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
    hostname: 'lab-server',
    processname: 'lab-server',
    transientQueuesTtl: 1800,
    prefetch: 100,
    retryInterval: 1,
    retryBackoff: 1,
    intervalMax: 5,
  };
}
