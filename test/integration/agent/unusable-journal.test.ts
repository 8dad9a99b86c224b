/**
 * A start with a journal that is of no use, for its schema is a newer one's, or there is none, for its disk is full: it is
 * said, and the daemon goes on from the flows that are there and asks for each network. No flow goes.
 */
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { FlowWatch } from './flow-watch.ts';
import { SmallDisk } from './full-disk.ts';
import { type AgentRig, rigForAll, waitFor } from './rig.ts';
import { statusOf } from './switch-scene.ts';
import { TwoNetworks } from './two-networks.ts';

let rig: AgentRig;
let networks: TwoNetworks;
let disk: SmallDisk | undefined;
let watches: FlowWatch[] = [];

rigForAll((up) => {
  rig = up;
});

beforeEach(async () => {
  await rig.reset();
  disk = await SmallDisk.mount(dirname(rig.journal));
  networks = new TwoNetworks(rig);
  await rig.start();
  await networks.wire();
  rig.server.calls.length = 0;
  watches = [await FlowWatch.start(rig.host, 'br-tun'), await FlowWatch.start(rig.host, 'br-int')];
});

afterEach(async () => {
  for (const watch of watches.splice(0)) watch.kill();
  try {
    await rig.agent.stop();
  } finally {
    await disk?.unmount();
    disk = undefined;
  }
});

const journal = async () => (await statusOf(rig)).journal;

/** Starts, and waits until both networks have been asked for. */
async function start(): Promise<void> {
  rig.forgetLog();
  await rig.agent.start();
  await rig.ready();
  await waitFor('both networks to be asked for', () => networks.asked().length >= 2);
  await rig.settled();
}

/** What was there is there, was never gone, and nobody was asked twice. */
async function expectNothingLost(): Promise<void> {
  for (const watch of watches) expect(await watch.harm()).toEqual([]);
  await networks.hasAll();
  expect(networks.asked()).toEqual([0, 1]);
}

it('a newer schema: set aside, and the next start goes on from the new file', async () => {
  await rig.agent.stop();
  const file = new DatabaseSync(rig.journal);
  file.exec('PRAGMA user_version = 1000');
  file.close();
  await start();
  await expectNothingLost();
  expect(rig.problems()).toMatchObject([
    {
      msg: 'the journal is of no use and was set aside',
      reason: expect.stringContaining('its schema is newer than ours (version 1000, ours is '),
      setAside: expect.stringContaining(`${rig.journal}.newer-`),
    },
  ]);
  const names = readdirSync(dirname(rig.journal)).filter((name) => name.includes('.newer-'));
  expect(names).toHaveLength(1);
  const aside = new DatabaseSync(join(dirname(rig.journal), names[0] ?? ''), { readOnly: true });
  expect(aside.prepare('PRAGMA user_version').get(), 'for whoever goes back to it').toEqual({ user_version: 1000 });
  aside.close();
  expect(await journal()).toMatchObject({ path: rig.journal, reason: null });
  rig.server.calls.length = 0;
  await rig.restart('kill');
  await rig.settled();
  await networks.hasAll();
  expect(networks.asked()).toEqual([]);
  expect(rig.problems()).toEqual([]);
});

it('a disk that has filled up meanwhile: what the file has is used, until there is something to write', async () => {
  await rig.agent.stop();
  disk?.fill();
  await rig.agent.start();
  await rig.ready();
  await networks.say('remove', 0, 1);
  await networks.say('add', 1, 10);
  await networks.hasAll();
  await waitFor('the file to be given up', async () => (await journal()).path === null);
  expect(networks.asked()).toEqual([]);
  await rig.agent.kill();
  await start();
  await networks.hasAll();
  expect(networks.asked()).toEqual([0, 1]);
});

it('a full disk, while it runs and at the start after a kill: what came last, known to no file, stays', async () => {
  disk?.fill();
  await networks.sayUntilGivenUp();
  await rig.settled();
  await rig.agent.kill();
  await start();
  await expectNothingLost();
  expect(rig.problems()).toMatchObject([{ msg: expect.stringContaining('the journal cannot be written') }]);
  expect(await journal()).toMatchObject({ path: null, reason: expect.stringContaining('there is no room left') });
  await networks.say('remove', 0, 1);
  await networks.hasAll();
});
