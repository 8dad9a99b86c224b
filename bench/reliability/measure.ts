/** One fault made and measured on one host, or on all at once: what the tenants lost, when the flows were right again. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { AgentKind } from '../../lab/neutron/host-agent.ts';
import { Pinger, type SteadyPing } from '../../lab/neutron/pinger.ts';
import { waitFor } from '../../lab/wait.ts';
import { RestMeter } from './at-rest.ts';
import { changed, type Flows } from './changes.ts';
import type { Fault } from './faults.ts';
import { FlowWatch, readFlows } from './flow-watch.ts';
import type { Stage, Target } from './stage.ts';
import { type Traffic, TrafficCounter } from './traffic.ts';

export interface Figure {
  readonly agent: AgentKind;
  /** Of the path that lost most, at 20 pings a second. */
  readonly lost: number;
  readonly sent: number;
  /** Seconds between two answers, of any path. */
  readonly longestGap: number;
  /** Seconds from the mark until no flow was missing, and until none was there that should not be; `null`: not within `patience`. */
  readonly complete: number | null;
  readonly clean: number | null;
  readonly patience: number;
  /** `undefined`: of several hosts together, or not heard because the broker was away. */
  readonly traffic: Traffic | undefined;
}

/** Milliseconds for which everything must stay right. */
const SETTLED = 3_000;
/** Milliseconds between looks at the watches and at what the agents say. */
const INTERVAL = 250;
/** The reference works on ten thousand entries for minutes. */
const LONGEST_WORK = 300_000;

export class Ward {
  readonly #stage: Stage;
  readonly #say: (text: string) => void;
  /** What a host must have, since the last fault there. */
  readonly #wanted = new Map<Target, Flows>();

  constructor(stage: Stage, say: (text: string) => void) {
    this.#stage = stage;
    this.#say = say;
  }

  /** What the faults before have left broken is repaired first, on every host: an agent in trouble takes the others' CPU. */
  async measure(fault: Fault, targets: readonly Target[]): Promise<Figure[]> {
    const stage = this.#stage;
    for (const target of stage.targets) await this.#cure(target);
    await stage.prepareChange();
    await waitForRest(stage.targets);
    const patients: Patient[] = [];
    const names = targets.map(({ host }) => host.name);
    const traffic = await TrafficCounter.start(stage.cloud.brokerUrl, names);
    try {
      for (const target of targets) patients.push(await Patient.admit(stage, target));
      let mark = 0;
      await fault.make({
        stage,
        targets,
        mark: () => {
          mark = performance.now();
        },
        changed: (change) => {
          for (const patient of patients) patient.want(changed(patient.wanted, change));
        },
      });
      await watchOver(patients, mark, fault);
      const counted = targets.length === 1 ? await traffic.stop() : undefined;
      for (const { target, wanted } of patients) this.#wanted.set(target, wanted);
      return await Promise.all(patients.map(async (patient) => await patient.figure(fault, mark, counted)));
    } finally {
      await traffic.stop();
      for (const patient of patients) await patient.leave();
    }
  }

  /** What has not come right by itself does so by a restart of the agent. What even that leaves behind is said. */
  async #cure(target: Target): Promise<void> {
    const { host, agent, kind } = target;
    const wanted = this.#wanted.get(target);
    if (wanted === undefined) return;
    const isRight = async () => isSame(await readFlows(host), wanted);
    if (await isRight().catch(() => false)) return;
    this.#say(`${host.name} (${kind}) is not whole; its agent is restarted`);
    await agent.restart(kind);
    await waitFor('the flows after a restart', isRight, { timeout: LONGEST_WORK, interval: 1_000 }).catch(() =>
      this.#say(`${host.name} (${kind}) is not whole after a restart either`),
    );
  }
}

function isSame(these: Flows, those: Flows): boolean {
  return (['br-int', 'br-tun'] as const).every((bridge) => these[bridge].symmetricDifference(those[bridge]).size === 0);
}

/** Until all agents rest: what one still has to do would slow the other down. */
async function waitForRest(targets: readonly Target[]): Promise<void> {
  const meters = targets.map(({ agent }) => new RestMeter(agent));
  const areAllAtRest = async () => (await Promise.all(meters.map((meter) => meter.isAtRest()))).every((one) => one);
  await waitFor('the agents to rest', areAllAtRest, { timeout: LONGEST_WORK, interval: INTERVAL });
}

async function watchOver(patients: readonly Patient[], mark: number, fault: Fault): Promise<void> {
  for (;;) {
    const now = performance.now();
    if (now - mark > fault.patience * 1000) return;
    const areRight = patients.every((patient) => patient.isRightFor(now) > SETTLED);
    if ((await areAtRest(patients)) && areRight && now - mark > fault.watch * 1000) return;
    await sleep(INTERVAL);
  }
}

async function areAtRest(patients: readonly Patient[]): Promise<boolean> {
  const each = await Promise.all(patients.map(async (patient) => await patient.isAtRest()));
  return each.every((one) => one);
}

class Patient {
  readonly target: Target;
  wanted: Flows;
  #pingers: Pinger[] = [];
  readonly #meter: RestMeter;
  readonly #watch: FlowWatch;

  private constructor(target: Target, wanted: Flows) {
    this.target = target;
    this.wanted = wanted;
    this.#meter = new RestMeter(target.agent);
    this.#watch = new FlowWatch(target.host, wanted);
  }

  /** Its paths are pinged and its flows are watched from now on. */
  static async admit(stage: Stage, target: Target): Promise<Patient> {
    const patient = new Patient(target, await readFlows(target.host));
    for (const { from, to } of stage.paths(target)) patient.#pingers.push(await Pinger.start(from, to));
    return patient;
  }

  want(flows: Flows): void {
    this.wanted = flows;
    this.#watch.want(flows);
  }

  /** Whether the agent has nothing to do any more, as far as one can see. */
  async isAtRest(): Promise<boolean> {
    return await this.#meter.isAtRest();
  }

  /** Milliseconds. */
  isRightFor(now: number): number {
    const since = this.#watch.health.rightSince;
    return since === undefined ? -1 : now - since;
  }

  async figure(fault: Fault, mark: number, traffic: Traffic | undefined): Promise<Figure> {
    const health = this.#watch.health;
    await this.#watch.stop();
    const pings: SteadyPing[] = await Promise.all(this.#pingers.map(async (pinger) => await pinger.stop()));
    this.#pingers = [];
    const worst = pings.toSorted((a, b) => b.lost - a.lost)[0] ?? { sent: 0, lost: 0 };
    const gap = Math.max(0, ...pings.flatMap(({ gaps }) => gaps.map(({ ms }) => ms)));
    const seconds = (last: number | undefined): number | null => {
      if (last === undefined || last <= mark) return 0;
      const isStill = health.rightSince === undefined && performance.now() - last < 10_000;
      return isStill ? null : (last - mark) / 1000;
    };
    return {
      agent: this.target.kind,
      lost: worst.lost,
      sent: worst.sent,
      longestGap: gap / 1000,
      complete: seconds(health.lastMissing),
      clean: seconds(health.lastStale),
      patience: fault.patience,
      traffic,
    };
  }

  async leave(): Promise<void> {
    for (const pinger of this.#pingers) pinger.kill();
    await this.#watch.stop();
  }
}
