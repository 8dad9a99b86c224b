import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Resume } from '../../../src/rpc/resume.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function resuming() {
  const [onGap, onSilence] = [vi.fn<() => void>(), vi.fn<() => void>()];
  const abort = new AbortController();
  const resume = new Resume({ last: 41, patience: 1000, signal: abort.signal, onGap, onSilence });
  return { onGap, onSilence, abort, resume };
}

test('the last message comes again: nothing is missing, and it alone is a repeat', () => {
  const { resume, onGap, onSilence } = resuming();
  expect([41, 42, 43].map((offset) => resume.isRepeat(offset))).toEqual([true, false, false]);
  vi.advanceTimersByTime(5000);
  expect(onGap).not.toHaveBeenCalled();
  expect(onSilence).not.toHaveBeenCalled();
});

test.each([
  ['it was removed for its age', 60],
  ['the stream was made anew', 3],
])('%s: a gap, once', (_why, first) => {
  const { resume, onGap, onSilence } = resuming();
  expect(resume.isRepeat(first)).toBe(false);
  expect(resume.isRepeat(first + 1)).toBe(false);
  vi.advanceTimersByTime(5000);
  expect(onGap).toHaveBeenCalledOnce();
  expect(onSilence).not.toHaveBeenCalled();
});

test('nothing comes: said once', () => {
  const { onGap, onSilence } = resuming();
  vi.advanceTimersByTime(5000);
  expect(onSilence).toHaveBeenCalledOnce();
  expect(onGap).not.toHaveBeenCalled();
});

test('a session that ends before is no gap', () => {
  const { onSilence, abort } = resuming();
  abort.abort();
  vi.advanceTimersByTime(5000);
  expect(onSilence).not.toHaveBeenCalled();
});
