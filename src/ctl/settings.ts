/**
 * Where the daemon's socket and the switch are, from the files that the daemon reads. Of these only the few options that
 * say so count here: a mistake in another one is no reason not to look.
 */
import { defaultConnection } from '../config/build.ts';
import { parseIni } from '../config/ini.ts';
import { DEFAULT_FILES } from '../config/load.ts';
import { OptionReader } from '../config/reader.ts';
import { resolve } from '../config/resolve.ts';

export interface CtlSettings {
  readonly socket: string;
  /** Of the journal. */
  readonly statePath: string;
  readonly integrationBridge: string;
  readonly tunnelBridge: string;
  readonly tunPeerPatchPort: string;
  readonly ovsdbConnection: string;
  /** OVSDB's unix socket of this host, for when the connection above refuses. */
  readonly ovsdbFallback: string;
  readonly tls: {
    readonly caFile: string | undefined;
    readonly certFile: string | undefined;
    readonly keyFile: string | undefined;
  };
  /** Milliseconds. */
  readonly ovsdbTimeout: number;
  /** Milliseconds. */
  readonly ofctlTimeout: number;
  readonly runDir: string;
}

export interface CtlEnvironment {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Throws an error with a `code`. */
  readonly readFile: (path: string) => string;
}

const NEEDED = [
  'DEFAULT.state_path',
  'l2pop_agent.control_socket',
  'l2pop_agent.ofctl_timeout',
  'ovs.integration_bridge',
  'ovs.tunnel_bridge',
  'ovs.tun_peer_patch_port',
  'ovs.ovsdb_connection',
  'ovs.ovsdb_timeout',
];

/** `socket`: `--socket`; then `$L2POP_AGENT_SOCKET`, then the files. The result may be the sentence that says what is wrong. */
export function ctlSettings(
  given: { readonly socket: string | undefined; readonly files: readonly string[] },
  { env, readFile }: CtlEnvironment,
): CtlSettings | string {
  const runDir = env.OVS_RUNDIR || '/var/run/openvswitch';
  const ownRunDir = env.RUNTIME_DIRECTORY?.split(':')[0] || '/run/l2pop-agent';
  const files = [];
  for (const path of given.files.length > 0 ? given.files : DEFAULT_FILES) {
    try {
      files.push(parseIni(path, readFile(path)).entries);
    } catch (error) {
      // The default files may be absent, or for other eyes.
      if (given.files.length > 0)
        return `${path}: cannot be read: ${error instanceof Error ? error.message : String(error)}`;
    }
  }
  const defaults = new Map([
    ['l2pop_agent.control_socket', `${ownRunDir}/control.sock`],
    ['ovs.ovsdb_connection', defaultConnection(runDir)],
  ]);
  const { options, problems } = resolve({ files, env, defaults });
  if (NEEDED.some((id) => !options.has(id))) return problems.map(({ message }) => message).join('\n');
  const reader = new OptionReader(options);
  return {
    socket: given.socket ?? (env.L2POP_AGENT_SOCKET || reader.text('l2pop_agent.control_socket')),
    statePath: reader.text('DEFAULT.state_path'),
    integrationBridge: reader.text('ovs.integration_bridge'),
    tunnelBridge: reader.text('ovs.tunnel_bridge'),
    tunPeerPatchPort: reader.text('ovs.tun_peer_patch_port'),
    ovsdbConnection: reader.text('ovs.ovsdb_connection'),
    ovsdbFallback: defaultConnection(runDir),
    tls: {
      caFile: options.has('ovs.ssl_ca_cert_file') ? reader.textOrUnset('ovs.ssl_ca_cert_file') : undefined,
      certFile: options.has('ovs.ssl_cert_file') ? reader.textOrUnset('ovs.ssl_cert_file') : undefined,
      keyFile: options.has('ovs.ssl_key_file') ? reader.textOrUnset('ovs.ssl_key_file') : undefined,
    },
    ovsdbTimeout: reader.number('ovs.ovsdb_timeout') * 1000,
    ofctlTimeout: reader.number('l2pop_agent.ofctl_timeout'),
    runDir,
  };
}
