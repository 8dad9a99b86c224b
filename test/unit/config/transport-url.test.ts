import { describe, expect, test } from 'vitest';
import { maskTransportUrl, parseTransportUrl, type TransportUrl } from '../../../src/config/transport-url.ts';

function parse(text: string): TransportUrl {
  const url = parseTransportUrl(text);
  if ('complaint' in url) throw new Error(url.complaint);
  return url;
}
const brokers = (text: string) => parse(text).brokers.map((b) => `${b.username} ${b.password} ${b.host} ${b.port}`);

test.each([
  ['rabbit://', ['guest guest localhost 5672']],
  ['rabbit:///', ['guest guest localhost 5672']],
  ['RABBIT://h', ['guest guest h 5672']],
  ['rabbit://u:p@h:1/', ['u p h 1']],
  ['rabbit://u:p@h:/', ['u p h 5672']],
  ['rabbit://u:p@:5673/', ['u p localhost 5673']],
  ['rabbit://u:p@h1:1,v:q@h2:2/', ['u p h1 1', 'v q h2 2']],
  ['rabbit://u:p@h1:1,,v:q@h2/', ['u p h1 1', 'v q h2 5672']],
  ['rabbit://u:p@h1,h2:2', ['u p h1 5672', 'u p h2 2']],
  ['rabbit://h1,u:p@h2', ['u p h1 5672', 'u p h2 5672']],
  ['rabbit://u@h', ['guest guest h 5672']],
  ['rabbit://u:@h', ['u  h 5672']],
  ['rabbit://u:p@[2001:db8::1]:5671,u:p@[::1]/', ['u p 2001:db8::1 5671', 'u p ::1 5672']],
  ['rabbit://u%40x:a%2Fb%3Ac%25%2C@h', ['u@x a/b:c%, h 5672']],
  ['rabbit://u:gr%C3%BCn@h', ['u grün h 5672']],
  ['rabbit://u:100%@h', ['u 100% h 5672']],
  ['rabbit://u:a:b@h', ['u a:b h 5672']],
  ['rabbit://u@realm:p@h', ['u@realm p h 5672']],
])('brokers of %s', (text, expected) => {
  expect(brokers(text)).toEqual(expected);
});

test.each([
  ['rabbit://h', '/'],
  ['rabbit://h/', '/'],
  ['rabbit://h//', '/'],
  ['rabbit://h/%2F', '/'],
  ['rabbit://h/neutron', 'neutron'],
  ['rabbit://h//neutron', '/neutron'],
  ['rabbit://h/a%20b?ssl=1', 'a b'],
])('virtual host of %s', (text, expected) => {
  expect(parse(text).virtualHost).toBe(expected);
});

test('the query', () => {
  const { query } = parse('rabbit://h/?ssl=1&ssl_ca_file=%2Fetc%2Fca.pem&empty=&twice=1&twice=2');
  expect([...query]).toEqual([
    ['ssl', '1'],
    ['ssl_ca_file', '/etc/ca.pem'],
    ['twice', '1,2'],
  ]);
});

test('a second question mark belongs to the name, as in oslo.messaging', () => {
  expect([...parse('rabbit://h/??ssl=1').query]).toEqual([['?ssl', '1']]);
});

test('hosts that use the credentials of another are named', () => {
  expect(parse('rabbit://h1,u:p@h2,h3').borrowed).toEqual(['h1', 'h3']);
  expect(parse('rabbit://h1,h2').borrowed).toEqual([]);
});

describe('refuses', () => {
  test.each([
    ['', 'must be a URL'],
    ['h:5672', 'must be a URL'],
    ['kafka://u:secret@h', 'the driver is kafka'],
    ['amqp://u:secret@h', 'the driver is amqp'],
    ['rabbit://u:secret@h:port', 'host 1 must be'],
    ['rabbit://u:secret@h1,u:secret@h2:0', 'host 2 must be'],
    ['rabbit://u:secret@h:65536', 'host 1 must be'],
    ['rabbit://u:secret@[::1:5672', 'host 1 must be'],
    ['rabbit://u:secret@[h]:5672', 'host 1 must be'],
    ['rabbit://u:secret@::1', 'host 1 must be'],
    ['rabbit://u:sec/ret@h', 'must be percent-encoded'],
    ['rabbit://u:1/secret@h', 'must be percent-encoded'],
    ['rabbit://u:1#secret@h', 'must be percent-encoded'],
    ['rabbit://u:1?secret@h', 'must be percent-encoded'],
    ['rabbit://u:sec,ret@h', 'host 1 must be'],
  ])('%s', (text, complaint) => {
    const url = parseTransportUrl(text);
    expect(url).toEqual({ complaint: expect.stringContaining(complaint) });
    expect(JSON.stringify(url)).not.toMatch(/secret|ret@|sec\b/);
  });
});

test.each([
  ['rabbit://', 'rabbit://'],
  ['rabbit://h:5672/v', 'rabbit://h:5672/v'],
  ['rabbit://u:p@h1:1,v:q@q@h2:2/p?ssl=1', 'rabbit://u:***@h1:1,v:***@h2:2/p?ssl=1'],
  ['rabbit://u@h', 'rabbit://u@h'],
  ['rabbit://u:a:b@[::1]:5672//', 'rabbit://u:***@[::1]:5672//'],
])('%s masked', (text, masked) => {
  expect(maskTransportUrl(text)).toBe(masked);
});
