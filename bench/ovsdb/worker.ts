/**
 * A measured client in a process of its own: one JSON line in, one JSON line out. It ends when its stdin does, so it
 * does not outlive the bench, and the run's take-down finds it by its environment.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { RUN_VARIABLE } from '../../lab/processes.ts';
import type { RunDirectory } from '../../lab/run-directory.ts';

const WITH_NODE = resolve(import.meta.dirname, '../../bin/with-node');

/** What Node is told when it runs the daemon: our client is measured under the same. */
export const DAEMON_FLAGS: readonly string[] = readDaemonFlags();

/** Runs a script of this folder as the daemon is run; `flags`: more for Node. */
export function nodeCommand(script: string, args: readonly string[], flags: readonly string[] = []): string[] {
  return [process.execPath, ...DAEMON_FLAGS, ...flags, join(import.meta.dirname, script), ...args];
}

function readDaemonFlags(): string[] {
  const [, flags] = /^exec "\$node"(.*) "\$program" "\$@"$/m.exec(readFileSync(WITH_NODE, 'utf8')) ?? [];
  if (flags === undefined) throw new Error(`${WITH_NODE}: no line that runs the program with $node`);
  return flags.split(' ').filter((flag) => flag !== '');
}

export class Worker {
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  #stderr = '';
  #waiting: { resolve(line: string): void; reject(error: Error): void } | undefined;

  constructor(run: RunDirectory, argv: readonly string[]) {
    const [file = '', ...args] = argv;
    const child = spawn(file, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, [RUN_VARIABLE]: run.path },
    });
    this.#child = child;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#ended = promise;
    const end = (why: string): void => {
      this.#waiting?.reject(new Error(`${argv.join(' ')}: ${why}: ${this.#stderr.trim().slice(-2000)}`));
      this.#waiting = undefined;
      resolve();
    };
    child.once('error', (error) => end(error.message));
    child.once('exit', (code, signal) => end(`ended (${signal ?? code})`));
    // One that has ended is noticed by its exit.
    child.stdin.on('error', () => undefined);
    child.stderr.on('data', (chunk) => {
      this.#stderr = (this.#stderr + String(chunk)).slice(-10_000);
    });
    createInterface({ input: child.stdout }).on('line', (line) => {
      this.#waiting?.resolve(line);
      this.#waiting = undefined;
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** One at a time. Rejects when the process has ended or ends. */
  async ask<Reply>(request: object): Promise<Reply> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) throw new Error('the worker has ended');
    this.#waiting = { resolve, reject };
    this.#child.stdin?.write(`${JSON.stringify(request)}\n`);
    return JSON.parse(await promise) as Reply;
  }

  async close(): Promise<void> {
    this.#child.stdin?.end();
    await this.#ended;
  }
}
