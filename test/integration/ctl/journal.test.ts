/** `l2popctl journal --offline`: the journal's file without a daemon. */
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { JournalReport } from '../../../src/report/types.ts';
import { PARTS } from '../journal/committer.ts';
import { makeRig, openWith, type Rig } from '../journal/rig.ts';

const PROGRAM = resolve(import.meta.dirname, '../../../bin/l2popctl');

let rig: Rig;
beforeEach(() => {
  rig = makeRig();
  writeFileSync(join(rig.directory, 'neutron.conf'), `[DEFAULT]\nstate_path = ${rig.directory}\n`);
});
afterEach(() => rig[Symbol.asyncDispose]());

async function run(...args: string[]) {
  const config = ['--config-file', join(rig.directory, 'neutron.conf')];
  const { exitCode, stdout, stderr } = await execa(PROGRAM, [...config, 'journal', '--offline', ...args], {
    reject: false,
  });
  return { exitCode, stdout, stderr };
}

test('text, and JSON with what was asked for', async () => {
  openWith(rig.path, 2).close();
  const text = await run('--limit', '2');
  expect(text).toMatchObject({ exitCode: 0, stderr: '' });
  expect(text.stdout.split('\n')).toEqual([
    `in ${rig.path}: ${PARTS} pending, 0 processing, ${PARTS} completed, 0 failed`,
    expect.stringMatching(/^ *ID +STATE +SINCE +ATTEMPTS +WHAT$/),
    expect.stringMatching(/^ *79 +pending .*mac 00000000-0000-4000-8000-000000000000 vxlan 7 fa:16:3e:00:00:27$/),
    expect.stringMatching(/^ *78 +pending /),
  ]);
  const { stdout } = await run('--json', '--state', 'completed', '--key', 'FA:16:3E:00:00:03');
  const report = JSON.parse(stdout) as JournalReport;
  expect(report).toMatchObject({ path: rig.path, since: null, reason: null });
  expect(report.entries.map(({ id }) => id)).toEqual([3]);
});

test('no file, a broken one, one that the daemon has: one sentence and status 1', async () => {
  expect(await run()).toEqual({ exitCode: 1, stdout: '', stderr: `l2popctl: there is no journal at ${rig.path}` });
  const database = openWith(rig.path, 1);
  expect(await run()).toEqual({
    ...{ exitCode: 1, stdout: '' },
    stderr: expect.stringMatching(/another process has it open .*\nthe daemon has it: ask without --offline$/),
  });
  database.close();
  writeFileSync(rig.path, 'nonsense '.repeat(1000));
  expect(await run()).toEqual({
    ...{ exitCode: 1, stdout: '' },
    stderr: expect.stringMatching(/^l2popctl: journal .*: it is corrupt \(file is not a database\)$/),
  });
});
