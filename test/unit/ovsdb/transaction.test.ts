import { expect, test } from 'vitest';
import { OvsdbReplyError, OvsdbTransactionError } from '../../../src/ovsdb/errors.ts';
import { ZERO_UUID } from '../../../src/ovsdb/notation.ts';
import * as ops from '../../../src/ovsdb/operations.ts';
import { parseSchema } from '../../../src/ovsdb/schema.ts';
import { readResults } from '../../../src/ovsdb/transaction.ts';

const schema = parseSchema({
  name: 'DB',
  version: '1',
  tables: { T: { columns: { tags: { type: { key: 'string', min: 0, max: 'unlimited' } } } } },
})!;
const INSERT = ops.insert('T', {});
const UPDATE = ops.update('T', [], {});

test('results of every operation', () => {
  const operations = [
    INSERT,
    UPDATE,
    ops.mutate('T', [], []),
    ops.remove('T', []),
    ops.select('T', []),
    ops.comment('x'),
    ops.wait('T', [], '==', [], []),
    ops.commit(false),
    ops.assert('l'),
  ];
  const reply = [
    { uuid: ['uuid', ZERO_UUID] },
    { count: 1 },
    { count: 0 },
    { count: 2 },
    { rows: [{ _uuid: ['uuid', ZERO_UUID], tags: 'x' }] },
    {},
    {},
    {},
    {},
  ];
  expect(readResults(schema, operations, reply)).toEqual([
    { uuid: ZERO_UUID },
    { count: 1 },
    { count: 0 },
    { count: 2 },
    { rows: [{ _uuid: ZERO_UUID, tags: ['x'] }] },
    {},
    {},
    {},
    {},
  ]);
});

test.each<[string, unknown[], number, string]>([
  [
    'the first operation',
    [{ error: 'constraint violation', details: 'why' }, null],
    0,
    'operation 0: constraint violation: why',
  ],
  ['a later one', [{ uuid: ['uuid', ZERO_UUID] }, { error: 'aborted' }], 1, 'operation 1: aborted'],
  [
    'the commit',
    [{ uuid: ['uuid', ZERO_UUID] }, { count: 1 }, { error: 'referential integrity violation', details: 'd' }],
    2,
    'operation 2: referential integrity violation: d',
  ],
  [
    'an operation whose text is shown',
    [{ error: 'unknown column', details: 'd', syntax: '{}' }],
    0,
    'operation 0: unknown column: d in {}',
  ],
])('an error of %s', (_name, reply, operation, message) => {
  const error = readResults(schema, [INSERT, UPDATE], reply);
  expect(error).toBeInstanceOf(OvsdbTransactionError);
  expect(error).toMatchObject({ operation, message });
});

test.each<[string, unknown]>([
  ['no array', {}],
  ['too few results', [{ uuid: ['uuid', ZERO_UUID] }]],
  ['a null without an error', [null, { count: 1 }]],
  ['an insert without a uuid', [{}, { count: 1 }]],
  ['an update without a count', [{ uuid: ['uuid', ZERO_UUID] }, {}]],
])('a reply that is none: %s', (_name, reply) => {
  expect(readResults(schema, [INSERT, UPDATE], reply)).toBeInstanceOf(OvsdbReplyError);
});

test.each([
  ['of a table that is not in the schema', 'X', { rows: [] }],
  ['with a column that is not in the schema', 'T', { rows: [{ other: 1 }] }],
  ['with a value of another type', 'T', { rows: [{ tags: 1 }] }],
  ['without rows', 'T', {}],
])('a select %s', (_name, table, result) => {
  expect(readResults(schema, [ops.select(table, [])], [result])).toBeInstanceOf(OvsdbReplyError);
});
