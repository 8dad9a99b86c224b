import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import { configOf, environment, load, messagesOf, NEEDED, notesOf } from './files.ts';

const fixture = (name: string) => readFileSync(new URL(`../../fixtures/config/${name}`, import.meta.url), 'utf8');

test("an operator's files", () => {
  const files = { '/etc/neutron.conf': fixture('neutron.conf'), '/etc/ovs.ini': fixture('openvswitch_agent.ini') };
  const loaded = loadConfig(
    { files: Object.keys(files), dirs: [] },
    environment({ files, addresses: ['198.51.100.21'] }),
  );
  const broker = { port: 5672, username: 'openstack', password: 'ax/q9@Zt' };
  expect(configOf(loaded)).toMatchObject({
    host: 'cmp-1',
    debug: false,
    statePath: '/var/lib/neutron',
    rpc: {
      brokers: ['192.0.2.11', '192.0.2.12', '2001:db8::13'].map((host) => ({ ...broker, host })),
      virtualHost: '/',
      tls: undefined,
      loginMethod: 'AMQPLAIN',
      controlExchange: 'neutron',
      responseTimeout: 180_000,
      heartbeat: 60,
      amqpDurableQueues: true,
      quorumQueue: true,
      transientQuorumQueue: true,
      streamFanout: true,
      useQueueManager: true,
      hostname: 'cmp-1',
      prefetch: 1,
      transientQueuesTtl: 1800,
    },
    ovs: {
      integrationBridge: 'br-int',
      tunnelBridge: 'br-tun',
      localIp: '198.51.100.21',
      ovsdbConnection: 'tcp:127.0.0.1:6640',
      ovsdbFallback: 'unix:/var/run/openvswitch/db.sock',
      datapathType: 'system',
      runDir: '/var/run/openvswitch',
    },
    agent: {
      tunnelTypes: ['vxlan', 'gre'],
      l2Population: true,
      arpResponder: true,
      reportInterval: 20,
      dscp: undefined,
    },
  });
  expect(notesOf(loaded)).toEqual([
    'harmless: /etc/neutron.conf: ignored, logs are JSON lines on standard output: [DEFAULT] log_dir, [DEFAULT] use_stderr',
    'harmless: /etc/neutron.conf: ignored, it is for other Neutron programs: [DEFAULT] bind_host, [DEFAULT] bind_port, [DEFAULT] api_paste_config, [DEFAULT] api_workers, [DEFAULT] rpc_workers, [DEFAULT] core_plugin, [DEFAULT] service_plugins, [DEFAULT] dns_domain, [nova], [oslo_middleware], [database], [keystone_authtoken], [oslo_messaging_notifications]',
    'harmless: /etc/neutron.conf: ignored, it is for privileged helpers of the Python agent: [oslo_concurrency], [privsep]',
    'harmless: /etc/neutron.conf: ignored, we run with the rights we need and no helper: [agent] root_helper',
    'harmless: /etc/neutron.conf: ignored, it tunes the Python driver: [oslo_messaging_rabbit] heartbeat_in_pthread',
    'harmless: /etc/ovs.ini: ignored, nothing is polled here: [agent] polling_interval',
  ]);
});

test('the smallest configuration has the defaults of Neutron', () => {
  const config = configOf(load(''));
  expect(config.rpc).toMatchObject({
    brokers: [{ host: 'localhost', port: 5672, username: 'guest', password: 'guest' }],
    responseTimeout: 60_000,
    retryInterval: 1,
    retryBackoff: 2,
    intervalMax: 30,
  });
  expect(config.rpc.prefetch).toBeGreaterThan(0);
  expect(config.ovs).toMatchObject({
    intPeerPatchPort: 'patch-tun',
    tunPeerPatchPort: 'patch-int',
    ovsdbTimeout: 10,
    bridgeMacTableSize: 50_000,
  });
  expect(config.agent).toEqual({
    tunnelTypes: ['vxlan'],
    l2Population: false,
    arpResponder: false,
    vxlanUdpPort: 4789,
    dontFragment: true,
    tunnelCsum: false,
    dscp: undefined,
    dscpInherit: false,
    reportInterval: 30,
    dropFlowsOnStart: false,
  });
  expect(config.own).toEqual({
    acceptMissing: [],
    controlSocket: '/run/l2pop-agent/control.sock',
    compareInterval: 300,
    snapshotGrace: 30,
    snapshotConfirm: 60,
    resyncJitter: 10,
    auditInterval: 14_400,
    ofctlTimeout: 30_000,
    journalKeep: 86_400,
    journalKeepEntries: 10_000,
    journalAttempts: 5,
    journalRetry: 2,
    maintenanceInterval: 600,
  });
});

