/** What the client listens to: the fanout queue of each topic, the queues by name, the reply queue; nothing more. */
import type { Channel, ConsumeMessage } from 'amqplib';
import type { Logger } from 'pino';
import { consume } from './consumer.ts';
import { declareExchange, declareQueue, findQueue, isExchangeThere, MismatchError, replyCode } from './declare.ts';
import type { Declared } from './mismatch.ts';
import { Resume } from './resume.ts';
import type { Session } from './session.ts';
import type { ExchangeSpec, QueueSpec, Topology } from './topology.ts';

/** Milliseconds that the last message of a stream may take to come again. */
const RESUME_PATIENCE = 10_000;

export interface SubscriptionOptions {
  readonly topology: Topology;
  readonly log: Logger;
  readonly prefetch: number;
  /** The queue was not there, so what was sent meanwhile is lost; called before it is declared. */
  onMissing(): void;
  /** Something was lost though the queue was there all the time, or is there again. */
  onGap(reason: string): void;
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
  const { topology, log } = options;
  const queue = topology.fanoutQueue(topic);
  const exchange = topology.fanoutExchange(topic);
  const { exclusive, stream } = topology.fanoutConsume;
  let isMissing = false;
  const onMissing = () => {
    if (!isMissing) options.onMissing();
    isMissing = true;
  };
  if (stream) await makeSharedReady(session, queue, onMissing);
  else await makeOwnReady(session, queue, 'transient', log, onMissing);
  if (!(await isExchangeThere(session, topology.witness(topic).name))) onMissing();
  if (stream && nextOffset() === undefined) onMissing();
  await bind(session, queue, exchange, topic, log);
  await setWitness(session, topic, topology);
  const again = () => subscribeFanout(session, topic, nextOffset, options);
  const next = stream ? nextOffset() : undefined;
  if (next === undefined) {
    await consumeQueue(session, queue.name, exclusive, stream ? { 'x-stream-offset': 'next' } : {}, again, options);
    return;
  }
  const resume = new Resume({
    last: next - 1,
    patience: RESUME_PATIENCE,
    signal: session.signal,
    onGap: () => options.onGap('the stream lacks what came after the last message heard'),
    onSilence: () => {
      options.onMissing();
      session.fail(new Error(`stream ${queue.name} was made anew`));
    },
  });
  const onMessage: SubscriptionOptions['onMessage'] = (name, message, ack) => {
    const offset = streamOffset(message);
    if (offset !== undefined && resume.isRepeat(offset)) ack();
    else options.onMessage(name, message, ack);
  };
  await consumeQueue(session, queue.name, exclusive, { 'x-stream-offset': next - 1 }, again, { ...options, onMessage });
}

/**
 * An exchange that is deleted takes our binding with it, and nobody tells us; whoever publishes next makes it anew. The
 * witness tells: what was sent since is lost then. It is bound anew in any case.
 */
export async function bindAgain(session: Session, topic: string, options: SubscriptionOptions): Promise<void> {
  const { topology, log } = options;
  const exchange = topology.fanoutExchange(topic);
  const isThere = await isExchangeThere(session, topology.witness(topic).name);
  if (!isThere) options.onMissing();
  await bind(session, topology.fanoutQueue(topic), exchange, topic, log);
  if (isThere) return;
  await setWitness(session, topic, topology);
  options.onGap(`exchange ${exchange.name} was gone`);
}

/** After the binding, for a process that dies in between. */
async function setWitness(session: Session, topic: string, topology: Topology): Promise<void> {
  const { name, type, durable, autoDelete } = topology.witness(topic);
  const declare = () =>
    session.withChannel((channel) => channel.assertExchange(name, type, { durable, autoDelete, internal: true }));
  await declare().catch(async (error: unknown) => {
    // Of an earlier configuration: it is nobody's but ours.
    if (replyCode(error) !== 406) throw error;
    await session.withChannel((channel) => channel.deleteExchange(name));
    await declare();
  });
  await session.withChannel((channel) => channel.bindExchange(topology.fanoutExchange(topic).name, name, ''));
}

