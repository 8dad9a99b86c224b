import { expect, test } from 'vitest';
import { memorySource } from '../../../src/report/journal.ts';
import { networksReport } from '../../../src/report/networks.ts';
import { statusReport } from '../../../src/report/status.ts';
import { tunnelsReport } from '../../../src/report/tunnels.ts';
import type { Vitals } from '../../../src/report/vitals.ts';
import { busyHost, DEAD_VIF, FLOODING, NETWORK, NOW, OTHER_NETWORK, port, SECOND_VIF, VIF, World } from './world.ts';

const AT = '2025-01-01T00:00:01.000Z';

const QUIET: Vitals = {
  version: '1.2.3',
  pid: 42,
  startedAt: NOW,
  broker: { up: false, name: undefined, since: undefined, reason: undefined },
  report: undefined,
  ovsdbSince: undefined,
  lastCompare: undefined,
  waitsFor: undefined,
  monitors: [],
  switchProblem: undefined,
  journal: { path: undefined, since: NOW, reason: 'no room', source: memorySource([]) },
  batches: { total: 0, lastMs: undefined, lastLatencyMs: undefined },
  counters: {},
  failures: [],
  refused: [],
};

test('an agent that has just started knows nothing, and says so with null', () => {
  const report = statusReport(new World().state, QUIET, NOW + 90_500);
  expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  expect(report).toMatchObject({
    ...{ version: '1.2.3', host: 'cmp1', pid: 42 },
    ...{ since: '2025-01-01T00:00:00.000Z', at: '2025-01-01T00:01:30.500Z', uptimeSeconds: 90 },
    links: {
      broker: { up: false, name: null, since: null, reason: null },
      server: { registered: false, lastVerdict: null, lastReportAt: null },
      ovsdb: { connected: false, since: null },
    },
    switch: {
      ...{ ovsVersion: null, restoring: false, compared: false, passed: false, lastCompare: null, waitsFor: null },
      ...{ problem: null, monitors: [] },
      bridges: [
        { name: 'br-int', there: false },
        { name: 'br-tun', there: false },
      ],
    },
    journal: {
      ...{ path: null, since: '2025-01-01T00:00:00.000Z', reason: 'no room' },
      counts: { pending: 0, processing: 0, completed: 0, failed: 0 },
    },
    batches: { total: 0, lastMs: null, lastLatencyMs: null },
  });
});

test('a busy agent: links, counts, what is blocked, what failed', () => {
  const world = busyHost();
  world.settle();
  const vitals: Vitals = {
    ...QUIET,
    broker: { up: true, name: '127.0.0.1:5672', since: NOW, reason: undefined },
    report: { at: NOW, verdict: 'alive' },
    ovsdbSince: NOW,
    lastCompare: { at: NOW, drift: { adds: 3, deletes: 1, foreign: 2 } },
    monitors: [
      { bridge: 'br-int', up: true, since: NOW },
      { bridge: 'br-tun', up: false, since: NOW },
    ],
    switchProblem: 'connection refused',
    batches: { total: 7, lastMs: 18, lastLatencyMs: 25 },
    counters: { deliveries: 4 },
    refused: [{ at: NOW, bridge: 'br-tun', line: 'add x', reason: 'bad' }],
    failures: [{ at: NOW, what: 'tunnel port made', reason: 'no' }],
  };
  const report = statusReport(world.state, vitals, world.now);
  expect(report.sync).toHaveLength(world.state.networks.size);
  expect(report.sync[0]).toMatchObject({ type: 'vxlan', status: 'unsynced', since: expect.any(String) });
  expect(report.links).toEqual({
    broker: { up: true, name: '127.0.0.1:5672', since: '2025-01-01T00:00:00.000Z', reason: null },
    server: { registered: true, lastVerdict: 'alive', lastReportAt: '2025-01-01T00:00:00.000Z' },
    ovsdb: { connected: true, since: '2025-01-01T00:00:00.000Z' },
  });
  expect(report.switch).toEqual({
    ...{ ovsVersion: '3.1.0', restoring: false, compared: true, passed: true, waitsFor: null },
    problem: 'connection refused',
    monitors: [
      { bridge: 'br-int', up: true, since: '2025-01-01T00:00:00.000Z' },
      { bridge: 'br-tun', up: false, since: '2025-01-01T00:00:00.000Z' },
    ],
    bridges: [
      { name: 'br-int', there: true },
      { name: 'br-tun', there: true },
    ],
    lastCompare: { at: '2025-01-01T00:00:00.000Z', drift: { adds: 3, deletes: 1, foreign: 2 } },
  });
  expect(report.counts).toMatchObject({
    vifs: { wired: 2, dead: 1, awaited: 0 },
    networks: 1,
    sync: { unsynced: 1, asked: 0, synced: 0, suspects: 0, since: '2025-01-01T00:00:00.000Z' },
    tunnels: { wanted: 2, withOfport: 1 },
    fdb: { local: 2, elsewhere: 0 },
    blocked: 3,
  });
  const { flows } = report.counts;
  expect(flows['br-tun']).toEqual({ wanted: world.state.tun.size, actual: world.state.tun.size, foreign: 0 });
  expect(flows['br-int']).toMatchObject({ foreign: 0 });
  expect(flows['br-tun']?.wanted).toBeGreaterThan(12);
  expect(report.blocked).toContainEqual({
    subject: 'tunnel vxlan 172.30.0.13',
    waitsFor: 'ofport of tunnel vxlan 172.30.0.13',
  });
  expect(report.refused).toEqual([{ at: '2025-01-01T00:00:00.000Z', bridge: 'br-tun', line: 'add x', reason: 'bad' }]);
  expect(report.failures).toEqual([{ at: '2025-01-01T00:00:00.000Z', what: 'tunnel port made', reason: 'no' }]);
  expect(report.counters).toEqual({ deliveries: 4 });
});

