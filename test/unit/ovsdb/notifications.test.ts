import { expect, test } from 'vitest';
import { type Notification, parseNotification } from '../../../src/ovsdb/notifications.ts';
import { NO_TXN } from './fake-server.ts';

const UPDATES = { T: { u: { new: { name: 'x' } } } };

test.each<[string, readonly unknown[], Notification]>([
  ['update', ['m', UPDATES], { kind: 'update', monitor: 'm', updates: UPDATES }],
  ['update2', ['m', {}], { kind: 'update2', monitor: 'm', updates: {} }],
  ['update3', ['m', NO_TXN, UPDATES], { kind: 'update3', monitor: 'm', lastTransaction: NO_TXN, updates: UPDATES }],
  ['locked', ['l'], { kind: 'locked', lock: 'l' }],
  ['stolen', ['l'], { kind: 'stolen', lock: 'l' }],
  ['monitor_canceled', ['m'], { kind: 'monitor_canceled', monitor: 'm' }],
  ['made_up_later', [1, 2], { kind: 'unknown', method: 'made_up_later' }],
  ['toString', [], { kind: 'unknown', method: 'toString' }],
])('%s', (method, params, notification) => {
  expect(parseNotification(method, params)).toEqual(notification);
});

test.each<[string, readonly unknown[], string]>([
  ['update', [], '[monitor, updates], not []'],
  ['update', [null, UPDATES], '[monitor, updates], not [null,{'],
  ['update', ['m', []], '[monitor, updates], not ["m",[]]'],
  ['update2', ['m', null], '[monitor, updates], not ["m",null]'],
  ['update2', [['m'], {}], '[monitor, updates], not [["m"],{}]'],
  ['update3', ['m', UPDATES], '[monitor, last transaction, updates], not ["m",{'],
  ['update3', ['m', 7, UPDATES], '[monitor, last transaction, updates], not ["m",7,{'],
  ['update3', ['m', NO_TXN], '[monitor, last transaction, updates], not ["m","0000'],
  ['locked', [], '[lock], not []'],
  ['stolen', [{}], '[lock], not [{}]'],
  ['monitor_canceled', [7], '[monitor], not [7]'],
])('malformed: %s %j', (method, params, expected) => {
  expect(parseNotification(method, params)).toContain(`notification ${method}: expected ${expected}`);
});

test('of a malformed one only the beginning is shown', () => {
  expect(parseNotification('locked', [['x'.repeat(10_000)]])).toHaveLength(
    'notification locked: expected [lock], not '.length + 200,
  );
});
