/**
 * Killed at any moment while notifications pour in, and started again: whatever was acknowledged is in the journal, and
 * whatever was not is in the queues. The server is asked for nothing, and in the end the switch has what it said.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { portOn } from './port-object.ts';
import { type AgentRig, rigForAll } from './rig.ts';
import { expectUnicasts } from './unicasts.ts';

const SEED = Number(process.env.SEED ?? 1);
const KILLS = 6;
const VTEPS = ['172.30.0.95', '172.30.0.96', '172.30.0.97'];

let rig: AgentRig;

rigForAll((up) => {
  rig = up;
});

/** Mulberry32: the same numbers for the same seed. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

it(`seed ${SEED}: killed ${KILLS} times in a stream of notifications`, async () => {
  const port = portOn(rig.host.name);
  const next = random(SEED);
  const pick = (count: number) => Math.floor(next() * count);
  /** MAC number → VTEP, as the server has it. */
  const there = new Map<number, string>();
  const entry = (n: number): [string, string] => [`fa:16:3e:99:00:${n.toString(16).padStart(2, '0')}`, `10.0.0.${n}`];

  rig.server.onUpdate = async ({ up }) => {
    if (up.includes(port.id)) await rig.server.fdb('add', port, {}, rig.host.name);
  };
  await rig.start();
  await rig.wire(port);
  await rig.settled();
  rig.server.calls.length = 0;

  let isOver = false;
  const stream = (async () => {
    while (!isOver) {
      // When the news come, and below when the kill does, is what the seed decides: nothing is waited for.
      await sleep(pick(10));
      const n = 1 + pick(60);
      const [vtep, before] = [VTEPS[pick(VTEPS.length)] ?? '', there.get(n)];
      if (before === undefined) await rig.server.fdb('add', port, { [vtep]: ['flood', entry(n)] });
      else if (next() < 0.5) await rig.server.fdb('remove', port, { [before]: [entry(n)] });
      else {
        // Moved: the server tells of the new place first.
        await rig.server.fdb('add', port, { [vtep]: ['flood', entry(n)] });
        if (vtep !== before) await rig.server.fdb('remove', port, { [before]: [entry(n)] });
        there.set(n, vtep);
        continue;
      }
      if (before === undefined) there.set(n, vtep);
      else there.delete(n);
    }
  })();

  for (let kill = 0; kill < KILLS; kill++) {
    await sleep(200 + pick(1500));
    await rig.agent.kill();
    rig.forgetLog();
    await rig.agent.start({ agent: { report_interval: '2' } });
    // The last ones are killed while they start.
    if (kill < KILLS / 2) await rig.ready();
  }
  isOver = true;
  await stream;
  await rig.ready();
  await rig.settled();

  const wanted = [...there].map(([n, vtep]) => `${entry(n)[0]} ${vtep}`).sort();
  await expectUnicasts(rig, wanted);
  expect(wanted.length).toBeGreaterThan(0);
  expect(rig.server.updates.filter(({ refresh }) => refresh)).toEqual([]);
}, 240_000);
