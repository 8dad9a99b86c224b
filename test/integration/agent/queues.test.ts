/**
 * The agent's queues at the broker: eight and no more, each with its consumer; what is sent while the agent is away is
 * heard when it is back, and the server is asked for nothing as long as they have all been there.
 */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { execa } from 'execa';
import { beforeEach, describe, expect, it, test } from 'vitest';
import { L2POPULATION_TOPIC, NOTIFICATION_TOPICS, PORT_UPDATE_TOPIC } from '../../../src/neutron/topics.ts';
import { type Port, portOn } from './port-object.ts';
import { type AgentRig, deviceOf, rigForAll, waitFor } from './rig.ts';

const REMOTE = '172.30.0.99';
const KNOWN: [string, string] = ['fa:16:3e:99:00:01', '10.0.0.1'];
const GONE: [string, string] = ['fa:16:3e:99:00:02', '10.0.0.2'];
const NEW: [string, string] = ['fa:16:3e:99:00:03', '10.0.0.3'];

let rig: AgentRig;
let port: Port;

rigForAll((up) => {
  rig = up;
});

/** One VIF, whose network's table is complete. */
beforeEach(async () => {
  await rig.reset();
  port = portOn(rig.host.name);
  rig.server.onUpdate = async ({ up }) => {
    if (up.includes(port.id)) await rig.server.fdb('add', port, { [REMOTE]: ['flood', KNOWN, GONE] }, rig.host.name);
  };
  await rig.start();
  await rig.wire(port);
  await waitFor('both entries', async () => (await rig.table(20)).length === 2);
  await rig.settled();
});

const refreshes = () => rig.server.updates.filter(({ refresh }) => refresh);
const queues = async () => {
  const list = await rig.cloud.broker.ctl('list_queues', '--no-table-headers', 'name', 'consumers', 'messages');
  return list
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('\t'));
};

/** Everything that can be known of the port again without a question about others. */
async function back(): Promise<void> {
  rig.forgetLog();
  await rig.agent.start();
  await rig.ready();
  await waitFor('the facts of the port', () => rig.server.asked('bulk_pull').length > 0);
  await rig.settled();
}

test('eight queues, each with one consumer, and nobody else’s', async () => {
  const consumed = (await queues()).map(([name = '', consumers]) => [name.replace(/[0-9a-f]{32}$/, 'HEX'), consumers]);
  const servers = ['q-plugin', 'q-plugin.server', 'q-reports-plugin', 'q-reports-plugin.server'];
  expect(consumed.sort()).toEqual(
    [
      ...NOTIFICATION_TOPICS.map((topic) => `${topic}_fanout_HEX`),
      `${L2POPULATION_TOPIC}.${rig.host.name}`,
      'reply_HEX',
      ...servers,
    ]
      .sort()
      .map((name) => [name, '1']),
  );
  await rig.agent.stop();
  // Seven stay for the next start; the reply queue went with its process.
  expect(await rig.agentQueues()).toHaveLength(7);
  await back();
  expect(await rig.agentQueues('consumed')).toHaveLength(8);
  expect(await rig.agentQueues('all')).toHaveLength(8);
});

