/** Random stories: what users, VIFs, the broker and the daemon do, and how long nothing happens in between. */
import fc from 'fast-check';
import { portId } from '../host.ts';
import { REMOTES, SEGMENTS, type Segment } from './server.ts';
import type { Weather, World } from './world.ts';

export type Step =
  | {
      readonly kind: 'port';
      readonly n: number;
      readonly what: 'toggle' | 'move' | 'ips' | 'delete';
      readonly choice: number;
    }
  | { readonly kind: 'vif'; readonly n: number }
  | { readonly kind: 'gap'; readonly ms: number }
  | { readonly kind: 'link'; readonly ms: number; readonly emptied: boolean }
  | { readonly kind: 'restart'; readonly kept: boolean; readonly lost: boolean; readonly ms: number }
  | { readonly kind: 'resync'; readonly n: number }
  | { readonly kind: 'wait'; readonly ms: number };

/** The segment of each remote port, and of each VIF: most happens on the first. */
const PORTS = [0, 0, 0, 0, 1, 2];
const VIFS = [0, 0, 1, 2];
/** Most often as long as a call may take, or the way of a message. */
const duration = fc.oneof(
  { weight: 8, arbitrary: fc.nat(2_000) },
  { weight: 3, arbitrary: fc.constantFrom(0, 15_000, 40_000, 70_000, 200_000) },
);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('port' as const),
      n: fc.nat(PORTS.length - 1),
      what: fc.constantFrom(
        'toggle' as const,
        'toggle' as const,
        'toggle' as const,
        'move' as const,
        'ips' as const,
        'delete' as const,
      ),
      choice: fc.nat(7),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('vif' as const), n: fc.nat(VIFS.length - 1) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('resync' as const), n: fc.nat(SEGMENTS.length - 1) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('gap' as const), ms: duration }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('link' as const), ms: duration, emptied: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('restart' as const),
      kept: fc.boolean(),
      lost: fc.boolean(),
      ms: duration,
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: duration }) },
);

export const stories: fc.Arbitrary<readonly Step[]> = fc.array(step, { minLength: 10, maxLength: 60 });

export function weathers(fixed: Partial<Weather>): fc.Arbitrary<Weather> {
  return fc
    .record({
      seed: fc.nat(),
      maxDelay: fc.constantFrom(0, 100, 20_000),
      inOrder: fc.boolean(),
      redelivered: fc.constantFrom(0, 0, 10),
      unanswered: fc.constantFrom(0, 0, 20),
    })
    .map((weather) => ({ ...weather, ...fixed }));
}

export async function tell(world: World, story: readonly Step[]): Promise<void> {
  for (const one of story) await take(world, one);
}

async function take(world: World, step: Step): Promise<void> {
  switch (step.kind) {
    case 'port':
      onPort(world, step);
      break;
    case 'vif':
      world.toggleVif(step.n, segmentOf(VIFS, step.n));
      break;
    case 'gap':
      world.gap(step.ms);
      break;
    case 'link':
      world.linkDown(step.ms, step.emptied);
      break;
    case 'restart':
      await world.restart(step.kept, step.lost, step.ms);
      break;
    case 'resync':
      world.ask(SEGMENTS[step.n]!);
      break;
    case 'wait':
      break;
  }
  await world.pass(step.kind === 'wait' ? step.ms : 0);
}

/** A port has two addresses of its own and always one of them (to lose the last one is told of by a
 * chg_ip, which leaves the MAC where it is, as the reference does; then nothing takes it back but a resync). */
function onPort(world: World, { n, what, choice }: Extract<Step, { kind: 'port' }>): void {
  const { server, now } = world;
  const id = portId(n + 1);
  const vtep = REMOTES[choice % REMOTES.length]!;
  const ips = [`10.0.${n}.1`, `10.0.${n}.2`].filter((_, bit) => (((choice % 3) + 1) >> bit) & 1);
  if (!server.has(id)) server.create(id, segmentOf(PORTS, n), vtep, `fa:16:3e:00:00:0${n}`, [`10.0.${n}.1`]);
  world.story.push(`${now} port ${n}: ${what} ${choice}`);
  switch (what) {
    case 'toggle':
      world.tell(server.setActive(id, !server.isActive(id), now));
      break;
    case 'move':
      world.tell(server.move(id, vtep, now));
      break;
    case 'ips':
      world.changeIps(id, ips);
      break;
    case 'delete':
      world.tell(server.delete(id, now));
      break;
  }
}

function segmentOf(list: readonly number[], n: number): Segment {
  return SEGMENTS[list[n] ?? 0]!;
}
