/**
 * The oslo.messaging 2.0 envelope: what a request or a reply looks like inside an AMQP body, both ways.
 *
 *     {"oslo.version": "2.0", "oslo.message": "<a JSON document, as a string>"}
 *
 * Field by field as in the recordings of a real server and agent; ids and time are handed in.
 */
import type { CallInfo, JsonObject, JsonValue, RemoteFailure, RpcRequest } from './types.ts';

/** AMQP properties of every message; a call has `expiration` too. */
export const PROPERTIES = {
  contentType: 'application/json',
  contentEncoding: 'utf-8',
  deliveryMode: 2,
  priority: 0,
  headers: {},
} as const;

/** Who asks and when. */
export interface Origin {
  readonly uniqueId: string;
  /** `req-<uuid>`. */
  readonly requestId: string;
  readonly time: Date;
}

export interface Outgoing extends Origin {
  readonly method: string;
  readonly args: JsonObject;
  readonly version: string;
}

/** A message that nobody answers: to a topic, to a topic's host, or a fanout. */
export function encodeCast(message: Outgoing): Buffer {
  return seal({ ...head(message), ...tail(message) });
}

/** `_timeout` stays null, as the reference's: it asks for no heartbeats, the AMQP expiration is the limit. */
export function encodeCall(message: Outgoing & { readonly msgId: string; readonly replyQueue: string }): Buffer {
  const call = { _msg_id: message.msgId, _reply_q: message.replyQueue, _timeout: null };
  return seal({ ...head(message), ...call, ...tail(message) });
}

export interface ReplyIds {
  /** `_msg_id` of the call. */
  readonly msgId: string;
  readonly uniqueId: string;
}

export function encodeReply(ids: ReplyIds, result: JsonValue): Buffer {
  return seal({ result, failure: null, ending: true, _msg_id: ids.msgId, _unique_id: ids.uniqueId });
}

export function encodeFailure(ids: ReplyIds, failure: RemoteFailure): Buffer {
  const { trace, ...rest } = failure;
  const text = JSON.stringify({ ...rest, tb: trace, args: [failure.message], kwargs: {} });
  return seal({ result: null, failure: text, ending: true, _msg_id: ids.msgId, _unique_id: ids.uniqueId });
}

/** Tells a caller that gave a `_timeout` that its call is still being worked on. */
export function encodeHeartbeat(ids: ReplyIds): Buffer {
  return seal({ result: null, failure: null, ending: false, _msg_id: ids.msgId, _unique_id: ids.uniqueId });
}

export type Decoded = { readonly kind: 'request'; readonly request: RpcRequest } | DecodedReply;

export type DecodedReply =
  | { readonly kind: 'reply'; readonly msgId: string; readonly result: JsonValue }
  | { readonly kind: 'failure'; readonly msgId: string; readonly failure: RemoteFailure }
  | { readonly kind: 'heartbeat'; readonly msgId: string }
  /** `msgId`: the call that this would have been the reply to, if that much could be read. */
  | { readonly kind: 'bad'; readonly reason: string; readonly msgId: string | undefined };

/** Any body becomes one of the five; nothing throws. */
export function decode(body: Uint8Array): Decoded {
  const outer = parseJson(body);
  if (!isObject(outer)) return bad('the body is no JSON object');
  const version = outer['oslo.version'];
  if (version !== '2.0') return bad(`oslo.version is ${show(version)}, not "2.0"`);
  const text = outer['oslo.message'];
  if (typeof text !== 'string') return bad('oslo.message is no string');
  const inner = parseJson(text);
  if (!isObject(inner)) return bad('oslo.message holds no JSON object');
  if ('method' in inner) return decodeRequest(inner);
  if ('_msg_id' in inner) return decodeReply(inner);
  return bad('neither method nor _msg_id: no request and no reply');
}

/** A server accepts a request whose major version is its own and whose minor is not larger. */
export function versionAccepts(own: string, requested: string): boolean {
  const [ownMajor, ownMinor = '0'] = own.split('.');
  const [major, minor = '0'] = requested.split('.');
  return ownMajor === major && Number(minor) <= Number(ownMinor);
}

const ID_LIMIT = 255;
const VERSION = /^\d{1,6}\.\d{1,6}$/;

