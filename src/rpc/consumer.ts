/** Consuming one queue on a channel of its own: prefetch, exclusive hand-over, what the broker does to the consumer. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Channel, ConsumeMessage } from 'amqplib';
import type { Logger } from 'pino';
import { replyCode } from './declare.ts';
import type { Session } from './session.ts';

export interface Consumption {
  readonly queue: string;
  /**
   * Only one consumer at a time. While another has the queue (a dead connection lingers on the broker until its
   * heartbeat is missed, up to three minutes) it is tried again.
   */
  readonly exclusive: boolean;
  /** Unacknowledged messages; `undefined`: the broker need not hear of them again (no acknowledgements at all). */
  readonly prefetch: number | undefined;
  /** Such as `x-stream-offset`. */
  readonly arguments?: Readonly<Record<string, string | number>>;
  /** `ack` may be called at any time, once: it does nothing if the channel is gone. */
  onMessage(message: ConsumeMessage, ack: () => void): void;
  /** The broker ended it: the queue was deleted or its node failed. The session goes on. */
  onCancelled(): void;
}

/** Milliseconds between attempts to get a queue that another consumer has, before jitter. */
const HAND_OVER_INTERVAL = 1_000;

/** Resolves when messages flow. Later trouble on the channel ends the session. */
export async function consume(session: Session, consumption: Consumption, log: Logger): Promise<void> {
  let waiting = false;
  while (!(await attempt(session, consumption))) {
    if (!waiting) log.warn({ queue: consumption.queue }, 'queue has another consumer: waiting for it to go');
    waiting = true;
    await sleep(HAND_OVER_INTERVAL * (0.5 + Math.random()), undefined, { signal: session.signal });
  }
  if (waiting) log.info({ queue: consumption.queue }, 'queue is ours now');
}

/** False: another consumer has the queue. */
async function attempt(session: Session, consumption: Consumption): Promise<boolean> {
  const { queue, exclusive, prefetch } = consumption;
  const channel = await session.openChannel();
  if (prefetch !== undefined) await channel.prefetch(prefetch);
  let release: () => void = () => undefined;
  const onMessage = (message: ConsumeMessage | null) => {
    if (message !== null) {
      crashing(() => consumption.onMessage(message, acknowledgement(channel, message)));
      return;
    }
    release();
    channel.close().catch(() => undefined);
    crashing(() => consumption.onCancelled());
  };
  const options = { exclusive, noAck: prefetch === undefined, arguments: consumption.arguments ?? {} };
  try {
    await channel.consume(queue, onMessage, options);
  } catch (error) {
    if (exclusive && isTaken(error)) return false;
    throw error;
  }
  release = session.guard(channel, `consumer of ${queue}`);
  return true;
}

/** 403 also means "no permission", which waiting does not change. */
function isTaken(error: unknown): boolean {
  return replyCode(error) === 403 && error instanceof Error && error.message.includes('in exclusive use');
}

function acknowledgement(channel: Channel, message: ConsumeMessage): () => void {
  return () => {
    try {
      channel.ack(message);
    } catch {
      // amqplib throws on a closed channel. The broker requeued the message when the channel went.
    }
  };
}

/** amqplib would turn an exception of ours into a closed channel, and the message would come again, for ever. */
function crashing(handler: () => void): void {
  try {
    handler();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
