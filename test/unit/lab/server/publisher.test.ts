import { expect, it } from 'vitest';
import type { Notification } from '../../../../lab/server/notifications.ts';
import { Publisher } from '../../../../lab/server/publisher.ts';
import { RpcError, type RpcSender } from '../../../../src/rpc/types.ts';

/** A broker that can be away. */
class Sender implements RpcSender {
  readonly sent: string[] = [];
  isAway = false;
  refused: string | undefined;

  cast(_topic: string, method: string): Promise<void> {
    if (this.isAway) return Promise.reject(new RpcError('not-connected', 'no connection to a broker'));
    if (method === this.refused) return Promise.reject(new RpcError('timeout', 'not confirmed'));
    this.sent.push(method);
    return Promise.resolve();
  }

  fanout(topic: string, method: string): Promise<void> {
    return this.cast(topic, method);
  }
}

const fanout = (method: string): Notification => ({ topic: 't', host: undefined, method, version: '1.0', args: {} });

it('keeps what finds no broker and sends it in order, before what comes later', async () => {
  const sender = new Sender();
  const publisher = new Publisher(sender);
  sender.isAway = true;
  const early = publisher.publish([fanout('a'), fanout('b')]);
  await expect(Promise.race([early, Promise.resolve('waiting')])).resolves.toBe('waiting');
  await Promise.resolve();
  sender.isAway = false;
  await Promise.all([early, publisher.publish([fanout('c')])]);
  expect(sender.sent).toEqual(['a', 'b', 'c']);
  expect(publisher.counters().fanouts).toBe(3);
});

it('hands on any other failure and goes on', async () => {
  const sender = new Sender();
  const publisher = new Publisher(sender);
  sender.isAway = true;
  sender.refused = 'b';
  const [a, b] = [publisher.publish([fanout('a')]), publisher.publish([fanout('b')])];
  await Promise.resolve();
  sender.isAway = false;
  await a;
  await expect(b).rejects.toMatchObject({ code: 'timeout' });
  await publisher.publish([fanout('c')]);
  expect(sender.sent).toEqual(['a', 'c']);
});
