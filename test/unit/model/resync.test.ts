/**
 * The law of the resync: whatever happened to ports, messages, queues and the daemon, after the last event and one
 * completed resync the FDB of every network with a VIF here is the server's, and no entry that was right has gone meanwhile.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { portId } from '../host.ts';
import { stories, tell, weathers } from './script.ts';
import { REMOTES, SEGMENTS } from './server.ts';
import { CONFIRM, type Weather, World } from './world.ts';

/** `RUNS=10000 SEED=1 npx vitest run test/unit/model` looks longer, or again. */
const RUNS = Number(process.env.RUNS ?? 200);
const SEED = Number(process.env.SEED ?? 1);
const OPTIONS = { numRuns: RUNS, seed: SEED, endOnFailure: process.env.QUICK === '1' };
const MINUTES = 60_000 * 60;

/** Every segment has a remote port that stays; a VIF is on the first. */
async function begin(weather: Weather): Promise<World> {
  const world = new World(weather);
  await world.start();
  for (const [n, segment] of SEGMENTS.entries()) {
    const id = portId(500 + n);
    world.server.create(id, segment, REMOTES[0], `fa:16:3e:00:02:0${n}`, [`10.2.0.${n}`]);
    world.tell(world.server.setActive(id, true, world.now));
  }
  world.toggleVif(0, SEGMENTS[0]!);
  await world.pass(weather.seed % 20_000);
  return world;
}

/** Until every network is settled, at most for a few rounds of two snapshots. */
async function comeToRest(world: World): Promise<void> {
  // What is under way arrives, links come back.
  await world.pass(300_000);
  for (let round = 0; round < 8 && !world.isSettled; round++) await world.pass(2 * CONFIRM);
}

function verdict(world: World, strays: boolean): string {
  const states = [...world.host.state.networks.values()].map(
    ({ key, sync }) => `${key}: ${sync.status} ${sync.suspects}`,
  );
  return [
    ...world.violations,
    ...world.differences({ strays }),
    ...(world.isSettled ? [] : ['not settled', ...states]),
  ].join('\n');
}

function explain(world: World, strays: boolean): void {
  const found = verdict(world, strays);
  if (found !== '') throw new Error(`${found}\n\n${world.story.join('\n')}`);
}

test(`seed ${SEED}: after a completed resync the FDB is the server's`, { timeout: MINUTES }, async () => {
  await fc.assert(
    fc.asyncProperty(weathers({}), stories, async (weather, story) => {
      const world = await begin(weather);
      await tell(world, story);
      await comeToRest(world);
      world.resync();
      await comeToRest(world);
      explain(world, true);
    }),
    OPTIONS,
  );
});

test(`seed ${SEED}: with messages in order it needs no resync for that`, { timeout: MINUTES }, async () => {
  await fc.assert(
    fc.asyncProperty(weathers({ inOrder: true, redelivered: 0 }), stories, async (weather, story) => {
      const world = await begin(weather);
      await tell(world, story);
      await comeToRest(world);
      explain(world, false);
    }),
    OPTIONS,
  );
});

test('a resync is said to be completed only if there is something to complete', async () => {
  const world = await begin({ seed: 1, maxDelay: 0, inOrder: true, redelivered: 0, unanswered: 0 });
  await world.pass(10_000);
  expect(world.host.state.networks.size).toBe(1);
  expect(world.isSettled).toBe(true);
  expect(world.differences({ strays: true })).toEqual([]);
});
