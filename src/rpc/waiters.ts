/** The calls that wait for a reply: each ends exactly once, by its reply, its deadline or the loss of the connection. */
import type { Logger } from 'pino';
import type { DecodedReply } from './envelope.ts';
import { type JsonValue, RpcError } from './types.ts';

interface Waiter {
  /** Method and topic, for messages. */
  readonly what: string;
  /** Milliseconds. */
  readonly timeout: number;
  timer: NodeJS.Timeout;
  resolve(result: JsonValue): void;
  reject(error: RpcError): void;
}

export class Waiters {
  readonly #log: Logger;
  readonly #waiting = new Map<string, Waiter>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** `timeout`: milliseconds; each heartbeat reply starts it anew. */
  add(msgId: string, what: string, timeout: number): Promise<JsonValue> {
    const { promise, resolve, reject } = Promise.withResolvers<JsonValue>();
    this.#waiting.set(msgId, { what, timeout, timer: this.#deadline(msgId, what, timeout), resolve, reject });
    return promise;
  }

  /** A reply of any kind. One that nobody waits for (any more) is dropped. */
  take(reply: DecodedReply): void {
    const { msgId } = reply;
    const waiter = msgId === undefined ? undefined : this.#waiting.get(msgId);
    if (msgId === undefined || waiter === undefined) {
      this.#log.debug({ msgId, kind: reply.kind }, 'reply that nobody waits for');
      return;
    }
    switch (reply.kind) {
      case 'heartbeat':
        clearTimeout(waiter.timer);
        waiter.timer = this.#deadline(msgId, waiter.what, waiter.timeout);
        break;
      case 'reply':
        this.#remove(msgId)?.resolve(reply.result);
        break;
      case 'failure': {
        const { failure } = reply;
        const message = `${waiter.what} failed there: ${failure.class}: ${failure.message}`;
        this.fail(msgId, new RpcError('remote', message, { failure }));
        break;
      }
      case 'bad':
        this.fail(msgId, new RpcError('bad-reply', `${waiter.what}: ${reply.reason}`));
        break;
    }
  }

  /** Nothing happens if the call has ended. */
  fail(msgId: string, error: RpcError): void {
    this.#remove(msgId)?.reject(error);
  }

  failAll(error: RpcError): void {
    for (const msgId of [...this.#waiting.keys()]) this.fail(msgId, error);
  }

  #remove(msgId: string): Waiter | undefined {
    const waiter = this.#waiting.get(msgId);
    this.#waiting.delete(msgId);
    clearTimeout(waiter?.timer);
    return waiter;
  }

  #deadline(msgId: string, what: string, timeout: number): NodeJS.Timeout {
    return setTimeout(() => {
      this.fail(msgId, new RpcError('timeout', `no reply to ${what} within ${timeout} ms`));
    }, timeout);
  }
}
