import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { dispatchTo } from '../../../src/rpc/endpoints.ts';
import { PROPERTIES } from '../../../src/rpc/envelope.ts';
import { RpcError, RpcFailure } from '../../../src/rpc/types.ts';
import { FDB, hex, Rig, waitFor } from './rig.ts';

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.start();
});
afterEach(() => rig.reset());
afterAll(() => rig?.close());

const TUNNELS = { tunnels: [{ ip_address: '172.30.0.11', host: 'host1' }] };
const VERSION = { version: '1.4' };

function plugin() {
  return dispatchTo(
    new Map([
      [
        'q-plugin',
        [
          {
            version: '1.9',
            methods: {
              tunnel_sync: () => TUNNELS,
              nothing: () => null,
              broken: () => {
                throw new TypeError('no such port');
              },
              refused: () => {
                throw new RpcFailure('PortNotFound', 'Port p could not be found.', 'neutron_lib.exceptions');
              },
            },
          },
        ],
      ],
    ]),
  );
}

async function connected() {
  const host = rig.client('host1');
  await host.up();
  return host;
}

async function rejection(promise: Promise<unknown>): Promise<RpcError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof RpcError)) throw new Error(`no RpcError: ${String(error)}`);
  return error;
}

test('a call gets its result, null included', async () => {
  await rig.server(plugin());
  const { client } = await connected();
  expect(await client.call('q-plugin', 'tunnel_sync', { host: 'host1' }, VERSION)).toEqual(TUNNELS);
  expect(await client.call('q-plugin', 'nothing', {}, VERSION)).toBeNull();
});

test.each([
  ['broken', '1.0', 'TypeError', 'no such port'],
  ['refused', '1.0', 'PortNotFound', 'Port p could not be found.'],
  ['no_such_method', '1.0', 'NoSuchMethod', 'Endpoint does not support RPC method no_such_method'],
  [
    'tunnel_sync',
    '9.0',
    'UnsupportedVersion',
    'Endpoint does not support RPC version 9.0. Attempted method: tunnel_sync',
  ],
])('%s %s fails with %s', async (method, version, className, message) => {
  await rig.server(plugin());
  const { client } = await connected();
  const error = await rejection(client.call('q-plugin', method, {}, { version }));
  expect(error.code).toBe('remote');
  expect(error.failure).toMatchObject({ class: className, message });
});

test('a call that fails names the request id that the server logged, another one each time', async () => {
  const heard: (string | undefined)[] = [];
  const answer = plugin();
  await rig.server((topic, request) => {
    heard.push(request.requestId);
    return answer(topic, request);
  });
  const { client } = await connected();
  for (const method of ['broken', 'refused']) {
    const { requestId } = await rejection(client.call('q-plugin', method, {}, VERSION));
    expect(requestId).toMatch(/^req-[0-9a-f-]{36}$/);
    expect(requestId).toBe(heard.at(-1));
  }
  expect(new Set(heard).size).toBe(2);
});

test('a reply that does not come in time is a timeout, and the late one is dropped', async () => {
  const { promise: gate, resolve: open } = Promise.withResolvers<null>();
  await rig.server(() => gate);
  const { client, logged } = await connected();
  const error = await rejection(client.call('q-plugin', 'slow', {}, { ...VERSION, timeout: 200 }));
  expect(error).toMatchObject({ code: 'timeout', message: 'no reply to slow to q-plugin within 200 ms' });
  open(null);
  await waitFor('the late reply', () => logged.withMessage('nobody waits for').length === 1);
});

test('a call to a topic without a queue fails at once', async () => {
  const { client } = await connected();
  const error = await rejection(client.call('q-plugin', 'tunnel_sync', {}, VERSION));
  expect(error.code).toBe('unroutable');
});

test('a call without a connection fails at once', async () => {
  const { client } = rig.client('host1');
  expect((await rejection(client.call('q-plugin', 'tunnel_sync', {}, VERSION))).code).toBe('not-connected');
  expect((await rejection(client.cast('q-plugin', 'tunnel_sync', {}, VERSION))).code).toBe('not-connected');
});

test('a call carries the properties and fields of the recordings', async () => {
  const { client } = await connected();
  const channel = await (await rig.raw()).createChannel();
  await channel.assertQueue('q-plugin', { durable: false });
  await channel.bindQueue('q-plugin', 'neutron', 'q-plugin');
  const lost = rejection(client.call('q-plugin', 'tunnel_sync', {}, { ...VERSION, timeout: 5_000 }));
  const message = await waitFor('the request', () => channel.get('q-plugin', { noAck: true }));
  expect(message.properties).toMatchObject({ ...PROPERTIES, expiration: '5000' });
  await client.close();
  expect((await lost).code).toBe('not-connected');
});

test('heartbeat replies extend the wait; a malformed reply ends it', async () => {
  const { client } = await connected();
  const channel = await (await rig.raw()).createChannel();
  await channel.assertQueue('q-plugin', { durable: false });
  await channel.bindQueue('q-plugin', 'neutron', 'q-plugin');
  const started = performance.now();
  const call = rejection(client.call('q-plugin', 'slow', {}, { ...VERSION, timeout: 1_000 }));
  const request = await waitFor('the request', () => channel.get('q-plugin', { noAck: true }));
  const inner = JSON.parse(JSON.parse(request.content.toString())['oslo.message']);
  const reply = (fields: object) => {
    const message = JSON.stringify({ _msg_id: inner._msg_id, _unique_id: hex(), ...fields });
    const body = JSON.stringify({ 'oslo.version': '2.0', 'oslo.message': message });
    channel.sendToQueue(inner._reply_q, Buffer.from(body));
  };
  const beat = setInterval(() => reply({ result: null, failure: null, ending: false }), 100);
  await waitFor('more than the timeout', () => performance.now() - started > 2_000);
  clearInterval(beat);
  reply({ result: null, failure: 'not JSON', ending: true });
  const error = await call;
  expect(error.code).toBe('bad-reply');
  expect(performance.now() - started).toBeGreaterThan(2_000);
});

test('what a call caused is in the queues before its reply', async () => {
  const { server } = await rig.server(async (_topic, request) => {
    // Nobody waits for these: the server holds the reply back until they are confirmed.
    for (let i = 0; i < 50; i++) void server.cast(`${FDB}.host1`, `snapshot${i}`, {}, { version: '1.0' });
    return await Promise.resolve(request.method);
  });
  const host = rig.client('host1');
  await host.up();
  for (let round = 1; round <= 10; round++) {
    await host.client.call('q-plugin', 'update_device_list', {}, VERSION);
    await host.client.cast(`${FDB}.host1`, 'marker', {}, { version: '1.0' });
    await host.received(round * 51);
    expect(host.methods.at(-1)).toBe('marker');
  }
});
