import { expect, test } from 'vitest';
import { OvsdbTransactionError } from '../../../src/ovsdb/errors.ts';

test.each([
  ['timed out', 'conflict'],
  ['constraint violation', 'constraint'],
  ['referential integrity violation', 'constraint'],
  ['domain error', 'constraint'],
  ['range error', 'constraint'],
  ['duplicate uuid', 'constraint'],
  ['not owner', 'lock'],
  ['aborted', 'given up'],
  ['canceled', 'given up'],
  ['resources exhausted', 'server'],
  ['I/O error', 'server'],
  ['not leader', 'server'],
  ['syntax error', 'request'],
  ['unknown database', 'request'],
  ['whatever comes next', 'request'],
])('%s is a refusal of the kind %s', (error, kind) => {
  expect(new OvsdbTransactionError({ operation: 0, error, details: undefined }).kind).toBe(kind);
});
