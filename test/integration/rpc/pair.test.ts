/**
 * Two brokers in transport_url, one of which dies while calls, casts and deliveries are under way. The two are
 * a cluster, as in production: what one node takes, the consumers of the other get. (Two brokers that know nothing of
 * each other, and one that hangs: outage.test.ts.)
 */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type LabBroker, startBroker } from '../../../lab/broker.ts';
import { RunDirectory } from '../../../lab/run-directory.ts';
import type { RpcConfig } from '../../../src/config/config.ts';
import type { RpcServer } from '../../../src/rpc/server.ts';
import { RpcError } from '../../../src/rpc/types.ts';
import { FDB, Rig, type TestClient, TOPICS, waitFor } from './rig.ts';

const VERSION = { version: '1.0' };

let rig: Rig;
/** The one that dies, and the one that stays. */
let first: LabBroker;
let second: LabBroker;

beforeEach(async () => {
  const run = RunDirectory.createForTest();
  first = await startBroker({ dir: run.path });
  second = await startBroker({ dir: run.path, name: 'second', cluster: first });
  rig = Rig.around(run, second);
});
afterEach(() => rig.close());

function config(brokers: readonly LabBroker[], overrides: Partial<RpcConfig> = {}): RpcConfig {
  const at = ({ port }: LabBroker) => ({ host: '127.0.0.1', port, username: 'guest', password: 'guest' });
  return rig.config({ brokers: brokers.map(at), ...overrides });
}

/** What the traffic came to, call by call. */
class Traffic {
  readonly called: (number | string)[] = [];
  /** Casts and fanouts that the broker has confirmed. */
  readonly confirmed: number[] = [];
  readonly published: number[] = [];
  #on = true;
  readonly #loops: Promise<void>[];

  constructor(client: TestClient['client'], server: RpcServer) {
    const each = (action: (n: number) => Promise<void>) => this.#loop(action);
    this.#loops = [
      each(async (n) => {
        const outcome = await client.call('q-plugin', 'echo', { n }, VERSION).catch(codeOf);
        this.called.push(outcome === n ? n : String(outcome));
      }),
      each(async (n) => {
        if ((await client.cast('q-plugin', 'note', { n }, VERSION).catch(codeOf)) === undefined) this.confirmed.push(n);
      }),
      each(async (n) => {
        if ((await server.fanout(FDB, `m${n}`, {}, VERSION).catch(codeOf)) === undefined) this.published.push(n);
      }),
    ];
  }

  async stop(): Promise<void> {
    this.#on = false;
    await Promise.all(this.#loops);
  }

  async #loop(action: (n: number) => Promise<void>): Promise<void> {
    for (let n = 0; this.#on; n++) {
      await action(n);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

function codeOf(error: unknown): string {
  if (error instanceof RpcError) return error.code;
  throw error;
}

/** A server at the node that stays. */
async function serve(settings: RpcConfig) {
  const noted = new Set<number>();
  const { server } = await rig.server(
    (_topic, { method, args }) => {
      if (method === 'note') noted.add(Number(args.n));
      return args.n ?? null;
    },
    ['q-plugin'],
    settings,
  );
  return { server, noted };
}

test('queues on the node that dies: a gap, and everything goes on at the other', async () => {
  const { server, noted } = await serve(config([second]));
  const host = rig.client('host1', config([first, second], { responseTimeout: 2_000 }));
  expect(await host.up()).toMatchObject({ broker: `127.0.0.1:${first.port}` });
  const traffic = new Traffic(host.client, server);
  await waitFor('traffic', () => traffic.called.length > 20 && traffic.published.length > 20);
  const seen = host.events.length;
  await first.kill();
  expect(await host.nextUp(seen)).toMatchObject({
    broker: `127.0.0.1:${second.port}`,
    gap: true,
    lost: [...TOPICS].sort(),
  });
  const calls = traffic.called.length;
  const heard = traffic.published.length;
  await waitFor('calls again', () => traffic.called.slice(calls).filter((n) => typeof n === 'number').length > 20);
  await waitFor('fanouts again', () => traffic.published.length > heard + 20);
  await traffic.stop();
  // Each call has ended, with its own answer or with "not now".
  expect(new Set(traffic.called.filter((outcome) => typeof outcome === 'string'))).toEqual(new Set(['not-connected']));
  // What the broker confirmed has arrived: the queue is on the node that stays.
  await waitFor('the casts', () => traffic.confirmed.every((n) => noted.has(n)));
  // After the gap nothing is missing; before it, each at most once.
  const after = traffic.published.slice(heard).map((n) => `m${n}`);
  await waitFor('the fanouts', () => after.every((method) => host.methods.includes(method)));
  expect(new Set(host.methods).size).toBe(host.methods.length);
});

test('queues on the node that stays: nothing is lost, no gap', async () => {
  const { server } = await serve(config([second]));
  const before = rig.client('host1', config([second]));
  await before.up();
  await before.client.close();
  const host = rig.client('host1', config([first, second], { prefetch: 20 }));
  expect(await host.up()).toMatchObject({ broker: `127.0.0.1:${first.port}`, gap: false });
  host.hold = true;
  const traffic = new Traffic(host.client, server);
  await waitFor('deliveries that nobody has acknowledged', () => host.deliveries.length >= 20);
  await waitFor('more of them in the queue', () => traffic.published.length > 100);
  const seen = host.events.length;
  await first.kill();
  expect(await host.nextUp(seen)).toMatchObject({ broker: `127.0.0.1:${second.port}`, gap: false, lost: [] });
  const published = traffic.published.length;
  await waitFor('fanouts after it', () => traffic.published.length > published + 50);
  await traffic.stop();
  host.hold = false;
  for (const delivery of host.deliveries) delivery.ack();
  const sent = traffic.published.map((n) => `m${n}`);
  await waitFor('every message', () => host.deliveries.length >= sent.length);
  expect(host.methods).toEqual(sent);
  // The acknowledgements have arrived too.
  const left = async () => (await rig.queues('messages')).filter(([name = '']) => name.startsWith(FDB));
  await waitFor('empty queues', async () => (await left()).every(([, count]) => count === '0'));
});

test('a durable queue on the node that is down: another stands in for it until the node is back', async () => {
  const settings = { amqpDurableQueues: true };
  const { server } = await serve(config([second], settings));
  const host = rig.client('host1', config([first, second], settings));
  await host.up();
  const seen = host.events.length;
  await first.kill();
  expect(await host.nextUp(seen)).toMatchObject({ gap: true, lost: [...TOPICS].sort() });
  expect(host.logged.withMessage('stands in')).toMatchObject([{ level: 40, queue: `${FDB}.host1` }]);
  await server.cast(`${FDB}.host1`, 'by_name', {}, VERSION);
  await server.fanout(FDB, 'fanout', {}, VERSION);
  await host.received(2);
  expect(await host.client.call('q-plugin', 'echo', { n: 7 }, VERSION)).toBe(7);

  await first.start();
  await server.cast(`${FDB}.host1`, 'to_both', {}, VERSION);
  await host.received(3);
  // The next connection finds them both, and believes neither.
  await host.client.close();
  const again = rig.client('host1', config([second], settings));
  expect(await again.up()).toMatchObject({ gap: true, lost: [FDB] });
  await server.cast(`${FDB}.host1`, 'afterwards', {}, VERSION);
  await again.received(1);
  expect(again.methods).toEqual(['afterwards']);
  expect((await rig.queues()).filter(([name = '']) => name.includes('stand-in'))).toEqual([]);
  expect(again.logged.lines.filter(({ level }) => level >= 40)).toEqual([]);
});
