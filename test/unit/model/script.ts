/** Random stories: what users, VIFs, the broker and the daemon do, and how long nothing happens in between. */
import fc from 'fast-check';
import { portId } from '../host.ts';
import { type Doom, MOMENTS } from './life.ts';
import { REMOTES, SEGMENTS, type Segment } from './server.ts';
import type { Succession, Weather, World } from './world.ts';

export type Step =
  | {
      readonly kind: 'port';
      readonly n: number;
      readonly what: 'toggle' | 'move' | 'ips' | 'delete';
      readonly choice: number;
    }
  | { readonly kind: 'vif'; readonly n: number }
  | { readonly kind: 'gap'; readonly source: 'fanout' | 'by-name'; readonly ms: number }
  | { readonly kind: 'unbind' }
  | { readonly kind: 'link'; readonly ms: number; readonly emptied: boolean }
  | { readonly kind: 'file'; readonly ms: number }
  | { readonly kind: 'stop'; readonly next: Succession }
  | { readonly kind: 'kill'; readonly doom: Doom; readonly patience: number; readonly next: Succession }
  | { readonly kind: 'reboot'; readonly lostCommits: number; readonly next: Succession }
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

/** Most often with the journal, and the queues wait. */
const succession: fc.Arbitrary<Succession> = fc.record({
  kept: fc.constantFrom(true, true, true, false),
  lost: fc.constantFrom(false, false, false, true),
  ms: fc.oneof({ weight: 6, arbitrary: fc.nat(2_000) }, { weight: 1, arbitrary: fc.constantFrom(0, 40_000) }),
});

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
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('gap' as const),
      source: fc.constantFrom('fanout' as const, 'fanout' as const, 'fanout' as const, 'by-name' as const),
      ms: duration,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('unbind' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('link' as const), ms: duration, emptied: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('file' as const), ms: duration }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('stop' as const), next: succession }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('kill' as const),
      doom: fc.record({ at: fc.constantFrom(...MOMENTS), after: fc.nat(3) }),
      patience: fc.constantFrom(0, 5_000, 20_000, 20_000),
      next: succession,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('reboot' as const), lostCommits: fc.nat(3), next: succession }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: duration }) },
);

const wait = (max: number) => fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(max) });
const resync = fc.constant<Step>({ kind: 'resync', n: 0 });
/** Of a port on the first segment. */
const toggle = fc.record({
  kind: fc.constant('port' as const),
  n: fc.nat(3),
  what: fc.constantFrom('toggle' as const, 'toggle' as const, 'move' as const),
  choice: fc.nat(7),
});
const kill = (patience: number) =>
  fc.record({
    kind: fc.constant('kill' as const),
    doom: fc.record({ at: fc.constantFrom(...MOMENTS), after: fc.constantFrom(0, 0, 1, 2) }),
    patience: fc.nat(patience),
    next: fc.record({ kept: fc.constant(true), lost: fc.constant(false), ms: fc.nat(500) }),
  });
const gap = fc.record({ kind: fc.constant('gap' as const), source: fc.constant('fanout' as const), ms: fc.nat(500) });

/** What chance alone would seldom bring together. */
const races: fc.Arbitrary<readonly Step[]> = fc.oneof(
  // A change while a snapshot is on its way.
  fc.tuple(resync, wait(6_000), toggle, wait(2_000)),
  // What was sent is lost, and the process dies before it has said so.
  fc.tuple(toggle, wait(100), gap, toggle, toggle, kill(2_000), wait(5_000)),
  // It is at rest, messages come, and it dies while it takes them in.
  fc.tuple(wait(200_000), toggle, toggle, kill(25_000), wait(30_000)),
  // The answer to a predecessor's question comes to its successor, which asks too.
  fc.tuple(resync, wait(3_000), toggle, wait(1_500), kill(0), wait(2_500), resync, wait(5_000)),
);

/** A race comes last: what happens after it may ask for everything anew, and so hide what went wrong. */
export const stories: fc.Arbitrary<readonly Step[]> = fc
  .tuple(
    fc.array(fc.oneof({ weight: 8, arbitrary: step.map((one) => [one]) }, { weight: 2, arbitrary: races }), {
      minLength: 1,
      maxLength: 30,
    }),
    races,
  )
  .map(([parts, last]) => [...parts.flat(), ...last]);

export function weathers(fixed: Partial<Weather>): fc.Arbitrary<Weather> {
  return fc
    .record({
      seed: fc.nat(),
      maxDelay: fc.constantFrom(0, 100, 20_000),
      inOrder: fc.boolean(),
      redelivered: fc.constantFrom(0, 0, 10),
      unanswered: fc.constantFrom(0, 0, 20),
      refused: fc.constantFrom(0, 0, 10),
      slow: fc.constantFrom(0, 200, 1_000),
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
      world.gap(step.source, step.ms);
      break;
    case 'unbind':
      world.unbind();
      break;
    case 'link':
      world.linkDown(step.ms, step.emptied);
      break;
    case 'file':
      world.breakFile(step.ms);
      break;
    case 'stop':
      await world.stop(step.next);
      break;
    case 'kill':
      world.kill(step.doom, step.patience, step.next);
      break;
    case 'reboot':
      world.reboot(step.lostCommits, step.next);
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
  world.note(`port ${n}: ${what} ${choice}`);
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
