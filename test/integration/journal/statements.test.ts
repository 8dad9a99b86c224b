/** How SQLite carries out the statements: what the daemon does beside its work must not walk over a table that grows. */
import { DatabaseSync } from 'node:sqlite';
import { expect, it } from 'vitest';
import { MIGRATIONS } from '../../../src/journal/schema.ts';
import { prepareAll, type Statements } from '../../../src/journal/statements.ts';

const database = new DatabaseSync(':memory:');
for (const step of MIGRATIONS) database.exec(step);
const statements = prepareAll(database);

it.each<keyof Statements>([
  ...(['networkNumber', 'dropNetwork', 'forgetNetwork', 'claims', 'forgetClaims', 'trimClaims'] as const),
  ...(['forgetVif', 'entryState', 'entriesOfState', 'trimByAge', 'trimByCount', 'trimMessages'] as const),
])('%s: by an index alone', (name) => {
  const { sourceSQL } = statements[name];
  const numbered = [...sourceSQL.matchAll(/\?(\d)/g)].map(([, n]) => Number(n));
  const count = numbered.length > 0 ? Math.max(...numbered) : sourceSQL.split('?').length - 1;
  const plan = database.prepare(`EXPLAIN QUERY PLAN ${sourceSQL}`).all(...new Array<number>(count).fill(1));
  const steps = plan.map(({ detail }) => String(detail));
  expect(steps.length).toBeGreaterThan(0);
  // Of the index that has the order: no more of it than the step takes.
  expect(
    steps.filter((step) => /^SCAN (?!entries USING COVERING INDEX entries_completed)|TEMP B-TREE/.test(step)),
  ).toEqual([]);
});
