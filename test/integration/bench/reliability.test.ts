/** `bench/reliability` before it brings anything up: files that it could not write in the end are told at once. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { tryRun } from '../../../lab/run.ts';

const MAIN = resolve(import.meta.dirname, '../../../bench/reliability/main.ts');

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'l2pop-bench-'));
  writeFileSync(join(directory, 'notes.txt'), 'notes\n');
});

afterAll(() => {
  rmSync(directory, { recursive: true });
});

it.each([
  ['--json', 'nowhere/figures.json', 'ENOENT: no such file or directory'],
  ['--markdown', 'nowhere/table.md', 'ENOENT: no such file or directory'],
  ['--json', '.', 'EISDIR: '],
  ['--json', 'notes.txt', 'it is there and has no figures of this bench'],
])('%s %s: one sentence and status 2', async (option, name, sentence) => {
  const { exitCode, stdout, stderr } = await tryRun([process.execPath, MAIN, option, join(directory, name)]);
  expect(stderr).toMatch(/^dev: bench reliability: /);
  expect(stderr).toContain(sentence);
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
  expect(readdirSync(directory)).toEqual(['notes.txt']);
  expect(readFileSync(join(directory, 'notes.txt'), 'utf8')).toBe('notes\n');
});
