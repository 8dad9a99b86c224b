/** `./dev shell`: a shell, or one command, in a host or a VM of a run that is up, with the tools pointed at that host's switch and agent. */
import { existsSync, writeFileSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { execa } from 'execa';
import { agentEnvironment } from './agent.ts';
import { Host } from './host.ts';
import { Namespace } from './netns.ts';
import type { RunDirectory } from './run-directory.ts';

const BIN = resolve(import.meta.dirname, '..', 'bin');

/** Resolves with the command's exit status. Throws when the run has no such host or VM. */
export async function openShell(run: RunDirectory, args: readonly string[]): Promise<number> {
  const [hostName = '', ...rest] = args;
  const index = Number(/^host([1-9]\d*)$/.exec(hostName)?.[1] ?? 0);
  const vm = /^vm:(.+)$/.exec(rest[0] ?? '')?.[1];
  const command = vm === undefined ? rest : rest.slice(1);
  if (index === 0 || !exists(run, hostName)) {
    throw new Error(`there is no host "${hostName}"; there are: ${present(run, /^host\d+$/)}`);
  }
  const name = vm === undefined ? hostName : `${hostName}-${vm}`;
  if (!exists(run, name)) {
    throw new Error(
      `there is no VM "${vm}" on ${hostName}; there are: ${present(run, new RegExp(`^${hostName}-(.+)$`))}`,
    );
  }
  const host = Host.of(run, index);
  const shell = command.length > 0 ? command : ['bash', '--rcfile', writeRcFile(run, name)];
  const [file = '', ...argv] = Namespace.of(`l2p-${run.id}-${name}`).command(shell);
  const env = { ...host.env, ...agentEnvironment(host), PATH: `${BIN}${delimiter}${process.env.PATH ?? ''}` };
  // Ctrl-C is the shell's.
  process.on('SIGINT', () => undefined);
  const result = await execa(file, argv, { env, stdio: 'inherit', reject: false });
  return result.exitCode ?? 1;
}

function writeRcFile(run: RunDirectory, name: string): string {
  const file = join(run.path, `${name}.bashrc`);
  writeFileSync(file, `[ -r ~/.bashrc ] && . ~/.bashrc\nPATH=${BIN}:$PATH\nPS1='[${name}] \\w# '\n`);
  return file;
}

/** The run's namespaces that exist and fit the pattern, by its first group when it has one. */
function present(run: RunDirectory, pattern: RegExp): string {
  const prefix = `l2p-${run.id}-`;
  const names = run.namespaces.map((name) => name.slice(prefix.length)).filter((name) => exists(run, name));
  const found = names.flatMap((name) => {
    const match = pattern.exec(name);
    return match === null ? [] : (match[1] ?? name);
  });
  return found.sort().join(', ') || 'none';
}

function exists(run: RunDirectory, name: string): boolean {
  return existsSync(join('/run/netns', `l2p-${run.id}-${name}`));
}
