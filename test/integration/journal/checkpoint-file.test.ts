import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CheckpointFile } from '../../../src/journal/checkpoint-file.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'l2pop-checkpoint-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

test('what was put is taken once', async () => {
  const file = new CheckpointFile(join(directory, 'deep', 'down', 'checkpoint.json'));
  expect(await file.take()).toBeUndefined();
  await file.put('first');
  await file.put('second ✓');
  expect(await file.take()).toBe('second ✓');
  expect(await file.take()).toBeUndefined();
});

test('nothing but the file is left, for its owner and group alone', async () => {
  await new CheckpointFile(join(directory, 'checkpoint.json')).put('text');
  expect(readdirSync(directory)).toEqual(['checkpoint.json']);
  expect(statSync(join(directory, 'checkpoint.json')).mode & 0o007).toBe(0);
});

test('a draft that a power loss has left does not count', async () => {
  writeFileSync(join(directory, 'checkpoint.json.new'), 'half of');
  const file = new CheckpointFile(join(directory, 'checkpoint.json'));
  expect(await file.take()).toBeUndefined();
  await file.put('whole');
  expect(await file.take()).toBe('whole');
});

test('where no file can be, both say so', async () => {
  mkdirSync(join(directory, 'checkpoint.json'));
  const file = new CheckpointFile(join(directory, 'checkpoint.json'));
  await expect(file.put('text')).rejects.toMatchObject({ code: expect.stringMatching(/^E/) });
  await expect(file.take()).rejects.toMatchObject({ code: 'EISDIR' });
});
