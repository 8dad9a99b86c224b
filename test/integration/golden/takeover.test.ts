/**
 * The switch of a predecessor: what the reference left in recording `14` is put on a real Open vSwitch, ports, flows, learned
 * flows and cookies, and our agent starts there. The tenants must not notice: no flow goes that forwards, no port changes.
 */
import { expect, it } from 'vitest';
import { FlowWatch } from '../agent/flow-watch.ts';
import { type AgentRig, rigForAll, waitFor } from '../agent/rig.ts';
import { readFlows, readMessages, readOvsdb } from './recording.ts';
import { PORTS } from './scenarios.ts';
import { Snapshots } from './snapshot.ts';

const SCENARIO = '14-agent1-restart';
const COOKIE = '0xb1e55edc0de0001';
const BRIDGES = ['br-int', 'br-tun'] as const;

let rig: AgentRig;

rigForAll(async (up) => {
  rig = up;
  await rig.host.vsctl(...BRIDGES.flatMap(addBridge), ...addPorts());
  for (const bridge of BRIDGES) {
    const lines = readFlows(SCENARIO, 'host1', bridge).map(toAddLine);
    await rig.host.exec(['ovs-ofctl', '-O', 'OpenFlow13', 'add-flows', bridge, '-'], {
      input: `${lines.join('\n')}\n`,
    });
  }
  for (const port of [PORTS.vx1, PORTS.vx1b, PORTS.gr1]) rig.server.ports.set(port.id, { ...port, status: 'ACTIVE' });
  const snapshots = readMessages(SCENARIO).filter(({ routingKey }) => routingKey.endsWith('.host1'));
  rig.server.onUpdate = async () => {
    for (const { exchange, routingKey, body } of snapshots) await rig.server.publish(exchange, routingKey, body);
  };
});

it('is taken over as it is', async () => {
  const interfaces = (await rig.interfaces()).map(({ external_ids, ...row }) => row);
  const watches = await Promise.all(BRIDGES.map((bridge) => FlowWatch.start(rig.host, bridge)));
  try {
    await rig.start();
    await waitFor('a refresh', () => rig.server.updates.length > 0);
    await rig.settled();
    for (const watch of watches) expect(await watch.harm()).toEqual([]);
  } finally {
    for (const watch of watches) watch.kill();
  }
  const snapshots = new Snapshots();
  const [ours, recorded] = [await snapshots.taken(rig.host), snapshots.recorded(SCENARIO, 'host1')];
  expect(ours).toEqual(recorded);
  expect((await rig.interfaces()).map(({ external_ids, ...row }) => row)).toEqual(interfaces);
  expect(rig.server.updates.every(({ refresh, down }) => refresh && down.length === 0)).toBe(true);
  expect(rig.problems('warn')).toEqual([]);
});

it('every flow is ours then, but what was learned', async () => {
  const flows = [...(await rig.flows('br-tun')), ...(await rig.flows('br-int'))];
  const theirs = flows.filter((line) => line.startsWith(`cookie=${COOKIE}`));
  expect(theirs).toHaveLength(
    readFlows(SCENARIO, 'host1', 'br-tun').filter((line) => line.includes(' hard_timeout=')).length,
  );
  expect(theirs.every((line) => line.includes('hard_timeout='))).toBe(true);
});

function addBridge(name: string): string[] {
  return [
    ...['--', 'add-br', name, '--', 'set', 'Bridge', name, 'datapath_type=netdev', 'fail_mode=secure'],
    'protocols=OpenFlow10,OpenFlow13,OpenFlow14',
    'other_config:mac-table-size=50000',
    // Nobody listens there any more. A bridge that loses its last controller loses its flows too.
    ...['--', 'set-controller', name, 'tcp:127.0.0.1:6633'],
  ];
}

/** With the ofports and VLANs that they had. */
function addPorts(): string[] {
  const { Port, Interface } = readOvsdb(SCENARIO, 'host1');
  return Interface.flatMap(({ name, type, ofport, options, external_ids }) => {
    const port = Port.find((one) => one.name === name);
    const bridge = name === 'patch-tun' || type === '' ? 'br-int' : 'br-tun';
    const tag = typeof port?.tag === 'number' ? [`tag=${port.tag}`] : [];
    return [
      ...['--', 'add-port', bridge, String(name), ...tag, '--', 'set', 'Interface', String(name)],
      `type=${type === '' ? 'internal' : type}`,
      `ofport_request=${ofport}`,
      ...pairs('options', options),
      ...pairs('external_ids', external_ids),
      ...(tag.length > 0 ? ['--', 'set', 'Port', String(name), ...pairs('other_config', port?.other_config)] : []),
    ];
  });
}

function pairs(column: string, map: unknown): string[] {
  return Object.entries((map ?? {}) as Record<string, string>).map(([key, value]) => `${column}:${key}="${value}"`);
}

function toAddLine(line: string): string {
  return line.replaceAll('COOKIE1', COOKIE).replace(' actions=', ',actions=');
}
