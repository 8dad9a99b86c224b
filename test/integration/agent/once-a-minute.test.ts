/**
 * What the daemon looks at by itself once a minute: whether its queues are still bound, and whether the journal can have a
 * file again. Both faults at once, so that there is one minute to wait for.
 */
import { readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { deleteExchange } from '../../../lab/chaos/broker-faults.ts';
import { L2POPULATION_TOPIC } from '../../../src/neutron/topics.ts';
import { SmallDisk } from './full-disk.ts';
import { type AgentRig, rigForAll, waitFor } from './rig.ts';
import { statusOf } from './switch-scene.ts';
import { TwoNetworks } from './two-networks.ts';

/** A minute and what a busy machine adds. */
const A_MINUTE = { timeout: 90_000, interval: 200 };
const NO_FILE = 'the journal cannot be written';

let rig: AgentRig;
let networks: TwoNetworks;
let disk: SmallDisk;

rigForAll((up) => {
  rig = up;
});

beforeAll(async () => {
  disk = await SmallDisk.mount(dirname(rig.journal));
  networks = new TwoNetworks(rig);
  await rig.start();
  await networks.wire();
});

// Before the rig goes: its directory is to be removed.
afterAll(async () => {
  try {
    await rig.agent.stop();
  } finally {
    await disk.unmount();
  }
});

const journal = async () => (await statusOf(rig)).journal;

it('the disk is full: it is said once, the file is set aside, news are programmed all the same', async () => {
  expect(await journal()).toMatchObject({ path: rig.journal, reason: null });
  disk.fill();
  await networks.sayUntilGivenUp();
  expect(await journal()).toMatchObject({ path: null, reason: expect.stringContaining('there is no room left') });
  expect(rig.problems().map(({ msg }) => msg)).toEqual([expect.stringContaining(NO_FILE)]);
  const files = readdirSync(dirname(rig.journal)).filter((name) => name.startsWith('l2pop-agent.db'));
  expect(files).toContainEqual(expect.stringMatching(/^l2pop-agent\.db\.full-\w+\.\w+$/));
  expect(files).not.toContain('l2pop-agent.db');
});

it('the fanout exchange is deleted: it is found, each network is asked for, what was lost is made good', async () => {
  disk.empty();
  rig.server.calls.length = 0;
  await deleteExchange(rig.cloud);
  await networks.say('add', 0, 8);
  await networks.say('add', 1, 8);
  const lost = () => rig.log().filter(({ msg }) => msg.includes('notifications were lost'));
  await waitFor('the gap to be known', () => lost().length > 0, A_MINUTE);
  expect(lost()).toMatchObject([{ topics: [L2POPULATION_TOPIC] }]);
  await networks.hasAll();
  expect(networks.asked()).toEqual([0, 1]);
  // The connection has lasted, and news come again.
  expect(rig.log().filter(({ msg }) => msg === 'broker connected')).toHaveLength(1);
  await networks.say('add', 0, 9);
  await networks.hasAll();
}, 120_000);

it('there is room again: the journal has a file, from which the next start goes on', async () => {
  // What is to be written makes it look.
  const isBack = async () => {
    await networks.say('remove', 1, 1);
    await networks.say('add', 1, 1);
    return (await journal()).path !== null;
  };
  await waitFor('the journal to be kept in its file', isBack, A_MINUTE);
  expect(rig.log().filter(({ msg }) => msg.includes('kept in its file again'))).toHaveLength(1);
  await rig.settled();
  await networks.hasAll();
  rig.server.calls.length = 0;
  await rig.restart('kill');
  expect(await rig.logged('FDB is that of the journal')).toMatchObject([{ networks: 2 }]);
  await rig.settled();
  await networks.hasAll();
  expect(networks.asked()).toEqual([]);
  expect(rig.problems()).toEqual([]);
}, 120_000);
