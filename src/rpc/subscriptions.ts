/** What the client listens to: the fanout queue of each topic, the queues by name, the reply queue; nothing more. */
import type { Channel, ConsumeMessage } from 'amqplib';
import type { Logger } from 'pino';
import { consume } from './consumer.ts';
import { declareExchange, declareQueue, queueExists } from './declare.ts';
import type { Session } from './session.ts';
import type { QueueSpec, Topology } from './topology.ts';

export interface SubscriptionOptions {
  readonly topology: Topology;
  readonly log: Logger;
  readonly prefetch: number;
  /** The queue was not there, so what was sent meanwhile is lost; called before it is declared. */
  onMissing(): void;
  /** The broker took the queue away; it is declared and consumed again. */
  onRestored(): void;
  onMessage(queue: string, message: ConsumeMessage, ack: () => void): void;
}

/**
 * The queue of a fanout. It is looked for first: if it is there, nothing was lost since it was declared. Exchange and
 * binding are declared in any case, for a process that died between declaring the queue and binding it.
 *
 * `nextOffset` counts for streams only: where to go on, `undefined` for what comes from now on.
 */
export async function subscribeFanout(
  session: Session,
  topic: string,
  nextOffset: () => number | undefined,
  options: SubscriptionOptions,
): Promise<void> {
  const { topology } = options;
  const queue = topology.fanoutQueue(topic);
  const { exclusive, stream } = topology.fanoutConsume;
  const present = await queueExists(session, queue.name);
  if (!present || (stream && nextOffset() === undefined)) options.onMissing();
  await session.withChannel(async (channel: Channel) => {
    const exchange = topology.fanoutExchange(topic);
    await declareExchange(channel, exchange);
    if (!present) await declareQueue(channel, queue, 'transient');
    await channel.bindQueue(queue.name, exchange.name, topic);
  });
  const from = stream ? { 'x-stream-offset': nextOffset() ?? 'next' } : {};
  const again = () => subscribeFanout(session, topic, nextOffset, options);
  await consumeQueue(session, queue.name, exclusive, from, again, options);
}

/** `<topic>.<host>`: it never expires by itself, and one consumer at a time keeps its messages in order. */
export async function subscribeByName(session: Session, queue: QueueSpec, options: SubscriptionOptions): Promise<void> {
  const { control } = options.topology;
  await session.withChannel(async (channel: Channel) => {
    await declareExchange(channel, control);
    await declareQueue(channel, queue, 'control');
    await channel.bindQueue(queue.name, control.name, queue.name);
  });
  await consumeQueue(session, queue.name, true, {}, () => subscribeByName(session, queue, options), options);
}

/** Its loss ends the session: the replies in it are lost, and so nobody should wait for them. */
export async function subscribeReplies(
  session: Session,
  queue: QueueSpec,
  log: Logger,
  onMessage: (message: ConsumeMessage) => void,
): Promise<void> {
  await session.withChannel((channel: Channel) => declareQueue(channel, queue, 'transient'));
  const onCancelled = () => session.fail(new Error(`queue ${queue.name} was deleted`));
  await consume(session, { queue: queue.name, exclusive: true, prefetch: undefined, onMessage, onCancelled }, log);
}

async function consumeQueue(
  session: Session,
  queue: string,
  exclusive: boolean,
  args: Readonly<Record<string, string | number>>,
  again: () => Promise<void>,
  options: SubscriptionOptions,
): Promise<void> {
  const consumption = {
    queue,
    exclusive,
    prefetch: options.prefetch,
    arguments: args,
    onMessage: (message: ConsumeMessage, ack: () => void) => options.onMessage(queue, message, ack),
    onCancelled: () => {
      options.log.warn({ queue }, 'the broker took the queue away');
      again().then(
        () => options.onRestored(),
        (error: Error) => session.fail(error),
      );
    },
  };
  await consume(session, consumption, options.log);
}
