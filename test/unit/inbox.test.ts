import { describe, expect, test } from 'vitest';
import { readDelivery } from '../../src/inbox.ts';
import type { Delivery, JsonObject } from '../../src/rpc/types.ts';
import { testConfig } from './config.ts';
import { FLOODING, segmentArgs } from './host.ts';

const L2POP = 'q-agent-notifier-l2population-update';
const PORT = 'e3342ff1-3feb-450b-92ff-f75ea08f697c';
const ADD = segmentArgs('vxlan', { '172.30.0.12': [FLOODING], '172.30.0.13': [FLOODING] }) as unknown as JsonObject;

function delivery(topic: string, method: string, args: JsonObject, source: Delivery['source'] = 'fanout') {
  return {
    topic,
    source,
    queue: `${topic}_fanout_x`,
    receivedAt: new Date(1234),
    request: {
      method,
      args,
      version: '1.0',
      namespace: undefined,
      uniqueId: 'the-id',
      requestId: 'req-1',
      call: undefined,
    },
  };
}

const read = (...args: Parameters<typeof delivery>) => readDelivery(delivery(...args), testConfig());

describe('FDB notifications', () => {
  test.each([
    ['fanout', false],
    ['by-name', true],
  ] as const)('%s: one event a message, with where it came from', (source, byName) => {
    const { events, problems } = read(L2POP, 'add_fdb_entries', ADD, source);
    const origin = { uniqueId: 'the-id', requestId: 'req-1', queue: `${L2POP}_fanout_x`, receivedAt: 1234 };
    expect(events).toMatchObject([
      { kind: 'fdb', byName, changes: [{ vtep: '172.30.0.12' }, { vtep: '172.30.0.13' }], origin },
    ]);
    expect(problems).toEqual([]);
  });

  test('a bad entry: its sentence, and the rest', () => {
    const args = segmentArgs('vxlan', { '172.30.0.12': [FLOODING], bad: [FLOODING] }) as unknown as JsonObject;
    const { events, problems } = read(L2POP, 'add_fdb_entries', args);
    expect([events.length, problems.length]).toEqual([1, 1]);
  });

  test('nothing of it is for us: no event', () => {
    expect(read(L2POP, 'add_fdb_entries', { fdb_entries: {} })).toEqual({ events: [], problems: [] });
    expect(read(L2POP, 'add_fdb_entries', { ...ADD, host: 'host2' })).toEqual({
      events: [],
      problems: [],
    });
  });

  test('unknown method', () => {
    expect(read(L2POP, 'frobnicate', ADD).problems).toEqual(['unknown method "frobnicate"']);
  });
});

describe('markers', () => {
  test.each(['start', 'end'] as const)('%s', (edge) => {
    expect(read(L2POP, 'l2pop_agent_marker', { id: 'a', edge }, 'by-name')).toEqual({
      events: [{ kind: 'marker', id: 'a', edge }],
      problems: [],
    });
  });

  test.each([{}, { id: 'a' }, { id: 7, edge: 'start' }, { id: 'a', edge: 'middle' }] as JsonObject[])(
    'bad: %j',
    (args) => {
      expect(read(L2POP, 'l2pop_agent_marker', args, 'by-name')).toMatchObject({
        events: [],
        problems: [expect.any(String)],
      });
    },
  );
});

describe('other topics', () => {
  test('a port', () => {
    const { events } = read('q-agent-notifier-port-update', 'port_update', { port: { id: PORT } });
    expect(events).toMatchObject([
      { kind: 'notification', notification: { kind: 'port-update', port: PORT }, origin: { uniqueId: 'the-id' } },
    ]);
  });

  test('bad', () => {
    expect(read('q-agent-notifier-port-delete', 'port_delete', {})).toEqual({
      events: [],
      problems: ['port_delete: port id undefined is no UUID'],
    });
  });

  test('an FDB message on another topic is an unknown method there', () => {
    expect(read('q-agent-notifier-port-update', 'add_fdb_entries', ADD).problems).toEqual([
      'unknown method "add_fdb_entries"',
    ]);
  });
});
