import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decode,
  encodeCall,
  encodeCast,
  encodeFailure,
  encodeHeartbeat,
  encodeReply,
  PROPERTIES,
  versionAccepts,
} from '../../../src/rpc/envelope.ts';
import type { JsonObject } from '../../../src/rpc/types.ts';
import recordings from '../../fixtures/rpc/recorded.json' with { type: 'json' };

function recorded(name: string) {
  const found = recordings.find((recording) => recording.name === name);
  if (found === undefined) throw new Error(`no recording ${name}`);
  return found;
}

/** Both documents of a body, with the order of the inner one's fields. */
function open(body: Buffer | string) {
  const outer = JSON.parse(body.toString()) as Record<string, string>;
  const inner = JSON.parse(outer['oslo.message'] ?? '') as Record<string, unknown>;
  return { version: outer['oslo.version'], outerKeys: Object.keys(outer), innerKeys: Object.keys(inner), inner };
}

function wrap(message: unknown, version: unknown = '2.0'): Buffer {
  return Buffer.from(JSON.stringify({ 'oslo.version': version, 'oslo.message': JSON.stringify(message) }));
}

describe('encoding equals the recordings', () => {
  test.each([
    ['call has_alive_neutron_server', 'has_alive_neutron_server', '1.2'],
    ['call tunnel_sync vxlan', 'tunnel_sync', '1.4'],
  ])('%s', (name, method, version) => {
    const { body } = recorded(name);
    const { inner } = open(body);
    const sent = encodeCall({
      method,
      version,
      args: inner.args as JsonObject,
      msgId: inner._msg_id as string,
      replyQueue: inner._reply_q as string,
      uniqueId: inner._unique_id as string,
      requestId: inner._context_request_id as string,
      time: new Date(`${String(inner._context_timestamp).replace(' ', 'T')}Z`),
    });
    // Our clock has milliseconds, the recorded one microseconds.
    const timestamp = /(\d{3})\d{3}$/;
    inner._context_timestamp = String(inner._context_timestamp).replace(timestamp, '$1000');
    expect(open(sent)).toEqual({ ...open(body), inner });
  });

  test('a cast, here a fanout', () => {
    const { body } = recorded('fanout tunnel_update vxlan');
    const { inner } = open(body);
    const sent = encodeCast({
      method: 'tunnel_update',
      version: '1.0',
      args: { tunnel_ip: '172.30.0.11', tunnel_type: 'vxlan' },
      uniqueId: inner._unique_id as string,
      requestId: inner._context_request_id as string,
      time: new Date('2026-11-20T20:56:28.816Z'),
    });
    expect(open(sent)).toEqual({
      ...open(body),
      inner: { ...inner, _context_timestamp: '2026-11-20 20:56:28.816000' },
    });
  });

  test.each(['reply true', 'reply tunnels'])('%s', (name) => {
    const { body } = recorded(name);
    const { inner } = open(body);
    const ids = { msgId: inner._msg_id as string, uniqueId: inner._unique_id as string };
    expect(open(encodeReply(ids, inner.result as JsonObject))).toEqual(open(body));
  });

  test.each(['failure NoSuchMethod', 'failure UnsupportedVersion'])('%s', (name) => {
    const { body } = recorded(name);
    const { inner } = open(body);
    const { tb, args, kwargs, ...failure } = JSON.parse(inner.failure as string);
    const ids = { msgId: inner._msg_id as string, uniqueId: inner._unique_id as string };
    const sent = open(encodeFailure(ids, { ...failure, trace: tb }));
    expect(JSON.parse(sent.inner.failure as string)).toEqual({ ...failure, tb, args, kwargs });
    expect(sent.innerKeys).toEqual(open(body).innerKeys);
  });

  test('properties', () => {
    for (const { properties } of recordings) {
      const { expiration: _, ...common } = properties as Record<string, unknown>;
      expect(common).toEqual({
        content_type: PROPERTIES.contentType,
        content_encoding: PROPERTIES.contentEncoding,
        delivery_mode: PROPERTIES.deliveryMode,
        priority: PROPERTIES.priority,
        headers: PROPERTIES.headers,
      });
    }
  });
});

describe('decoding the recordings', () => {
  test('a call', () => {
    const { body } = recorded('call tunnel_sync vxlan');
    expect(decode(Buffer.from(body))).toEqual({
      kind: 'request',
      request: {
        method: 'tunnel_sync',
        args: { tunnel_ip: '172.30.0.11', tunnel_type: 'vxlan', host: 'host1' },
        version: '1.4',
        namespace: undefined,
        uniqueId: '99006409e18b44c1a58393f63b840a41',
        requestId: 'req-f0e044b7-fb2b-4cb9-bac3-11627037d861',
        call: {
          msgId: 'ea1a7fe81fc54d6a817c3cc86abbb0c8',
          replyQueue: 'reply_694f002de8f046709c015937146f396f',
          timeout: undefined,
        },
      },
    });
  });

  test('a fanout', () => {
    const decoded = decode(Buffer.from(recorded('fanout tunnel_update vxlan').body));
    expect(decoded).toMatchObject({ kind: 'request', request: { method: 'tunnel_update', call: undefined } });
  });

  test('a reply', () => {
    expect(decode(Buffer.from(recorded('reply true').body))).toEqual({
      kind: 'reply',
      msgId: '2b7b6d7f629f40a79a7b2ab0ae61ec58',
      result: true,
    });
  });

  test('a failure', () => {
    expect(decode(Buffer.from(recorded('failure NoSuchMethod').body))).toMatchObject({
      kind: 'failure',
      failure: {
        class: 'NoSuchMethod',
        module: 'oslo_messaging.rpc.dispatcher',
        message: 'Endpoint does not support RPC method no_such_method',
      },
    });
  });
});

