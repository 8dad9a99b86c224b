/** Declarations on the broker; a mismatch with what exists becomes one clear error. */
import type { Channel } from 'amqplib';
import { type Declared, explainMismatch, isOtherLife } from './mismatch.ts';
import type { Session } from './session.ts';
import type { ExchangeSpec, QueueSpec } from './topology.ts';

/** An exchange or queue exists with other properties than ours. Waiting does not help; an operator does. */
export class MismatchError extends Error {
  override readonly name = 'MismatchError';
  readonly code = 'mismatch';
}

/** How a queue was found. */
export interface Found {
  /** `unreachable`: it is on a node of the cluster that is down, and with it what is in it. */
  readonly presence: 'present' | 'absent' | 'unreachable';
  readonly consumers: number;
  /** Those that wait to be delivered. */
  readonly messages: number;
}

/**
 * An exchange that is there with another durability or auto-delete carries messages just as well, and who declared it
 * first had a reason (another service shares it, or the operator changed the mode): it is used as it is, as
 * oslo.messaging does (`Consumer._declare_fallback`). @returns the sentence that says so, `undefined` when all is equal.
 */
export async function declareExchange(session: Session, spec: ExchangeSpec): Promise<string | undefined> {
  const { name, type, durable, autoDelete } = spec;
  const what = `exchange ${name}`;
  const declared = type === 'fanout' ? 'transient' : 'control';
  try {
    await session.withChannel((channel) => channel.assertExchange(name, type, { durable, autoDelete }));
    return undefined;
  } catch (error) {
    if (replyCode(error) !== 406 || !(error instanceof Error)) throw error;
    const sentence = explainMismatch(what, declared, error.message);
    if (isOtherLife(error.message)) return sentence;
    throw new MismatchError(sentence, { cause: error });
  }
}

/** Closes the channel when it rejects. */
export async function declareQueue(channel: Channel, spec: QueueSpec, declared: Declared): Promise<void> {
  const { name, durable, autoDelete } = spec;
  try {
    await channel.assertQueue(name, { durable, autoDelete, arguments: spec.arguments });
  } catch (error) {
    if (replyCode(error) !== 406 || !(error instanceof Error)) throw error;
    throw new MismatchError(explainMismatch(`queue ${name}`, declared, error.message), { cause: error });
  }
}

/** Passive, on a channel of its own: a missing queue closes it. */
export async function findQueue(session: Session, name: string): Promise<Found> {
  try {
    const { consumerCount, messageCount } = await session.withChannel((channel) => channel.checkQueue(name));
    return { presence: 'present', consumers: consumerCount, messages: messageCount };
  } catch (error) {
    if (replyCode(error) !== 404 || !(error instanceof Error)) throw error;
    const presence = /down or inaccessible/.test(error.message) ? 'unreachable' : 'absent';
    return { presence, consumers: 0, messages: 0 };
  }
}

/** Passive, as {@link findQueue}. */
export async function isExchangeThere(session: Session, name: string): Promise<boolean> {
  try {
    await session.withChannel((channel) => channel.checkExchange(name));
    return true;
  } catch (error) {
    if (replyCode(error) !== 404) throw error;
    return false;
  }
}

/** The AMQP reply code in an error of amqplib. */
export function replyCode(error: unknown): number | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'number' ? code : undefined;
}
