import { describe, expect, it } from 'vitest';
import { describeStep } from '../../../../lab/chaos/describe.ts';
import { HOSTS, makeSchedule } from '../../../../lab/chaos/schedule.ts';
import { type Action, lanesOf, type Step } from '../../../../lab/chaos/steps.ts';

const SEEDS = [0, 1, 2, 7, 99, 2 ** 32 - 1];

it('the same seed makes the same schedule, another one another', () => {
  for (const seed of SEEDS) expect(makeSchedule(seed, 60)).toEqual(makeSchedule(seed, 60));
  expect(new Set(SEEDS.map((seed) => JSON.stringify(makeSchedule(seed, 60).steps))).size).toBe(SEEDS.length);
});

it('a longer run begins as a shorter one does', () => {
  for (const seed of SEEDS) {
    const [short, long] = [makeSchedule(seed, 20), makeSchedule(seed, 90)];
    expect(long.steps.slice(0, short.steps.length)).toEqual(short.steps);
    expect([long.networks, long.steady]).toEqual([short.networks, short.steady]);
  }
});

it('steps are in order, inside their time, and said on a line each', () => {
  const { steps } = makeSchedule(3, 120);
  expect(steps.map(({ number }) => number)).toEqual(steps.map((_, i) => i + 1));
  expect(steps.map(({ at }) => at)).toEqual(steps.map(({ at }) => at).sort((a, b) => a - b));
  expect(steps.every(({ at }) => at >= 0 && at < 120_000)).toBe(true);
  for (const step of steps) expect(describeStep(step)).toMatch(/^ *\d+\.\d\d s {2}#\d+ +\S.*[^.\n]$/);
});

it('some runs have streams, most have not', () => {
  const streams = Array.from({ length: 200 }, (_, seed) => makeSchedule(seed, 1)).filter((one) => one.streams);
  expect(streams.length).toBeGreaterThan(20);
  expect(streams.length).toBeLessThan(100);
});

it('every kind of step comes in a long run, on every host', () => {
  const steps = makeSchedule(1, 2_000).steps;
  const kinds = new Set(steps.map(({ action }) => action.kind));
  const wanted: Action['kind'][] = [
    ...(['create', 'plug', 'unplug', 'down', 'up', 'move', 'migrate', 'readdress', 'delete'] as const),
    ...(['agent-stop', 'agent-kill', 'agent-freeze', 'vswitchd-kill', 'ovsdb-kill', 'ovs-kill'] as const),
    ...(['ovs-restart', 'reboot', 'flow-change', 'journal-loss'] as const),
    ...(['flows-wipe', 'tunnel-delete', 'foreign-flow', 'partition', 'server-stop'] as const),
    ...(['broker-restart', 'broker-freeze', 'connections-close', 'exchange-delete', 'queues-delete'] as const),
  ];
  expect([...kinds].sort()).toEqual([...wanted].sort());
  for (const host of HOSTS) expect(steps.some(({ action }) => 'host' in action && action.host === host)).toBe(true);
});

describe('makes sense', () => {
  const schedules = SEEDS.map((seed) => makeSchedule(seed, 300));

  it.each(schedules)('seed $seed: what is done to a port can be done to it', ({ steps, steady }) => {
    const plugged = new Map<string, boolean>();
    const up = new Map<string, boolean>();
    const host = new Map<string, number>();
    for (const { action } of steps) {
      if (!('port' in action)) continue;
      if (action.kind === 'create') {
        expect(plugged.has(action.port.name)).toBe(false);
        plugged.set(action.port.name, true);
        up.set(action.port.name, true);
        host.set(action.port.name, action.port.host);
        continue;
      }
      const isPlugged = plugged.get(action.port);
      expect(isPlugged, `${action.port} at ${action.kind}`).toBeDefined();
      expect(steady.map(({ name }) => name)).not.toContain(action.port);
      if (action.kind === 'plug' || action.kind === 'unplug') {
        expect(isPlugged).toBe(action.kind === 'unplug');
        plugged.set(action.port, action.kind === 'plug');
      }
      if (action.kind === 'up' || action.kind === 'down') {
        expect(up.get(action.port)).toBe(action.kind === 'down');
        up.set(action.port, action.kind === 'up');
      }
      if (action.kind === 'move' || action.kind === 'migrate') {
        expect(isPlugged).toBe(true);
        expect(action.to).not.toBe(host.get(action.port));
        if (action.kind === 'move' || action.end === 'completed') host.set(action.port, action.to);
      }
      if (action.kind === 'delete') plugged.delete(action.port);
    }
  });

  it('migrations are completed and called off', () => {
    const ends = schedules.flatMap(({ steps }) =>
      steps.flatMap(({ action }) => (action.kind === 'migrate' ? [action.end] : [])),
    );
    expect(new Set(ends)).toEqual(new Set(['completed', 'aborted']));
  });

  it.each(schedules)('seed $seed: no two ports have an address at a time', ({ steps, networks }) => {
    const network = new Map<string, string>();
    const address = new Map<string, string>();
    for (const { action } of steps) {
      if (action.kind === 'create') network.set(action.port.name, action.port.network);
      if (action.kind === 'delete') address.delete(action.port);
      const [name, ip] =
        action.kind === 'create'
          ? [action.port.name, action.port.ipv4]
          : action.kind === 'readdress'
            ? [action.port, action.ipv4]
            : [];
      if (name === undefined || ip === undefined) continue;
      const taken = [...address].some(([port, one]) => one === ip && network.get(port) === network.get(name));
      expect(taken, `${ip} for ${name}`).toBe(false);
      address.set(name, ip);
    }
    expect(networks.map(({ type }) => type)).toEqual(expect.arrayContaining(['vxlan', 'gre', 'geneve']));
  });

  it.each(schedules)('seed $seed: a part that is away is left alone until it is back', ({ steps }) => {
    const free = new Map<string, number>();
    for (const step of steps) {
      if ('port' in step.action) continue;
      for (const lane of lanesOf(step.action)) {
        expect(step.at, describeStep(step)).toBeGreaterThanOrEqual(free.get(lane) ?? 0);
        free.set(lane, step.at + awayOf(step));
      }
    }
  });
});

function awayOf({ action }: Step): number {
  return 'away' in action ? action.away : 0;
}
