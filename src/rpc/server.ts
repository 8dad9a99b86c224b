/**
 * The server side of oslo.messaging, for the lab server and the tests: answers calls on its topics, and casts.
 *
 * As the reference does, a request is acknowledged before it is worked on: one that dies with its server is lost, and
 * its caller's deadline says so. A reply is published only after everything published before it is confirmed, so
 * what a call caused is in its queues before the caller hears.
 */
import type { Channel, ConsumeMessage } from 'amqplib';
import { RpcConnection } from './connection.ts';
import { consume } from './consumer.ts';
import { declareExchange, declareQueue } from './declare.ts';
import { Duplicates } from './duplicates.ts';
import { decode, encodeCast, encodeFailure, encodeReply, type ReplyIds } from './envelope.ts';
import type { Session } from './session.ts';
import { type Topology, topologyOf } from './topology.ts';
import {
  type CastOptions,
  type JsonObject,
  type RemoteFailure,
  RpcError,
  RpcFailure,
  type RpcRequest,
  type RpcSender,
  type RpcServerOptions,
} from './types.ts';

const REMEMBERED_IDS = 10_000;

export class RpcServer implements RpcSender {
  readonly #options: RpcServerOptions;
  readonly #topology: Topology;
  readonly #connection: RpcConnection;
  readonly #duplicates = new Duplicates(REMEMBERED_IDS);
  readonly #firstUp = Promise.withResolvers<void>();

  constructor(options: RpcServerOptions) {
    const { config, host, log } = options;
    this.#options = options;
    this.#topology = topologyOf(config, host);
    this.#connection = new RpcConnection({
      config,
      log,
      name: `rpc-server:${process.pid}:${host}`,
      setUp: (session) => this.#setUp(session),
      onUp: () => this.#firstUp.resolve(),
      onSessionEnd: () => undefined,
      onDown: () => undefined,
      onReturn: () => log.debug('a caller is gone: its reply has no queue'),
    });
  }

  /** Resolves when requests are consumed for the first time. */
  async start(): Promise<void> {
    this.#connection.start();
    await this.#firstUp.promise;
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  async cast(topic: string, method: string, args: JsonObject, options: CastOptions): Promise<void> {
    const body = encodeCast({ method, args, version: options.version, ...this.#origin() });
    await this.#connection.publish({ exchange: this.#topology.control, routingKey: topic, body });
  }

  async fanout(topic: string, method: string, args: JsonObject, options: CastOptions): Promise<void> {
    const body = encodeCast({ method, args, version: options.version, ...this.#origin() });
    await this.#connection.publish({ exchange: this.#topology.fanoutExchange(topic), routingKey: '', body });
  }

  #origin(): { uniqueId: string; requestId: string; time: Date } {
    const { ids } = this.#options;
    return { uniqueId: ids.uniqueId(), requestId: ids.requestId(), time: this.#options.now() };
  }

  async #setUp(session: Session): Promise<void> {
    const { topics, host } = this.#options;
    const names = topics.flatMap((topic) => [
      { topic, name: topic },
      { topic, name: `${topic}.${host}` },
    ]);
    await Promise.all(names.map(({ topic, name }) => this.#listen(session, topic, name)));
  }

  async #listen(session: Session, topic: string, name: string): Promise<void> {
    const { config, log } = this.#options;
    const { control } = this.#topology;
    await declareExchange(session, control);
    await session.withChannel(async (channel: Channel) => {
      await declareQueue(channel, this.#topology.topicQueue(name), 'control');
      await channel.bindQueue(name, control.name, name);
    });
    const consumption = {
      queue: name,
      exclusive: false,
      prefetch: config.prefetch,
      onMessage: (message: ConsumeMessage, ack: () => void) => this.#onMessage(topic, name, message, ack),
      onCancelled: () => session.fail(new Error(`queue ${name} was deleted`)),
    };
    await consume(session, consumption, log);
  }

  #onMessage(topic: string, queue: string, message: ConsumeMessage, ack: () => void): void {
    const { log } = this.#options;
    const decoded = decode(message.content);
    ack();
    if (decoded.kind !== 'request') {
      const reason = decoded.kind === 'bad' ? decoded.reason : `a ${decoded.kind} among requests`;
      log.error({ queue, reason }, 'message dropped');
      return;
    }
    const { uniqueId } = decoded.request;
    if (uniqueId !== undefined) {
      if (!this.#duplicates.first(uniqueId, () => undefined)) return;
      this.#duplicates.settle(uniqueId);
    }
    this.#answer(topic, decoded.request).catch((error: unknown) => {
      if (!(error instanceof RpcError)) throw error;
      log.warn({ topic, method: decoded.request.method, error: error.message }, 'reply not sent');
    });
  }

  async #answer(topic: string, request: RpcRequest): Promise<void> {
    const encode = await this.#outcome(topic, request);
    if (request.call === undefined) return;
    const { msgId, replyQueue } = request.call;
    await this.#connection.settled();
    const body = encode({ msgId, uniqueId: this.#options.ids.uniqueId() });
    await this.#connection.publish({ exchange: undefined, routingKey: replyQueue, body, mandatory: true });
  }

  /** Runs the request; what it came to, as a reply still without its ids. */
  async #outcome(topic: string, request: RpcRequest): Promise<(ids: ReplyIds) => Buffer> {
    const { dispatch, log } = this.#options;
    const { method, requestId } = request;
    try {
      const result = await dispatch(topic, request);
      return (ids) => encodeReply(ids, result);
    } catch (error) {
      const failure = failureOf(error);
      log.warn({ topic, method, requestId, class: failure.class, message: failure.message }, 'request failed');
      return (ids) => encodeFailure(ids, failure);
    }
  }
}

function failureOf(error: unknown): RemoteFailure {
  if (!(error instanceof Error)) return { class: 'Error', module: 'builtins', message: String(error), trace: [] };
  const known = error instanceof RpcFailure;
  return {
    class: known ? error.class : error.name,
    module: known ? error.module : 'builtins',
    message: error.message,
    trace: known ? [] : (error.stack ?? '').split('\n'),
  };
}
