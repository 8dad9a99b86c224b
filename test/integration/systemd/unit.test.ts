/** The unit as systemd reads it, and as the lab does. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, it, test } from 'vitest';
import { parseServiceUnit } from '../../../lab/unit-file.ts';

const UNIT = readFileSync(resolve(import.meta.dirname, '../../../systemd/l2pop-agent.service'), 'utf8');

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'l2pop-unit-'));
});

afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

/** `systemd-analyze verify` of the unit; the program need not be installed here. */
async function verify(text: string): Promise<{ exitCode: number | undefined; output: string }> {
  const path = join(directory, 'l2pop-agent.service');
  writeFileSync(path, text.replaceAll('/usr/bin/l2pop-agent', process.execPath));
  const result = await execa('systemd-analyze', ['verify', '--man=no', path], { reject: false, all: true });
  if (result.code === 'ENOENT') throw new Error('systemd-analyze is not here: install systemd');
  return { exitCode: result.exitCode, output: result.all };
}

test('systemd finds nothing to say about it', async () => {
  expect(await verify(UNIT)).toEqual({ exitCode: 0, output: '' });
});

it.each([
  ['a directive that is none', (text: string) => text.replace('KillMode=mixed', 'KillModus=mixed'), 'KillModus'],
  ['a value that is none', (text: string) => text.replace('Restart=on-failure', 'Restart=sometimes'), 'sometimes'],
])('systemd would say it: %s', async (_name, change, word) => {
  expect(change(UNIT)).not.toBe(UNIT);
  expect((await verify(change(UNIT))).output).toContain(word);
});

test('the command line and the directories are those that the daemon and l2popctl expect', () => {
  expect(parseServiceUnit(UNIT)).toEqual({
    execStart: [
      ...['/usr/bin/l2pop-agent', '--config-file', '/etc/neutron/neutron.conf'],
      ...['--config-file', '/etc/neutron/plugins/ml2/openvswitch_agent.ini'],
    ],
    environment: {},
    runtimeDirectory: 'l2pop-agent',
  });
});
