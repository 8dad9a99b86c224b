/** Our agent as neutron-server and `openstack network agent show` see it, beside the reference's record. */
import { expect, it } from 'vitest';
import type { AgentRecord } from '../../lab/neutron/rest-types.ts';
import { waitFor } from '../../lab/wait.ts';
import { sceneOfFile } from './scene.ts';

const scene = sceneOfFile({
  agents: { 1: 'ours', 2: 'reference' },
  settings: { agent: { report_interval: '2' } },
  serverSettings: { DEFAULT: { agent_down_time: '8' } },
});

async function record(host: number): Promise<AgentRecord> {
  const found = await scene.cloud.agentRecord(host);
  if (found === undefined) throw new Error(`no agent of host${host} has reported`);
  return found;
}

it('is a record of the same kind', async () => {
  const facts = ({ agent_type, binary, topic, alive, admin_state_up }: AgentRecord) => ({
    agent_type,
    binary,
    topic,
    alive,
    admin_state_up,
  });
  expect(facts(await record(1))).toEqual(facts(await record(2)));
  expect(facts(await record(1))).toMatchObject({ agent_type: 'Open vSwitch agent', alive: true });
});

it('has every key of the configurations, with the same value but for what is the host’s own', async () => {
  await scene.network('net', 'vxlan');
  await scene.vm('a1', 'net', 1);
  await scene.vm('a2', 'net', 1);
  await scene.vm('b1', 'net', 2);
  // The reference counts its devices in a full resync only: 0 here.
  await expect.poll(async () => (await record(1)).configurations.devices, { timeout: 30_000 }).toBe(2);
  const [ours, theirs] = [(await record(1)).configurations, (await record(2)).configurations];
  expect(ours).toEqual({ ...theirs, devices: 2, tunneling_ip: scene.cloud.host(1).vtep.ipv4 });
});

it('is down while Open vSwitch is, and alive again after it, with the flows that must be there', async () => {
  const host = scene.cloud.host(1);
  // As `systemctl restart openvswitch-switch`: the flows are lost.
  await host.daemon('ovs-vswitchd').stop();
  await host.daemon('ovsdb-server').stop();
  await waitFor('the server to give it up', async () => !(await record(1)).alive, { timeout: 60_000, interval: 200 });
  await host.startOvsdbServer();
  await host.startVswitchd();
  await waitFor('the server to have it back', async () => (await record(1)).alive, { timeout: 60_000, interval: 200 });
  await scene.expectAtRest();
});
