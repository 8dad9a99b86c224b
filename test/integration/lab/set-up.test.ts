/** `./dev` on a machine that lacks a package and reaches no package mirror: it says so and fails, whatever else is there. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { tryRun } from '../../../lab/run.ts';

const DEV = resolve(import.meta.dirname, '../../../dev');
/** Closed on any machine: apt is refused at once. */
const NO_MIRROR = 'deb [trusted=yes] http://127.0.0.1:1/debian stable main\n';

const directory = mkdtempSync(join(tmpdir(), 'l2pop-set-up-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** A configuration for apt(8) with its own idea of what is installed (nothing), and a mirror that is not there. */
function aptWithoutMirror(): string {
  for (const name of ['dpkg', 'lists/partial', 'archives/partial', 'sources.d']) {
    mkdirSync(join(directory, name), { recursive: true });
  }
  writeFileSync(join(directory, 'dpkg/status'), '');
  writeFileSync(join(directory, 'sources.list'), NO_MIRROR);
  const settings = {
    'Dir::State::status': 'dpkg/status',
    'Dir::State::lists': 'lists',
    'Dir::Cache::archives': 'archives',
    'Dir::Cache::pkgcache': 'pkgcache.bin',
    'Dir::Cache::srcpkgcache': 'srcpkgcache.bin',
    'Dir::Etc::sourcelist': 'sources.list',
    'Dir::Etc::sourceparts': 'sources.d',
  };
  const lines = Object.entries(settings).map(([key, name]) => `${key} "${join(directory, name)}";`);
  const file = join(directory, 'apt.conf');
  writeFileSync(file, `${lines.join('\n')}\nAcquire::Retries "0";\n`);
  return file;
}

/** A directory with every command of /usr/bin but one, to be the PATH. */
function commandsWithout(command: string): string {
  const bin = join(directory, 'bin');
  mkdirSync(bin);
  for (const name of readdirSync('/usr/bin'))
    if (name !== command) symlinkSync(join('/usr/bin', name), join(bin, name));
  return bin;
}

it('a package is missing and the mirror too: no test runs, and the exit status says so', async () => {
  const env = { PATH: commandsWithout('neutron-server'), APT_CONFIG: aptWithoutMirror() };
  const { exitCode, stdout, stderr } = await tryRun([DEV, 'test', 'drop-in'], { env, timeout: 60_000 });
  expect(stderr).toMatch(/^dev: cannot install .*neutron-server; the whole output is in /m);
  expect(stdout).toBe('');
  expect(exitCode).toBe(1);
});
