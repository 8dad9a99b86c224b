/** A steady pair: one VM pings another 20 times a second for as long as the run lasts. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { RUN_VARIABLE } from '../processes.ts';
import type { Vm } from '../vm.ts';
import { waitFor } from '../wait.ts';
import { type Answer, type Loss, losses, parseAnswer } from './losses.ts';
import type { HostNumber } from './steps.ts';

/** Milliseconds between requests. */
const INTERVAL = 50;
/** Milliseconds after which a request that is not answered is lost. */
const PATIENCE = 2_000;

export class SteadyPair {
  /** `s1a → 10.1.0.12`. */
  readonly name: string;
  readonly hosts: readonly HostNumber[];
  readonly #child: ChildProcess;
  readonly #answers: Answer[] = [];

  private constructor(from: Vm, address: string, hosts: readonly HostNumber[]) {
    this.name = `${from.name} → ${address}`;
    this.hosts = hosts;
    const argv = from.namespace.command(['ping', '-n', '-D', '-i', `${INTERVAL / 1000}`, '-W', '1', address]);
    // It goes with the run, however that ends.
    const env = { ...process.env, [RUN_VARIABLE]: from.host.run.path };
    this.#child = spawn(argv[0] ?? '', argv.slice(1), { stdio: ['ignore', 'pipe', 'ignore'], env });
    if (this.#child.stdout !== null) {
      createInterface(this.#child.stdout).on('line', (line) => {
        const answer = parseAnswer(line);
        if (answer !== undefined) this.#answers.push(answer);
      });
    }
  }

  /** Resolves when the first answer is there. */
  static async start(from: Vm, address: string, hosts: readonly HostNumber[]): Promise<SteadyPair> {
    const pair = new SteadyPair(from, address, hosts);
    await waitFor(`${pair.name} to be answered`, () => pair.#answers.length > 0);
    return pair;
  }

  get answered(): number {
    return this.#answers.length;
  }

  /** Of all that was sent more than {@link PATIENCE} ago. */
  losses(now: number): Loss[] {
    return losses(this.#answers, INTERVAL, now - PATIENCE);
  }

  stop(): void {
    this.#child.kill('SIGKILL');
  }
}
