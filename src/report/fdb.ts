/** The FDB of the networks that have a VIF here: every claim, and which of them is rendered. */
import type { FdbQuery } from '../control/api.ts';
import type { NetworkFdb } from '../l2pop/fdb.ts';
import type { LocalNetwork, State } from '../state.ts';
import type { IpAddress, MacAddress } from '../values.ts';
import { isProblem, selectNetwork } from './select.ts';
import { timestamp } from './time.ts';
import type { FdbEntryReport, FdbNetworkReport, FdbReport, QueryProblem, Timestamp } from './types.ts';

export function fdbReport(state: State, query: FdbQuery, now: number): FdbReport | QueryProblem {
  const all = [...state.networks.values()].sort((a, b) => a.vlan - b.vlan);
  const wanted =
    query.network === undefined
      ? undefined
      : selectNetwork(
          query.network,
          all.map(({ id }) => id),
        );
  if (wanted !== undefined && isProblem(wanted)) return wanted;
  const networks = all
    .filter(({ id }) => wanted === undefined || id === wanted)
    .map((network) => networkReport(state, network, query.mac))
    .filter(({ entries }) => query.mac === undefined || entries.length > 0);
  return { at: timestamp(now), networks };
}

function networkReport(state: State, network: LocalNetwork, only: MacAddress | undefined): FdbNetworkReport {
  const { id, segment, vlan, key } = network;
  const fdb = state.fdb.get(key);
  return {
    id,
    type: segment.type,
    segmentationId: segment.segmentationId,
    vlan,
    ...(fdb === undefined ? { flooding: [], entries: [] } : claims(fdb, only)),
  };
}

interface Draft {
  readonly vtep: IpAddress;
  readonly mac: MacAddress;
  located: boolean;
  assertedAt: Timestamp | null;
  readonly ips: FdbEntryReport['ips'][number][];
}

function claims(fdb: NetworkFdb, only: MacAddress | undefined): Pick<FdbNetworkReport, 'flooding' | 'entries'> {
  const flooding: FdbNetworkReport['flooding'][number][] = [];
  const drafts = new Map<string, Draft>();
  for (const { vtep, mac, ip, stamp } of fdb.claims()) {
    // What was read back from the switch dates from before all time.
    const assertedAt = stamp.at === 0 ? null : timestamp(stamp.at);
    if (mac === undefined) {
      flooding.push({ vtep, assertedAt });
      continue;
    }
    if (only !== undefined && mac !== only) continue;
    const draft = drafts.getOrInsertComputed(`${mac} ${vtep}`, () => ({
      vtep,
      mac,
      located: false,
      assertedAt,
      ips: [],
    }));
    if (ip === undefined) Object.assign(draft, { located: true, assertedAt });
    else {
      const owner = fdb.ownerOf(ip);
      draft.ips.push({ ip, rendered: owner?.mac === mac && owner.vtep === vtep, assertedAt });
    }
  }
  const entries = [...drafts.values()].map((draft) => ({
    ...draft,
    rendered: draft.located && fdb.vtepOf(draft.mac) === draft.vtep,
  }));
  return { flooding, entries: entries.sort((a, b) => compare(a.mac, b.mac) || compare(a.vtep, b.vtep)) };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
