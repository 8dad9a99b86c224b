/** Declarations on the broker; a mismatch with what exists becomes one clear error. */
import type { Channel } from 'amqplib';
import { type Declared, explainMismatch } from './mismatch.ts';
import type { Session } from './session.ts';
import type { ExchangeSpec, QueueSpec } from './topology.ts';

/** An exchange or queue exists with other properties than ours. Waiting does not help; an operator does. */
export class MismatchError extends Error {
  override readonly name = 'MismatchError';
  readonly code = 'mismatch';
}

/** Closes the channel when it rejects. */
export async function declareExchange(channel: Channel, spec: ExchangeSpec): Promise<void> {
  const { name, type, durable, autoDelete } = spec;
  const declared = type === 'fanout' ? 'transient' : 'control';
  await explained(channel.assertExchange(name, type, { durable, autoDelete }), `exchange ${name}`, declared);
}

/** Closes the channel when it rejects. */
export async function declareQueue(channel: Channel, spec: QueueSpec, declared: Declared): Promise<void> {
  const { name, durable, autoDelete } = spec;
  const options = { durable, autoDelete, arguments: spec.arguments };
  await explained(channel.assertQueue(name, options), `queue ${name}`, declared);
}

/** Passive, on a channel of its own: a missing queue closes it. */
export async function queueExists(session: Session, name: string): Promise<boolean> {
  try {
    await session.withChannel((channel) => channel.checkQueue(name));
    return true;
  } catch (error) {
    if (replyCode(error) === 404) return false;
    throw error;
  }
}

/** The AMQP reply code in an error of amqplib. */
export function replyCode(error: unknown): number | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'number' ? code : undefined;
}

async function explained(declaration: Promise<unknown>, what: string, declared: Declared): Promise<void> {
  try {
    await declaration;
  } catch (error) {
    if (replyCode(error) !== 406 || !(error instanceof Error)) throw error;
    throw new MismatchError(explainMismatch(what, declared, error.message), { cause: error });
  }
}