function decodeRequest(inner: JsonObject): Decoded {
  const { method, args = {}, version = '1.0', namespace = null, _unique_id: uniqueId = null } = inner;
  if (!isName(method)) return bad('method is no name');
  const where = `in ${method}`;
  if (!isObject(args)) return bad(`args is no object ${where}`);
  if (typeof version !== 'string' || !VERSION.test(version)) return bad(`version is ${show(version)} ${where}`);
  if (namespace !== null && !isName(namespace)) return bad(`namespace is no name ${where}`);
  if (uniqueId !== null && !isName(uniqueId)) return bad(`_unique_id is no name ${where}`);
  const call = decodeCall(inner);
  if (typeof call === 'string') return bad(`${call} ${where}`);
  const requestId = inner._context_request_id;
  return {
    kind: 'request',
    request: {
      method,
      args,
      version,
      namespace: namespace ?? undefined,
      uniqueId: uniqueId ?? undefined,
      requestId: isName(requestId) ? requestId : undefined,
      call,
    },
  };
}

/** The problem as a string, or what makes the request a call. */
function decodeCall(inner: JsonObject): CallInfo | undefined | string {
  const { _msg_id: msgId = null, _reply_q: replyQueue = null, _timeout: timeout = null } = inner;
  if (msgId === null) return undefined;
  if (!isName(msgId)) return '_msg_id is no name';
  if (!isName(replyQueue)) return '_reply_q is no name';
  if (timeout !== null && (typeof timeout !== 'number' || timeout < 0)) return `_timeout is ${show(timeout)}`;
  return { msgId, replyQueue, timeout: timeout ?? undefined };
}

function decodeReply(inner: JsonObject): Decoded {
  const { _msg_id: msgId, result = null, failure = null, ending = false } = inner;
  if (!isName(msgId)) return bad('_msg_id is no name in a reply');
  if (typeof ending !== 'boolean') return bad(`ending is ${show(ending)} in a reply`, msgId);
  if (failure !== null) return decodeFailure(msgId, failure);
  if (!ending && result === null) return { kind: 'heartbeat', msgId };
  return { kind: 'reply', msgId, result };
}

function decodeFailure(msgId: string, text: JsonValue): Decoded {
  const failure = typeof text === 'string' ? parseJson(text) : undefined;
  if (!isObject(failure)) return bad('failure holds no JSON object in a reply', msgId);
  const { class: className, module, message, tb = [] } = failure;
  if (typeof className !== 'string' || className === '') return bad('failure has no class in a reply', msgId);
  const trace = Array.isArray(tb) ? tb.filter((line) => typeof line === 'string') : [];
  const known = {
    class: className,
    module: typeof module === 'string' ? module : '',
    message: typeof message === 'string' ? message : '',
  };
  return { kind: 'failure', msgId, failure: { ...known, trace } };
}

function bad(reason: string, msgId?: string): Decoded {
  return { kind: 'bad', reason, msgId };
}

function parseJson(source: Uint8Array | string): JsonValue | undefined {
  try {
    const text = typeof source === 'string' ? source : new TextDecoder('utf-8', { fatal: true }).decode(source);
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isName(value: JsonValue | undefined): value is string {
  return typeof value === 'string' && value !== '' && value.length <= ID_LIMIT;
}

/** A foreign value for a log line: short, on one line. */
function show(value: JsonValue | undefined): string {
  return value === undefined ? 'missing' : JSON.stringify(value).slice(0, 60);
}

function seal(message: JsonObject): Buffer {
  return Buffer.from(JSON.stringify({ 'oslo.version': '2.0', 'oslo.message': JSON.stringify(message) }));
}

function head(message: Outgoing): JsonObject {
  return { method: message.method, args: message.args, version: message.version };
}

function tail(origin: Origin): JsonObject {
  return { _unique_id: origin.uniqueId, ...context(origin) };
}

/** The admin context of a service without a user, as Neutron's agents send it. `timestamp` is naive UTC. */
function context(origin: Origin): JsonObject {
  return {
    _context_user: null,
    _context_project_id: null,
    _context_system_scope: null,
    _context_project: null,
    _context_domain: null,
    _context_user_domain: null,
    _context_project_domain: null,
    _context_is_admin: true,
    _context_read_only: false,
    _context_show_deleted: false,
    _context_auth_token: null,
    _context_request_id: origin.requestId,
    _context_global_request_id: null,
    _context_resource_uuid: null,
    _context_roles: [],
    _context_user_identity: '- - - - -',
    _context_is_admin_project: true,
    _context_user_id: null,
    _context_tenant_id: null,
    _context_timestamp: origin.time.toISOString().replace('T', ' ').replace('Z', '000'),
    _context_tenant_name: null,
    _context_project_name: null,
    _context_user_name: null,
  };
}
