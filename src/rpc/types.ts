/** The shapes that `src/rpc` shares with the rest of the program: messages, link events and errors. No behaviour but the error classes. */
import type { Logger } from 'pino';
import type { RpcConfig } from '../config/config.ts';

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;
export type JsonObject = { readonly [key: string]: JsonValue };

/** A call or a cast as it came in; every field checked, the arguments not interpreted. */
export interface RpcRequest {
  readonly method: string;
  readonly args: JsonObject;
  /** `<major>.<minor>`; `1.0` if the sender named none. */
  readonly version: string;
  readonly namespace: string | undefined;
  /** 32 hex digits as oslo.messaging makes them; repeats have the same. */
  readonly uniqueId: string | undefined;
  /** `req-<uuid>`: the thread an operator follows through the logs. */
  readonly requestId: string | undefined;
  /** Where the reply goes; `undefined`: a cast, nobody waits. */
  readonly call: CallInfo | undefined;
}

export interface CallInfo {
  readonly msgId: string;
  readonly replyQueue: string;
  /** Seconds after which the caller wants a heartbeat reply; `undefined`: it wants none. */
  readonly timeout: number | undefined;
}

/** An exception of the other side (oslo_messaging `serialize_remote_exception`). */
export interface RemoteFailure {
  readonly class: string;
  readonly module: string;
  readonly message: string;
  readonly trace: readonly string[];
}

/** One notification, handed over once. Deliveries of a queue come in order. */
export interface Delivery {
  /** Without the host, also when it came by name. */
  readonly topic: string;
  readonly source: 'fanout' | 'by-name';
  readonly queue: string;
  readonly request: RpcRequest;
  readonly receivedAt: Date;
  /**
   * Call it once what the message says is stored. Until then the broker keeps the message and gives it to our successor.
   * A second call, or a call after the connection broke, is harmless.
   */
  ack(): void;
}

/**
 * What the link to the broker did. `up` and `down` alternate; deliveries can come before the `up` of their connection.
 * A gap is reported once, so the receiver remembers it until it has been repaired; nothing is known of the time before
 * the first `up`, so a receiver whose own memory is empty treats that one as a gap whatever it says.
 */
export type LinkEvent =
  /** All queues are consumed. `lost`: topics whose fanout queue was gone, so what was sent meanwhile is lost; `gap` = any. */
  | { readonly kind: 'up'; readonly gap: boolean; readonly lost: readonly string[]; readonly broker: string }
  /** No broker can be reached, or the one we had is gone. Once per outage. */
  | { readonly kind: 'down'; readonly reason: string }
  /**
   * A queue was taken away while the connection stood, and is there again, without what was in it; or a stream turns out
   * to lack what came while we were away.
   */
  | { readonly kind: 'gap'; readonly topics: readonly string[]; readonly reason: string };

export type RpcErrorCode =
  /** No reply, or no confirmation by the broker, in time. */
  | 'timeout'
  /** No connection now, or it broke before the reply or confirmation came. The request may have been carried out. */
  | 'not-connected'
  /** The broker has no queue for the topic: no server has been there since the broker started. */
  | 'unroutable'
  /** The other side raised an exception: see `failure`. */
  | 'remote'
  /** A reply came that is no oslo.messaging reply. */
  | 'bad-reply';

/** `timeout`, `not-connected` and `unroutable` mean "not now"; `remote` and `bad-reply` mean "not this". */
export class RpcError extends Error {
  override readonly name = 'RpcError';
  readonly code: RpcErrorCode;
  /** With code `remote` only. */
  readonly failure: RemoteFailure | undefined;
  /** `req-<uuid>` of the call, under which the server's own log tells its side of it; `undefined`: it was no call. */
  readonly requestId: string | undefined;

  constructor(
    code: RpcErrorCode,
    message: string,
    options: { cause?: unknown; failure?: RemoteFailure | undefined; requestId?: string } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.failure = options.failure;
    this.requestId = options.requestId;
  }