test('a heartbeat is no reply', () => {
  const ids = { msgId: 'a'.repeat(32), uniqueId: 'b'.repeat(32) };
  expect(decode(encodeHeartbeat(ids))).toEqual({ kind: 'heartbeat', msgId: ids.msgId });
});

test('what may be missing has its default', () => {
  expect(decode(wrap({ method: 'm' }))).toEqual({
    kind: 'request',
    request: {
      method: 'm',
      args: {},
      version: '1.0',
      namespace: undefined,
      uniqueId: undefined,
      requestId: undefined,
      call: undefined,
    },
  });
  // The request id is for logs alone: a strange one costs no message.
  expect(decode(wrap({ method: 'm', _context_request_id: 7 }))).toMatchObject({ request: { requestId: undefined } });
});

const ID = 'c'.repeat(32);
test.each<[string, Buffer, string, string | undefined]>([
  ['no JSON', Buffer.from('{'), 'the body is no JSON object', undefined],
  ['no UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'the body is no JSON object', undefined],
  ['empty', Buffer.alloc(0), 'the body is no JSON object', undefined],
  ['an array', Buffer.from('[]'), 'the body is no JSON object', undefined],
  ['no envelope', Buffer.from('{"method":"m"}'), 'oslo.version is missing, not "2.0"', undefined],
  ['version 3', wrap({ method: 'm' }, '3.0'), 'oslo.version is "3.0", not "2.0"', undefined],
  ['no inner text', Buffer.from('{"oslo.version":"2.0","oslo.message":{}}'), 'oslo.message is no string', undefined],
  [
    'inner no JSON',
    Buffer.from('{"oslo.version":"2.0","oslo.message":"x"}'),
    'oslo.message holds no JSON object',
    undefined,
  ],
  ['neither', wrap({}), 'neither method nor _msg_id: no request and no reply', undefined],
  ['method a number', wrap({ method: 1 }), 'method is no name', undefined],
  ['args an array', wrap({ method: 'm', args: [] }), 'args is no object in m', undefined],
  ['version a number', wrap({ method: 'm', version: 1.1 }), 'version is 1.1 in m', undefined],
  ['version a word', wrap({ method: 'm', version: 'one' }), 'version is "one" in m', undefined],
  ['namespace a list', wrap({ method: 'm', namespace: [] }), 'namespace is no name in m', undefined],
  ['unique id a number', wrap({ method: 'm', _unique_id: 1 }), '_unique_id is no name in m', undefined],
  ['unique id endless', wrap({ method: 'm', _unique_id: 'x'.repeat(256) }), '_unique_id is no name in m', undefined],
  ['call without a way back', wrap({ method: 'm', _msg_id: ID }), '_reply_q is no name in m', undefined],
  [
    'timeout a word',
    wrap({ method: 'm', _msg_id: ID, _reply_q: 'r', _timeout: 'x' }),
    '_timeout is "x" in m',
    undefined,
  ],
  ['reply to nobody', wrap({ result: 1, _msg_id: null }), '_msg_id is no name in a reply', undefined],
  ['ending a word', wrap({ result: 1, ending: 'yes', _msg_id: ID }), 'ending is "yes" in a reply', ID],
  [
    'failure an object',
    wrap({ failure: {}, ending: true, _msg_id: ID }),
    'failure holds no JSON object in a reply',
    ID,
  ],
  ['failure no JSON', wrap({ failure: 'x', ending: true, _msg_id: ID }), 'failure holds no JSON object in a reply', ID],
  ['failure nameless', wrap({ failure: '{}', ending: true, _msg_id: ID }), 'failure has no class in a reply', ID],
])('bad: %s', (_name, body, reason, msgId) => {
  expect(decode(body)).toEqual({ kind: 'bad', reason, msgId });
});

test('no body whatsoever makes it throw', () => {
  const message = fc.dictionary(
    fc.constantFrom('method', 'args', 'version', '_unique_id', '_msg_id', '_reply_q', 'result', 'failure', 'ending'),
    fc.jsonValue(),
  );
  const body = fc.oneof(
    fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    fc.json().map((text) => Buffer.from(text)),
    fc.tuple(message, fc.constantFrom('2.0', '2.1', null)).map(([inner, version]) => wrap(inner, version)),
  );
  const kinds = ['request', 'reply', 'failure', 'heartbeat', 'bad'];
  fc.assert(fc.property(body, (bytes) => kinds.includes(decode(bytes).kind)));
});

test('what is encoded is decoded the same', () => {
  const args = fc
    .dictionary(fc.string(), fc.jsonValue())
    .map((value) => JSON.parse(JSON.stringify(value)) as JsonObject);
  const time = fc.date({ min: new Date('2000-01-01'), max: new Date('2100-01-01'), noInvalidDate: true });
  fc.assert(
    fc.property(args, time, (given, when) => {
      const body = encodeCast({
        method: 'm',
        args: given,
        version: '1.0',
        uniqueId: ID,
        requestId: 'req-1',
        time: when,
      });
      const decoded = decode(body);
      expect(decoded.kind === 'request' && decoded.request.args).toEqual(given);
    }),
  );
});

test.each([
  ['1.4', '1.4', true],
  ['1.4', '1.0', true],
  ['1.4', '1.5', false],
  ['1.10', '1.9', true],
  ['2.0', '1.0', false],
  ['1.9', '9.0', false],
])('a server of %s asked for %s: %s', (own, requested, accepted) => {
  expect(versionAccepts(own, requested)).toBe(accepted);
});
