/** `l2popctl flows --offline`: the flows explained from the switch alone, when the daemon is away. */
import type { FlowsQuery } from '../control/api.ts';
import type { DumpedFlow } from '../flows/flow.ts';
import { type BridgeFlows, reportFlows, selectBridges } from '../report/flows.ts';
import { resolverFromView } from '../report/resolver.ts';
import { isProblem } from '../report/select.ts';
import type { FlowsReport, QueryProblem } from '../report/types.ts';
import type { SwitchView } from '../vswitch/switch-view.ts';
import type { CtlSettings } from './settings.ts';

/** Reads the switch; both functions may reject. */
export interface OfflineSwitch {
  /** Everything that the daemon would have read from OVSDB. */
  view(): Promise<SwitchView>;
  /** All flows of a bridge, with counters. */
  dump(bridge: string): Promise<readonly DumpedFlow[]>;
}

/** What the switch has; what it should have nobody knows here, so nothing is judged. `now`: milliseconds since the epoch. */
export async function offlineFlows(
  query: FlowsQuery,
  settings: Pick<CtlSettings, 'integrationBridge' | 'tunnelBridge' | 'tunPeerPatchPort'>,
  source: OfflineSwitch,
  now: number,
): Promise<FlowsReport | QueryProblem> {
  const asked = { ...query, view: 'actual' as const };
  const selected = selectBridges(asked, settings);
  if (isProblem(selected)) return selected;
  const view = await source.view();
  const patch = view.patch(settings.tunPeerPatchPort)?.interface.ofport;
  const bridges: BridgeFlows[] = [];
  for (const { name, pipeline } of selected) {
    bridges.push({ name, pipeline, patch, dump: await source.dump(name), wanted: undefined });
  }
  return reportFlows(bridges, asked, { resolver: resolverFromView(view), blocked: [], at: now });
}
