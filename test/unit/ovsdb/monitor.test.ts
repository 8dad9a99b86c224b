import { expect, test } from 'vitest';
import { mapOf, optional, scalar } from '../../../src/ovsdb/columns.ts';
import { type MonitorPlan, type MonitorRequests, planMonitors } from '../../../src/ovsdb/monitor.ts';
import { map, uuid, ZERO_UUID } from '../../../src/ovsdb/notation.ts';
import { parseSchema } from '../../../src/ovsdb/schema.ts';

const schema = parseSchema({
  name: 'DB',
  version: '8.3.1',
  tables: {
    T: {
      columns: {
        name: { type: 'string' },
        type: { type: 'string' },
        ids: { type: { key: 'string', value: 'string', min: 0, max: 'unlimited' } },
      },
    },
    U: { columns: { n: { type: 'integer' } } },
  },
});

function plan(monitors: MonitorRequests): MonitorPlan {
  const planned = schema === undefined ? 'no schema' : planMonitors(schema, monitors);
  if (typeof planned === 'string') throw new Error(planned);
  return planned;
}

test('one request a table, with the types of its columns', () => {
  const { requests, tables } = plan({
    T: { columns: { name: scalar('string'), ids: mapOf('string', 'string') } },
    U: { columns: { n: scalar('integer') }, select: { initial: true } },
  });
  expect(requests).toEqual({ T: [{ columns: ['name', 'ids'] }], U: [{ columns: ['n'], select: { initial: true } }] });
  expect([...tables.keys()]).toEqual(['T', 'U']);
  expect(tables.get('T')?.columns.get('ids')?.kind).toBe('map');
  expect(tables.get('U')?.partial).toBe(false);
});

test('columns of conditions are monitored too, each once; true and false have none', () => {
  const where = [['ids', '!=', map({})], ['type', '==', 'vxlan'], ['name', '==', 'x'], false] as const;
  expect(plan({ T: { columns: { name: scalar('string') }, where } }).requests).toEqual({
    T: [{ columns: ['name', 'ids', 'type'], where }],
  });
});

test('_uuid may be a condition but is no column', () => {
  const where = [['_uuid', '==', uuid(ZERO_UUID)]] as const;
  expect(plan({ T: { columns: { name: scalar('string') }, where } }).requests).toEqual({
    T: [{ columns: ['name'], where }],
  });
});

test.each([{ initial: false }, { insert: false }])('select %j: rows may change that were never sent', (select) => {
  expect(plan({ T: { columns: { name: scalar('string') }, select } }).tables.get('T')?.partial).toBe(true);
});

test.each<[string, MonitorRequests, string]>([
  ['table', { X: { columns: {} } }, 'no table X'],
  ['column', { U: { columns: { n: scalar('integer'), m: scalar('integer') } } }, 'no column m in table U'],
  [
    'column of another type',
    { T: { columns: { name: optional('string'), ids: mapOf('string', 'integer') } } },
    'column name in table T as string, not optional string, column ids in table T as map of string to string, not map of string to integer',
  ],
  [
    'column of a condition',
    { U: { columns: { n: scalar('integer') }, where: [['m', '==', 1]] } },
    'no column m in table U',
  ],
])('a %s that the server lacks is named', (_name, monitors, lack) => {
  expect(() => plan(monitors)).toThrow(lack);
});
