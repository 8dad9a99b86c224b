import { describe, expect, test } from 'vitest';
import { RPC_DEFAULTS } from '../../../lab/server/rpc-config.ts';
import type { RpcConfig } from '../../../src/config/config.ts';
import { type QueueSpec, topologyOf } from '../../../src/rpc/topology.ts';

const DEFAULTS: RpcConfig = {
  brokers: [],
  virtualHost: '/',
  ...RPC_DEFAULTS,
  hostname: 'compute1.example.com',
  processname: 'neutron-openvswitch-agent',
  retryInterval: 1,
  retryBackoff: 2,
  intervalMax: 30,
};

const HASH = 'c0365b5a3867cc382f6854fdc4f6f10c';
const HEX = 'f'.repeat(32);
const T = 'q-agent-notifier-tunnel-update';

/** What `topologyOf` says about one topic, in the default mode. */
const NORMAL = {
  control: { name: 'neutron', type: 'topic', durable: false, autoDelete: false },
  fanoutExchange: { name: `${T}_fanout`, type: 'fanout', durable: false, autoDelete: true },
  witness: { name: `${T}_fanout_witness_${HASH}`, type: 'fanout', durable: false, autoDelete: true },
  topicQueue: queue(`${T}.host1`, false, false, {}),
  fanoutQueue: queue(`${T}_fanout_${HASH}`, false, false, { 'x-expires': 1_800_000 }),
  replyQueue: queue(`reply_${HEX}`, false, false, { 'x-expires': 1_800_000 }),
  fanoutConsume: { exclusive: true, stream: false },
};

function queue(name: string, durable: boolean, autoDelete: boolean, args: QueueSpec['arguments']): QueueSpec {
  return { name, durable, autoDelete, arguments: args };
}

function described(config: RpcConfig) {
  const topology = topologyOf(config, 'host1');
  return {
    control: topology.control,
    fanoutExchange: topology.fanoutExchange(T),
    witness: topology.witness(T),
    topicQueue: topology.topicQueue(`${T}.host1`),
    fanoutQueue: topology.fanoutQueue(T),
    replyQueue: topology.replyQueue(HEX),
    fanoutConsume: topology.fanoutConsume,
  };
}

const quorum = { 'x-queue-type': 'quorum' };
const transientQuorum = {
  fanoutExchange: { ...NORMAL.fanoutExchange, durable: true },
  witness: { ...NORMAL.witness, durable: true },
  fanoutQueue: queue(`${T}_fanout_${HASH}`, true, false, { ...quorum, 'x-expires': 1_800_000 }),
  replyQueue: queue(`reply_${HEX}`, true, false, { ...quorum, 'x-expires': 1_800_000 }),
};

describe('each mode differs from the default in this', () => {
  test.each<[string, Partial<RpcConfig>, Partial<typeof NORMAL>]>([
    ['default', {}, {}],
    ['control_exchange', { controlExchange: 'cloud2' }, { control: { ...NORMAL.control, name: 'cloud2' } }],
    [
      'amqp_durable_queues',
      { amqpDurableQueues: true },
      { control: { ...NORMAL.control, durable: true }, topicQueue: queue(`${T}.host1`, true, false, {}) },
    ],
    [
      'amqp_auto_delete',
      { amqpAutoDelete: true },
      { control: { ...NORMAL.control, autoDelete: true }, topicQueue: queue(`${T}.host1`, false, true, {}) },
    ],
    [
      'rabbit_quorum_queue',
      { quorumQueue: true },
      { control: { ...NORMAL.control, durable: true }, topicQueue: queue(`${T}.host1`, true, false, quorum) },
    ],
    [
      'rabbit_quorum_queue with its limits',
      { quorumQueue: true, quorumDeliveryLimit: 3, quorumMaxMemoryLength: 4, quorumMaxMemoryBytes: 5 },
      {
        control: { ...NORMAL.control, durable: true },
        topicQueue: queue(`${T}.host1`, true, false, {
          ...quorum,
          'x-delivery-limit': 3,
          'x-max-in-memory-length': 4,
          'x-max-in-memory-bytes': 5,
        }),
      },
    ],
    ['rabbit_transient_quorum_queue', { transientQuorumQueue: true }, transientQuorum],
    [
      'rabbit_stream_fanout',
      { transientQuorumQueue: true, streamFanout: true },
      {
        ...transientQuorum,
        fanoutQueue: queue(`${T}_fanout`, true, false, { 'x-queue-type': 'stream', 'x-max-age': '1800s' }),
        fanoutConsume: { exclusive: false, stream: true },
      },
    ],
    [
      'rabbit_stream_fanout that keeps for ever',
      { transientQuorumQueue: true, streamFanout: true, transientQueuesTtl: 0 },
      {
        fanoutExchange: { ...NORMAL.fanoutExchange, durable: true },
        witness: { ...NORMAL.witness, durable: true },
        fanoutQueue: queue(`${T}_fanout`, true, false, { 'x-queue-type': 'stream' }),
        replyQueue: queue(`reply_${HEX}`, true, false, quorum),
        fanoutConsume: { exclusive: false, stream: true },
      },
    ],
    [
      'use_queue_manager',
      { useQueueManager: true },
      {
        witness: { ...NORMAL.witness, name: `${T}_fanout_witness_compute1.example.com:neutron-openvswitch-agent:1` },
        fanoutQueue: { ...NORMAL.fanoutQueue, name: `${T}_fanout_compute1.example.com:neutron-openvswitch-agent:1` },
        replyQueue: { ...NORMAL.replyQueue, name: 'reply_compute1.example.com:neutron-openvswitch-agent:1' },
      },
    ],
    [
      'rabbit_transient_queues_ttl = 0',
      { transientQueuesTtl: 0 },
      {
        fanoutQueue: queue(`${T}_fanout_${HASH}`, false, false, {}),
        replyQueue: queue(`reply_${HEX}`, false, false, {}),
      },
    ],
    [
      'rabbit_ha_queues',
      { haQueues: true },
      {
        topicQueue: queue(`${T}.host1`, false, false, { 'x-ha-policy': 'all' }),
        fanoutQueue: queue(`${T}_fanout_${HASH}`, false, false, { 'x-ha-policy': 'all', 'x-expires': 1_800_000 }),
        replyQueue: queue(`reply_${HEX}`, false, false, { 'x-ha-policy': 'all', 'x-expires': 1_800_000 }),
      },
    ],
  ])('%s', (_name, options, difference) => {
    expect(described({ ...DEFAULTS, ...options })).toEqual({ ...NORMAL, ...difference });
  });
});

test('a host’s fanout queues are its own', () => {
  const [one, two] = ['host1', 'host2'].map((host) => topologyOf(DEFAULTS, host).fanoutQueue(T).name);
  expect(one).not.toBe(two);
  expect(two).toMatch(new RegExp(`^${T}_fanout_[0-9a-f]{32}$`));
});
