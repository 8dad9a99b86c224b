import fc from 'fast-check';
import { expect, test } from 'vitest';
import { escapeDollars, substitute } from '../../../src/config/substitute.ts';

const OPTIONS = new Map([
  ['DEFAULT.state_path', '/var/lib/neutron'],
  ['DEFAULT.host', 'cmp-1'],
  ['ovs.host', 'of-ovs'],
  ['ovs.local_ip', '10.0.0.1'],
]);
const lookup = (section: string, name: string) => OPTIONS.get(`${section}.${name}`);

test.each([
  ['$state_path/lock', '/var/lib/neutron/lock'],
  [`\${state_path}x`, '/var/lib/neutronx'],
  ['$host', 'of-ovs'],
  [`\${DEFAULT.host}`, 'cmp-1'],
  ['$ovs.local_ip:1', '10.0.0.1:1'],
  [`\${ovs.local_ip}`, '10.0.0.1'],
  ['$$host', '$host'],
  ['$$$host', '$of-ovs'],
  ['\\$host', '$host'],
  ['a$', 'a$'],
  ['$1 $/ $-', '$1 $/ $-'],
  [`\${host`, `\${host`],
  [`\${}`, `\${}`],
  ['plain', 'plain'],
])('%s', (text, expected) => {
  expect(substitute(text, 'ovs', lookup)).toEqual({ text: expected });
});

test.each([
  ['$nosuch', '$nosuch'],
  [`a\${nosuch}b`, `\${nosuch}`],
  ['$state_path.', '$state_path.'],
  ['$nosuch.host', '$nosuch.host'],
])('%s has no value', (text, unknown) => {
  expect(substitute(text, 'ovs', lookup)).toEqual({ unknown });
});

test('what is escaped comes back', () => {
  fc.assert(
    fc.property(
      fc.string().filter((text) => !text.includes('\\$')),
      (text) => {
        expect(substitute(escapeDollars(text), 'ovs', () => undefined)).toEqual({ text });
      },
    ),
  );
});
