/**
 * The link to the broker: one session at a time, brokers tried in turn, for ever.
 *
 *     ┌─▶ connecting ──▶ setting up ──▶ up ─┐
 *     │       │ error        │ error        │ session ended
 *     └───────┴── waiting ◀──┴──────────────┘          close() leaves from anywhere
 *
 * `setUp` is the one place where channels, queues and consumers are made, and it is run anew on every connection.
 * Publishing works from the start of `setUp` on, and fails at once while there is no session.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Broker, RpcConfig } from '../config/config.ts';
import { backoffDelay } from './backoff.ts';
import { MismatchError } from './declare.ts';
import { type Publication, Publisher } from './publisher.ts';
import { brokerName, Session, TlsError } from './session.ts';
import { RpcError } from './types.ts';

export interface ConnectionOptions {
  readonly config: RpcConfig;
  readonly log: Logger;
  /** What the broker's operator sees in the list of connections. */
  readonly name: string;
  /** Declares and consumes. What it rejects with ends the session. */
  setUp(session: Session): Promise<void>;
  /** What is to be taken back from the broker when we leave for good. */
  tearDown?(session: Session): Promise<unknown>;
  onUp(broker: string): void;
  /** A session ended: what waited for it can stop waiting. `reason` as for the log. */
  onSessionEnd(reason: string): void;
  /** Once per outage, also when no broker can be reached at the start. */
  onDown(reason: string): void;
  /** A mandatory publication that no queue took. */
  onReturn(body: Buffer): void;
}

export class RpcConnection {
  readonly #options: ConnectionOptions;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  #session: Session | undefined;
  #publisher: Publisher | undefined;
  /** When the outage began that is going on; `undefined`: up, or never tried. */
  #downSince: number | undefined;
  /** The last complaint that only an operator can mend, said once. */
  #lastForOperator: string | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Gives everything unacknowledged back to the broker. Resolves when the connection is closed, in 2 s at most. */
  async close(): Promise<void> {
    this.#stop.abort();
    const session = this.#session;
    await session?.close(() => this.#options.tearDown?.(session) ?? Promise.resolve());
    await this.#running;
  }

  /** Resolves when the broker has confirmed it. Rejects with `RpcError`: `not-connected`, or `timeout` after `responseTimeout`. */
  async publish(publication: Publication): Promise<void> {
    const publisher = this.#publisher;
    if (publisher === undefined) throw new RpcError('not-connected', 'no connection to a broker');
    const { responseTimeout } = this.#options.config;
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      reject(new RpcError('timeout', `the broker did not confirm a message within ${responseTimeout} ms`));
    }, responseTimeout);
    try {
      await Promise.race([publisher.publish(publication), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Resolves when everything published so far is confirmed or has failed. */
  async settled(): Promise<void> {
    await this.#publisher?.settled();
  }

  async #run(): Promise<void> {
    const { config } = this.#options;
    const stop = this.#stop.signal;
    let failures = 0;
    for (let turn = 0; !stop.aborted; turn++) {
      const broker = config.brokers[turn % config.brokers.length];
      if (broker === undefined) throw new Error('no broker configured');
      const { upFor, reason } = await this.#use(broker);
      if (stop.aborted) return;
      this.#down(brokerName(broker), reason);
      // A connection that never lasts is no better than none.
      failures = upFor > config.intervalMax * 1000 ? 0 : failures + 1;
      await sleep(this.#pause(failures, reason), undefined, { signal: stop }).catch(() => undefined);
    }
  }

  /** From the attempt to connect until the session has ended. `upFor`: milliseconds. */
  async #use(broker: Broker): Promise<{ upFor: number; reason: Error }> {
    const { config, name, log } = this.#options;
    let session: Session;
    try {
      session = await Session.open(config, broker, name, this.#stop.signal, log);
    } catch (error) {
      return { upFor: 0, reason: asError(error) };
    }
    if (this.#stop.signal.aborted) {
      await session.close();
      return { upFor: 0, reason: new Error('closed by us') };
    }
    this.#session = session;
    this.#publisher = new Publisher(session, (body) => this.#options.onReturn(body));
    let upSince = Number.POSITIVE_INFINITY;
    const ready = this.#options.setUp(session).then(
      () => {
        if (session.signal.aborted) return;
        upSince = performance.now();
        this.#up(session.broker);
      },
      (error: unknown) => session.fail(asError(error)),
    );
    const reason = await session.ended;
    const upFor = Math.max(0, performance.now() - upSince);
    this.#session = undefined;
    this.#publisher = undefined;
    this.#options.onSessionEnd(reason.message);
    log.debug({ broker: session.broker, reason: reason.message }, 'broker session ended');
    await ready;
    return { upFor, reason };
  }

  #up(broker: string): void {
    const outage = this.#downSince === undefined ? undefined : Math.round((Date.now() - this.#downSince) / 1000);
    this.#downSince = undefined;
    this.#lastForOperator = undefined;
    this.#options.log.info({ broker, outage }, 'broker connected');
    this.#options.onUp(broker);
  }

  #down(broker: string, error: Error): void {
    const { log } = this.#options;
    const reason = error.message;
    if ((error instanceof MismatchError || error instanceof TlsError) && reason !== this.#lastForOperator) {
      this.#lastForOperator = reason;
      log.error({ broker }, reason);
    }
    if (this.#downSince !== undefined) {
      log.debug({ broker, reason }, 'broker not reached');
      return;
    }
    this.#downSince = Date.now();
    log.warn({ broker, reason }, 'no connection to a broker: trying until there is one');
    this.#options.onDown(reason);
  }

  /** Milliseconds. The other brokers of the list are tried at once; after a loss everybody spreads over one interval. */
  #pause(failures: number, reason: Error): number {
    const { config } = this.#options;
    if (reason instanceof MismatchError) return config.intervalMax * 1000;
    if (failures === 0) return config.retryInterval * 1000 * Math.random();
    if (failures % config.brokers.length !== 0) return 0;
    return backoffDelay(config, failures / config.brokers.length, Math.random());
  }
}

/** amqplib and Node reject with an `AggregateError` without a message when a name has several addresses. */
function asError(error: unknown): Error {
  if (error instanceof AggregateError && error.message === '') {
    return new Error(error.errors.map((one) => asError(one).message).join('; '), { cause: error });
  }
  return error instanceof Error ? error : new Error(String(error), { cause: error });
}
