/** Whether a transaction whose reply was lost has been carried out, as far as rows can tell. */
import type { MonitoredTable } from './monitor.ts';
import type { Operation } from './operations.ts';
import type { Replica } from './replica.ts';

/**
 * By the rows that the transaction inserts with uuids of its own choice: all of it was done, or nothing.
 * `undefined`: it inserts none that the replica would show.
 */
export function wasDone(
  operations: readonly Operation[],
  replica: Replica,
  tables: ReadonlyMap<string, MonitoredTable>,
): boolean | undefined {
  let verdict: boolean | undefined;
  for (const operation of operations) {
    if (operation.op !== 'insert' || operation.uuid === undefined) continue;
    if (replica.row(operation.table, operation.uuid) !== undefined) return true;
    if (tables.get(operation.table)?.everyRow) verdict = false;
  }
  return verdict;
}
