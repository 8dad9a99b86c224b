import { pino } from 'pino';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { RpcError } from '../../../src/rpc/types.ts';
import { Waiters } from '../../../src/rpc/waiters.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function waiting(timeout = 1_000) {
  const waiters = new Waiters(pino({ level: 'silent' }));
  const outcome = waiters.add('id', 'm to t', timeout).catch((error: RpcError) => error.code);
  return { waiters, outcome };
}

test('a reply ends it with the result', async () => {
  const { waiters, outcome } = waiting();
  waiters.take({ kind: 'reply', msgId: 'id', result: { a: 1 } });
  expect(await outcome).toEqual({ a: 1 });
  expect(vi.getTimerCount()).toBe(0);
});

test('a failure carries what the other side said', async () => {
  const waiters = new Waiters(pino({ level: 'silent' }));
  const failure = { class: 'NoSuchMethod', module: 'x', message: 'no m', trace: [] };
  const outcome = waiters.add('id', 'm to t', 1_000);
  waiters.take({ kind: 'failure', msgId: 'id', failure });
  await expect(outcome).rejects.toMatchObject({
    code: 'remote',
    failure,
    message: 'm to t failed there: NoSuchMethod: no m',
  });
});

test('a bad reply ends it, one to another does not', async () => {
  const { waiters, outcome } = waiting();
  waiters.take({ kind: 'bad', msgId: undefined, reason: 'x' });
  waiters.take({ kind: 'bad', msgId: 'other', reason: 'x' });
  waiters.take({ kind: 'bad', msgId: 'id', reason: 'x' });
  expect(await outcome).toBe('bad-reply');
});

test('the deadline ends it, and each heartbeat starts it anew', async () => {
  const { waiters, outcome } = waiting(1_000);
  const ended = vi.fn<() => void>();
  void outcome.then(ended);
  for (let i = 0; i < 5; i++) {
    await vi.advanceTimersByTimeAsync(999);
    waiters.take({ kind: 'heartbeat', msgId: 'id' });
  }
  expect(ended).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(await outcome).toBe('timeout');
});

test('all fail together, once', async () => {
  const { waiters, outcome } = waiting();
  waiters.failAll(new RpcError('not-connected', 'gone'));
  waiters.take({ kind: 'reply', msgId: 'id', result: 1 });
  expect(await outcome).toBe('not-connected');
  expect(vi.getTimerCount()).toBe(0);
});
