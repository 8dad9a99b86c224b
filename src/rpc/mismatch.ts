/** Turns the broker's refusal of a declaration (406 PRECONDITION_FAILED) into the sentence an operator can act on. */

/** What was being declared. `control`: the control exchange or a topic queue; `transient`: all that belongs to fanouts and replies. */
export type Declared = 'control' | 'transient';

const OPTIONS: Readonly<Record<string, Readonly<Record<Declared, string>>>> = {
  durable: {
    control: 'amqp_durable_queues, rabbit_quorum_queue',
    transient: 'rabbit_transient_quorum_queue, rabbit_stream_fanout',
  },
  auto_delete: { control: 'amqp_auto_delete', transient: 'amqp_auto_delete' },
  'x-queue-type': {
    control: 'rabbit_quorum_queue',
    transient: 'rabbit_transient_quorum_queue, rabbit_stream_fanout',
  },
  'x-ha-policy': { control: 'rabbit_ha_queues', transient: 'rabbit_ha_queues' },
  'x-delivery-limit': { control: 'rabbit_quorum_delivery_limit', transient: 'rabbit_quorum_delivery_limit' },
  'x-max-in-memory-length': {
    control: 'rabbit_quorum_max_memory_length',
    transient: 'rabbit_quorum_max_memory_length',
  },
  'x-max-in-memory-bytes': { control: 'rabbit_quorum_max_memory_bytes', transient: 'rabbit_quorum_max_memory_bytes' },
  'x-expires': { control: 'rabbit_transient_queues_ttl', transient: 'rabbit_transient_queues_ttl' },
  'x-max-age': { control: 'rabbit_transient_queues_ttl', transient: 'rabbit_transient_queues_ttl' },
};

/**
 * The broker says: `inequivalent arg 'durable' for exchange 'neutron' in vhost '/': received 'true' but current is
 * 'false'`. `what`: such as `exchange neutron`.
 */
export function explainMismatch(what: string, declared: Declared, brokerText: string): string {
  const argument = /inequivalent arg '([^']+)'/.exec(brokerText)?.[1];
  const values = /received (.+?) but current is (.+?)(?:"|$)/.exec(brokerText);
  const options = argument === undefined ? undefined : OPTIONS[argument]?.[declared];
  const difference =
    argument === undefined
      ? 'exists with other properties'
      : `exists with another ${argument}${values ? ` (ours ${values[1]}, there ${values[2]})` : ''}`;
  const advice =
    options === undefined
      ? 'compare [oslo_messaging_rabbit] here with the server’s'
      : `make [oslo_messaging_rabbit] ${options} the same as on the server, or delete it on the broker`;
  return `${what} ${difference}: ${advice}`;
}

/** True when the broker's complaint is only about how long the thing lives: whether it outlives a restart or its last user. */
export function isOtherLife(brokerText: string): boolean {
  return /inequivalent arg '(durable|auto_delete)'/.test(brokerText);
}