  /** The same error as that of a certain call. */
  of(requestId: string): RpcError {
    const { cause, failure } = this;
    return new RpcError(this.code, this.message, { cause, failure, requestId });
  }
}

/** Ids come from outside so that tests can foretell them. */
export interface RpcIds {
  /** 32 hex digits, never the same twice. */
  uniqueId(): string;
  /** `req-<uuid>`: the server logs what it does for a message under it. One a call makes the two logs match. */
  requestId(): string;
}

export interface CallOptions {
  /** Version of the method to ask for, `<major>.<minor>`. */
  readonly version: string;
  /** Milliseconds; default `responseTimeout`. */
  readonly timeout?: number;
}

export interface CastOptions {
  readonly version: string;
}

/** What can be asked of other services; `RpcClient` and `RpcServer` are both one. All three reject with `RpcError`. */
export interface RpcSender {
  /** A cast to a topic, or to one host with `<topic>.<host>`. Resolves when the broker has it in its queues. */
  cast(topic: string, method: string, args: JsonObject, options: CastOptions): Promise<void>;
  /** To every queue bound to `<topic>_fanout`; nobody listening is no error. Resolves when the broker has it. */
  fanout(topic: string, method: string, args: JsonObject, options: CastOptions): Promise<void>;
}

export interface RpcCaller extends RpcSender {
  /** Resolves with the result. Not tried again: whether that is safe only the caller knows. */
  call(topic: string, method: string, args: JsonObject, options: CallOptions): Promise<JsonValue>;
}

/** `new RpcClient(options)`, then `start()`; `close()` gives the queues back, they keep what comes meanwhile. */
export interface RpcClientOptions {
  readonly config: RpcConfig;
  /** Our name for the server (`[DEFAULT] host`). */
  readonly host: string;
  readonly log: Logger;
  /** Notification topics: a fanout queue each. */
  readonly topics: readonly string[];
  /** Those consumed by name (`<topic>.<host>`) too. */
  readonly byName: readonly string[];
  /** Milliseconds between looks at the bindings of the fanout queues; default a minute. */
  readonly bindingInterval?: number;
  readonly ids: RpcIds;
  now(): Date;
  onDelivery(delivery: Delivery): void;
  onLink(event: LinkEvent): void;
  /**
   * A topic's queue is gone, and will be there again at once: whoever would start in our place afterwards could not tell
   * that anything was lost, so it is to be remembered before this returns. `up` says it once more.
   */
  onMissing(topic: string): void;
}

/** Since start. */
export interface RpcCounters {
  readonly delivered: number;
  readonly duplicates: number;
  readonly bad: number;
}

/**
 * Answers a request. What it throws becomes the failure of the reply: an `RpcFailure` as it is, anything else by its
 * name and message. Requests are dispatched as they come, not one after the other.
 */
export type Dispatch = (topic: string, request: RpcRequest) => Promise<JsonValue> | JsonValue;

export interface RpcServerOptions {
  readonly config: RpcConfig;
  readonly host: string;
  readonly log: Logger;
  /** `<topic>` (shared with other servers) and `<topic>.<host>` are consumed. */
  readonly topics: readonly string[];
  readonly ids: RpcIds;
  now(): Date;
  readonly dispatch: Dispatch;
}

/** Throw it in a `Dispatch` to choose the exception that the caller sees. */
export class RpcFailure extends Error {
  override readonly name = 'RpcFailure';
  readonly class: string;
  readonly module: string;

  constructor(className: string, message: string, module = 'oslo_messaging.rpc.dispatcher') {
    super(message);
    this.class = className;
    this.module = module;
  }
}

/** Methods of one version, as an oslo.messaging endpoint: method name → what answers it. */
export interface Endpoint {
  readonly version: string;
  readonly methods: Readonly<Record<string, (request: RpcRequest) => Promise<JsonValue> | JsonValue>>;
}
