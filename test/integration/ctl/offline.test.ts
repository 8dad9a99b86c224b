/** `l2popctl flows --offline` beside a real Open vSwitch and no daemon at all. */
import { resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Host } from '../../../lab/host.ts';
import { RunDirectory } from '../../../lab/run-directory.ts';
import { Underlay } from '../../../lab/underlay.ts';
import * as brInt from '../../../src/flows/br-int.ts';
import * as brTun from '../../../src/flows/br-tun.ts';
import { addLine, type Flow } from '../../../src/flows/flow.ts';
import type { FlowReport, FlowsReport } from '../../../src/report/types.ts';
import type { IpAddress, LocalVlan, MacAddress, Ofport, SegmentationId } from '../../../src/values.ts';

const PROGRAM = resolve(import.meta.dirname, '../../../bin/l2popctl');
const NETWORK = '1a2b3c4d-0000-4000-8000-000000000001';
const VTEP = '172.30.0.12' as IpAddress;
const VLAN = 3 as LocalVlan;
const SEGMENT = 7419 as SegmentationId;
const MAC = 'fa:16:3e:00:00:12' as MacAddress;
const LEARNED_MAC = 'fa:16:3e:00:00:99';

const run = RunDirectory.createForTest();
let host: Host;

beforeAll(async () => {
  host = await Host.up(run, await Underlay.create(run), 1);
  const bridges = ['br-int', 'br-tun'].flatMap((bridge) => [
    ...['--', 'add-br', bridge, '--', 'set', 'Bridge', bridge, 'datapath_type=netdev', 'fail_mode=secure'],
  ]);
  const ports = [
    ['br-int', 'patch-tun', 'type=patch', 'options:peer=patch-int'],
    ['br-tun', 'patch-int', 'type=patch', 'options:peer=patch-tun'],
    ['br-tun', 'vxlan-ac1e000c', 'type=vxlan', `options:remote_ip=${VTEP}`, 'options:key=flow'],
    ['br-int', 'vm', 'type=internal', 'external_ids:iface-id=0a000000-0000-4000-8000-000000000001'],
  ].flatMap(([bridge = '', name = '', ...columns]) => [
    '--',
    'add-port',
    bridge,
    name,
    '--',
    'set',
    'Interface',
    name,
    ...columns,
  ]);
  const record = ['--', 'set', 'Port', 'vm', `tag=${VLAN}`, `other_config:net_uuid=${NETWORK}`];
  await host.vsctl(...bridges, ...ports, ...record);
  const patch = await ofport('patch-int');
  const egress = brTun.portEgress(VTEP, await ofport('vxlan-ac1e000c'));
  await program('br-int', [...brInt.structuralFlows(), brInt.deadVifFlow(await ofport('vm'))]);
  await program('br-tun', [
    ...brTun.structuralFlows(patch, true),
    brTun.tunnelInFlow('vxlan', VTEP, await ofport('vxlan-ac1e000c')),
    brTun.segmentFlow('vxlan', SEGMENT, VLAN),
    brTun.unicastFlow(VLAN, SEGMENT, MAC, egress),
    { table: 40, priority: 7, match: '', actions: 'drop', cookie: '0xbeef' },
  ]);
  const packet = `in_port=${egress.order},tun_id=${SEGMENT},dl_src=${LEARNED_MAC},dl_dst=fa:16:3e:00:00:01`;
  await host.exec(['ovs-appctl', 'ofproto/trace', 'br-tun', packet, '-generate']);
});

afterAll(async () => {
  await run.remove();
});

async function ofport(name: string): Promise<Ofport> {
  return Number(
    await host.vsctl('wait-until', 'Interface', name, 'ofport>0', '--', 'get', 'Interface', name, 'ofport'),
  ) as Ofport;
}

async function program(bridge: string, flows: readonly (Flow | undefined)[]): Promise<void> {
  const lines = flows.filter((flow) => flow !== undefined).map(addLine);
  const target = `unix:${host.path}/${bridge}.mgmt`;
  await host.exec(['ovs-ofctl', '-O', 'OpenFlow14', '--bundle', 'add-flows', target, '-'], { input: lines.join('\n') });
}

async function offline(...args: string[]): Promise<FlowReport[]> {
  const report = JSON.parse(await host.exec([PROGRAM, 'flows', '--offline', '--json', ...args])) as FlowsReport;
  return [...report.flows];
}

test('networks by what the ports record, VTEPs by the tunnel ports, and nothing judged', async () => {
  const flows = await offline('--table', 'ucast_to_tun');
  expect(flows).toMatchObject([
    {
      ...{
        table: 20,
        priority: 2,
        kind: 'unicast',
        network: NETWORK,
        vtep: VTEP,
        mac: MAC,
        owner: 'ours',
        state: null,
      },
      packets: 0,
    },
    { table: 20, priority: 1, kind: 'learned', network: NETWORK, vtep: VTEP, mac: LEARNED_MAC, hardTimeout: 300 },
    { table: 20, priority: 0, kind: 'structural', network: null },
  ]);
});

test('every flow has its word, strangers too; the counters are the switch’s', async () => {
  const flows = await offline();
  expect(flows.filter(({ purpose }) => purpose.includes('not known'))).toEqual([]);
  expect(flows.filter(({ owner }) => owner === 'foreign')).toMatchObject([
    { table: 40, tableName: '40', kind: 'foreign' },
  ]);
  expect(await offline('--network', NETWORK.slice(0, 4))).toMatchObject([
    { kind: 'vlan' },
    { kind: 'unicast' },
    { kind: 'learned' },
  ]);
  expect(await offline('--mac', LEARNED_MAC.toUpperCase())).toHaveLength(1);
});

test('br-int', async () => {
  const flows = await offline('--bridge', 'br-int');
  expect(flows.map(({ purpose }) => purpose)).toContain(
    'drop: from VIF 0a000000-0000-4000-8000-000000000001, which is dead',
  );
  expect(flows.filter(({ purpose }) => purpose.includes('not known'))).toEqual([]);
});

test('a bridge or a network that is not there is status 1', async () => {
  for (const [args, sentence] of [
    [['--bridge', 'br-ex'], "bridge 'br-ex' is neither br-tun nor br-int"],
    [['--network', 'ff'], "no network with a VIF here has an id that begins with 'ff'"],
  ] as const) {
    const { exitCode, stderr } = await host.tryExec([PROGRAM, 'flows', '--offline', ...args]);
    expect({ exitCode, stderr: stderr.trim() }).toEqual({ exitCode: 1, stderr: `l2popctl: ${sentence}` });
  }
});

test('text', async () => {
  const text = await host.exec([PROGRAM, 'flows', '--offline']);
  expect(text).toMatch(
    new RegExp(
      `^20 UCAST_TO_TUN +2 +0 +${NETWORK} +${VTEP} +unicast: ${MAC} of network ${NETWORK} is behind ${VTEP} `,
      'm',
    ),
  );
});
