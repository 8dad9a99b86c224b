/**
 * Publishing with confirms, in the order of the calls, on a channel that consumers never touch.
 *
 * The broker closes the channel when the exchange is missing (a fanout exchange goes with its last queue), so a
 * publication that lost its channel is sent once more on a new one, exchange declared first. The repeat has the same
 * `_unique_id`, so a receiver that got both drops one.
 */
import type { ConfirmChannel } from 'amqplib';
import { declareExchange } from './declare.ts';
import { PROPERTIES } from './envelope.ts';
import type { Session } from './session.ts';
import type { ExchangeSpec } from './topology.ts';
import { RpcError } from './types.ts';

export interface Publication {
  /** `undefined`: the default exchange, where the routing key is a queue's name. */
  readonly exchange: ExchangeSpec | undefined;
  readonly routingKey: string;
  readonly body: Buffer;
  /** Milliseconds after which the broker drops it. */
  readonly expiration?: number;
  /** The broker gives it back, by `onReturn`, if no queue takes it. */
  readonly mandatory?: boolean;
}

export class Publisher {
  readonly #session: Session;
  readonly #onReturn: (body: Buffer) => void;
  readonly #declared = new Set<string>();
  readonly #unconfirmed = new Set<Promise<void>>();
  #channel: ConfirmChannel | undefined;
  /** Ends when everything asked for so far is written: keeps the order while a declaration is awaited. */
  #written: Promise<unknown> = Promise.resolve();

  constructor(session: Session, onReturn: (body: Buffer) => void) {
    this.#session = session;
    this.#onReturn = onReturn;
  }

  /** Resolves when the broker has it in every queue it belongs to. Rejects with `RpcError` `not-connected`. */
  async publish(publication: Publication): Promise<void> {
    try {
      await this.#publishOnce(publication);
    } catch (error) {
      if (this.#session.signal.aborted) throw notPublished(error);
      await this.#publishOnce(publication).catch((again: unknown) => {
        throw notPublished(again);
      });
    }
  }

  /** Resolves when everything published so far is confirmed or has failed. */
  async settled(): Promise<void> {
    await this.#written;
    await Promise.allSettled(this.#unconfirmed);
  }

  async #publishOnce(publication: Publication): Promise<void> {
    const written = this.#written.then(() => this.#write(publication));
    this.#written = written.catch(() => undefined);
    const { confirmed } = await written;
    await confirmed;
  }

  async #write(publication: Publication): Promise<{ confirmed: Promise<void> }> {
    const channel = this.#channel ?? (await this.#open());
    const { exchange } = publication;
    if (exchange !== undefined && !this.#declared.has(exchange.name)) {
      await declareExchange(this.#session, exchange);
      this.#declared.add(exchange.name);
    }
    const confirmed = confirmation(channel, publication);
    this.#unconfirmed.add(confirmed);
    const forget = () => this.#unconfirmed.delete(confirmed);
    confirmed.then(forget, forget);
    return { confirmed };
  }

  async #open(): Promise<ConfirmChannel> {
    const channel = await this.#session.openConfirmChannel();
    channel.on('close', () => {
      this.#channel = undefined;
      this.#declared.clear();
    });
    channel.on('return', (message) => this.#onReturn(message.content));
    this.#channel = channel;
    return channel;
  }
}

function confirmation(channel: ConfirmChannel, publication: Publication): Promise<void> {
  const { exchange, routingKey, body, expiration, mandatory = false } = publication;
  const options = { ...PROPERTIES, mandatory, ...(expiration !== undefined && { expiration }) };
  return new Promise((resolve, reject) => {
    channel.publish(exchange?.name ?? '', routingKey, body, options, (error: unknown) => {
      if (error === null) resolve();
      else reject(error);
    });
  });
}

function notPublished(error: unknown): RpcError {
  if (error instanceof RpcError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new RpcError('not-connected', `not published: ${reason}`, { cause: error });
}