/** Where in its stream a message is; `undefined`: it came from no stream. */
export function streamOffset(message: ConsumeMessage): number | undefined {
  const offset: unknown = message.properties.headers?.['x-stream-offset'];
  return typeof offset === 'number' ? offset : undefined;
}

/**
 * `name`: `<topic>.<host>`. Its queue never expires by itself, and one consumer at a time keeps its messages in order.
 * With `amqp_auto_delete` it goes with its consumer every time: then its absence says nothing, and what it can have held
 * are answers to questions that have to be asked again.
 *
 * A durable queue on a node of the cluster that is down can neither be consumed nor deleted until the node is back. A
 * stand-in with the same routing key gets the messages meanwhile; the queue, when it is back, has got them too.
 */
export async function subscribeByName(session: Session, name: string, options: SubscriptionOptions): Promise<void> {
  const { topology, log } = options;
  const standIn = topology.standIn(name);
  let queue = topology.topicQueue(name);
  const onMissing = () => {
    if (!queue.autoDelete) options.onMissing();
  };
  if (queue.durable) {
    const isDown = (await findQueue(session, name)).presence === 'unreachable';
    const isReplaced = (await findQueue(session, standIn.name)).presence === 'present';
    if (!isDown && isReplaced) for (const old of [name, standIn.name]) await deleteQueue(session, old);
    if (isDown)
      log.warn({ queue: name, standIn: standIn.name }, 'queue on a node that is down: another stands in for it');
    if (isDown) queue = standIn;
  }
  await makeOwnReady(session, queue, queue === standIn ? 'transient' : 'control', log, onMissing);
  await bind(session, queue, topology.control, name, log);
  await consumeQueue(session, queue.name, true, {}, () => subscribeByName(session, name, options), options);
}

/** `onLost`: the replies in it are lost, and so nobody should wait for them. */
export async function subscribeReplies(
  session: Session,
  queue: QueueSpec,
  log: Logger,
  onMessage: (message: ConsumeMessage) => void,
  onLost: () => void,
): Promise<void> {
  await makeOwnReady(session, queue, 'transient', log, () => undefined);
  const consumption = { queue: queue.name, exclusive: true, prefetch: undefined, onMessage, onCancelled: onLost };
  await consume(session, consumption, log);
}

/**
 * A queue that nobody but we consume is there afterwards, with our arguments. One that an earlier configuration has left
 * with others is made anew, unless somebody consumes it.
 */
async function makeOwnReady(
  session: Session,
  queue: QueueSpec,
  declared: Declared,
  log: Logger,
  onMissing: () => void,
): Promise<void> {
  const { name } = queue;
  const declare = () => session.withChannel((channel) => declareQueue(channel, queue, declared));
  const found = await findQueue(session, name);
  if (found.presence === 'present') {
    try {
      await declare();
      return;
    } catch (error) {
      if (!(error instanceof MismatchError) || found.consumers > 0) throw error;
      log.warn({ queue: name, reason: error.message }, 'queue of an earlier configuration made anew');
    }
  }
  onMissing();
  if (found.presence === 'present') await deleteQueue(session, name);
  await declare();
}

async function deleteQueue(session: Session, name: string): Promise<void> {
  await session.withChannel((channel) => channel.deleteQueue(name));
}

/** A queue of everybody: whatever it is like, it is not ours to change. */
async function makeSharedReady(session: Session, queue: QueueSpec, onMissing: () => void): Promise<void> {
  if ((await findQueue(session, queue.name)).presence === 'present') return;
  onMissing();
  await session.withChannel((channel) => declareQueue(channel, queue, 'transient'));
}

async function bind(
  session: Session,
  queue: QueueSpec,
  exchange: ExchangeSpec,
  routingKey: string,
  log: Logger,
): Promise<void> {
  const difference = await declareExchange(session, exchange);
  if (difference !== undefined) log.warn({ exchange: exchange.name, reason: difference }, 'exchange used as it is');
  await session.withChannel((channel: Channel) => channel.bindQueue(queue.name, exchange.name, routingKey));
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
        () => options.onGap('the broker took the queue away'),
        (error: Error) => session.fail(error),
      );
    },
  };
  await consume(session, consumption, options.log);
}
