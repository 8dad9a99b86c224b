/**
 * The connection breaks in the middle of a stream of notifications, with messages that the daemon has and the broker counts
 * as unacknowledged: all of them come again. None is lost, none is taken in twice, and nobody is asked.
 */
import { beforeEach, expect, it } from 'vitest';
import { L2POPULATION_TOPIC } from '../../../src/neutron/topics.ts';
import { type Port, portOn } from './port-object.ts';
import { type AgentRig, rigForAll, waitFor } from './rig.ts';
import { statusOf } from './switch-scene.ts';
import { expectUnicasts } from './unicasts.ts';

const MESSAGES = 600;
const VTEPS = ['172.30.0.95', '172.30.0.96', '172.30.0.97'];
/** Seconds. The broker looks twice as often and gives up after two silent looks. */
const HEARTBEAT = '4';

let rig: AgentRig;
let port: Port;
/** MACs and their VTEPs, as the server has them. */
let there: Map<string, string>;
/** `/status` counts since the start: what was so when the stream began. */
let before: Readonly<Record<string, number>>;

rigForAll((up) => {
  rig = up;
});

beforeEach(async () => {
  await rig.reset();
  port = portOn(rig.host.name);
  there = new Map();
  rig.server.onUpdate = async ({ up }) => {
    if (up.includes(port.id)) await rig.server.fdb('add', port, {}, rig.host.name);
  };
  await rig.start({ oslo_messaging_rabbit: { heartbeat_timeout_threshold: HEARTBEAT } });
  await rig.wire(port);
  // The marker behind the answer is a notification too.
  await waitFor('the network to be in sync', async () =>
    (await statusOf(rig)).sync.every(({ status }) => status === 'synced'),
  );
  await rig.settled();
  rig.server.calls.length = 0;
  before = await counters();
});

const counters = async () => (await statusOf(rig)).counters;
const notifications = async () => ((await counters()).notifications ?? 0) - (before.notifications ?? 0);

/** Message `n` of the stream: every third takes away what the one before it has brought. */
async function tell(n: number): Promise<void> {
  const isRemove = n % 3 === 2;
  const i = isRemove ? n - 1 : n;
  const byte = (value: number) => value.toString(16).padStart(2, '0');
  const mac = `fa:16:3e:99:${byte(i >> 8)}:${byte(i & 255)}`;
  const vtep = VTEPS[i % VTEPS.length] ?? '';
  await rig.server.fdb(isRemove ? 'remove' : 'add', port, { [vtep]: [[mac, `10.9.${i >> 8}.${i & 255}`]] });
  if (isRemove) there.delete(mac);
  else there.set(mac, vtep);
}

async function tellAll(from: number, to: number): Promise<void> {
  for (let n = from; n < to; n++) await tell(n);
}

/** Of the fanout queue of FDB news. */
async function queue(): Promise<{ unacknowledged: number; ready: number }> {
  const columns = ['name', 'messages_unacknowledged', 'messages_ready'];
  const text = await rig.cloud.broker.ctl('list_queues', '--no-table-headers', ...columns);
  const line = text.split('\n').find((one) => one.startsWith(`${L2POPULATION_TOPIC}_fanout_`));
  const [, unacknowledged, ready] = line?.split('\t') ?? [];
  return { unacknowledged: Number(unacknowledged), ready: Number(ready) };
}

/** The broker has everything back that was not acknowledged. */
async function requeued(): Promise<void> {
  await waitFor('the broker to have them back', async () => {
    const { unacknowledged, ready } = await queue();
    return unacknowledged === 0 && ready > 0;
  });
}

/** What was published is what was counted, and what the switch has; some of it came twice. */
async function expectAllOnce(): Promise<void> {
  await waitFor('all notifications', async () => (await notifications()) >= MESSAGES);
  await waitFor('an empty queue', async () => {
    const { unacknowledged, ready } = await queue();
    return unacknowledged + ready === 0;
  });
  const after = await counters();
  expect(await notifications()).toBe(MESSAGES);
  expect((after.delivered ?? 0) - (before.delivered ?? 0)).toBe(MESSAGES);
  expect((after.duplicates ?? 0) - (before.duplicates ?? 0)).toBeGreaterThan(0);
  await rig.settled();
  const wanted = [...there].map(([mac, vtep]) => `${mac} ${vtep}`).sort();
  await expectUnicasts(rig, wanted);
  expect(rig.server.updates).toEqual([]);
  expect(rig.log().filter(({ msg }) => msg.includes('lost'))).toEqual([]);
  expect(rig.problems()).toEqual([]);
}

it('the daemon stands still, the broker closes its connection', async () => {
  await tellAll(0, 200);
  rig.agent.signal('SIGSTOP');
  try {
    await tellAll(200, MESSAGES);
    expect((await queue()).unacknowledged).toBeGreaterThan(0);
    await rig.closeConnection();
    await requeued();
  } finally {
    rig.agent.signal('SIGCONT');
  }
  await expectAllOnce();
});

it('the link goes down: what was taken in and acknowledged meanwhile comes again', async () => {
  const link = async (state: 'up' | 'down') =>
    await rig.cloud.underlay.namespace.ip(`link set m-${rig.host.name} ${state}`);
  await tellAll(0, 200);
  await waitFor('the first of them', async () => (await notifications()) === 200);
  rig.agent.signal('SIGSTOP');
  try {
    await tellAll(200, 400);
    await waitFor('messages at the daemon', async () => (await queue()).unacknowledged > 0);
    await link('down');
  } finally {
    rig.agent.signal('SIGCONT');
  }
  try {
    // Read from its socket, worked off and acknowledged, but for the broker's ears.
    await waitFor('some to be taken in', async () => (await notifications()) > 200);
    await tellAll(400, MESSAGES);
    await requeued();
    await rig.logged('no connection to a broker');
  } finally {
    await link('up');
  }
  await expectAllOnce();
});
