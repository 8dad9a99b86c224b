/**
 * A chaos run: three hosts under a schedule that follows from a seed, watched throughout and compared with the server's
 * database at rest. Rejects with `ChaosError`, whose message says what was wrong, when, and how to see it again.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Cloud } from '../cloud.ts';
import type { RunDirectory } from '../run-directory.ts';
import { waitFor } from '../wait.ts';
import { listQueues } from './broker-faults.ts';
import { describeStep } from './describe.ts';
import { Faults } from './faults.ts';
import { Gates } from './gate.ts';
import { growth, queueProblems, type Resources, surplusProcesses } from './invariants.ts';
import { ChaosLog } from './log.ts';
import { rowsOf } from './losses.ts';
import { SteadyPair } from './pinger.ts';
import { Ports } from './ports.ts';
import { waitForRest } from './rest.ts';
import { sampleProcesses, sampleResources } from './sample.ts';
import { HOSTS, makeSchedule } from './schedule.ts';
import { type Action, type HostNumber, lanesOf, type PortAction, type Schedule, type Step } from './steps.ts';
import { summary } from './summary.ts';
import { eventsOf, Violation, Watch } from './watch.ts';

/** Milliseconds until everything has come to rest: the longest waits are for a call that was lost and for a second snapshot. */
const START_PATIENCE = 60_000;
const REST_PATIENCE = 120_000;
/** Milliseconds: RabbitMQ's `core_metrics_gc_interval` is two minutes. */
const QUEUE_PATIENCE = 150_000;
/** Steps that are told of when something is wrong. */
const LAST_STEPS = 12;

/** Of every agent: what takes minutes in a cloud takes seconds here. */
const SETTINGS = {
  DEFAULT: { rpc_response_timeout: '10' },
  agent: { tunnel_types: 'vxlan,gre,geneve', report_interval: '2' },
  l2pop_agent: { snapshot_grace: '6', snapshot_confirm: '8' },
} as const;

const STREAM_SETTINGS = {
  oslo_messaging_rabbit: {
    rabbit_quorum_queue: 'true',
    rabbit_transient_quorum_queue: 'true',
    rabbit_stream_fanout: 'true',
    rabbit_qos_prefetch_count: '100',
  },
} as const;

export interface ChaosOptions {
  readonly seed: number;
  /** Length of the schedule; bringing up and coming to rest are not in it. */
  readonly seconds: number;
  readonly print: (line: string) => void;
}

export class ChaosError extends Error {
  readonly code = 'CHAOS';
  override readonly name = 'ChaosError';
}

export async function runChaos(run: RunDirectory, { seed, seconds, print }: ChaosOptions): Promise<void> {
  const schedule = makeSchedule(seed, seconds);
  const log = new ChaosLog(run, print);
  log.note('schedule', { seed, seconds, steps: schedule.steps.map(describeStep) });
  log.say(
    `seed ${seed}: ${schedule.steps.length} steps in ${seconds} s${schedule.streams ? ', fanouts are streams' : ''}; the log is ${log.file}`,
  );
  const chaos = new Chaos(run, schedule, log);
  try {
    await chaos.bringUp();
    await chaos.carryOut();
    await chaos.comeToRest();
    log.say(chaos.summary());
  } catch (error) {
    const text = chaos.report(error);
    log.note('failed', { text });
    throw new ChaosError(text, { cause: error });
  } finally {
    await chaos.stop();
  }
}

interface Parts {
  readonly cloud: Cloud;
  readonly ports: Ports;
  readonly faults: Faults;
  readonly watch: Watch;
  /** Of each host's daemon, before the first step. */
  readonly resources: ReadonlyMap<HostNumber, Resources>;
}

class Chaos {
  readonly #run: RunDirectory;
  readonly #schedule: Schedule;
  readonly #log: ChaosLog;
  readonly #begun: Step[] = [];
  readonly #pairs: SteadyPair[] = [];
  #parts: Parts | undefined;
  #restedAfter = 0;

  constructor(run: RunDirectory, schedule: Schedule, log: ChaosLog) {
    this.#run = run;
    this.#schedule = schedule;
    this.#log = log;
  }

