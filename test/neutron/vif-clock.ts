/** When OVSDB told of the VIFs of a host: a monitor of its own, which is told when the agent's is. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Host } from '../../lab/host.ts';
import { waitFor } from '../../lab/wait.ts';

export class VifClock {
  readonly #child: ChildProcess;
  readonly #seen = new Map<string, number>();
  #output = '';

  private constructor(host: Host) {
    const monitor = ['monitor', `unix:${host.ovsdbSocket}`, 'Interface', 'external_ids,!delete,!modify'];
    const argv = host.namespace.command(['ovsdb-client', '--format=csv', ...monitor]);
    this.#child = spawn(argv[0] ?? '', argv.slice(1), { stdio: ['ignore', 'pipe', 'ignore'] });
    this.#child.stdout?.on('data', (chunk: Buffer) => {
      const at = Date.now();
      this.#output += chunk.toString();
      for (const [, id = ''] of this.#output.matchAll(/iface-id="*([0-9a-f-]{36})/g)) {
        if (!this.#seen.has(id)) this.#seen.set(id, at);
      }
    });
  }

  static async start(host: Host): Promise<VifClock> {
    const clock = new VifClock(host);
    await waitFor('ovsdb-client to tell of what is there', () => clock.#output.includes('row,action'));
    return clock;
  }

  /** Milliseconds since 1970; `undefined`: not told of. */
  seenAt(portId: string): number | undefined {
    return this.#seen.get(portId);
  }

  async end(): Promise<void> {
    this.#child.kill();
    await once(this.#child, 'exit');
  }
}