test('a VIF whose facts are awaited is neither wired nor dead', () => {
  const world = new World();
  world.connect();
  world.vif(VIF, 6);
  expect(statusReport(world.state, QUIET, NOW).counts.vifs).toEqual({ wired: 0, dead: 0, awaited: 1 });
});

test('networks: their VIFs and VTEPs; the dead VIF apart, with its reason', () => {
  const world = busyHost();
  const report = networksReport(world.state, world.now);
  expect(report).toEqual({
    at: AT,
    networks: [
      {
        ...{ id: NETWORK, type: 'vxlan', segmentationId: 7419, vlan: 1, macs: 2 },
        vifs: [
          { port: VIF, name: 'tap0a0000006', ofport: 6, wiring: 'wired', reason: null, mac: null, status: 'ACTIVE' },
          {
            port: SECOND_VIF,
            name: 'tap0a0000007',
            ofport: 7,
            wiring: 'wired',
            reason: null,
            mac: null,
            status: 'BUILD',
          },
        ],
        vteps: [
          { ip: '172.30.0.12', ofport: 2 },
          { ip: '172.30.0.13', ofport: null },
        ],
        sync: {
          ...{ status: 'unsynced', since: '2025-01-01T00:00:00.000Z', suspects: 0 },
          ...{ confirmAt: null, nextAt: null, snapshotAt: null },
        },
      },
    ],
    unwired: [
      {
        ...{ port: DEAD_VIF, name: 'tap0a0000008', ofport: 8, wiring: 'dead', mac: null, status: 'DOWN' },
        reason: 'the port is administratively down',
      },
    ],
  });
});

test('networks: the server that does not know a port, or has not been heard', () => {
  const world = new World();
  world.connect();
  world.vif(VIF, 6);
  world.vif(SECOND_VIF, 7);
  world.apply({ kind: 'notification', notification: { kind: 'port-delete', port: SECOND_VIF } });
  const { networks, unwired } = networksReport(world.state, NOW);
  expect(networks).toEqual([]);
  expect(unwired.map(({ port: id, status }) => [id, status])).toEqual([
    [VIF, 'awaited'],
    [SECOND_VIF, 'absent'],
  ]);
});

test('tunnels: ours, to be adopted, foreign, and wanted without a port', () => {
  const world = busyHost();
  world.tunnel('172.30.0.9', { ofport: 4, ours: false });
  world.tunnel('172.30.0.14', { ofport: 5, ours: false });
  world.add(NETWORK, 7419, { '172.30.0.14': [FLOODING] });
  expect(tunnelsReport(world.state, world.now)).toEqual({
    at: AT,
    localIp: '172.30.0.11',
    tunnels: [
      tunnel({
        remoteIp: '172.30.0.9',
        port: 'vxlan-ac1e0009',
        ofport: 4,
        owner: 'foreign',
        wanted: false,
        networks: [],
      }),
      tunnel({ remoteIp: '172.30.0.12', port: 'vxlan-ac1e000c', ofport: 2, owner: 'ours' }),
      tunnel({ remoteIp: '172.30.0.13', port: null, ofport: null, owner: null }),
      tunnel({ remoteIp: '172.30.0.14', port: 'vxlan-ac1e000e', ofport: 5, owner: 'adopt' }),
    ],
  });
});

function tunnel(more: object): object {
  return { type: 'vxlan', wanted: true, networks: [NETWORK], ...more };
}

test('tunnels without l2population: the mesh of the types, used by all networks of the type', () => {
  const world = new World({ agent: '[agent]\ntunnel_types = vxlan\nl2_population = false' });
  world.connect();
  world.vif(VIF, 6);
  world.vif(SECOND_VIF, 7);
  world.facts(port(VIF), port(SECOND_VIF, { networkId: OTHER_NETWORK }));
  world.apply({
    kind: 'endpoints',
    type: 'vxlan',
    vteps: ['172.30.0.11', '172.30.0.12'] as never,
  });
  expect(tunnelsReport(world.state, NOW).tunnels).toEqual([
    tunnel({ remoteIp: '172.30.0.12', port: null, ofport: null, owner: null, networks: [NETWORK, OTHER_NETWORK] }),
  ]);
});
