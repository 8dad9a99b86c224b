/** The flows of a bridge, each explained and judged: what is there beside what should be. */
import type { FlowsQuery } from '../control/api.ts';
import * as brInt from '../flows/br-int.ts';
import * as brTun from '../flows/br-tun.ts';
import { explain } from '../flows/explain.ts';
import { type DumpedFlow, type Flow, flowKey, sameFlow } from '../flows/flow.ts';
import { type Owner, ownership } from '../flows/ownership.ts';
import { BR_INT, BR_TUN, tableName } from '../flows/tables.ts';
import type { State } from '../state.ts';
import type { Ofport } from '../values.ts';
import { type NetworkResolver, resolverFromState } from './resolver.ts';
import { isProblem, selectNetwork, tableNumber } from './select.ts';
import { blockedReports } from './status.ts';
import { timestamp } from './time.ts';
import type { BlockedReport, FlowReport, FlowState, FlowsReport, QueryProblem } from './types.ts';

const TABLES = { tun: BR_TUN, int: BR_INT };

/** One bridge, as far as it is known. */
export interface BridgeFlows {
  readonly name: string;
  readonly pipeline: keyof typeof TABLES;
  /** Ofport of the patch port on br-tun, if there is one. */
  readonly patch: Ofport | undefined;
  /** A complete dump; `undefined`: not asked for. */
  readonly dump: readonly DumpedFlow[] | undefined;
  /** `undefined`: not known, nothing is judged. */
  readonly wanted: readonly Flow[] | undefined;
}

/** The bridges of a query as it stands: br-tun if it names none, both for a diff. */
export function selectBridges(
  query: Pick<FlowsQuery, 'bridge' | 'view'>,
  names: { readonly integrationBridge: string; readonly tunnelBridge: string },
): readonly { readonly name: string; readonly pipeline: keyof typeof TABLES }[] | QueryProblem {
  const tun = { name: names.tunnelBridge, pipeline: 'tun' as const };
  const int = { name: names.integrationBridge, pipeline: 'int' as const };
  if (query.bridge === undefined) return query.view === 'diff' ? [tun, int] : [tun];
  const named = [tun, int].filter(({ name }) => name === query.bridge);
  return named.length > 0 ? named : { problem: `bridge '${query.bridge}' is neither ${tun.name} nor ${int.name}` };
}

/**
 * `dump` reads all flows of a bridge with counters; not called for the desired ones. Call this between batches: while one
 * runs, what is wanted and what is there do not belong together. Rejects as `dump` does. `now`: milliseconds since the epoch.
 */
export async function flowsReport(
  state: State,
  query: FlowsQuery,
  dump: (bridge: string) => Promise<readonly DumpedFlow[]>,
  now: () => number,
): Promise<FlowsReport | QueryProblem> {
  const { ovs } = state.config;
  const selected = selectBridges(query, ovs);
  if (isProblem(selected)) return selected;
  const patch = state.view.patch(ovs.tunPeerPatchPort)?.interface.ofport;
  const bridges: BridgeFlows[] = [];
  for (const { name, pipeline } of selected) {
    bridges.push({
      name,
      pipeline,
      patch,
      dump: query.view === 'desired' ? undefined : await dump(name),
      wanted: state[pipeline].wanted(),
    });
  }
  return reportFlows(bridges, query, { resolver: resolverFromState(state), blocked: blockedReports(state), at: now() });
}

