/** Which queues on the broker are one host's, by the configuration alone: what `l2popctl decommission` takes away. */
import type { RpcConfig } from '../config/config.ts';
import { topologyOf } from './topology.ts';

export type QueuePurpose = 'notifications' | 'messages by name' | 'stand-in' | 'replies';

export interface OwnQueue {
  readonly name: string;
  readonly purpose: QueuePurpose;
}

export interface OwnQueues {
  readonly queues: readonly OwnQueue[];
  /** Read by this host and by all others: never one host's to delete. */
  readonly shared: readonly string[];
  /** Exchanges that tell the host that its bindings are there (see `Topology`). */
  readonly witnesses: readonly string[];
}

/** A reply queue has a random name, goes with its process and expires after one that was killed: it is not among these. */
export function ownQueues(
  config: RpcConfig,
  { host, topics, byName }: { host: string; topics: readonly string[]; byName: readonly string[] },
): OwnQueues {
  const topology = topologyOf(config, host);
  const fanouts = topics.map((topic) => topology.fanoutQueue(topic).name);
  const names = byName.map((topic) => `${topic}.${host}`);
  const one = (purpose: QueuePurpose) => (name: string) => ({ name, purpose });
  return {
    queues: [
      ...(topology.fanoutConsume.stream ? [] : fanouts.map(one('notifications'))),
      ...names.map(one('messages by name')),
      ...names.map((name) => topology.standIn(name).name).map(one('stand-in')),
      ...(config.useQueueManager ? [one('replies')(topology.replyQueue('').name)] : []),
    ],
    shared: topology.fanoutConsume.stream ? fanouts : [],
    witnesses: topics.map((topic) => topology.witness(topic).name),
  };
}
