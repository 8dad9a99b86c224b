/**
 * Somebody deletes the fanout exchange of the FDB's news: our queue stays, the next publisher makes the exchange anew, and
 * what it sends reaches nobody. Found with the next connection; by itself within a minute: `once-a-minute.test.ts`.
 */
import { beforeEach, expect, it } from 'vitest';
import { deleteExchange } from '../../../lab/chaos/broker-faults.ts';
import { L2POPULATION_TOPIC } from '../../../src/neutron/topics.ts';
import { type AgentRig, rigForAll } from './rig.ts';
import { TwoNetworks } from './two-networks.ts';

/** What the server does not say any more is gone soon. */
const settings = { l2pop_agent: { snapshot_grace: '0', snapshot_confirm: '1' } };

let rig: AgentRig;
let networks: TwoNetworks;

rigForAll((up) => {
  rig = up;
});

beforeEach(async () => {
  await rig.reset();
  networks = new TwoNetworks(rig);
  await rig.start(settings);
  await networks.wire();
  rig.server.calls.length = 0;
});

it.each<[string, () => Promise<unknown>]>([
  ['the connection breaks', () => rig.closeConnection()],
  ['the daemon is stopped and started', () => rig.restart('stop', settings)],
  ['the daemon is killed and started', () => rig.restart('kill', settings)],
])('%s: the gap is known, each network is asked for, what was lost is made good', async (_, next) => {
  await deleteExchange(rig.cloud);
  await networks.say('add', 0, 8);
  await networks.say('remove', 1, 1);
  rig.forgetLog();
  await next();
  expect(await rig.logged('notifications were lost')).toMatchObject([{ topics: [L2POPULATION_TOPIC] }]);
  await networks.hasAll();
  // The second one again: what its first answer lacked was to be confirmed.
  expect(networks.asked()).toEqual([0, 1, 1]);
  await networks.say('add', 0, 9);
  await networks.hasAll();
  expect(await rig.logged('notifications were lost')).toHaveLength(1);
  expect(rig.problems()).toEqual([]);
});
