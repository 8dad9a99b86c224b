/** Intents that the switch refuses: left out, tried again, given up, looked after; and what a start finds of them. */
import { beforeEach, expect, it } from 'vitest';
import { type Port, portOn } from './port-object.ts';
import { type AgentRig, rigForAll, waitFor } from './rig.ts';
import { statusOf } from './switch-scene.ts';

const REMOTE = '172.30.0.99';
const entry = (n: number): [string, string] => [`fa:16:3e:99:00:0${n}`, `10.0.0.${n}`];

let rig: AgentRig;
let port: Port;

rigForAll((up) => {
  rig = up;
});

beforeEach(async () => {
  await rig.reset();
  port = portOn(rig.host.name);
});

const settings = { l2pop_agent: { journal_attempts: '3', journal_retry: '1', maintenance_interval: '3' } };

/** Open vSwitch itself refuses one flow more in table 20 (ovs-vswitchd.conf.db(5), Flow_Table). */
async function limitUnicast(flows: number): Promise<void> {
  await rig.host.vsctl(
    ...['--', '--id=@limit', 'create', 'Flow_Table', `flow_limit=${flows}`, 'overflow_policy=refuse'],
    ...['--', 'set', 'Bridge', 'br-tun', 'flow_tables:20=@limit'],
  );
}

const unicast = async () => (await rig.table(20)).map((flow) => /dl_dst=([\da-f:]+)/.exec(flow)?.[1]).sort();

it('a flow that the switch refuses: the rest goes through, it is tried again and given up, and there when there is room', async () => {
  await rig.start(settings);
  await rig.wire(port);
  await rig.server.fdb('add', port, { [REMOTE]: ['flood', entry(1)] });
  await waitFor('the first entry', async () => (await unicast()).length === 1);
  // Its own default and the first entry.
  await limitUnicast(2);
  await rig.server.fdb('add', port, { [REMOTE]: [entry(2)], '172.30.0.98': ['flood', entry(3)] });
  // Whoever needs no room in table 20 is there.
  await waitFor('the ARP flows', async () => (await rig.table(21)).length === 3);
  await waitFor('the flood', async () => (await rig.table(22)).some((flow) => flow.split('output:').length === 3));
  expect(await unicast()).toEqual([entry(1)[0]]);
  const refused = () => rig.log().filter(({ msg }) => msg.includes('the switch refuses a flow'));
  await waitFor('three attempts of two flows', () => refused().length >= 6);
  expect(refused().every(({ reason }) => String(reason).includes('OFPFMFC_TABLE_FULL'))).toBe(true);
  await rig.host.vsctl('clear', 'Bridge', 'br-tun', 'flow_tables');
  await waitFor('all entries', async () => (await unicast()).length === 3);
});

it('a flow that was given up and that somebody else puts there is seen, and goes when it is not wanted any more', async () => {
  await rig.start({ l2pop_agent: { journal_attempts: '1', maintenance_interval: '3600' } });
  await rig.wire(port);
  await rig.server.fdb('add', port, { [REMOTE]: ['flood', entry(1)] });
  await waitFor('the first entry', async () => (await unicast()).length === 1);
  await limitUnicast(2);
  await rig.server.fdb('add', port, { [REMOTE]: [entry(2)] });
  await waitFor('it to be given up', async () => (await statusOf(rig)).journal.counts.failed === 1);
  await rig.host.vsctl('clear', 'Bridge', 'br-tun', 'flow_tables');
  const [{ line = '' } = {}] = (await statusOf(rig)).refused;
  await rig.host.ofctl('add-flow', 'br-tun', line.replace(/^add /, ''));
  expect(await unicast()).toEqual([entry(1)[0], entry(2)[0]]);
  await rig.logged('somebody else changes flows here');
  await rig.server.fdb('remove', port, { [REMOTE]: [entry(2)] });
  await waitFor('it to go', async () => (await unicast()).join() === entry(1)[0]);
});

it('what was refused before a restart is tried after it', async () => {
  await rig.start({ l2pop_agent: { ...settings.l2pop_agent, maintenance_interval: '3600' } });
  await rig.wire(port);
  await rig.server.fdb('add', port, { [REMOTE]: ['flood', entry(1)] });
  await waitFor('the first entry', async () => (await unicast()).length === 1);
  await limitUnicast(2);
  await rig.server.fdb('add', port, { [REMOTE]: [entry(2)] });
  await rig.logged('the switch refuses a flow');
  await rig.agent.kill();
  await rig.host.vsctl('clear', 'Bridge', 'br-tun', 'flow_tables');
  rig.server.calls.length = 0;
  rig.forgetLog();
  await rig.agent.start({ ...settings, agent: { report_interval: '2' } });
  await waitFor('both entries', async () => (await unicast()).length === 2);
});
