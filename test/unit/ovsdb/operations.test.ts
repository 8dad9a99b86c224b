import { expect, test } from 'vitest';
import { map, named, set, uuid, ZERO_UUID } from '../../../src/ovsdb/notation.ts';
import * as ops from '../../../src/ovsdb/operations.ts';

/** Right-hand sides as RFC 7047 §5.2 (and ovsdb-server(7) 5.2.1 for `uuid`) writes them. */
test.each<[string, ops.Operation, object]>([
  ['insert', ops.insert('T', { a: 1 }), { op: 'insert', table: 'T', row: { a: 1 } }],
  ['insert, named', ops.insert('T', {}, { name: 'r' }), { op: 'insert', table: 'T', row: {}, 'uuid-name': 'r' }],
  ['insert, uuid', ops.insert('T', {}, { uuid: ZERO_UUID }), { op: 'insert', table: 'T', row: {}, uuid: ZERO_UUID }],
  ['select all', ops.select('T', []), { op: 'select', table: 'T', where: [] }],
  [
    'select',
    ops.select('T', [['a', '<', 3]], ['a']),
    { op: 'select', table: 'T', where: [['a', '<', 3]], columns: ['a'] },
  ],
  [
    'update',
    ops.update('T', ops.byUuid(ZERO_UUID), { tags: set(['x']), ids: map({ k: 'v' }) }),
    {
      op: 'update',
      table: 'T',
      where: [['_uuid', '==', ['uuid', ZERO_UUID]]],
      row: { tags: ['set', ['x']], ids: ['map', [['k', 'v']]] },
    },
  ],
  [
    'mutate',
    ops.mutate(
      'T',
      [],
      [
        ['n', '+=', 1],
        ['ports', 'insert', set([named('p'), uuid(ZERO_UUID)])],
      ],
    ),
    {
      op: 'mutate',
      table: 'T',
      where: [],
      mutations: [
        ['n', '+=', 1],
        [
          'ports',
          'insert',
          [
            'set',
            [
              ['named-uuid', 'p'],
              ['uuid', ZERO_UUID],
            ],
          ],
        ],
      ],
    },
  ],
  ['delete', ops.remove('T', []), { op: 'delete', table: 'T', where: [] }],
  [
    'wait',
    ops.wait('T', [], '==', ['a'], [{ a: 1 }], 0),
    { op: 'wait', table: 'T', where: [], columns: ['a'], until: '==', rows: [{ a: 1 }], timeout: 0 },
  ],
  [
    'wait for ever',
    ops.wait('T', [], '!=', [], []),
    { op: 'wait', table: 'T', where: [], columns: [], until: '!=', rows: [] },
  ],
  ['commit', ops.commit(true), { op: 'commit', durable: true }],
  ['abort', ops.abort(), { op: 'abort' }],
  ['comment', ops.comment('why'), { op: 'comment', comment: 'why' }],
  ['assert', ops.assert('lock'), { op: 'assert', lock: 'lock' }],
])('%s', (_name, operation, wire) => {
  expect(JSON.parse(JSON.stringify(operation))).toEqual(wire);
});