/** The same from dumps alone or from both; pure. */
export function reportFlows(
  bridges: readonly BridgeFlows[],
  query: FlowsQuery,
  facts: { readonly resolver: NetworkResolver; readonly blocked: readonly BlockedReport[]; readonly at: number },
): FlowsReport | QueryProblem {
  const { resolver, blocked, at } = facts;
  const network = query.network === undefined ? undefined : selectNetwork(query.network, resolver.networks);
  if (network !== undefined && isProblem(network)) return network;
  const { table } = query;
  if (table !== undefined && bridges.every(({ pipeline }) => tableNumber(table, TABLES[pipeline]) === undefined)) {
    const names = bridges.flatMap(({ pipeline }) => Object.keys(TABLES[pipeline]));
    return { problem: `table '${table}' is neither a number up to 254 nor one of ${names.join(', ')}` };
  }
  const flows = bridges.flatMap((bridge) => {
    const number = table === undefined ? undefined : tableNumber(table, TABLES[bridge.pipeline]);
    if (table !== undefined && number === undefined) return [];
    return bridgeFlows(bridge, query, resolver).filter((flow) => number === undefined || flow.table === number);
  });
  const chosen = flows.filter(
    (flow) =>
      (network === undefined || flow.network === network) && (query.mac === undefined || flow.mac === query.mac),
  );
  return { at: timestamp(at), view: query.view, flows: chosen, blocked };
}

function bridgeFlows(bridge: BridgeFlows, { view }: FlowsQuery, resolver: NetworkResolver): FlowReport[] {
  const wanted = bridge.wanted && new Map(bridge.wanted.map((flow) => [flowKey(flow), flow]));
  if (view === 'desired') {
    return sorted([...(wanted?.values() ?? [])].map((flow) => flowReport(bridge, flow, 'ours', resolver, {})));
  }
  const dump = bridge.dump ?? [];
  const owner = ownerOf(bridge, dump);
  const reports = dump.map((flow) => {
    const whose = owner(flow);
    return flowReport(bridge, flow, whose, resolver, judge(flow, whose, wanted));
  });
  for (const flow of dump) wanted?.delete(flowKey(flow));
  for (const flow of wanted?.values() ?? [])
    reports.push(flowReport(bridge, flow, 'ours', resolver, { state: 'missing' }));
  const isShown = view === 'diff' ? isDifference : (flow: FlowReport) => flow.state !== 'missing';
  return sorted(reports.filter(isShown));
}

function ownerOf({ pipeline, patch }: BridgeFlows, dump: readonly DumpedFlow[]): (flow: DumpedFlow) => Owner {
  const structural = pipeline === 'int' ? brInt.structuralFlows() : brTun.structuralFlows(patch ?? (0 as Ofport), true);
  return ownership(dump, structural, TABLES[pipeline]);
}

interface Verdict {
  readonly state?: FlowState | undefined;
  readonly instead?: Flow | undefined;
}

function judge(flow: DumpedFlow, owner: Owner, wanted: ReadonlyMap<string, Flow> | undefined): Verdict {
  if (wanted === undefined) return {};
  const instead = wanted.get(flowKey(flow));
  if (instead !== undefined) return sameFlow(flow, instead) ? { state: 'in place' } : { state: 'different', instead };
  return owner === 'ours' || owner === 'predecessor' ? { state: 'unexpected' } : {};
}

function isDifference({ state }: FlowReport): boolean {
  return state !== null && state !== 'in place';
}

function flowReport(
  { name, pipeline }: BridgeFlows,
  flow: DumpedFlow,
  owner: Owner,
  resolver: NetworkResolver,
  { state, instead }: Verdict,
): FlowReport {
  const { kind, vlan, network, vtep, mac, purpose } = explain(pipeline, flow, owner, resolver);
  const { table, priority, match, actions, cookie } = flow;
  return {
    bridge: name,
    table,
    tableName: tableName(TABLES[pipeline], table),
    ...{ priority, match, actions, cookie, kind },
    vlan: vlan ?? null,
    network: network ?? null,
    vtep: vtep ?? null,
    mac: mac ?? null,
    purpose,
    owner,
    state: state ?? null,
    wanted: instead === undefined ? null : { actions: instead.actions, cookie: instead.cookie },
    hardTimeout: flow.hardTimeout ?? null,
    packets: flow.packets ?? null,
    bytes: flow.bytes ?? null,
  };
}

/** In the order in which a packet meets them. */
function sorted(flows: FlowReport[]): FlowReport[] {
  return flows.sort(
    (a, b) => a.table - b.table || b.priority - a.priority || (a.match < b.match ? -1 : a.match > b.match ? 1 : 0),
  );
}
