import { expect, test } from 'vitest';
import { type Address, describeBadAddress, parseAddress } from '../../../src/ovsdb/address.ts';
import { formatAddress } from '../../../src/ovsdb/socket.ts';

test.each<[string, Address, string]>([
  ['unix:/run/db.sock', { kind: 'unix', path: '/run/db.sock' }, 'unix:/run/db.sock'],
  ['unix:a:b', { kind: 'unix', path: 'a:b' }, 'unix:a:b'],
  ['tcp:127.0.0.1:6640', { kind: 'tcp', host: '127.0.0.1', port: 6640 }, 'tcp:127.0.0.1:6640'],
  ['tcp:127.0.0.1', { kind: 'tcp', host: '127.0.0.1', port: 6640 }, 'tcp:127.0.0.1:6640'],
  ['tcp:[::1]:6641', { kind: 'tcp', host: '::1', port: 6641 }, 'tcp:[::1]:6641'],
  ['ssl:db.example.org:65535', { kind: 'ssl', host: 'db.example.org', port: 65535 }, 'ssl:db.example.org:65535'],
  ['ssl:[2001:db8::1]', { kind: 'ssl', host: '2001:db8::1', port: 6640 }, 'ssl:[2001:db8::1]:6640'],
])('%s', (text, address, formatted) => {
  expect(parseAddress(text)).toEqual(address);
  expect(formatAddress(address)).toBe(formatted);
});

test.each([
  '',
  'unix:',
  '/run/db.sock',
  'ptcp:6640',
  'tcp:',
  'tcp::1:6640',
  'tcp:2001:db8::1',
  'tcp:host:0',
  'tcp:host:65536',
  'tcp:host:',
  'tcp:host:66x',
  'tcp:[::1',
  'tcp:ho st:1',
])('refused: %j', (text) => {
  expect(parseAddress(text)).toBeUndefined();
  expect(describeBadAddress(text)).toBe(
    `OVSDB address '${text}': allowed is unix:PATH, tcp:HOST[:PORT] or ssl:HOST[:PORT], an IPv6 HOST in brackets`,
  );
});
