/** Network namespaces by name, as iproute2 keeps them in /run/netns. */

import { type RunOptions, type RunResult, run, tryRun } from './run.ts';
import type { RunDirectory } from './run-directory.ts';

export class Namespace {
  readonly name: string;

  private constructor(name: string) {
    this.name = name;
  }

  /** Makes the run's namespace `name`, with its loopback up. */
  static async create(directory: RunDirectory, name: string): Promise<Namespace> {
    const namespace = Namespace.of(directory.claimNamespace(name));
    await run(['ip', 'netns', 'add', namespace.name]);
    await namespace.ip('link set lo up');
    return namespace;
  }

  /** A namespace that exists, by its full name. */
  static of(fullName: string): Namespace {
    return new Namespace(fullName);
  }

  /** The argument vector that runs `argv` in here. `ip` replaces itself: the pid is the command's own. */
  command(argv: readonly string[]): string[] {
    return ['ip', 'netns', 'exec', this.name, ...argv];
  }

  async exec(argv: readonly string[], options?: RunOptions): Promise<string> {
    return await run(this.command(argv), options);
  }

  async tryExec(argv: readonly string[], options?: RunOptions): Promise<RunResult> {
    return await tryRun(this.command(argv), options);
  }

  /** `ip` commands without the `ip`, in order, as one process; ends at the first that fails. */
  async ip(...lines: string[]): Promise<void> {
    await run(['ip', '-n', this.name, '-batch', '-'], { input: `${lines.join('\n')}\n` });
  }

  /** Kernel settings for one interface: `{ 'ipv6/conf/eth0/disable_ipv6': 1 }`. */
  async sysctl(settings: Readonly<Record<string, string | number>>): Promise<void> {
    await this.exec(['sysctl', '-q', '-w', ...Object.entries(settings).map(([key, value]) => `net/${key}=${value}`)]);
  }

  async delete(): Promise<void> {
    await run(['ip', 'netns', 'del', this.name]);
  }
}
