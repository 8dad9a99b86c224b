/** Open vSwitch restarts under the agent: what was lost is put back from what the agent knows, without the server. */
import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { type Port, portOn } from './port-object.ts';
import { type AgentRig, deviceOf, rigForAll, waitFor } from './rig.ts';

const REMOTE = '172.30.0.99';

let rig: AgentRig;
let port: Port;

rigForAll(async (up) => {
  rig = up;
  port = portOn(rig.host.name);
  await rig.start({ l2pop_agent: { compare_interval: '1' } });
  await rig.wire(port);
  await rig.server.fdb('add', port, { [REMOTE]: ['flood', ['fa:16:3e:99:00:01', '10.0.0.1']] });
  await waitFor('the flows of the entry', async () => (await rig.table(20)).length === 1);
  await rig.settled();
});

it.each(['stop', 'kill'] as const)('ovs-vswitchd after a %s', async (how) => {
  const before = { tun: (await rig.flows('br-tun')).sort(), int: (await rig.flows('br-int')).sort() };
  rig.server.calls.length = 0;
  rig.forgetLog();
  await rig.host.daemon('ovs-vswitchd')[how]();
  await rig.logged('cannot be programmed');
  await rig.host.startVswitchd();
  await waitFor('br-tun as it was', async () => (await rig.flows('br-tun')).sort().join() === before.tun.join());
  await waitFor('br-int as it was', async () => (await rig.flows('br-int')).sort().join() === before.int.join());
  await rig.logged('can be programmed again');
  expect(rig.log().filter(({ msg }) => msg.includes('cannot be programmed'))).toHaveLength(1);
  expect(rig.server.asked('update_device_list')).toEqual([]);
  expect(rig.server.asked('bulk_pull')).toEqual([]);
  expect(rig.problems()).toEqual([]);
});

it.each(['stop', 'kill'] as const)('ovsdb-server after a %s: what happened meanwhile is seen', async (how) => {
  const tunnels = await rig.interfaces();
  rig.server.calls.length = 0;
  rig.forgetLog();
  const late: Port = { ...port, id: randomUUID(), mac: 'fa:16:3e:00:00:02' };
  rig.server.ports.set(late.id, late);
  await rig.host.daemon('ovsdb-server')[how]();
  await rig.server.fdb('add', port, { [REMOTE]: ['flood', ['fa:16:3e:99:00:02', '10.0.0.2']] });
  await rig.host.startOvsdbServer();
  await rig.plug(late);
  await rig.server.told('up', late.id);
  await waitFor('the entry heard meanwhile', async () => (await rig.table(20)).join().includes('fa:16:3e:99:00:02'));
  expect(await rig.port(deviceOf(late.id))).toMatchObject({ tag: 1 });
  expect(await rig.interfaces()).toEqual(expect.arrayContaining(tunnels));
  expect(rig.problems()).toEqual([]);
  await rig.unplug(late);
  await rig.server.told('down', late.id);
  await rig.server.fdb('remove', port, { [REMOTE]: [['fa:16:3e:99:00:02', '10.0.0.2']] });
  await waitFor('it to go', async () => (await rig.table(20)).length === 1);
});
