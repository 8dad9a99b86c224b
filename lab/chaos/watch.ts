/** Looks at everything once a second and after each step, and keeps the first thing that was wrong. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cloud } from '../cloud.ts';
import type { Faults } from './faults.ts';
import { outputsToNowhere, surplusProcesses, unexplainedLosses } from './invariants.ts';
import type { ChaosLog } from './log.ts';
import type { SteadyPair } from './pinger.ts';
import type { Ports } from './ports.ts';
import { sampleProcesses, sampleTun } from './sample.ts';
import { HOSTS } from './schedule.ts';
import type { HostNumber } from './steps.ts';
import type { Events } from './windows.ts';

const INTERVAL = 1_000;

export class Watch {
  /** Rejects with the first violation. */
  readonly violated: Promise<never>;
  samples = 0;
  readonly #cloud: Cloud;
  readonly #pairs: readonly SteadyPair[];
  readonly #faults: Faults;
  readonly #ports: Ports;
  readonly #log: ChaosLog;
  readonly #violation = Promise.withResolvers<never>();
  #wake = Promise.withResolvers<void>();
  #isStopped = false;
  #looking: Promise<void> | undefined;

  constructor(parts: { cloud: Cloud; pairs: readonly SteadyPair[]; faults: Faults; ports: Ports; log: ChaosLog }) {
    this.#cloud = parts.cloud;
    this.#pairs = parts.pairs;
    this.#faults = parts.faults;
    this.#ports = parts.ports;
    this.#log = parts.log;
    this.violated = this.#violation.promise;
    // Whoever waits for it hears of it; it may come when nobody does yet.
    this.violated.catch(() => undefined);
  }

  start(): void {
    this.#looking = this.#loop();
  }

  /** Something has changed: looks at once. */
  soon(): void {
    this.#wake.resolve();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.soon();
    await this.#looking;
  }

  /** What is wrong now, beside what only rest can show. */
  async look(): Promise<string[]> {
    const events = eventsOf(this.#faults, this.#ports);
    const outputs = await Promise.all(HOSTS.map((host) => this.#lookAtOutputs(host, events)));
    const now = Date.now();
    this.samples++;
    return [
      ...outputs.flat(),
      ...surplusProcesses(sampleProcesses(this.#cloud), HOSTS, false),
      ...this.#pairs.flatMap((pair) => unexplainedLosses(pair, pair.losses(now), events)),
    ];
  }

  /** Ports and flows are read one after the other, and a port may come and go in between: what is wrong is wrong twice. */
  async #lookAtOutputs(host: HostNumber, events: Events): Promise<string[]> {
    const once = async () => {
      const sample = await sampleTun(this.#cloud, host);
      return sample === undefined ? [] : outputsToNowhere(sample, events);
    };
    const first = await once();
    if (first.length === 0) return [];
    const second = new Set(await once());
    return first.filter((problem) => second.has(problem));
  }

  async #loop(): Promise<void> {
    while (!this.#isStopped) {
      this.#wake = Promise.withResolvers<void>();
      const problems = await this.look();
      if (problems.length > 0) {
        this.#log.note('violation', { problems });
        this.#violation.reject(new Violation(problems));
        return;
      }
      await Promise.race([sleep(INTERVAL), this.#wake.promise]);
    }
  }
}

/** All that has happened to the hosts so far. */
export function eventsOf(faults: Faults, ports: Ports): Events {
  return { ...faults.events, churn: [...faults.events.churn, ...ports.churn] };
}

/** An invariant did not hold. */
export class Violation extends Error {
  readonly code = 'VIOLATION';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'Violation';
    this.problems = problems;
  }
}
