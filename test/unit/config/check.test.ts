import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatCheck, formatProblems } from '../../../src/config/check.ts';
import type { Config } from '../../../src/config/config.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { OPTIONS } from '../../../src/config/options.ts';
import { escapeDollars } from '../../../src/config/substitute.ts';
import { environment, load, NEEDED } from './files.ts';

const ENV = { OVS_RUNDIR: '/run/ovs' };

function check(text: string): { config: Config; printed: string } {
  const loaded = load(text, { env: ENV });
  if ('errors' in loaded) throw new Error(formatProblems(loaded.errors));
  return { config: loaded.config, printed: formatCheck(loaded.options, loaded.notes) };
}

test('says each value, and where it is from', () => {
  const { printed } = check('[agent]\ndscp = 7\nl2_population = yes\n[ovs]\ntunnel_types = gre\n');
  expect(printed).toContain('[agent]\n# /n:4\ntunnel_types = vxlan\n# /f:3\nl2_population = true\n');
  expect(printed).toContain('\n# /f:2\ndscp = 7\n');
  expect(printed).toContain(
    '\n# default\novsdb_connection = unix:/run/ovs/db.sock\n# default\n# ssl_key_file is not set\n',
  );
  expect(printed).toMatch(
    /\n\n# unknown: \/f:5: unknown option \[ovs\] tunnel_types ignored; there is one in \[agent\]\n$/,
  );
});

test('has every option once', () => {
  const { printed } = check('');
  for (const { name, section } of OPTIONS) {
    const block = printed.split(/^(?=\[)/m).find((text) => text.startsWith(`[${section}]`)) ?? '';
    expect(block.match(new RegExp(`^(# )?${name} (=|is not set)`, 'gm'))).toHaveLength(1);
  }
});

test('hides passwords, those of a whole installation too', () => {
  const file = readFileSync(new URL('../../fixtures/config/neutron.conf', import.meta.url), 'utf8');
  const { printed } = check(file);
  expect(printed).toContain('transport_url = rabbit://openstack:***@192.0.2.11:5672,openstack:***@192.0.2.12:5672,');
  expect(printed).not.toMatch(/ax%2Fq9|ax\/q9|never-shown/);
});

test('problems are one line each', () => {
  expect(formatProblems([{ message: 'a' }, { message: 'b' }])).toBe('a\nb\n');
});

// A backslash before a dollar sign is a dollar sign, whatever comes before it: oslo.config has no way to write `\$`.
const texts = fc.string({ minLength: 1, maxLength: 15, unit: 'grapheme-ascii' }).filter((text) => !text.includes('\\'));
const arbitraries: Record<string, fc.Arbitrary<string>> = {
  'DEFAULT.host': fc.domain(),
  'DEFAULT.debug': fc.constantFrom('true', 'False', 'ON', 'no', '0', '1'),
  'DEFAULT.control_exchange': texts,
  'DEFAULT.state_path': texts.map((text) => `/${text}`),
  'DEFAULT.transport_url': fc
    .array(fc.tuple(fc.webUrl(), fc.string(), fc.string(), fc.integer({ min: 1, max: 65535 })), {
      minLength: 1,
      maxLength: 3,
    })
    .map((hosts) => {
      const locations = hosts.map(([url, user, password, port]) => {
        return `u${encodeURIComponent(user)}:${encodeURIComponent(password)}@${new URL(url).hostname}:${port}`;
      });
      return `rabbit://${locations.join(',')}/v?heartbeat_timeout_threshold=30`;
    }),
  'oslo_messaging_rabbit.processname': texts,
  'oslo_messaging_rabbit.rabbit_login_method': fc.constantFrom('PLAIN', 'EXTERNAL'),
  'ovs.local_ip': fc.oneof(fc.ipV4(), fc.ipV6()),
  'ovs.int_peer_patch_port': fc
    .string({ minLength: 1, maxLength: 20 })
    .map((text) => `p${text.replaceAll(/[\s\\\p{C}]/gu, '')}`),
  'ovs.ovsdb_connection': fc.constantFrom('tcp:127.0.0.1:6640', 'tcp:[2001:db8::1]', 'unix:/x y'),
  'agent.tunnel_types': fc.subarray(['gre', 'vxlan', 'geneve'], { minLength: 1 }).map((types) => types.join(' ,\n  ')),
  'agent.dscp': fc.integer({ min: 0, max: 63 }).map(String),
  'agent.report_interval': fc.double({ min: 0.001, max: 2e6, noNaN: true }).map(String),
  'agent.l2_population': fc.constantFrom('yes', 'no'),
  'l2pop_agent.accept_missing': fc.constantFrom('', 'extensions', 'extensions, bridge_mappings'),
};

/** What the mask takes away. */
function withoutPasswords(config: Config): unknown {
  return {
    ...config,
    rpc: { ...config.rpc, brokers: config.rpc.brokers.map((broker) => ({ ...broker, password: '***' })) },
  };
}

function assignment(id: string, value: string): string {
  const [section, name] = id.split('.');
  const text = escapeDollars(value);
  return `[${section}]\n${name} = ${text.includes('\n') ? text : `"${text}"`}\n`;
}

/** The lines that say a value, or that there is none. */
function settings(printed: string): string[] {
  return printed.split('\n').filter((line) => line !== '' && (!line.startsWith('#') || line.endsWith(' is not set')));
}

test('what is printed is the same configuration', () => {
  fc.assert(
    fc.property(fc.record(arbitraries, { requiredKeys: [] }), (values) => {
      const text = Object.entries(values).map(([id, value]) => assignment(id, String(value)));
      const first = check(text.join(''));
      const again = loadConfig({ files: ['/p'], dirs: [] }, environment({ files: { '/p': first.printed }, env: ENV }));
      if ('errors' in again) throw new Error(formatProblems(again.errors));
      expect(withoutPasswords(again.config)).toEqual(withoutPasswords(first.config));
      expect(settings(formatCheck(again.options, []))).toEqual(settings(first.printed));
    }),
    { numRuns: 300 },
  );
});

test('a needed option that only the printed text has is enough', () => {
  const { printed } = check('');
  expect(printed).not.toContain(NEEDED);
  expect(loadConfig({ files: ['/p'], dirs: [] }, environment({ files: { '/p': printed } }))).toHaveProperty('config');
});
