import { EventEmitter } from 'node:events';
import { expect, test, vi } from 'vitest';
import { type Publication, Publisher } from '../../../src/rpc/publisher.ts';
import type { Session } from '../../../src/rpc/session.ts';

type Confirm = (error: Error | null) => void;

/** A confirm channel that does what the test says. */
class FakeChannel extends EventEmitter {
  readonly published: { key: string; confirm: Confirm }[] = [];
  readonly declared: string[] = [];
  declaration: Promise<unknown> = Promise.resolve();

  assertExchange(name: string): Promise<unknown> {
    this.declared.push(name);
    return this.declaration;
  }

  publish(_exchange: string, key: string, _body: Buffer, _options: object, confirm: Confirm): void {
    this.published.push({ key, confirm });
  }

  get keys(): string[] {
    return this.published.map(({ key }) => key);
  }

  /** As the broker does it: what is not confirmed fails. */
  die(): void {
    for (const { confirm } of this.published) confirm(new Error('channel closed'));
    this.emit('close');
  }
}

function rig() {
  const channels: FakeChannel[] = [];
  const next = new FakeChannel();
  const abort = new AbortController();
  const openConfirmChannel = () => {
    const channel = channels.length === 0 ? next : new FakeChannel();
    channels.push(channel);
    return Promise.resolve(channel);
  };
  // Declarations have a channel of their own; what they do is told to the newest of the others.
  const withChannel = (use: (channel: FakeChannel) => Promise<unknown>) => use(channels.at(-1) ?? next);
  const session = { openConfirmChannel, withChannel, signal: abort.signal } as unknown as Session;
  const returned: string[] = [];
  const publisher = new Publisher(session, (body) => returned.push(body.toString()));
  return { publisher, channels, first: next, abort, returned };
}

function to(routingKey: string, exchange?: string): Publication {
  const spec =
    exchange === undefined
      ? undefined
      : ({ name: exchange, type: 'fanout', durable: false, autoDelete: true } as const);
  return { exchange: spec, routingKey, body: Buffer.from('') };
}

/** Has anything become of the promise once all that can happen has happened? */
async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const done = vi.fn<() => void>();
  promise.then(done, done);
  await new Promise((resolve) => setImmediate(resolve));
  return done.mock.calls.length === 0;
}

test('the order of the calls is kept while an exchange is being declared', async () => {
  const { publisher, first } = rig();
  const { promise, resolve } = Promise.withResolvers<void>();
  first.declaration = promise;
  const all = [publisher.publish(to('a', 'x')), publisher.publish(to('b')), publisher.publish(to('c', 'x'))];
  expect(await isPending(Promise.race(all))).toBe(true);
  expect(first.keys).toEqual([]);
  resolve();
  await vi.waitFor(() => expect(first.keys).toEqual(['a', 'b', 'c']));
  expect(first.declared).toEqual(['x']);
  for (const { confirm } of first.published) confirm(null);
  await Promise.all(all);
});

test('settled waits for what is not confirmed, failures included', async () => {
  const { publisher, first } = rig();
  const published = publisher.publish(to('a'));
  const settled = publisher.settled();
  expect(await isPending(settled)).toBe(true);
  expect(await isPending(published)).toBe(true);
  first.published[0]?.confirm(null);
  await published;
  await settled;
});

test('what lost its channel is published once more, on a new one', async () => {
  const { publisher, channels, first } = rig();
  const published = publisher.publish(to('a', 'x'));
  await vi.waitFor(() => expect(first.keys).toEqual(['a']));
  first.die();
  await vi.waitFor(() => expect(channels[1]?.keys).toEqual(['a']));
  expect(channels[1]?.declared).toEqual(['x']);
  channels[1]?.published[0]?.confirm(null);
  await published;
});

test('once more, not for ever', async () => {
  const { publisher, channels, first } = rig();
  const published = publisher.publish(to('a'));
  await vi.waitFor(() => expect(first.keys).toEqual(['a']));
  first.die();
  await vi.waitFor(() => expect(channels[1]?.keys).toEqual(['a']));
  channels[1]?.die();
  await expect(published).rejects.toMatchObject({ code: 'not-connected', message: 'not published: channel closed' });
  expect(channels).toHaveLength(2);
});

test('nothing is tried again when the session has ended', async () => {
  const { publisher, channels, first, abort } = rig();
  const published = publisher.publish(to('a'));
  await vi.waitFor(() => expect(first.keys).toEqual(['a']));
  abort.abort();
  first.die();
  await expect(published).rejects.toMatchObject({ code: 'not-connected' });
  expect(channels).toHaveLength(1);
});

test('a refusal of one does not hold up the next', async () => {
  const { publisher, first } = rig();
  first.declaration = Promise.reject(new Error('refused'));
  const refusal = { code: 'not-connected', message: 'not published: refused' };
  const refused = expect(publisher.publish(to('a', 'x'))).rejects.toMatchObject(refusal);
  const next = publisher.publish(to('b'));
  await vi.waitFor(() => expect(first.keys).toEqual(['b']));
  first.published[0]?.confirm(null);
  await next;
  await refused;
});

test('what no queue took is given back', async () => {
  const { publisher, first, returned } = rig();
  const published = publisher.publish(to('a'));
  await vi.waitFor(() => expect(first.keys).toEqual(['a']));
  first.emit('return', { content: Buffer.from('back') });
  first.published[0]?.confirm(null);
  await published;
  expect(returned).toEqual(['back']);
});
