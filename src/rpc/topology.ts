/**
 * Names and declare arguments of every exchange and queue, in each mode that operators choose for oslo.messaging.
 *
 * A declaration that differs from an existing one is refused (406), so these match oslo.messaging's rabbit driver
 * (`impl_rabbit.py`: `declare_topic_consumer`, `declare_fanout_consumer`, `declare_direct_consumer`,
 * `_get_queue_arguments`). Only the end of a fanout or reply queue's name is free.
 */
import { createHash } from 'node:crypto';
import type { RpcConfig } from '../config/config.ts';

export interface ExchangeSpec {
  readonly name: string;
  readonly type: 'topic' | 'fanout';
  readonly durable: boolean;
  readonly autoDelete: boolean;
}

export interface QueueSpec {
  readonly name: string;
  readonly durable: boolean;
  readonly autoDelete: boolean;
  readonly arguments: Readonly<Record<string, string | number>>;
}

/** How a queue is consumed. A stream is shared by all hosts and read from an offset, never exclusively. */
export interface ConsumeSpec {
  readonly exclusive: boolean;
  readonly stream: boolean;
}

export interface Topology {
  /** Where calls and casts go, routed by queue name (`control_exchange`). */
  readonly control: ExchangeSpec;
  fanoutExchange(topic: string): ExchangeSpec;
  /**
   * Bound to the fanout exchange as its only source of bindings, it goes with it (auto-delete) and does not come back when
   * a publisher declares that one anew: while it is there, our binding has been there all the time.
   */
  witness(topic: string): ExchangeSpec;
  /** `name`: `<topic>` or `<topic>.<host>`, also its routing key in the control exchange. */
  topicQueue(name: string): QueueSpec;
  /** For a topic queue that cannot be reached; it outlives its last consumer by the ttl only. */
  standIn(name: string): QueueSpec;
  /** Our own of a topic: the same name every time, unless streams are on (then it is everybody's). */
  fanoutQueue(topic: string): QueueSpec;
  /** `unique`: 32 hex digits of this process; not used where the queue manager names the queue. */
  replyQueue(unique: string): QueueSpec;
  readonly fanoutConsume: ConsumeSpec;
}

/** `host`: the name under which the server knows us, not the machine's. */
export function topologyOf(config: RpcConfig, host: string): Topology {
  const durable = config.amqpDurableQueues || config.quorumQueue;
  const transient = transientArguments(config);
  const suffix = config.useQueueManager ? `${config.hostname}:${config.processname}:1` : hexOf(host);
  return {
    control: { name: config.controlExchange, type: 'topic', durable, autoDelete: config.amqpAutoDelete },
    fanoutExchange: (topic) => ({
      name: `${topic}_fanout`,
      type: 'fanout',
      durable: config.transientQuorumQueue || config.streamFanout,
      autoDelete: true,
    }),
    witness: (topic) => ({
      name: `${topic}_fanout_witness_${suffix}`,
      type: 'fanout',
      durable: config.transientQuorumQueue || config.streamFanout,
      autoDelete: true,
    }),
    topicQueue: (name) => ({
      name,
      durable,
      autoDelete: config.amqpAutoDelete,
      arguments: kindArguments(config, config.quorumQueue),
    }),
    standIn: (name) => ({ name: `${name}_stand-in`, ...transient }),
    fanoutQueue: (topic) =>
      config.streamFanout
        ? { name: `${topic}_fanout`, durable: true, autoDelete: false, arguments: streamArguments(config) }
        : { name: `${topic}_fanout_${suffix}`, ...transient },
    replyQueue: (unique) => ({ name: `reply_${config.useQueueManager ? suffix : unique}`, ...transient }),
    fanoutConsume: { exclusive: !config.streamFanout, stream: config.streamFanout },
  };
}

/** A queue that outlives its last consumer by the ttl. */
function transientArguments(config: RpcConfig): Omit<QueueSpec, 'name'> {
  const ttl = config.transientQueuesTtl;
  return {
    durable: config.transientQuorumQueue,
    autoDelete: false,
    arguments: {
      ...kindArguments(config, config.transientQuorumQueue),
      ...(ttl > 0 ? { 'x-expires': ttl * 1000 } : {}),
    },
  };
}

function kindArguments(config: RpcConfig, quorum: boolean): QueueSpec['arguments'] {
  const { quorumDeliveryLimit, quorumMaxMemoryLength, quorumMaxMemoryBytes } = config;
  if (!quorum) return config.haQueues ? { 'x-ha-policy': 'all' } : {};
  return {
    'x-queue-type': 'quorum',
    ...(quorumDeliveryLimit > 0 ? { 'x-delivery-limit': quorumDeliveryLimit } : {}),
    ...(quorumMaxMemoryLength > 0 ? { 'x-max-in-memory-length': quorumMaxMemoryLength } : {}),
    ...(quorumMaxMemoryBytes > 0 ? { 'x-max-in-memory-bytes': quorumMaxMemoryBytes } : {}),
  };
}

/** With streams the ttl is how long the messages are kept; the queue itself stays. */
function streamArguments(config: RpcConfig): QueueSpec['arguments'] {
  const ttl = config.transientQueuesTtl;
  return { 'x-queue-type': 'stream', ...(ttl > 0 ? { 'x-max-age': `${ttl}s` } : {}) };
}

/** Looks like the random end of oslo.messaging's names, but is the same for the same host. */
function hexOf(host: string): string {
  return createHash('sha256').update(host).digest('hex').slice(0, 32);
}
