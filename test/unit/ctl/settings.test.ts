import { expect, it, test } from 'vitest';
import { type CtlSettings, ctlSettings } from '../../../src/ctl/settings.ts';

const FILES: Readonly<Record<string, string>> = {
  '/etc/neutron/neutron.conf':
    '[DEFAULT]\nrpc_response_timeout = nonsense\n[l2pop_agent]\ncontrol_socket = /run/default.sock\n',
  '/own.ini':
    '[l2pop_agent]\ncontrol_socket = /run/own.sock\n[ovs]\ntunnel_bridge = br-t\novsdb_connection = tcp:127.0.0.1:6640\n',
  '/bad.ini': '[ovs]\novsdb_connection = somewhere\n',
};

function find(
  given: { socket?: string; files?: string[] },
  env: Record<string, string> = {},
  files: Readonly<Record<string, string>> = FILES,
): CtlSettings | string {
  return ctlSettings(
    { socket: given.socket, files: given.files ?? [] },
    {
      env,
      readFile(path) {
        const text = files[path];
        if (text === undefined) throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' });
        return text;
      },
    },
  );
}

it.each<[string, { socket?: string; files?: string[] }, Record<string, string>, string]>([
  ['--socket before all', { socket: '/s', files: ['/own.ini'] }, { L2POP_AGENT_SOCKET: '/e' }, '/s'],
  ['the environment before files', { files: ['/own.ini'] }, { L2POP_AGENT_SOCKET: '/e' }, '/e'],
  ['a named file', { files: ['/own.ini'] }, { RUNTIME_DIRECTORY: '/run/x' }, '/run/own.sock'],
  ["the daemon's default files", {}, { RUNTIME_DIRECTORY: '/run/x' }, '/run/default.sock'],
])('the socket: %s', (_name, given, env, socket) => {
  expect(find(given, env)).toMatchObject({ socket });
});

it.each([
  [{}, '/run/l2pop-agent/control.sock'],
  [{ RUNTIME_DIRECTORY: '/run/a:/run/b' }, '/run/a/control.sock'],
])('the socket without any file: %j', (env, socket) => {
  expect(find({}, env, {})).toMatchObject({ socket });
});

test('where the switch is', () => {
  expect(find({ files: ['/own.ini'] }, { OVS_RUNDIR: '/ovs' })).toMatchObject({
    ...{ integrationBridge: 'br-int', tunnelBridge: 'br-t', tunPeerPatchPort: 'patch-int', runDir: '/ovs' },
    ...{ ovsdbConnection: 'tcp:127.0.0.1:6640', ovsdbFallback: 'unix:/ovs/db.sock', ovsdbTimeout: 10_000 },
  });
  expect(find({}, {}, {})).toMatchObject({
    ...{ ovsdbConnection: 'unix:/var/run/openvswitch/db.sock', runDir: '/var/run/openvswitch', ofctlTimeout: 30_000 },
  });
});

test('a mistake in what is needed is said, one in what is not is no matter', () => {
  expect(find({ files: ['/bad.ini'] })).toMatch(/^\/bad\.ini:2: \[ovs\] ovsdb_connection = somewhere: must be /);
  expect(find({ files: ['/etc/neutron/neutron.conf'] })).toMatchObject({ socket: '/run/default.sock' });
  expect(find({ files: ['/absent'] })).toBe('/absent: cannot be read: ENOENT: /absent');
});
