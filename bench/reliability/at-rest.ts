/** Whether an agent has finished what it began: it says so in its own way, and takes no CPU to speak of. */
import { readFileSync } from 'node:fs';
import type { HostAgent } from '../../lab/neutron/host-agent.ts';

/** Milliseconds that the CPU is looked back on. */
const WINDOW = 4_000;
/** Milliseconds of CPU in the window that somebody at rest may take. */
const REST = 500;
/** Of a clock tick (sysconf(3), `_SC_CLK_TCK` is 100 on Linux), in milliseconds. */
const TICK = 10;

export class RestMeter {
  readonly #agent: HostAgent;
  #samples: { readonly at: number; readonly pid: number; readonly cpu: number }[] = [];

  constructor(agent: HostAgent) {
    this.#agent = agent;
  }

  /** To be asked again and again: it has rested when it has for the whole window. */
  async isAtRest(): Promise<boolean> {
    return this.#isQuiet() && (await this.#isDone().catch(() => false));
  }

  #isQuiet(): boolean {
    const { pid } = this.#agent;
    const cpu = pid === undefined ? undefined : cpuOf(pid);
    if (pid === undefined || cpu === undefined) {
      this.#samples = [];
      return false;
    }
    const at = performance.now();
    this.#samples = [...this.#samples.filter((one) => one.pid === pid), { at, pid, cpu }];
    const old = this.#samples.findLast((one) => one.at <= at - WINDOW);
    if (old === undefined) return false;
    this.#samples = this.#samples.filter((one) => one.at >= old.at);
    return (cpu - old.cpu) * (WINDOW / (at - old.at)) < REST;
  }

  async #isDone(): Promise<boolean> {
    return this.#agent.kind === 'ours' ? await this.#areNetworksSynced() : this.#isBetweenIterations();
  }

  async #areNetworksSynced(): Promise<boolean> {
    const { body } = await this.#agent.ours.get('/networks');
    const { networks } = JSON.parse(body) as { networks: { sync: { status: string; confirmAt: string | null } }[] };
    return networks.every(({ sync }) => sync.status === 'synced' && sync.confirmAt === null);
  }

  /** The reference's first iteration after a start wires, asks and sweeps; while it waits for the server it takes no CPU. */
  #isBetweenIterations(): boolean {
    const log = readFileSync(this.#agent.log('reference'), 'utf8');
    const completed = /.*rpc_loop - iteration:\d+ completed/s.exec(log)?.[0].length ?? -1;
    return completed > log.lastIndexOf('Agent initialized') && !/iteration:\d+ started/.test(log.slice(completed + 1));
  }
}

/** Milliseconds of CPU of all its threads since its start (proc(5), fields 14 and 15). */
function cpuOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * TICK;
  } catch {
    return undefined;
  }
}