test('nothing in it can be changed', () => {
  const config = configOf(load(''));
  expect(Object.isFrozen(config) && Object.isFrozen(config.rpc) && Object.isFrozen(config.rpc.brokers[0])).toBe(true);
});

describe('files', () => {
  const host = (value: string) => `[DEFAULT]\nhost = ${value}\n`;
  const files = {
    '/a': NEEDED + host('a'),
    '/b': host('b'),
    '/d/20.conf': host('d20'),
    '/d/10.conf': host('d10'),
    '/d/30.txt': host('no'),
    '/d/.40.conf': host('no'),
    '/etc/neutron/neutron.conf': NEEDED + host('default'),
  };

  test.each([
    ['a later file wins', ['/a', '/b'], [], 'b'],
    ['an earlier file does not', ['/b', '/a'], [], 'a'],
    ['directories come after files, sorted', ['/a'], ['/d'], 'd20'],
    ['a slash at the end of a directory', ['/a'], ['/d/'], 'd20'],
    ['the default files, those that exist', [], [], 'default'],
    ['the default files below a directory', [], ['/d'], 'd20'],
  ])('%s', (_, named, dirs, expected) => {
    expect(configOf(loadConfig({ files: named, dirs }, environment({ files }))).host).toBe(expected);
  });

  test('one that cannot be read is an error, and the only one about what it may hold', () => {
    expect(messagesOf(loadConfig({ files: ['/x'], dirs: ['/y'] }, environment({})))).toEqual([
      '/x: cannot be read: it does not exist',
      '/y: cannot be read as a configuration directory: it does not exist',
    ]);
  });

  test('none at all is an error', () => {
    expect(messagesOf(loadConfig({ files: [], dirs: [] }, environment({})))).toContain(
      'no configuration: name a file with --config-file; there is no /etc/neutron/neutron.conf and no /etc/neutron/plugins/ml2/openvswitch_agent.ini',
    );
  });
});

describe('names and sources', () => {
  test.each([
    ['[AGENT]\nreport_interval = 5', 5, []],
    ['[Agent]\nreport_interval = 5\nreport_interval = 6', 6, []],
    [
      '[agent]\nreport-interval = 5',
      5,
      [
        'spelling: /f:2: [agent] report-interval is read as [agent] report_interval; neutron-openvswitch-agent ignores this spelling',
      ],
    ],
    ['[agent]\nrept_interval = 5', 30, ['unknown: /f:2: unknown option [agent] rept_interval ignored']],
    [
      '[ovs]\nreport_interval = 5',
      30,
      ['unknown: /f:2: unknown option [ovs] report_interval ignored; there is one in [agent]'],
    ],
    [
      '[nobody]\nx = 5\ny = 6',
      30,
      ['unknown: /f:2: unknown option [nobody] x ignored', 'unknown: /f:3: unknown option [nobody] y ignored'],
    ],
  ])('%j', (text, interval, notes) => {
    const loaded = load(text);
    expect(configOf(loaded).agent.reportInterval).toBe(interval);
    expect(notesOf(loaded)).toEqual(notes);
  });

  test('[default] is read, with a note', () => {
    const loaded = load('[default]\nhost = x');
    expect(configOf(loaded).host).toBe('x');
    expect(notesOf(loaded)).toEqual([
      'spelling: /f:2: [default] host is read as [DEFAULT] host; neutron-openvswitch-agent ignores this spelling',
    ]);
  });

  test('an old name is read, with a note; the new one wins in the same file, the later file wins over both', () => {
    const old = '[DEFAULT]\namqp_durable_queues = true\n';
    expect(notesOf(load(old))).toEqual([
      'deprecated: /f:2: [DEFAULT] amqp_durable_queues is now called [oslo_messaging_rabbit] amqp_durable_queues',
    ]);
    expect(configOf(load(old)).rpc.amqpDurableQueues).toBe(true);
    const both = `${old}[oslo_messaging_rabbit]\namqp_durable_queues = false\n`;
    expect(configOf(load(both)).rpc.amqpDurableQueues).toBe(false);
    const files = { '/1': `${NEEDED}[oslo_messaging_rabbit]\namqp_durable_queues = false`, '/2': old };
    expect(configOf(loadConfig({ files: ['/1', '/2'], dirs: [] }, environment({ files }))).rpc.amqpDurableQueues).toBe(
      true,
    );
  });

  test('the environment wins over files', () => {
    const loaded = load('[agent]\ndscp = 1', { env: { OS_AGENT__DSCP: '2', OS_DEFAULT__HOST: 'e' } });
    expect(configOf(loaded)).toMatchObject({ host: 'e', agent: { dscp: 2 } });
    expect(messagesOf(load('', { env: { OS_AGENT__DSCP: 'x' } }))).toEqual([
      'environment variable OS_AGENT__DSCP: [agent] dscp = x: must be a whole number from 0 to 63',
    ]);
  });

  test('an option that is set to nothing is not set, if it can be', () => {
    expect(configOf(load('[agent]\ndscp =\n[oslo_messaging_rabbit]\nssl_ca_file =')).agent.dscp).toBeUndefined();
    expect(messagesOf(load('[ovs]\novsdb_timeout =\nlocal_ip ='))).toEqual([
      '/f:3: [ovs] local_ip = : must be an IPv4 or IPv6 address',
      '/f:2: [ovs] ovsdb_timeout = : must be a whole number from 1 to 2147483',
    ]);
  });
});

