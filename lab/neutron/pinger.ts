/** A ping that goes on while something happens, and tells which requests were never answered. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Vm } from '../vm.ts';
import { parsePingLines, type SteadyPing } from './ping-lines.ts';

export interface PingerOptions {
  /** Seconds between requests; 0.05 by default: 20 a second. */
  readonly interval?: number;
}

/** How long a request that was sent last may wait for its answer, in milliseconds. */
const PATIENCE = 1_000;

export class Pinger {
  /** `host1-a1 → 10.0.0.5`, for messages. */
  readonly name: string;
  readonly #interval: number;
  readonly #child: ChildProcess;
  #output = '';
  /** When the last answer was seen; milliseconds of `performance.now()`. */
  #answeredAt = 0;

  private constructor(vm: Vm, address: string, interval: number) {
    this.name = `${vm.host.name}-${vm.name} → ${address}`;
    this.#interval = interval;
    const argv = vm.namespace.command(['ping', '-n', '-D', '-i', `${interval}`, '-W', '1', address]);
    this.#child = spawn(argv[0] ?? '', argv.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        const text = chunk.toString();
        this.#output += text;
        if (text.includes(' time=')) this.#answeredAt = performance.now();
      });
    }
  }

  /** Resolves when the first answer is there. Rejects, and is ended, when there is none within 10 s. */
  static async start(vm: Vm, address: string, { interval = 0.05 }: PingerOptions = {}): Promise<Pinger> {
    const pinger = new Pinger(vm, address, interval);
    const deadline = performance.now() + 10_000;
    while (!pinger.#output.includes('icmp_seq=')) {
      if (performance.now() > deadline) {
        pinger.kill();
        throw new Error(`${pinger.name}: no answer`);
      }
      await sleep(10);
    }
    return pinger;
  }

  /** Ends it. What was sent in the last moment and is not answered yet is not counted as sent. */
  async stop(): Promise<SteadyPing> {
    // A request sent from now on is answered within its patience, or the path is broken.
    const before = this.#output.length;
    const deadline = performance.now() + PATIENCE;
    while (!this.#output.slice(before).includes('icmp_seq=') && performance.now() < deadline) await sleep(5);
    this.#child.kill('SIGINT');
    await once(this.#child, 'close');
    const steady = parsePingLines(this.#output, this.#interval);
    const silence = Math.round(performance.now() - this.#answeredAt);
    // Without answers ping slows down: what is missing at the end is told by the clock, not by the count.
    const gaps = steady.gaps.map((gap) => (gap.to === steady.sent ? { ...gap, ms: Math.max(gap.ms, silence) } : gap));
    return { ...steady, gaps };
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

/** Pings while `action` runs, each VM its addresses; one result a pair, in order. */
export async function pingWhile(
  pairs: readonly { readonly from: Vm; readonly to: string }[],
  action: () => Promise<void>,
  options: PingerOptions = {},
): Promise<(SteadyPing & { readonly name: string })[]> {
  const pingers: Pinger[] = [];
  try {
    for (const { from, to } of pairs) pingers.push(await Pinger.start(from, to, options));
    await action();
    return await Promise.all(pingers.map(async (pinger) => ({ name: pinger.name, ...(await pinger.stop()) })));
  } finally {
    for (const pinger of pingers) pinger.kill();
  }
}

export type { SteadyPing };
