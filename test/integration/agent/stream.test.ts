/** `rabbit_stream_fanout`: the stored offset says where to go on, after a stop and after a kill; the server is asked for nothing. */
import { expect, it } from 'vitest';
import { L2POPULATION_TOPIC } from '../../../src/neutron/topics.ts';
import { portOn } from './port-object.ts';
import { type AgentRig, rigForAll, waitFor } from './rig.ts';

const REMOTE = '172.30.0.99';
const entry = (n: number): [string, string] => [`fa:16:3e:99:00:0${n}`, `10.0.0.${n}`];
const settings = {
  oslo_messaging_rabbit: {
    rabbit_quorum_queue: 'true',
    rabbit_transient_quorum_queue: 'true',
    rabbit_stream_fanout: 'true',
    rabbit_qos_prefetch_count: '100',
  },
};

let rig: AgentRig;

rigForAll((up) => {
  rig = up;
});

it.each(['stop', 'kill'] as const)('after %s: what was sent meanwhile is read, nothing is asked for', async (how) => {
  await rig.reset();
  const port = portOn(rig.host.name);
  rig.server.onUpdate = async ({ up }) => {
    if (up.includes(port.id)) await rig.server.fdb('add', port, { [REMOTE]: ['flood', entry(1)] }, rig.host.name);
  };
  await rig.start(settings);
  await rig.wire(port);
  // The server's word is whole: what is said from here on is news.
  await rig.settled();
  await rig.server.fdb('add', port, { [REMOTE]: [entry(2)] });
  await waitFor('both entries', async () => (await rig.table(20)).length === 2);
  await rig.settled();
  await (how === 'stop' ? rig.agent.stop() : rig.agent.kill());
  rig.server.calls.length = 0;
  await rig.server.fdb('add', port, { [REMOTE]: [entry(3)] });
  await rig.server.fdb('remove', port, { [REMOTE]: [entry(1)] });
  rig.forgetLog();
  await rig.agent.start({ ...settings, agent: { report_interval: '2' } });
  await rig.ready();
  const macs = async () => (await rig.table(20)).map((flow) => /dl_dst=([0-9a-f:]+)/.exec(flow)?.[1]).sort();
  await waitFor('what was sent', async () => (await macs()).join() === [entry(2)[0], entry(3)[0]].join());
  await rig.settled();
  expect(rig.server.updates).toEqual([]);
  // Of streams of which no message has ever been read there is no offset.
  const lost = rig.log().filter(({ msg }) => msg.includes('lost'));
  expect(lost.flatMap(({ topics }) => topics)).not.toContain(L2POPULATION_TOPIC);
});
