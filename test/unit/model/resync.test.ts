/**
 * The law of the resync: whatever happened to ports, messages, queues and the daemon, after the last event and one
 * completed resync the FDB of every network with a VIF here is the server's, and no entry that was right has gone meanwhile.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { portId } from '../host.ts';
import { hold } from './replay.ts';
import { stories, tell, weathers } from './script.ts';
import { REMOTES, SEGMENTS } from './server.ts';
import { CONFIRM, type Weather, World } from './world.ts';

const HOURS = 3_600_000;

beforeAll(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date'] });
});
afterAll(() => {
  vi.useRealTimers();
});

/** Every segment has a remote port that stays; a VIF is on the first. */
async function begin(weather: Weather): Promise<World> {
  const world = new World(weather);
  await world.pass(5_000);
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
  // What is under way arrives, links and processes come back.
  await world.pass(300_000);
  for (let round = 0; round < 8 && !world.isSettled; round++) await world.pass(2 * CONFIRM);
}

function explain(world: World, strays: boolean): void {
  const found = [...world.violations, ...world.differences({ strays }), ...world.unfinished];
  if (found.length > 0) throw new Error(`${found.join('\n')}\n\n${world.story.join('\n')}`);
}

test('after a completed resync the FDB is the server’s', { timeout: HOURS }, async () => {
  await hold(
    fc.asyncProperty(weathers({}), stories, async (weather, story) => {
      const world = await begin(weather);
      await tell(world, story);
      await comeToRest(world);
      world.resync();
      await comeToRest(world);
      explain(world, true);
    }),
  );
});

test('with messages in order it needs no resync for that', { timeout: HOURS }, async () => {
  await hold(
    fc.asyncProperty(weathers({ inOrder: true, redelivered: 0 }), stories, async (weather, story) => {
      const world = await begin(weather);
      await tell(world, story);
      await comeToRest(world);
      explain(world, false);
    }),
  );
});

test('a resync is said to be completed only if there is something to complete', async () => {
  const calm = { maxDelay: 0, inOrder: true, redelivered: 0, unanswered: 0, refused: 0, slow: 0 };
  const world = await begin({ seed: 1, ...calm });
  await world.pass(20_000);
  expect(world.life.state.networks.size).toBe(1);
  expect(world.isSettled).toBe(true);
  expect(world.differences({ strays: true })).toEqual([]);
});
