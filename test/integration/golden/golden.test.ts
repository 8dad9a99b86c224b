/**
 * Golden tests: the recorded scenarios are played to our agent on a real Open vSwitch, once as host1 and once as host2; after
 * each, flows, bridges, tunnel ports and VIFs are those that the reference left there, but for the differences listed in
 * `differences.ts`; and what our agent asked of the server looks like what the reference asked.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { type AgentRig, rigForAll, waitFor } from '../agent/rig.ts';
import type { HostName } from './recording.ts';
import { Replay } from './replay.ts';
import { recordedRequests, shapeOf } from './requests.ts';
import { PORTS, SCENARIOS } from './scenarios.ts';
import { type Snapshot, Snapshots } from './snapshot.ts';

const VTEPS = ['172.30.0.11', '172.30.0.12', '172.30.0.13'];

let rig: AgentRig;
const snapshots = new Snapshots();

rigForAll(
  (up) => {
    rig = up;
  },
  { hosts: 2 },
);

describe.each(['host1', 'host2'] as const)('as %s', (host) => {
  let replay: Replay;

  beforeAll(async () => {
    rig.useHost(Number(host.slice(-1)));
    await rig.reset();
    for (const type of ['vxlan', 'gre']) {
      rig.server.endpoints.set(type, new Set(VTEPS.filter((vtep) => vtep !== rig.host.vtep.ipv4)));
    }
    for (const port of Object.values(PORTS)) rig.server.ports.set(port.id, port);
    replay = new Replay(rig, host);
    await rig.start();
  });

  it('03-networks-and-ports-created', async () => {
    await compare('03-networks-and-ports-created', host);
  });

  it.each(SCENARIOS)('$name', async (scenario) => {
    await replay.play(scenario);
    await compare(scenario.name, host);
  });

  it('no message was bad to the agent', () => {
    expect(rig.problems()).toEqual([]);
  });

  it('consumes eight queues', async () => {
    expect((await rig.agentQueues('consumed')).map((name) => name.replace(/[0-9a-f]{32}$/, 'HEX'))).toEqual([
      'q-agent-notifier-binding-activate_fanout_HEX',
      `q-agent-notifier-l2population-update.${host}`,
      ...['l2population-update', 'port-delete', 'port-update', 'tunnel-delete', 'tunnel-update'].map(
        (topic) => `q-agent-notifier-${topic}_fanout_HEX`,
      ),
      'reply_HEX',
    ]);
  });

  it('asks what the reference asks, in the same shapes and versions', () => {
    const recorded = recordedRequests();
    const methods = new Set(rig.server.calls.map(({ method }) => method));
    expect([...methods].sort()).toEqual([
      'bulk_pull',
      'has_alive_neutron_server',
      'report_state',
      'tunnel_sync',
      'update_device_list',
    ]);
    for (const { topic, method, version, args } of rig.server.calls) {
      const shapes = recorded.filter((one) => one.method === method).map((one) => JSON.stringify(one));
      expect(shapes).toContain(JSON.stringify({ topic, method, version, shape: shapeOf(args) }));
    }
  });
});

it('every difference on the list is still there', () => {
  expect(snapshots.unseen).toEqual([]);
});

async function compare(scenario: string, host: HostName): Promise<void> {
  const expected = snapshots.recorded(scenario, host);
  let actual: Snapshot | undefined;
  const matches = async () => {
    actual = await snapshots.taken(rig.host);
    return JSON.stringify(actual) === JSON.stringify(expected);
  };
  // What differs says more than that a deadline has passed.
  await waitFor(scenario, matches, { timeout: 10_000, interval: 50 }).catch(() => undefined);
  expect(actual).toEqual(expected);
}