describe('variables', () => {
  test.each([
    ['in the same section', `[ovs]\ntunnel_bridge = \${integration_bridge}2`, 'br-int2'],
    ['in [DEFAULT]', '[DEFAULT]\nhost = h1\n[ovs]\ntunnel_bridge = br-$host', 'br-h1'],
    ['in another section', `[ovs]\ntunnel_bridge = b\${AGENT.vxlan_udp_port}`, 'b4789'],
    ['that is ignored otherwise', `[nova]\nx = br-x\n[ovs]\ntunnel_bridge = \${nova.x}`, 'br-x'],
    ['escaped', '[ovs]\ntunnel_bridge = br-$$x', 'br-$x'],
    ['through another', '[DEFAULT]\nhost = h$rpc_response_timeout\n[ovs]\ntunnel_bridge = br-$host', 'br-h60'],
  ])('%s', (_, text, expected) => {
    expect(configOf(load(text)).ovs.tunnelBridge).toBe(expected);
  });

  test.each([
    [
      '[ovs]\nlocal_ip = $my_ip',
      '/f:2: [ovs] local_ip = $my_ip: $my_ip is no option that has a value; a plain dollar sign is written $$',
    ],
    [
      '[ovs]\nlocal_ip = $local_ip',
      '/f:2: [ovs] local_ip = $local_ip: $local_ip is no option that has a value; a plain dollar sign is written $$',
    ],
    [
      '[DEFAULT]\ntransport_url = rabbit://u:pa$word@h',
      '/f:2: [DEFAULT] transport_url = ***: a $name in it is no option that has a value; a plain dollar sign is written $$',
    ],
  ])('%j', (text, message) => {
    expect(messagesOf(load(text))).toEqual([message]);
  });

  test('a dollar sign in the host name is none', () => {
    const env = environment({ files: { '/n': NEEDED }, env: { RUNTIME_DIRECTORY: '/run/$x:/run/y' } });
    expect(configOf(loadConfig({ files: ['/n'], dirs: [] }, env)).own.controlSocket).toBe('/run/$x/control.sock');
  });
});

test('every mistake is reported in one go', () => {
  const text = [
    'host = x',
    '[DEFAULT]',
    'debug = maybe',
    'transport_url = rabbit://u:secret@h:port/',
    'junk',
    '[ovs]',
    'local_ip = 10.0.0.300',
    'bridge_mappings = physnet1:br-ex',
    '[agent]',
    'tunnel_types = vxlan,vlan',
    'dscp = 64',
    'vxlan_udp_port = 0',
  ].join('\n');
  expect(messagesOf(load(text)).toSorted()).toEqual(
    [
      '/f:1: host: an option must come after a [section]',
      '/f:3: [DEFAULT] debug = maybe: must be true, 1, on, yes, false, 0, off or no',
      '/f:4: [DEFAULT] transport_url = ***: host 1 must be [USER:PASSWORD@]HOST[:PORT], the port from 1 to 65535, an IPv6 address in []',
      '/f:5: junk: neither a [section], nor "option = value", nor a comment',
      '/f:7: [ovs] local_ip = 10.0.0.300: must be an IPv4 or IPv6 address',
      '/f:8: [ovs] bridge_mappings = physnet1:br-ex: l2pop-agent does not do this: flat and VLAN networks would not be wired. Remove it, or accept that with [l2pop_agent] accept_missing = bridge_mappings',
      '/f:10: [agent] tunnel_types = vxlan,vlan: must be any of gre, vxlan, geneve, separated by commas',
      '/f:11: [agent] dscp = 64: must be a whole number from 0 to 63',
      '/f:12: [agent] vxlan_udp_port = 0: must be a whole number from 1 to 65535',
    ].toSorted(),
  );
});

