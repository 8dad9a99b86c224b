/** The state and the vitals in one page: is it connected, is it complete, what is it waiting for. */
import type { FlowLedger } from '../flows/ledger.ts';
import type { State } from '../state.ts';
import { journalStatus } from './journal.ts';
import { networkSyncReports, syncCounts } from './sync.ts';
import { timestamp, timestampOrNull } from './time.ts';
import { allTunnelKeys } from './tunnels.ts';
import type { BlockedReport, Counts, StatusReport, SwitchReport } from './types.ts';
import type { Vitals } from './vitals.ts';

/** `now`: milliseconds since the epoch. */
export function statusReport(state: State, vitals: Vitals, now: number): StatusReport {
  const { broker, report, batches } = vitals;
  return {
    version: vitals.version,
    host: state.config.host,
    pid: vitals.pid,
    at: timestamp(now),
    since: timestamp(vitals.startedAt),
    uptimeSeconds: Math.max(0, Math.floor((now - vitals.startedAt) / 1000)),
    links: {
      broker: {
        up: broker.up,
        name: broker.name ?? null,
        since: timestampOrNull(broker.since),
        reason: broker.reason ?? null,
      },
      server: {
        registered: report !== undefined,
        lastVerdict: report?.verdict ?? null,
        lastReportAt: timestampOrNull(report?.at),
      },
      ovsdb: { connected: state.connected, since: timestampOrNull(vitals.ovsdbSince) },
    },
    switch: switchReport(state, vitals),
    counts: counts(state),
    journal: journalStatus(vitals.journal),
    batches: {
      total: batches.total,
      lastMs: batches.lastMs ?? null,
      lastLatencyMs: batches.lastLatencyMs ?? null,
    },
    counters: vitals.counters,
    blocked: blockedReports(state),
    sync: networkSyncReports(state, now),
    failures: vitals.failures.map((failure) => ({ ...failure, at: timestamp(failure.at) })),
    refused: vitals.refused.map((refused) => ({ ...refused, at: timestamp(refused.at) })),
  };
}

/** What waits for something else before it can be programmed (DESIGN, rule 2). */
export function blockedReports(state: State): BlockedReport[] {
  return [...state.blocked].map(([subject, waitsFor]) => ({ subject, waitsFor }));
}

function switchReport(state: State, vitals: Vitals): SwitchReport {
  const { view, config } = state;
  const { lastCompare } = vitals;
  return {
    ovsVersion: view.root?.ovsVersion ?? null,
    restoring: view.root?.restoring ?? false,
    bridges: [config.ovs.integrationBridge, config.ovs.tunnelBridge].map((name) => ({
      name,
      there: view.bridge(name) !== undefined,
    })),
    compared: state.compared,
    passed: state.passed,
    waitsFor: vitals.waitsFor ?? null,
    problem: vitals.switchProblem ?? null,
    monitors: vitals.monitors.map((monitor) => ({ ...monitor, since: timestamp(monitor.since) })),
    lastCompare: lastCompare === undefined ? null : { ...lastCompare, at: timestamp(lastCompare.at) },
  };
}

function counts(state: State): Counts {
  const { ovs } = state.config;
  const vifs = { wired: 0, dead: 0, awaited: 0 };
  for (const vif of state.vifs.values()) vifs[vif.facts === 'pending' ? 'awaited' : vif.wiring.kind]++;
  const wanted = allTunnelKeys(state).filter((key) => state.isTunnelWanted(key));
  return {
    vifs,
    networks: state.networks.size,
    sync: syncCounts(state),
    tunnels: {
      wanted: wanted.length,
      withOfport: wanted.filter((key) => state.view.tunnel(key)?.interface.ofport !== undefined).length,
    },
    fdb: state.fdb.sizes(),
    flows: { [ovs.integrationBridge]: flowCounts(state.int), [ovs.tunnelBridge]: flowCounts(state.tun) },
    blocked: state.blocked.size,
  };
}

function flowCounts(ledger: FlowLedger): Counts['flows'][string] {
  return { wanted: ledger.size, actual: ledger.actual().length, foreign: ledger.foreign().length };
}
