import { expect, describe as group, test } from 'vitest';
import type { OptionType } from '../../../src/config/option.ts';
import { describe, PORT, parseValue } from '../../../src/config/option.ts';

const DSCP: OptionType = { kind: 'integer', min: 0, max: 63 };
const TYPES: OptionType = { kind: 'list', items: ['gre', 'vxlan'] };
const POSITIVE: OptionType = { kind: 'positive', max: 1000 };
const CHOICE: OptionType = { kind: 'choice', choices: ['system', 'netdev'] };
const BRIDGE: OptionType = { kind: 'text', pattern: /^\S{1,15}$/, allowed: 'a bridge name' };

group('takes', () => {
  test.each<[OptionType, string, unknown]>([
    ...['true', 'True', 'TRUE', '1', 'on', 'Yes'].map((word): [OptionType, string, unknown] => [
      { kind: 'boolean' },
      word,
      true,
    ]),
    ...['false', 'False', '0', 'OFF', 'no'].map((word): [OptionType, string, unknown] => [
      { kind: 'boolean' },
      word,
      false,
    ]),
    [DSCP, '0', 0],
    [DSCP, '63', 63],
    [DSCP, '+7', 7],
    [DSCP, '007', 7],
    [DSCP, '1_0', 10],
    [PORT, '65535', 65535],
    [POSITIVE, '30', 30],
    [POSITIVE, '0.5', 0.5],
    [POSITIVE, '1e3', 1000],
    [TYPES, '', []],
    [TYPES, ' gre , vxlan ', ['gre', 'vxlan']],
    [TYPES, 'gre,\nvxlan,', ['gre', 'vxlan']],
    [CHOICE, 'netdev', 'netdev'],
    [{ kind: 'ip' }, '192.0.2.1', '192.0.2.1'],
    [{ kind: 'ip' }, '2001:DB8:0::1', '2001:db8::1'],
    [{ kind: 'host' }, 'cmp-1.example.org', 'cmp-1.example.org'],
    [{ kind: 'host' }, 'cmp_1', 'cmp_1'],
    [{ kind: 'host' }, '192.0.2.1', '192.0.2.1'],
    [{ kind: 'host' }, '2001:db8::1', '2001:db8::1'],
    [{ kind: 'connection' }, 'unix:/run/openvswitch/db.sock', 'unix:/run/openvswitch/db.sock'],
    [{ kind: 'connection' }, 'tcp:127.0.0.1:6640', 'tcp:127.0.0.1:6640'],
    [{ kind: 'connection' }, 'tcp:127.0.0.1', 'tcp:127.0.0.1'],
    [{ kind: 'connection' }, 'ssl:[2001:db8::1]:6640', 'ssl:[2001:db8::1]:6640'],
    [{ kind: 'uri' }, 'rabbit://', 'rabbit://'],
    [BRIDGE, 'br-int', 'br-int'],
  ])('%o %s', (type, text, value) => {
    expect(parseValue(type, text)).toEqual({ value });
  });
});

group('refuses', () => {
  test.each<[OptionType, string]>([
    [{ kind: 'boolean' }, ''],
    [{ kind: 'boolean' }, 'y'],
    [{ kind: 'boolean' }, 'true # yes'],
    [DSCP, '64'],
    [DSCP, '-1'],
    [DSCP, '1.0'],
    [DSCP, '0x10'],
    [DSCP, '5 # five'],
    [PORT, '0'],
    [PORT, '65536'],
    [POSITIVE, '0'],
    [POSITIVE, '-1'],
    [POSITIVE, 'inf'],
    [POSITIVE, '1000.1'],
    [POSITIVE, '1e999'],
    [TYPES, 'vlan'],
    [TYPES, 'VXLAN'],
    [TYPES, 'gre,,vxlan'],
    [CHOICE, 'System'],
    [{ kind: 'ip' }, ''],
    [{ kind: 'ip' }, '10.0.0'],
    [{ kind: 'ip' }, '10.0.0.1/24'],
    [{ kind: 'ip' }, 'fe80::1%eth0'],
    [{ kind: 'host' }, '-cmp'],
    [{ kind: 'host' }, 'cmp 1'],
    [{ kind: 'host' }, '10.0.0.256'],
    [{ kind: 'host' }, 'a..b'],
    [{ kind: 'host' }, `${'a'.repeat(64)}.b`],
    [{ kind: 'connection' }, 'ptcp:6640'],
    [{ kind: 'connection' }, 'unix:'],
    [{ kind: 'connection' }, 'tcp:127.0.0.1:66400'],
    [{ kind: 'connection' }, 'tcp:2001:db8::1:6640'],
    [{ kind: 'connection' }, 'tcp:[10.0.0.1]:6640'],
    [{ kind: 'connection' }, '127.0.0.1:6640'],
    [{ kind: 'uri' }, 'rabbit:5672'],
    [BRIDGE, 'br int'],
    [BRIDGE, 'br-with-a-long-name'],
    [{ kind: 'text' }, 'two\nlines'],
  ])('%o %s', (type, text) => {
    expect(parseValue(type, text)).toEqual({ allowed: describe(type) });
  });
});