describe('between options', () => {
  const RABBIT = '[oslo_messaging_rabbit]\n';
  test.each([
    [
      '[agent]\ntunnel_types =',
      [
        '/f:2: [agent] tunnel_types = : must name at least one of gre, vxlan, geneve: without a tunnel type there is nothing to do',
      ],
    ],
    ['[ovs]\ntunnel_bridge = br-int', ['/f:2: [ovs] tunnel_bridge = br-int: must differ from integration_bridge']],
    [
      '[ovs]\novsdb_connection = ssl:192.0.2.9:6640',
      [
        'default: [ovs] ssl_key_file is not set: must be set: ovsdb_connection starts with ssl:',
        'default: [ovs] ssl_cert_file is not set: must be set: ovsdb_connection starts with ssl:',
        'default: [ovs] ssl_ca_cert_file is not set: must be set: ovsdb_connection starts with ssl:',
      ],
    ],
    [
      `${RABBIT}rabbit_ha_queues = true\nrabbit_quorum_queue = true`,
      [
        '/f:2: [oslo_messaging_rabbit] rabbit_ha_queues = true: must be false when rabbit_quorum_queue is true: a queue is mirrored or a quorum queue',
      ],
    ],
    [
      `${RABBIT}rabbit_stream_fanout = true`,
      [
        'default: [oslo_messaging_rabbit] rabbit_transient_quorum_queue = false: must be true when rabbit_stream_fanout is true',
        'default: [oslo_messaging_rabbit] rabbit_qos_prefetch_count = 0: must be greater than 0 when rabbit_stream_fanout is true',
      ],
    ],
    [
      `${RABBIT}ssl = true\nssl_ca_file = /nowhere`,
      ['/f:3: [oslo_messaging_rabbit] ssl_ca_file = /nowhere: must be a file that can be read: it does not exist'],
    ],
    [`${RABBIT}ssl_ca_file = /nowhere`, []],
    [
      '[DEFAULT]\ntransport_url = rabbit://h/?ssl=maybe&no_such=1',
      [
        '/f:2: [DEFAULT] transport_url = ***: ssl=maybe in the query: must be true, 1, on, yes, false, 0, off or no',
        '/f:2: [DEFAULT] transport_url = ***: "no_such" in the query is not an option of [oslo_messaging_rabbit]',
      ],
    ],
  ])('%j', (text, expected) => {
    expect(messagesOf(load(text))).toEqual(expected);
  });

  test('local_ip is needed', () => {
    const loaded = loadConfig(
      { files: ['/f'], dirs: [] },
      environment({ files: { '/f': '[agent]\ntunnel_types = gre' } }),
    );
    expect(messagesOf(loaded)).toEqual([
      'default: [ovs] local_ip is not set: must be set: tunneling needs an IPv4 or IPv6 address of this host',
    ]);
  });

  test('local_ip must be an address of this host, when these are known', () => {
    expect(messagesOf(load('', { addresses: ['192.0.2.1'] }))).toEqual([]);
    expect(messagesOf(load('', { addresses: ['192.0.2.2', '::1'] }))).toEqual([
      '/n:2: [ovs] local_ip = 192.0.2.1: must be an address of this host, which has 192.0.2.2, ::1',
    ]);
  });

  test('arp_responder needs l2_population', () => {
    const loaded = load('[agent]\narp_responder = true');
    expect(configOf(loaded).agent.arpResponder).toBe(false);
    expect(notesOf(loaded)).toEqual(['effect: [agent] arp_responder has no effect without l2_population']);
    expect(configOf(load('[agent]\narp_responder = true\nl2_population = true')).agent.arpResponder).toBe(true);
  });

  test('the query of transport_url overrides the files', () => {
    const files = { '/etc/ca.pem': '' };
    const loaded = load(
      '[DEFAULT]\ntransport_url = rabbit://h/?ssl=1&ssl_ca_file=/etc/ca.pem&heartbeat_rate=3\n[oslo_messaging_rabbit]\nssl = false',
      { files },
    );
    expect(configOf(loaded).rpc.tls).toEqual({
      caFile: '/etc/ca.pem',
      certFile: undefined,
      keyFile: undefined,
      verifyHostname: true,
    });
  });

  test.each([
    [
      'ssl = true',
      false,
      ["effect: [oslo_messaging_rabbit] ssl without ssl_ca_file: the broker's certificate is not verified"],
    ],
    ['ssl = true\nssl_ca_file = /etc/ca.pem', true, []],
    [
      'ssl = true\nssl_ca_file = /etc/ca.pem\nssl_enforce_hostname_verification = false',
      false,
      [
        'effect: [oslo_messaging_rabbit] ssl_enforce_hostname_verification = false: any broker with a certificate of that authority is believed',
      ],
    ],
  ])('%j: host name verified %s', (lines, verifyHostname, notes) => {
    const loaded = load(`[oslo_messaging_rabbit]\n${lines}`, { files: { '/etc/ca.pem': '' } });
    expect(configOf(loaded).rpc.tls).toMatchObject({ verifyHostname });
    expect(notesOf(loaded)).toEqual(notes);
  });
});