  async bringUp(): Promise<void> {
    const { networks, steady, streams } = this.#schedule;
    const cloud = await Cloud.up(this.#run, {
      hosts: HOSTS.length,
      settings: streams ? { ...SETTINGS, ...STREAM_SETTINGS } : SETTINGS,
      // Without it nothing says that a port has gone from where it was when a live migration ends.
      serverArguments: ['--l3-plugin', 'true', '--stream-fanout', String(streams)],
      onProgress: (what) => this.#log.note(what),
    });
    const gates = new Gates();
    const ports = new Ports(cloud, networks, gates);
    const faults = new Faults(cloud, gates, this.#schedule, this.#log);
    await ports.createNetworks();
    for (const plan of steady) await ports.create(plan);
    const problems = await waitForRest(cloud, ports, START_PATIENCE);
    if (problems.length > 0) throw new Violation(problems);
    for (let i = 0; i < steady.length; i += 2) {
      const [from, to] = [steady[i], steady[i + 1]];
      const vm = from && ports.named(from.name).vm;
      if (from === undefined || to === undefined || vm === undefined) continue;
      this.#pairs.push(await SteadyPair.start(vm, to.ipv4, [from.host, to.host]));
    }
    const watch = new Watch({ cloud, pairs: this.#pairs, faults, ports, log: this.#log });
    const resources = new Map(
      HOSTS.flatMap((host) => {
        const used = sampleResources(cloud.agent(host).pid);
        return used === undefined ? [] : [[host, used] as const];
      }),
    );
    this.#parts = { cloud, ports, faults, watch, resources };
    this.#log.say(`${HOSTS.length} hosts, ${networks.length} networks, ${this.#pairs.length} steady pairs`);
    watch.start();
  }

  /** Each step at its time, or when those before it in its lanes are done. */
  async carryOut(): Promise<void> {
    const { watch } = this.#up();
    const lanes = new Map<string, Promise<void>>();
    const failed = Promise.withResolvers<never>();
    const trouble = Promise.race([watch.violated, failed.promise]);
    trouble.catch(() => undefined);
    const start = performance.now();
    for (const step of this.#schedule.steps) {
      await Promise.race([sleep(Math.max(0, step.at - (performance.now() - start))), trouble]);
      const its = lanesOf(step.action);
      const done = Promise.all(its.map((lane) => lanes.get(lane))).then(() => this.#carryOut(step));
      // Said at once, whatever else goes on.
      done.catch((error: unknown) => failed.reject(error));
      for (const lane of its) lanes.set(lane, done);
    }
    await Promise.race([Promise.all(lanes.values()), trouble]);
  }

  async comeToRest(): Promise<void> {
    const { cloud, ports, watch, resources } = this.#up();
    const start = performance.now();
    this.#log.say('the schedule is over; waiting for rest');
    const problems = await Promise.race([waitForRest(cloud, ports, REST_PATIENCE), watch.violated]);
    this.#restedAfter = (performance.now() - start) / 1000;
    await watch.stop();
    problems.push(...(await watch.look()), ...surplusProcesses(sampleProcesses(cloud), HOSTS, true));
    problems.push(...(await this.#queuesAtRest()));
    for (const host of HOSTS) {
      const [before, after] = [resources.get(host), sampleResources(cloud.agent(host).pid)];
      if (before === undefined || after === undefined) problems.push(`host${host}: no daemon runs`);
      else problems.push(...growth(host, before, after));
    }
    if (problems.length > 0) throw new Violation(problems);
  }

  /** The broker counts a stream's consumers that died with their connection until it cleans up its metrics. */
  async #queuesAtRest(): Promise<string[]> {
    const { cloud } = this.#up();
    let problems: string[] = [];
    await waitFor(
      'the queues',
      async () => {
        problems = queueProblems(await listQueues(cloud), HOSTS.length, this.#schedule.streams);
        return problems.length === 0;
      },
      { timeout: QUEUE_PATIENCE, interval: 1_000 },
    ).catch(() => undefined);
    return problems;
  }

  async stop(): Promise<void> {
    for (const pair of this.#pairs) {
      pair.stop();
      this.#log.note('losses', { pair: pair.name, rows: rowsOf(pair.losses(Date.now())) });
    }
    this.#parts?.faults.stop();
    await this.#parts?.watch.stop();
  }

  summary(): string {
    const { faults, watch, ports } = this.#up();
    const resources = HOSTS.map((host) => sampleResources(this.#up().cloud.agent(host).pid));
    return summary({
      steps: this.#begun,
      pairs: this.#pairs,
      events: eventsOf(faults, ports),
      samples: watch.samples,
      ports: ports.known.size,
      restedAfter: this.#restedAfter,
      resources,
    });
  }

  report(error: unknown): string {
    const { seed, seconds } = this.#schedule;
    const last = this.#begun.slice(-LAST_STEPS).map(describeStep);
    return [
      error instanceof Error ? error.message : String(error),
      '',
      last.length === 0 ? 'No step was begun.' : `The last ${last.length} of ${this.#begun.length} steps:`,
      ...last,
      '',
      `seed ${seed}; again: ./dev chaos --seconds ${seconds} --seed ${seed} (same steps, though not to the millisecond)`,
      `logs: ${this.#run.directory('log')}`,
    ].join('\n');
  }

  async #carryOut(step: Step): Promise<void> {
    const { watch } = this.#up();
    const { number, action } = step;
    this.#begun.push(step);
    this.#log.say(describeStep(step));
    const start = performance.now();
    try {
      await this.#act(number, action);
    } catch (error) {
      this.#log.note('step failed', { number, error: String(error) });
      throw new Error(
        `step #${number} could not be carried out: ${error instanceof Error ? error.message : String(error)}`,
        {
          cause: error,
        },
      );
    }
    this.#log.note('step done', { number, ms: Math.round(performance.now() - start) });
    watch.soon();
  }

  async #act(number: number, action: Action): Promise<void> {
    const { ports, faults } = this.#up();
    if (isPortAction(action)) await ports.carryOut(action);
    else await faults.carryOut(number, action);
  }

  #up(): Parts {
    if (this.#parts === undefined) throw new Error('nothing is up yet');
    return this.#parts;
  }
}

function isPortAction(action: Action): action is PortAction {
  return 'port' in action;
}
