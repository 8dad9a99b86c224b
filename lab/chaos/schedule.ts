/** A seed and a length → what happens, and when: nothing else goes into it. Pure. */
import { addresses, PortSteps } from './port-steps.ts';
import { Random } from './random.ts';
import {
  type Action,
  type Fault,
  type HostNumber,
  type JournalLoss,
  lanesOf,
  type NetworkPlan,
  type PortPlan,
  type Schedule,
} from './steps.ts';

export const HOSTS: readonly HostNumber[] = [1, 2, 3];

/** Mean milliseconds between two steps of a kind. */
const PORT_INTERVAL = 550;
const FAULT_INTERVAL = 2_600;
/** The first fault waits for some ports. */
const FIRST_FAULT = 1_500;
/** Milliseconds that a part is left alone after it has come back, a whole broker longer. */
const RECOVERY: Readonly<Record<string, number>> = { broker: 4_000, agent: 1_500, switch: 2_500 };

/** How often, compared with the others. */
const WEIGHTS: readonly (readonly [Fault['kind'], number])[] = [
  ['agent-stop', 4],
  ['agent-kill', 4],
  ['agent-freeze', 3],
  ['vswitchd-kill', 3],
  ['ovsdb-kill', 3],
  ['ovs-kill', 2],
  ['ovs-restart', 2],
  ['reboot', 2],
  ['flows-wipe', 3],
  ['flow-change', 3],
  ['tunnel-delete', 3],
  ['foreign-flow', 2],
  ['journal-loss', 3],
  ['broker-restart', 2],
  ['broker-freeze', 1],
  ['connections-close', 2],
  ['exchange-delete', 2],
  ['queues-delete', 3],
  ['server-stop', 2],
  ['partition', 3],
];

/** Tables that hold something, by bridge. */
const TABLES = { 'br-tun': [0, 2, 3, 4, 6, 10, 20, 21, 22], 'br-int': [0, 24, 25, 60] } as const;

/** Of all runs. */
const STREAMS = 0.25;

const JOURNAL_LOSSES: readonly JournalLoss[] = ['deleted', 'overwritten', 'newer'];

/** @param seed 0 to 2^32−1 */
export function makeSchedule(seed: number, seconds: number): Schedule {
  const random = new Random(seed);
  const networks = makeNetworks(random);
  const steady = makeSteady(random, networks);
  const end = seconds * 1000;
  // One source each: a longer run begins as a shorter one does.
  const ports = portSteps(new Random(random.between(0, 2 ** 32 - 1)), networks, end);
  const faults = faultSteps(new Random(random.between(0, 2 ** 32 - 1)), end);
  const streams = random.chance(STREAMS);
  const found = [...ports, ...faults].sort((a, b) => a.at - b.at);
  return { seed, seconds, streams, networks, steady, steps: found.map((step, i) => ({ number: i + 1, ...step })) };
}

/** All types; equal ids of different types are different networks; the last two have no port that stays. */
function makeNetworks(random: Random): NetworkPlan[] {
  return (
    [
      ['net-vxlan', 'vxlan', 501],
      ['net-gre', 'gre', 501],
      ['net-geneve', 'geneve', 501],
      ['net-brief-vxlan', 'vxlan', 502],
      ['net-brief-gre', 'gre', 503],
    ] as const
  ).map(([name, type, segmentationId]) => ({ name, id: random.uuid(), type, segmentationId }));
}

/** A pair a network, each on other hosts. */
function makeSteady(random: Random, networks: readonly NetworkPlan[]): PortPlan[] {
  const places = [
    [1, 2],
    [2, 3],
    [3, 1],
  ] as const;
  return places.flatMap((hosts, network) =>
    hosts.map((host, i) => ({
      name: `s${network + 1}${'ab'[i]}`,
      id: random.uuid(),
      mac: random.mac(),
      network: networks[network]?.name ?? '',
      host,
      ...addresses(network, 11 + i),
    })),
  );
}

function* portSteps(
  random: Random,
  networks: readonly NetworkPlan[],
  end: number,
): Generator<{ at: number; action: Action }> {
  const ports = new PortSteps(random, networks, HOSTS);
  for (let at = 0; at < end; at += pause(random, PORT_INTERVAL)) {
    const action = ports.next(at);
    if (action !== undefined) yield { at, action };
  }
}

function* faultSteps(random: Random, end: number): Generator<{ at: number; action: Action }> {
  /** Lane → free again at. */
  const lanes = new Map<string, number>();
  for (let at = FIRST_FAULT; at < end; at += pause(random, FAULT_INTERVAL)) {
    const action = makeFault(random, random.weighted(WEIGHTS));
    const its = lanesOf(action);
    if (its.some((lane) => (lanes.get(lane) ?? 0) > at)) continue;
    const away = 'away' in action ? action.away : 0;
    for (const lane of its) lanes.set(lane, at + away + (RECOVERY[lane.split(' ')[0] ?? ''] ?? 1_000));
    yield { at, action };
  }
}

function makeFault(random: Random, kind: Fault['kind']): Fault {
  const host = random.pick(HOSTS);
  switch (kind) {
    case 'agent-stop':
    case 'agent-kill':
      return { kind, host, away: random.between(0, 3_000) };
    case 'agent-freeze':
      return { kind, host, away: random.between(500, 3_000), cut: random.chance(0.5) };
    case 'vswitchd-kill':
    case 'ovsdb-kill':
    case 'ovs-kill':
    case 'ovs-restart':
    case 'reboot':
      return { kind, host, away: random.between(0, 2_000) };
    case 'partition':
      return { kind, host, away: random.between(1_000, 6_000) };
    case 'flows-wipe': {
      const bridge = random.pick(['br-tun', 'br-tun', 'br-int'] as const);
      return { kind, host, bridge, table: random.chance(0.5) ? random.pick(TABLES[bridge]) : undefined };
    }
    case 'flow-change': {
      const bridge = random.pick(['br-tun', 'br-tun', 'br-int'] as const);
      return { kind, host, bridge, how: random.pick(['deleted', 'altered']), pick: random.next() };
    }
    case 'journal-loss':
      return {
        ...{ kind, host, end: random.pick(['stop', 'kill']), journal: random.pick(JOURNAL_LOSSES) },
        ...{ whole: random.chance(0.5), away: random.between(0, 3_000) },
      };
    case 'tunnel-delete':
      return { kind, host, pick: random.next() };
    case 'foreign-flow':
      return { kind, host, bridge: random.pick(['br-tun', 'br-int']), away: random.between(1_000, 8_000) };
    case 'broker-restart': {
      const [how, data] = random.pick([
        ['kill', 'kept'],
        ['stop', 'kept'],
        ['stop', 'empty'],
      ] as const);
      return { kind, how, data, away: random.between(0, 3_000) };
    }
    case 'broker-freeze':
      return { kind, away: random.between(500, 4_000) };
    case 'server-stop':
      return { kind, away: random.between(0, 4_000) };
    case 'connections-close':
    case 'exchange-delete':
      return { kind };
    case 'queues-delete':
      return { kind, host, all: random.chance(0.3) };
  }
}

/** Milliseconds, between a fifth of the mean and nearly twice as much. */
function pause(random: Random, mean: number): number {
  return Math.round(mean * (0.2 + 1.6 * random.next()));
}
