/** Every change of a bridge's flows from now on, as `ovs-ofctl monitor` tells it: ours, others', learned ones. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Host } from '../../../lab/host.ts';
import { harmful } from '../../../lab/oracle/flow-events.ts';
import { waitFor } from '../../../lab/wait.ts';

/** A flow of our own, in a table that is nobody's: seen, it shows that whatever happened before has been told. */
const PROBE = 'table=250,priority=1,cookie=0xfeed';

export class FlowWatch {
  readonly #host: Host;
  readonly #bridge: string;
  readonly #child: ChildProcess;
  #output = '';
  /** Events of the flows that were there at the start. */
  #initial: readonly string[] = [];

  private constructor(host: Host, bridge: string) {
    this.#host = host;
    this.#bridge = bridge;
    const argv = host.namespace.command(['ovs-ofctl', '-O', 'OpenFlow14', '--no-names', 'monitor', bridge, 'watch:']);
    this.#child = spawn(argv[0] ?? '', argv.slice(1), {
      env: { ...process.env, ...host.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.#output += chunk.toString();
      });
    }
  }

  static async start(host: Host, bridge: string): Promise<FlowWatch> {
    const watch = new FlowWatch(host, bridge);
    await watch.#probe();
    watch.#initial = watch.#output.split('\n').filter((line) => line.includes('event=INITIAL'));
    watch.#output = '';
    return watch;
  }

  /** The events so far, a line each. Ends the watch. */
  async end(): Promise<string[]> {
    await this.#probe();
    this.kill();
    await once(this.#child, 'exit');
    return this.#output.split('\n').filter((line) => line.includes('event=') && !line.includes('cookie=0xfeed'));
  }

  /** As {@link end}, but only those that took a flow away or gave it other actions; what is learned apart. */
  async harm(): Promise<string[]> {
    return harmful(this.#initial, await this.end());
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  async #probe(): Promise<void> {
    const seen = this.#output.split('event=DELETED').length;
    await waitFor('the flow monitor to tell', async () => {
      await this.#host.ofctl('add-flow', this.#bridge, `${PROBE},actions=drop`);
      await this.#host.ofctl('del-flows', this.#bridge, 'table=250');
      return this.#output.split('event=DELETED').length > seen && this.#output.includes('cookie=0xfeed');
    });
  }
}
