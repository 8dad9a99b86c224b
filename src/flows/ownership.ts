/**
 * Whose a flow in a dump is (DESIGN, rule 8). Ours by cookie; a predecessor's by the cookies on the structural flows of
 * our tables, which it wrote before us; anybody else's is foreign and never touched.
 */
import { parseCookie } from './cookie.ts';
import { type DumpedFlow, type Flow, flowKey } from './flow.ts';

/** `learned`: made by a learn() of ours or the predecessor's; comes and goes by itself. */
export type Owner = 'ours' | 'predecessor' | 'learned' | 'foreign';

/** @returns a classifier for the flows of this dump. `structural`: what we write there; `tables`: those that are ours. `predecessors`: their cookies as far as known; those found are added. */
export function ownership(
  dump: readonly DumpedFlow[],
  structural: readonly Flow[],
  tables: Readonly<Record<string, number>>,
  predecessors: Set<string> = new Set(),
): (flow: DumpedFlow) => Owner {
  const keys = new Set(structural.map(flowKey));
  for (const flow of dump) {
    // Cookie 0 is everybody's who gave none, so it proves nothing.
    if (keys.has(flowKey(flow)) && parseCookie(flow.cookie) === undefined && flow.cookie !== '0x0') {
      predecessors.add(flow.cookie);
      for (const [, learned = ''] of flow.actions.matchAll(/learn\([^)]*\bcookie=(0x[0-9a-f]+)/g))
        predecessors.add(learned);
    }
  }
  const ourTables = new Set(Object.values(tables));
  return (flow) => {
    const cookie = parseCookie(flow.cookie);
    if (cookie?.kind === 'learned') return 'learned';
    if (cookie !== undefined) return 'ours';
    if (!predecessors.has(flow.cookie) || !ourTables.has(flow.table)) return 'foreign';
    return flow.hardTimeout === undefined ? 'predecessor' : 'learned';
  };
}
