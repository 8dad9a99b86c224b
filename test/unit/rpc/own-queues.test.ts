import { expect, test } from 'vitest';
import { RPC_DEFAULTS } from '../../../lab/server/rpc-config.ts';
import type { RpcConfig } from '../../../src/config/config.ts';
import { L2POPULATION_TOPIC, NOTIFICATION_TOPICS } from '../../../src/neutron/topics.ts';
import { ownQueues } from '../../../src/rpc/own-queues.ts';
import { topologyOf } from '../../../src/rpc/topology.ts';

function config(overrides: Partial<RpcConfig>): RpcConfig {
  return {
    brokers: [],
    virtualHost: '/',
    ...RPC_DEFAULTS,
    ...{ hostname: 'machine', processname: 'agent', retryInterval: 1, retryBackoff: 2, intervalMax: 30 },
    ...overrides,
  };
}

function names(overrides: Partial<RpcConfig>) {
  const of = { host: 'host1', topics: NOTIFICATION_TOPICS, byName: [L2POPULATION_TOPIC] };
  const { queues, shared } = ownQueues(config(overrides), of);
  return { queues: queues.map(({ name }) => name), shared };
}

const fanouts = (overrides: Partial<RpcConfig>) =>
  NOTIFICATION_TOPICS.map((topic) => topologyOf(config(overrides), 'host1').fanoutQueue(topic).name);
const BY_NAME = ['q-agent-notifier-l2population-update.host1', 'q-agent-notifier-l2population-update.host1_stand-in'];

test('the queues that the daemon declares under a name that it can foretell', () => {
  expect(names({})).toEqual({ queues: [...fanouts({}), ...BY_NAME], shared: [] });
  expect(fanouts({})[0]).toMatch(/^q-agent-notifier-l2population-update_fanout_[0-9a-f]{32}$/);
});

test('with a queue manager the replies too', () => {
  const mode = { useQueueManager: true };
  expect(names(mode)).toEqual({ queues: [...fanouts(mode), ...BY_NAME, 'reply_machine:agent:1'], shared: [] });
});

test('streams are everybody’s', () => {
  const mode = { quorumQueue: true, transientQuorumQueue: true, streamFanout: true };
  expect(names(mode)).toEqual({ queues: BY_NAME, shared: NOTIFICATION_TOPICS.map((topic) => `${topic}_fanout`) });
});
