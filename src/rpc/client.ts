/**
 * The daemon's side of oslo.messaging: notifications in, calls and casts out.
 *
 * Queues on the broker: one fanout queue for each of `topics`, one by-name queue for each of `byName`, one reply
 * queue. With the six notification topics of a Neutron agent and one by name that is eight.
 *
 * Acknowledgement: a delivery is acknowledged by whoever stored it. If the connection breaks before, the broker
 * delivers the message again; it is not handed over a second time, but acknowledged when (or because) the first
 * hand-over is settled. See `duplicates.ts`.
 */
import type { ConsumeMessage } from 'amqplib';
import { RpcConnection } from './connection.ts';
import { Duplicates } from './duplicates.ts';
import { decode, encodeCall, encodeCast } from './envelope.ts';
import type { Session } from './session.ts';
import { StreamPosition } from './stream-position.ts';
import {
  bindAgain,
  type SubscriptionOptions,
  streamOffset,
  subscribeByName,
  subscribeFanout,
  subscribeReplies,
} from './subscriptions.ts';
import { type QueueSpec, type Topology, topologyOf } from './topology.ts';
import {
  type CallOptions,
  type CastOptions,
  type Delivery,
  type JsonObject,
  type JsonValue,
  type RpcCaller,
  type RpcClientOptions,
  type RpcCounters,
  RpcError,
} from './types.ts';
import { Waiters } from './waiters.ts';

/** Milliseconds between looks at our bindings. */
const BINDING_INTERVAL = 60_000;

/** How many settled message ids are remembered: what a reconnect can redeliver is far less. */
const REMEMBERED_IDS = 10_000;

export class RpcClient implements RpcCaller {
  readonly #options: RpcClientOptions;
  readonly #topology: Topology;
  readonly #connection: RpcConnection;
  readonly #replyQueue: QueueSpec;
  readonly #waiters: Waiters;
  readonly #duplicates = new Duplicates(REMEMBERED_IDS);
  /** Topics whose fanout queue was gone, until an `up` has said so: a set-up may fail after it noticed. */
  readonly #lost = new Set<string>();
  /** Of streams, by topic. */
  readonly #positions = new Map<string, StreamPosition>();
  readonly #counters = { delivered: 0, duplicates: 0, bad: 0 };
  #repliesFlow = false;
  #closing = false;