describe('where ovsdb-server is', () => {
  test.each([
    ['', {}, 'unix:/var/run/openvswitch/db.sock', undefined],
    ['', { OVS_RUNDIR: '/tmp/host1' }, 'unix:/tmp/host1/db.sock', undefined],
    ['tcp:127.0.0.1:6640', { OVS_RUNDIR: '/tmp/host1' }, 'tcp:127.0.0.1:6640', 'unix:/tmp/host1/db.sock'],
    ['tcp:[::1]:6640', {}, 'tcp:[::1]:6640', 'unix:/var/run/openvswitch/db.sock'],
    ['tcp:localhost:6640', {}, 'tcp:localhost:6640', 'unix:/var/run/openvswitch/db.sock'],
    ['tcp:192.0.2.9:6640', {}, 'tcp:192.0.2.9:6640', undefined],
    ['unix:/run/x.sock', {}, 'unix:/run/x.sock', undefined],
  ])('%j %j', (connection, env, expected, fallback) => {
    const { ovs } = configOf(load(connection === '' ? '' : `[ovs]\novsdb_connection = ${connection}`, { env }));
    expect([ovs.ovsdbConnection, ovs.ovsdbFallback]).toEqual([expected, fallback]);
  });
});

test('the control socket is in the runtime directory that systemd made', () => {
  expect(configOf(load('', { env: { RUNTIME_DIRECTORY: '/run/l2pop' } })).own.controlSocket).toBe(
    '/run/l2pop/control.sock',
  );
  expect(
    configOf(load('[l2pop_agent]\ncontrol_socket = /x', { env: { RUNTIME_DIRECTORY: '/r' } })).own.controlSocket,
  ).toBe('/x');
});

describe('what we do not do', () => {
  const REFUSED: [string, string][] = [
    ['enable_distributed_routing', '[agent]\nenable_distributed_routing = true'],
    ['bridge_mappings', '[ovs]\nbridge_mappings = physnet1:br-ex'],
    ['extensions', '[agent]\nextensions = qos'],
    ['firewall_driver', '[securitygroup]\nfirewall_driver = openvswitch'],
    ['baremetal_smartnic', '[agent]\nbaremetal_smartnic = true'],
    ['resource_provider_bandwidths', '[ovs]\nresource_provider_bandwidths = br-ex:1:1'],
    ['kombu_compression', '[oslo_messaging_rabbit]\nkombu_compression = gzip'],
    ['ssl_enforce_fips_mode', '[oslo_messaging_rabbit]\nssl_enforce_fips_mode = true'],
  ];

  test.each(REFUSED)('%s stops the start, unless accepted', (name, text) => {
    const [message, ...more] = messagesOf(load(text));
    expect(more).toEqual([]);
    expect(message).toMatch(/^\/f:2: .* l2pop-agent does not do this: .* (would|could) /);
    const accepted = load(`${text}\n[l2pop_agent]\naccept_missing = ${name}`);
    expect(configOf(accepted).own.acceptMissing).toEqual([name]);
    expect(notesOf(accepted)).toEqual([expect.stringMatching(/^accepted: \/f:2: .* (would|could) /)]);
  });

  test.each([
    '[agent]\nenable_distributed_routing = false',
    '[ovs]\nbridge_mappings =',
    '[agent]\nextensions =',
    '[securitygroup]\nfirewall_driver =',
    '[securitygroup]\nfirewall_driver = noop',
    '[securitygroup]\nfirewall_driver = neutron.agent.firewall.NoopFirewallDriver',
    '[securitygroup]\nfirewall_driver = openvswitch\nenable_security_group = false',
  ])('%j is nothing to refuse', (text) => {
    expect(messagesOf(load(text))).toEqual([]);
  });

  test('accept_missing names only what can be missing', () => {
    expect(messagesOf(load('[l2pop_agent]\naccept_missing = extensions, dvr'))).toEqual([
      expect.stringMatching(
        /^\/f:2: \[l2pop_agent\] accept_missing = extensions,dvr: must be any of .*bridge_mappings.*extensions/,
      ),
    ]);
  });
});
