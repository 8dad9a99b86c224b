/** How far a bridge is from what is wanted, in numbers: for the report of a full compare. */
import { type Flow, flowKey, sameFlow } from '../flows/flow.ts';
import type { FlowLedger } from '../flows/ledger.ts';
import type { Drift } from './types.ts';

/** To be asked after the dump was taken into the ledger and everything rendered, before the difference is applied. */
export function driftOf(ledger: Pick<FlowLedger, 'wanted' | 'actual'>): Drift {
  const actual = new Map<string, Flow>(ledger.actual().map((flow) => [flowKey(flow), flow]));
  let missing = 0;
  let different = 0;
  for (const flow of ledger.wanted()) {
    const key = flowKey(flow);
    const there = actual.get(key);
    if (there === undefined) missing++;
    else if (!sameFlow(flow, there)) different++;
    actual.delete(key);
  }
  return { missing, different, unexpected: actual.size };
}