describe('after a stop', () => {
  it('what was sent meanwhile is heard, and nothing is asked for', async () => {
    await rig.agent.stop();
    rig.server.calls.length = 0;
    await rig.server.fdb('add', port, { [REMOTE]: [NEW] });
    await rig.server.fdb('remove', port, { [REMOTE]: [GONE] });
    rig.server.ports.set(port.id, { ...port, status: 'ACTIVE', adminStateUp: false });
    await rig.server.fanout(PORT_UPDATE_TOPIC, 'port_update', { port: { id: port.id } });
    await back();
    const macs = async () => (await rig.table(20)).map((flow) => /dl_dst=([0-9a-f:]+)/.exec(flow)?.[1]).sort();
    // Its only VIF is administratively down, so the network has left; up again, its table is whole.
    await waitFor('the port down', async () => (await rig.port(deviceOf(port.id))).tag === 4095);
    expect(refreshes()).toEqual([]);
    expect(rig.log().filter(({ msg }) => msg.includes('lost'))).toEqual([]);
    expect(await macs()).toEqual([]);
  });

  it('the entries that came and went meanwhile are in the switch', async () => {
    await rig.agent.stop();
    rig.server.calls.length = 0;
    await rig.server.fdb('add', port, { [REMOTE]: [NEW] });
    await rig.server.fdb('remove', port, { [REMOTE]: [GONE] });
    await back();
    const macs = (await rig.table(20)).map((flow) => /dl_dst=([0-9a-f:]+)/.exec(flow)?.[1]).sort();
    expect(macs).toEqual([KNOWN[0], NEW[0]]);
    expect(rig.server.updates).toEqual([]);
    expect(rig.problems('warn')).toEqual([]);
    expect(rig.log().filter(({ msg }) => msg.includes('FDB is that of the journal'))).toMatchObject([{ networks: 1 }]);
  });

  it('flows that Open vSwitch has lost meanwhile are made again, and nothing is asked for', async () => {
    const before = await rig.flows();
    await rig.agent.stop();
    rig.server.calls.length = 0;
    await rig.host.exec(['ovs-ofctl', '-O', 'OpenFlow14', 'del-flows', 'br-tun']);
    await back();
    await waitFor('br-tun as it was', async () => (await rig.flows()).sort().join() === [...before].sort().join());
    expect(refreshes()).toEqual([]);
  });

  it('a server that had given us up meanwhile changes nothing', async () => {
    await rig.agent.stop();
    rig.server.calls.length = 0;
    rig.server.verdict = 'revived';
    rig.server.onReport = () => {
      rig.server.verdict = 'alive';
    };
    await back();
    expect(refreshes()).toEqual([]);
  });

  it.each([
    ['the FDB’s fanout queue', (name: string) => name.startsWith(`${L2POPULATION_TOPIC}_fanout_`)],
    ['the queue by name', (name: string) => name === `${L2POPULATION_TOPIC}.${rig.host.name}`],
    ['all queues', () => true],
  ])('%s gone: the server is asked, once, and meanwhile nothing changes', async (_which, gone) => {
    const before = await rig.flows();
    await rig.agent.stop();
    await rig.server.deleteQueues((await rig.agentQueues()).filter(gone));
    rig.server.calls.length = 0;
    await back();
    await waitFor('the question', () => refreshes().length > 0);
    await rig.settled();
    expect(refreshes()).toMatchObject([{ up: [port.id] }]);
    expect(await rig.flows()).toEqual(before);
    expect(await rig.logged('notifications were lost')).toHaveLength(1);
  });

  it('a gap that it had found but not told when it was stopped again is not forgotten', async () => {
    await rig.agent.stop();
    const names = await rig.agentQueues();
    await rig.server.deleteQueues(names.filter((name) => name.startsWith(`${L2POPULATION_TOPIC}_fanout_`)));
    // While another has one of its queues it is not up, but the missing one is made anew already.
    const release = await rig.server.occupy(`${L2POPULATION_TOPIC}.${rig.host.name}`);
    rig.forgetLog();
    await rig.agent.start();
    await rig.logged('queue has another consumer');
    await waitFor('the queue', async () => (await rig.agentQueues()).length === names.length + 1);
    await rig.agent.stop();
    await release();
    rig.server.calls.length = 0;
    await back();
    await waitFor('the question', () => refreshes().length > 0);
  });

  it('a journal that cannot be read is set aside, and everything is asked for', async () => {
    const before = await rig.flows();
    await rig.agent.stop();
    writeFileSync(rig.journal, 'this is no database');
    rig.server.calls.length = 0;
    await back();
    await waitFor('the question', () => refreshes().length > 0);
    expect(await rig.logged('the journal is of no use and was set aside')).toHaveLength(1);
    expect(readdirSync(dirname(rig.journal)).filter((name) => name.startsWith('l2pop-agent.db.'))).toHaveLength(1);
    expect(await rig.flows()).toEqual(before);
  });

  it('killed, it goes on as after a stop: nothing is asked for, and what came meanwhile is in the queues', async () => {
    await rig.agent.kill();
    rig.server.calls.length = 0;
    await rig.server.fdb('remove', port, { [REMOTE]: [GONE] });
    await back();
    await waitFor('the entry to go', async () => (await rig.table(20)).length === 1);
    await rig.settled();
    expect(refreshes()).toEqual([]);
  });
});

it('a journal that cannot be written is said, and costs nothing but a question after the next start', async () => {
  await rig.agent.stop();
  rig.forgetJournal();
  mkdirSync(`${rig.journal}/in the way`, { recursive: true });
  // Neither renamed nor made: its directory is another file system's root, to be read only.
  const directory = dirname(rig.journal);
  await execa('mount', ['--bind', directory, directory]);
  await execa('mount', ['-o', 'remount,bind,ro', directory]);
  try {
    rig.forgetLog();
    await rig.agent.start();
    await rig.ready();
    expect(await rig.logged('the journal cannot be written')).toHaveLength(1);
    await rig.server.fdb('add', port, { [REMOTE]: [['fa:16:3e:00:00:77', '10.0.0.77']] });
    await waitFor('the entry', async () => (await rig.table(20)).some((flow) => flow.includes('00:77')));
  } finally {
    await rig.agent.stop();
    await execa('umount', [directory]);
    rmSync(rig.journal, { recursive: true, force: true });
  }
});
