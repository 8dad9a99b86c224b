/** A control server with answers made up, on a socket in a directory of its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { ControlHandlers } from '../../../src/control/api.ts';
import { ControlServer } from '../../../src/control/server.ts';
import type { FlowReport, FlowsReport, JournalReport, StatusReport } from '../../../src/report/types.ts';

export const AT = '2025-01-01T00:00:00.000Z';
export const NETWORK = '1a2b3c4d-0000-4000-8000-000000000001';

export const STATUS: StatusReport = {
  ...{ version: '0.1.0', host: 'cmp1', pid: 42, at: AT, since: AT, uptimeSeconds: 0 },
  links: {
    broker: { up: false, name: null, since: AT, reason: 'connection refused' },
    server: { registered: false, lastVerdict: null, lastReportAt: null },
    ovsdb: { connected: true, since: AT },
  },
  switch: {
    ...{ ovsVersion: '3.1.0', restoring: false, compared: true, passed: true, waitsFor: null, lastCompare: null },
    problem: null,
    monitors: [{ bridge: 'br-int', up: true, since: AT }],
    bridges: [{ name: 'br-int', there: true }],
  },
  counts: {
    vifs: { wired: 1, dead: 0, awaited: 0 },
    networks: 1,
    sync: { unsynced: 0, asked: 1, synced: 0, suspects: 2, since: AT },
    tunnels: { wanted: 1, withOfport: 1 },
    fdb: { local: 1, elsewhere: 0 },
    flows: { 'br-tun': { wanted: 17, actual: 17, foreign: 0 } },
    blocked: 0,
  },
  journal: {
    ...{ path: '/var/lib/neutron/l2pop-agent.db', since: AT, reason: null },
    counts: { pending: 1, processing: 0, completed: 0, failed: 0 },
  },
  batches: { total: 3, lastMs: 18, lastLatencyMs: null },
  ...{ counters: {}, blocked: [], sync: [], failures: [], refused: [] },
};

export const FLOW: FlowReport = {
  ...{ bridge: 'br-tun', table: 20, tableName: 'UCAST_TO_TUN', priority: 2 },
  match: 'dl_vlan=1,dl_dst=fa:16:3e:00:00:12',
  actions: 'pop_vlan,set_field:0x1cfb->tun_id,output:2',
  cookie: '0x6c324001ac1e000c',
  ...{ kind: 'unicast', vlan: 1, network: NETWORK, vtep: '172.30.0.12', mac: 'fa:16:3e:00:00:12' },
  purpose: `unicast: fa:16:3e:00:00:12 of network ${NETWORK} is behind 172.30.0.12`,
  ...{ owner: 'ours', state: 'in place', wanted: null, hardTimeout: null, packets: 12, bytes: 1176 },
};

export const JOURNAL: JournalReport = {
  at: AT,
  ...STATUS.journal,
  entries: [
    {
      ...{ id: 7, key: `mac ${NETWORK} vxlan 7419 fa:16:3e:00:00:12`, kind: 'mac', network: NETWORK, state: 'pending' },
      ...{ blockedOn: 'ofport of tunnel vxlan 172.30.0.12', attempts: 0, notBefore: null, lastError: null },
      ...{ origin: null, createdAt: AT, updatedAt: AT },
    },
  ],
};

export function flowsReport(more: Partial<FlowsReport>): FlowsReport {
  return { at: AT, view: 'actual', flows: [FLOW], blocked: [], ...more };
}

export const HANDLERS: ControlHandlers = {
  status: () => STATUS,
  networks: () => ({ at: AT, networks: [], unwired: [] }),
  tunnels: () => ({ at: AT, localIp: '172.30.0.11', tunnels: [] }),
  fdb: (query) => (query.network === 'ffff' ? { problem: "no network begins with 'ffff'" } : { at: AT, networks: [] }),
  flows: (query) => Promise.resolve(flowsReport({ view: query.view, flows: query.view === 'diff' ? [] : [FLOW] })),
  journal: ({ limit }) => ({ ...JOURNAL, entries: JOURNAL.entries.slice(0, limit) }),
  compare: () => Promise.resolve({ at: AT, drift: { adds: 1, deletes: 0, foreign: 0 } }),
  resync: ({ vtep }) =>
    vtep === undefined
      ? {
          ...{ at: AT, confirmSeconds: 60 },
          networks: [{ id: NETWORK, type: 'vxlan', segmentationId: 7419, outcome: 'queued' }],
        }
      : { problem: `no network with a VIF here has entries of VTEP ${vtep}` },
};

export class ControlRig {
  readonly directory = mkdtempSync(join(tmpdir(), 'l2pop-control-'));
  readonly #servers: ControlServer[] = [];

  path(name = 'control.sock'): string {
    return join(this.directory, name);
  }

  server(more: Partial<ControlHandlers> = {}, path = this.path()): ControlServer {
    const handlers = { ...HANDLERS, ...more };
    const server = new ControlServer({ path, handlers, log: pino({ level: 'silent' }) });
    this.#servers.push(server);
    return server;
  }

  /** Listening. @returns the socket's path. */
  async listen(more: Partial<ControlHandlers> = {}, path = this.path()): Promise<string> {
    await this.server(more, path).listen();
    return path;
  }

  async remove(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.close()));
    rmSync(this.directory, { recursive: true, force: true });
  }
}
