/**
 * Looks at both bridges of a host again and again, from before something is broken until it is whole again: when flows that
 * should be there were missing last, and when flows were there last that should not be. Most looks only count flows, which
 * costs the switch next to nothing; where the count is no proof that some are missing, flow is compared with flow.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Host } from '../../lab/host.ts';
import { type Bridge, namesOf, normalFlows } from '../../lab/oracle/normal-flows.ts';
import { readRows } from '../../lab/oracle/read-switch.ts';
import { tryRun } from '../../lab/run.ts';
import type { Flows } from './changes.ts';

const BRIDGES: readonly Bridge[] = ['br-int', 'br-tun'];
/** Milliseconds between looks. */
const LOOK = 100;
/** A comparison is followed by a pause of so many times what it took: it must not be what keeps the machine busy. */
const PAUSE = 3;

export interface Health {
  /** Milliseconds of `performance.now()`; `undefined`: never since the watch was started. */
  readonly lastMissing: number | undefined;
  readonly lastStale: number | undefined;
  /** Since when everything has been right; `undefined`: it is not, or nobody has looked yet. */
  readonly rightSince: number | undefined;
}

/** Throws `CommandError` when the switch does not answer. */
export async function readFlows(host: Host): Promise<Flows> {
  const ovsdb = await readRows(host);
  const flows = async (bridge: Bridge) => new Set(normalFlows(await dump(host, bridge), namesOf(ovsdb, bridge)));
  return { 'br-int': await flows('br-int'), 'br-tun': await flows('br-tun') };
}

export class FlowWatch {
  readonly #host: Host;
  #wanted: Flows;
  #lastMissing: number | undefined;
  #lastStale: number | undefined;
  #rightSince: number | undefined;
  #compareAgainAt = 0;
  #isStopped = false;
  readonly #loop: Promise<void>;

  constructor(host: Host, wanted: Flows) {
    this.#host = host;
    this.#wanted = wanted;
    this.#loop = this.#run();
  }

  /** From now on these are right. */
  want(wanted: Flows): void {
    this.#wanted = wanted;
    this.#rightSince = undefined;
    this.#compareAgainAt = 0;
  }

  get health(): Health {
    return { lastMissing: this.#lastMissing, lastStale: this.#lastStale, rightSince: this.#rightSince };
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#loop;
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      await this.#look();
      await sleep(LOOK);
    }
  }

  async #look(): Promise<void> {
    const at = performance.now();
    const wanted = this.#wanted;
    const counts = await Promise.all(BRIDGES.map((bridge) => countFlows(this.#host, bridge)));
    if (wanted !== this.#wanted) return;
    if (BRIDGES.some((bridge, i) => (counts[i] ?? 0) < wanted[bridge].size)) {
      this.#wrong(at, 'missing');
      return;
    }
    if (at < this.#compareAgainAt) return;
    await this.#compare(at, wanted);
  }

  async #compare(at: number, wanted: Flows): Promise<void> {
    let actual: Flows;
    try {
      actual = await readFlows(this.#host);
    } catch {
      // ovsdb-server or ovs-vswitchd has just gone; flows are counted again in a moment.
      return;
    }
    if (wanted !== this.#wanted) return;
    const isMissing = BRIDGES.some((bridge) => !wanted[bridge].isSubsetOf(actual[bridge]));
    const isStale = BRIDGES.some((bridge) => !actual[bridge].isSubsetOf(wanted[bridge]));
    if (isMissing) this.#wrong(at, 'missing');
    if (isStale) this.#wrong(at, 'stale');
    if (!isMissing && !isStale) this.#rightSince ??= at;
    const now = performance.now();
    this.#compareAgainAt = now + PAUSE * (now - at);
  }

  #wrong(at: number, how: 'missing' | 'stale'): void {
    // What is right again is to be seen at once.
    if (this.#rightSince !== undefined) this.#compareAgainAt = 0;
    this.#rightSince = undefined;
    if (how === 'missing') this.#lastMissing = at;
    else this.#lastStale = at;
  }
}

/** The bridge's socket is a file: no namespace has to be entered. */
async function ofctl(host: Host, command: string, bridge: Bridge, more: readonly string[] = []): Promise<string> {
  const argv = ['ovs-ofctl', '-O', 'OpenFlow13', '--timeout=10', ...more, command, bridge];
  const { exitCode, stdout, stderr } = await tryRun(argv, { env: host.env });
  if (exitCode !== 0) throw new Error(`${argv.join(' ')}: ${stderr}`);
  return stdout;
}

async function dump(host: Host, bridge: Bridge): Promise<string[]> {
  return (await ofctl(host, 'dump-flows', bridge, ['--no-names', '--no-stats'])).split('\n');
}

/** 0 when the switch does not answer. Learned flows count too. */
async function countFlows(host: Host, bridge: Bridge): Promise<number> {
  const text = await ofctl(host, 'dump-aggregate', bridge).catch(() => '');
  return Number(/flow_count=(\d+)/.exec(text)?.[1] ?? 0);
}