  constructor(options: RpcClientOptions) {
    const { config, host, log, onLink } = options;
    this.#options = options;
    this.#topology = topologyOf(config, host);
    this.#replyQueue = this.#topology.replyQueue(options.ids.uniqueId());
    this.#waiters = new Waiters(log);
    this.#connection = new RpcConnection({
      config,
      log,
      name: `l2pop-agent:${process.pid}:${host}`,
      setUp: (session) => this.#setUp(session),
      tearDown: (session) => session.withChannel((channel) => channel.deleteQueue(this.#replyQueue.name)),
      onUp: (broker) => {
        const lost = [...this.#lost].sort();
        this.#lost.clear();
        onLink({ kind: 'up', gap: lost.length > 0, lost, broker });
      },
      onSessionEnd: (reason) => {
        this.#repliesFlow = false;
        this.#waiters.failAll(new RpcError('not-connected', `connection lost while waiting for a reply: ${reason}`));
      },
      onDown: (reason) => onLink({ kind: 'down', reason }),
      onReturn: (body) => this.#onReturn(body),
    });
  }

  /** Streams: the first offset that is not acknowledged, by topic; for a successor's `start`. */
  get offsets(): ReadonlyMap<string, number> {
    return new Map([...this.#positions].map(([topic, { settled }]) => [topic, settled]));
  }

  get counters(): RpcCounters {
    return { ...this.#counters };
  }

  /** A predecessor's: `offsets` of streams; `seen`, ids of messages that it took in and may not have acknowledged. */
  start(offsets: ReadonlyMap<string, number> = new Map(), seen: readonly string[] = []): void {
    for (const id of seen) this.#duplicates.known(id);
    for (const [topic, offset] of offsets) this.#positions.set(topic, new StreamPosition(offset));
    this.#connection.start();
  }

  /** The reply queue goes, for its name was ours alone; the others stay and keep what comes until we are back. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.#connection.close();
  }

  async call(topic: string, method: string, args: JsonObject, options: CallOptions): Promise<JsonValue> {
    if (!this.#repliesFlow) throw new RpcError('not-connected', `no connection to a broker: ${method} not called`);
    const { version, timeout = this.#options.config.responseTimeout } = options;
    const msgId = this.#options.ids.uniqueId();
    const replyQueue = this.#replyQueue.name;
    const origin = this.#origin();
    const body = encodeCall({ method, args, version, ...origin, msgId, replyQueue });
    const reply = this.#waiters.add(msgId, `${method} to ${topic}`, timeout);
    this.#options.log.debug({ topic, method, msgId, requestId: origin.requestId }, 'call');
    const publication = {
      exchange: this.#topology.control,
      routingKey: topic,
      body,
      expiration: timeout,
      mandatory: true,
    };
    this.#connection.publish(publication).catch((error: unknown) => {
      if (error instanceof RpcError) this.#waiters.fail(msgId, error);
      else throw error;
    });
    try {
      return await reply;
    } catch (error) {
      throw error instanceof RpcError ? error.of(origin.requestId) : error;
    }
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

  /** Replies first, so that calls work while a queue is still waited for. */
  async #setUp(session: Session): Promise<void> {
    const { topics, byName, host, log } = this.#options;
    const onLost = () => {
      if (!this.#closing) session.fail(new Error(`queue ${this.#replyQueue.name} was deleted`));
    };
    await subscribeReplies(session, this.#replyQueue, log, (message) => this.#onReply(message), onLost);
    this.#repliesFlow = true;
    const fanouts = topics.map((topic) =>
      subscribeFanout(session, topic, () => this.#positions.get(topic)?.next, this.#subscription(topic, 'fanout')),
    );
    const named = byName.map((topic) => {
      return subscribeByName(session, `${topic}.${host}`, this.#subscription(topic, 'by-name'));
    });
    await Promise.all([...fanouts, ...named]);
    const timer = setInterval(() => this.#bindAgain(session), this.#options.bindingInterval ?? BINDING_INTERVAL);
    session.signal.addEventListener('abort', () => clearInterval(timer));
  }

  #bindAgain(session: Session): void {
    const { topics, log } = this.#options;
    for (const topic of topics) {
      bindAgain(session, topic, this.#subscription(topic, 'fanout')).catch((error: Error) => {
        log.debug({ topic, reason: error.message }, 'not bound again');
        // Said to be missing, and still so: the next connection sees to it.
        if (this.#lost.has(topic)) session.fail(error);
      });
    }
  }

  #subscription(topic: string, source: Delivery['source']): SubscriptionOptions {
    return {
      topology: this.#topology,
      log: this.#options.log,
      prefetch: this.#options.config.prefetch,
      onMissing: () => {
        this.#lost.add(topic);
        // A new stream counts from 0 again.
        this.#positions.delete(topic);
        this.#options.onMissing(topic);
      },
      onGap: (reason) => {
        this.#lost.delete(topic);
        this.#options.onLink({ kind: 'gap', topics: [topic], reason });
      },
      onMessage: (queue, message, ack) => this.#onMessage(topic, source, queue, message, ack),
    };
  }

  #onMessage(
    topic: string,
    source: Delivery['source'],
    queue: string,
    message: ConsumeMessage,
    acknowledge: () => void,
  ): void {
    const offset = source === 'fanout' ? streamOffset(message) : undefined;
    const position =
      offset === undefined ? undefined : this.#positions.getOrInsertComputed(topic, () => new StreamPosition(offset));
    if (offset !== undefined) position?.handed(offset);
    const ack = () => {
      if (offset !== undefined) position?.acknowledged(offset);
      acknowledge();
    };
    const decoded = decode(message.content);
    if (decoded.kind !== 'request') {
      const reason = decoded.kind === 'bad' ? decoded.reason : `a ${decoded.kind} among notifications`;
      this.#counters.bad++;
      this.#options.log.error({ queue, reason }, 'message dropped');
      ack();
      return;
    }
    const { request } = decoded;
    const id = request.uniqueId;
    if (id !== undefined && !this.#duplicates.first(id, ack)) {
      this.#counters.duplicates++;
      this.#options.log.debug({ queue, uniqueId: id }, 'repeated message dropped');
      return;
    }
    this.#counters.delivered++;
    const settle = once(() => (id === undefined ? ack() : this.#duplicates.settle(id)));
    const receivedAt = this.#options.now();
    this.#options.onDelivery({ topic, source, queue, request, receivedAt, ack: settle });
  }

  #onReply(message: ConsumeMessage): void {
    const decoded = decode(message.content);
    if (decoded.kind === 'request' || (decoded.kind === 'bad' && decoded.msgId === undefined)) {
      const reason = decoded.kind === 'bad' ? decoded.reason : 'a request among replies';
      this.#counters.bad++;
      this.#options.log.error({ queue: this.#replyQueue.name, reason }, 'reply dropped');
      return;
    }
    this.#waiters.take(decoded);
  }

  /** Of what we publish only calls are mandatory. */
  #onReturn(body: Buffer): void {
    const decoded = decode(body);
    if (decoded.kind !== 'request' || decoded.request.call === undefined) return;
    const { method, call } = decoded.request;
    this.#waiters.fail(call.msgId, new RpcError('unroutable', `no server has a queue for ${method}`));
  }
}

function once(action: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    action();
  };
}
