/**
 * One AMQP connection from handshake to end, and the channels on it.
 *
 * amqplib has a recovery of its own; it is not used: it knows one address, reports nothing of what was lost, and lets
 * a publish wait for the next connection where it should fail at once. Here a session is never repaired: whatever
 * breaks ends it, and `RpcConnection` opens the next one.
 */
import { readFile } from 'node:fs/promises';
import {
  type Channel,
  type ChannelModel,
  type ConfirmChannel,
  connect,
  credentials,
  type SocketOptions,
} from 'amqplib';
import type { Logger } from 'pino';
import type { Broker, RabbitTls, RpcConfig } from '../config/config.ts';
import { explainTls } from './tls.ts';

/** The certificates of both sides do not fit. Waiting does not help; an operator does. */
export class TlsError extends Error {
  override readonly name = 'TlsError';
  readonly code = 'tls';
}

/** Milliseconds for TCP, TLS and AMQP handshakes together. */
const HANDSHAKE_TIMEOUT = 10_000;
/** Milliseconds that a goodbye may take. */
const CLOSE_TIMEOUT = 2_000;

export class Session {
  readonly broker: string;
  /** Resolves, with the reason, when the connection is gone. */
  readonly ended: Promise<Error>;
  readonly #model: ChannelModel;
  readonly #abort: AbortController;
  readonly #end: (reason: Error) => void;
  readonly #channels = new Set<Channel>();
  #closing = false;

  private constructor(broker: string, model: ChannelModel, abort: AbortController, log: Logger) {
    const { promise, resolve } = Promise.withResolvers<Error>();
    this.broker = broker;
    this.ended = promise;
    this.#model = model;
    this.#abort = abort;
    this.#end = resolve;
    // The first of these tells most: an error comes before the close that it causes.
    model.on('error', (error: Error) => this.fail(error));
    model.on('blocked', (reason) => log.warn({ broker, reason }, 'the broker takes no messages for now'));
    model.on('unblocked', () => log.info({ broker }, 'the broker takes messages again'));
    model.on('close', (error?: Error) => this.fail(error ?? new Error('connection closed')));
  }

  /**
   * `name` is what the broker's operator sees; `signal` gives the attempt up. Rejects with amqplib's or the socket's error,
   * or with a `TlsError`.
   */
  static async open(
    config: RpcConfig,
    broker: Broker,
    name: string,
    signal: AbortSignal,
    log: Logger,
  ): Promise<Session> {
    const abort = new AbortController();
    const giveUp = () => abort.abort();
    signal.addEventListener('abort', giveUp);
    try {
      signal.throwIfAborted();
      const socket = await socketOptions(config.tls, name, abort.signal);
      socket.credentials = saslOf(config.loginMethod, broker);
      const model = await connect(
        {
          protocol: config.tls === undefined ? 'amqp' : 'amqps',
          hostname: broker.host,
          port: broker.port,
          vhost: encodeURIComponent(config.virtualHost),
          heartbeat: config.heartbeat,
        },
        socket,
      );
      return new Session(brokerName(broker), model, abort, log);
    } catch (error) {
      const sentence = explainTls(error, broker.host);
      throw sentence === undefined ? error : new TlsError(sentence, { cause: error });
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
  }

  /** Aborted when the session has ended. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** A channel whose errors concern only who uses it: see `guard`. */
  async openChannel(): Promise<Channel> {
    return this.#opened(await this.#model.createChannel());
  }

  async openConfirmChannel(): Promise<ConfirmChannel> {
    return this.#opened(await this.#model.createConfirmChannel());
  }

  /** Runs `use` on a channel of its own, so that a refusal, which closes the channel, hurts nobody else. */
  async withChannel<T>(use: (channel: Channel) => Promise<T>): Promise<T> {
    const channel = await this.openChannel();
    const result = await use(channel);
    await channel.close();
    return result;
  }

  /** From now on the session ends when this channel does. Call the result to take that back. */
  guard(channel: Channel, what: string): () => void {
    const onError = (error: Error) => this.fail(new Error(`${what}: ${error.message}`, { cause: error }));
    // When the connection goes, its channels close first; the connection's own reason, which comes next, tells more.
    const onClose = () => {
      if (!this.#closing) queueMicrotask(() => this.fail(new Error(`${what}: channel closed`)));
    };
    channel.on('error', onError);
    channel.on('close', onClose);
    return () => {
      channel.off('error', onError);
      channel.off('close', onClose);
    };
  }

  /** Ends the session at once, without a goodbye. Later reasons are ignored. */
  fail(reason: Error): void {
    this.#end(reason);
    this.#abort.abort();
  }

  /**
   * Ends the session politely: everything acknowledged until now is acknowledged, everything else is requeued when this
   * resolves. Channel by channel first, because amqplib sends the connection's goodbye ahead of what channels have to
   * send still. `before`: what is to be done first, in the same time.
   */
  async close(before: () => Promise<unknown> = () => Promise.resolve()): Promise<void> {
    this.#closing = true;
    const timer = setTimeout(() => this.fail(new Error('no answer to our goodbye')), CLOSE_TIMEOUT);
    await Promise.race([
      before().then(
        () => this.#sayGoodbye(),
        () => this.#sayGoodbye(),
      ),
      this.ended,
    ]);
    clearTimeout(timer);
    this.fail(new Error('closed by us'));
  }

  /** What rejects here was gone already. */
  async #sayGoodbye(): Promise<void> {
    await Promise.allSettled([...this.#channels].map(async (channel) => await channel.close()));
    await this.#model.close().catch(() => undefined);
  }

  /** Without a listener an 'error' would be thrown inside amqplib. Who needs the reason gets it from a rejection or `guard`. */
  #opened<C extends Channel>(channel: C): C {
    this.#channels.add(channel);
    channel.on('error', () => undefined);
    channel.on('close', () => this.#channels.delete(channel));
    return channel;
  }
}

function saslOf(method: RpcConfig['loginMethod'], broker: Broker): NonNullable<SocketOptions['credentials']> {
  switch (method) {
    case 'PLAIN':
      return credentials.plain(broker.username, broker.password);
    case 'AMQPLAIN':
      return credentials.amqplain(broker.username, broker.password);
    case 'EXTERNAL':
      return credentials.external();
  }
}

export function brokerName(broker: Broker): string {
  return `${broker.host}:${broker.port}`;
}

/**
 * Certificates are read for every connection: a renewed one is picked up. The broker's is verified by `caFile`, not at
 * all without one, and for the name or address dialled if `verifyHostname` says so.
 */
async function socketOptions(
  tls: RabbitTls | undefined,
  name: string,
  signal: AbortSignal,
): Promise<SocketOptions & { signal: AbortSignal }> {
  const common = {
    noDelay: true,
    keepAlive: true,
    keepAliveDelay: 30_000,
    timeout: HANDSHAKE_TIMEOUT,
    clientProperties: { connection_name: name, product: 'l2pop-agent' },
    signal,
  };
  if (tls === undefined) return common;
  const [ca, cert, key] = await Promise.all([tls.caFile, tls.certFile, tls.keyFile].map(readOptional));
  return {
    ...common,
    // As in oslo.messaging: without an authority nothing is verified (a note at the start says so).
    rejectUnauthorized: ca !== undefined,
    ...(tls.verifyHostname ? {} : { checkServerIdentity: () => undefined }),
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
  };
}

async function readOptional(path: string | undefined): Promise<Buffer | undefined> {
  return path === undefined ? undefined : await readFile(path);
}
