/** How much of the server's word there is, by network and in all; which networks somebody means who wants it asked for. */
import { isAskable } from '../duties.ts';
import type { LocalNetwork, State } from '../state.ts';
import type { IpAddress } from '../values.ts';
import { isProblem, selectNetwork } from './select.ts';
import { timestamp, timestampOrNull } from './time.ts';
import type { NetworkSyncReport, QueryProblem, ResyncReport, SyncCounts, SyncReport } from './types.ts';

export function syncReport({ sync }: LocalNetwork, now: number): SyncReport {
  return {
    status: sync.status,
    since: timestamp(sync.since),
    suspects: sync.suspects,
    confirmAt: timestampOrNull(sync.confirmAt),
    nextAt: timestampOrNull(sync.status === 'asked' ? undefined : sync.nextAt(now)),
    snapshotAt: timestampOrNull(sync.snapshotAt),
  };
}

export function networkSyncReports(state: State, now: number): NetworkSyncReport[] {
  return [...state.networks.values()].map((network) => ({
    network: network.id,
    type: network.segment.type,
    segmentationId: network.segment.segmentationId,
    ...syncReport(network, now),
  }));
}

export function syncCounts(state: State): SyncCounts {
  const counts = { unsynced: 0, asked: 0, synced: 0, suspects: 0 };
  let oldest: number | undefined;
  for (const { sync } of state.networks.values()) {
    counts[sync.status]++;
    counts.suspects += sync.suspects;
    if (sync.status !== 'synced') oldest = Math.min(oldest ?? sync.since, sync.since);
  }
  return { ...counts, since: timestampOrNull(oldest) };
}

/** All networks here; one, with all its segments; or those in which a VTEP has entries. */
export function selectForResync(
  state: State,
  { network, vtep }: { readonly network: string | undefined; readonly vtep: IpAddress | undefined },
): LocalNetwork[] | QueryProblem {
  if (!state.config.agent.l2Population) return { problem: 'l2_population is off: there is no FDB to ask for' };
  const networks = [...state.networks.values()];
  if (network !== undefined) {
    const wanted = selectNetwork(
      network,
      networks.map(({ id }) => id),
    );
    return isProblem(wanted) ? wanted : networks.filter(({ id }) => id === wanted);
  }
  if (vtep === undefined) return networks;
  const found = networks.filter(({ key }) => state.fdb.get(key)?.hasVtep(vtep) === true);
  return found.length > 0 ? found : { problem: `no network with a VIF here has entries of VTEP ${vtep}` };
}

/** What becomes of each of them when it is wanted now. */
export function resyncReport(state: State, networks: readonly LocalNetwork[], now: number): ResyncReport {
  return {
    at: timestamp(now),
    confirmSeconds: state.config.own.snapshotConfirm,
    networks: networks.map(({ id, segment, vifs, sync }) => ({
      id,
      type: segment.type,
      segmentationId: segment.segmentationId,
      outcome: ![...vifs].some((port) => isAskable(state, port))
        ? 'no ACTIVE port'
        : sync.isInFlight(now)
          ? 'under way'
          : 'queued',
    })),
  };
}
