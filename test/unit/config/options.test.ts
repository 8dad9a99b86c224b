import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { harmless } from '../../../src/config/harmless.ts';
import { type Option, parseValue } from '../../../src/config/option.ts';
import { OPTIONS } from '../../../src/config/options.ts';

interface ReferenceOption {
  readonly section: string;
  readonly name: string;
  readonly type: string;
  readonly initial: string;
}

const REFERENCE: ReferenceOption[] = readFileSync(
  new URL('../../fixtures/config/reference-options.tsv', import.meta.url),
  'utf8',
)
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => {
    const [section = '', name = '', type = '', initial = ''] = line.split('\t');
    return { section, name, type, initial };
  });

/** Where we mean to differ from the reference's default. */
const OWN_DEFAULTS = [
  'DEFAULT.host',
  'ovs.ovsdb_connection',
  // TLS with host names verified; oslo.messaging's stable branches leave it off (OSSN-0096).
  'oslo_messaging_rabbit.ssl_enforce_hostname_verification',
];
const KINDS: Record<Option['type']['kind'], readonly string[]> = {
  boolean: ['bool'],
  integer: ['int', 'port'],
  positive: ['float'],
  list: ['list'],
  ip: ['ip'],
  host: ['hostaddress'],
  choice: ['str'],
  text: ['str'],
  connection: ['str'],
  uri: ['str'],
};

const isNamed = (option: Option, { section, name }: ReferenceOption) =>
  (option.section === section && option.name === name) || option.deprecated.includes(`${section}.${name}`);

describe('every option of neutron-openvswitch-agent', () => {
  test('the list is the whole list', () => expect(REFERENCE.length).toBe(300));

  test.each(REFERENCE.map((option) => [`${option.section}.${option.name}`, option] as const))(
    '%s is known',
    (_, option) => {
      const known = OPTIONS.filter((candidate) => isNamed(candidate, option));
      const ignored = harmless(option.section, option.name);
      expect(known.length + (ignored === undefined ? 0 : 1)).toBe(1);
    },
  );

  test.each(
    OPTIONS.flatMap((option) => {
      const reference = REFERENCE.find((candidate) => isNamed(option, candidate));
      return reference === undefined ? [] : [[`${option.section}.${option.name}`, option, reference] as const];
    }),
  )('%s has its type and default', (name, option, reference) => {
    expect(KINDS[option.type.kind]).toContain(reference.type);
    if (OWN_DEFAULTS.includes(name)) return;
    const unset = reference.initial === '<None>' || (option.type.kind === 'text' && reference.initial === '');
    expect(option.default).toBe(unset ? undefined : reference.initial);
  });
});

test('names are unique', () => {
  const names = OPTIONS.flatMap((option) => [`${option.section}.${option.name}`, ...option.deprecated]);
  expect(names.length).toBe(new Set(names).size);
});

test.each(OPTIONS.filter((option) => option.default !== undefined).map((option) => [option.name, option] as const))(
  'the default of %s is valid',
  (_, option) => {
    expect(parseValue(option.type, option.default ?? '')).toHaveProperty('value');
  },
);

test.each([
  ['oslo_messaging_rabbit', 'kombu_reconnect_splay'],
  ['ovs', 'igmp_flood_reports'],
  ['ovs', 'disable_packet_marking'],
  ['metadata', 'provider_cidr'],
  ['DHCP', 'enable-ipv6'],
])('[%s] %s of later releases is harmless', (section, name) => {
  expect(harmless(section, name)).toBeDefined();
});
