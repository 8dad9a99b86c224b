import { expect, test } from 'vitest';
import { explainMismatch } from '../../../src/rpc/mismatch.ts';

test.each([
  [
    'exchange neutron',
    'control' as const,
    "Operation failed: ExchangeDeclare; 406 (PRECONDITION-FAILED) with message \"PRECONDITION_FAILED - inequivalent arg 'durable' for exchange 'neutron' in vhost '/': received 'false' but current is 'true'\"",
    "exchange neutron exists with another durable (ours 'false', there 'true'): make [oslo_messaging_rabbit] amqp_durable_queues, rabbit_quorum_queue the same as on the server, or delete it on the broker",
  ],
  [
    'queue T_fanout',
    'transient' as const,
    "inequivalent arg 'x-queue-type' for queue 'T_fanout' in vhost '/': received the value 'stream' of type 'longstr' but current is none",
    "queue T_fanout exists with another x-queue-type (ours the value 'stream' of type 'longstr', there none): make [oslo_messaging_rabbit] rabbit_transient_quorum_queue, rabbit_stream_fanout the same as on the server, or delete it on the broker",
  ],
  [
    'queue q',
    'control' as const,
    "inequivalent arg 'x-strange' for queue 'q'",
    'queue q exists with another x-strange: compare [oslo_messaging_rabbit] here with the server’s',
  ],
  [
    'queue q',
    'control' as const,
    'invalid property',
    'queue q exists with other properties: compare [oslo_messaging_rabbit] here with the server’s',
  ],
])('%s (%s)', (what, declared, text, sentence) => {
  expect(explainMismatch(what, declared, text)).toBe(sentence);
});
