/**
 * From the command line's files and directories to the configuration object, or to every problem at once.
 *
 * The only file of this folder that reads anything, through the functions it is handed.
 */
import { buildConfig, defaultConnection } from './build.ts';
import type { Config } from './config.ts';
import type { IniEntry } from './ini.ts';
import { parseIni } from './ini.ts';
import { OptionReader } from './reader.ts';
import type { ConfigProblem, EffectiveOptions, Note, Resolved } from './resolve.ts';
import { override, resolve, valueProblem } from './resolve.ts';
import { parseTransportUrl, type TransportUrl } from './transport-url.ts';
import { validateTogether } from './validate.ts';

export type { ConfigProblem, Note } from './resolve.ts';

export interface ConfigArguments {
  /** `--config-file`, in order; a later file wins. */
  readonly files: readonly string[];
  /** `--config-dir`: its `*.conf`, sorted by name, come after all files. */
  readonly dirs: readonly string[];
}

/** What the configuration depends on besides the files. */
export interface ConfigEnvironment {
  readonly hostname: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** UTF-8 text of a file; throws an error with a `code` (ENOENT, EACCES …). */
  readonly readFile: (path: string) => string;
  /** Names in a directory; throws like `readFile`. */
  readonly listDirectory: (path: string) => readonly string[];
  /** Addresses of this host's interfaces, as `parseIp` writes them, to compare `local_ip` with; `undefined`: not compared. */
  readonly addresses: readonly string[] | undefined;
}

export type LoadedConfig =
  | { readonly config: Config; readonly options: EffectiveOptions; readonly notes: readonly Note[] }
  | { readonly errors: readonly ConfigProblem[]; readonly notes: readonly Note[] };

/** Read when no file is named, those of them that exist: the files that neutron-openvswitch-agent's service is started with. */
export const DEFAULT_FILES: readonly string[] = [
  '/etc/neutron/neutron.conf',
  '/etc/neutron/plugins/ml2/openvswitch_agent.ini',
];
const DEFAULT_RUN_DIR = '/var/run/openvswitch';

export function loadConfig(args: ConfigArguments, environment: ConfigEnvironment): LoadedConfig {
  const { files, problems: unread } = readFiles(args, environment);
  const runDir = environment.env.OVS_RUNDIR || DEFAULT_RUN_DIR;
  const defaults = computedDefaults(environment, runDir);
  const resolved = resolve({ files: files.map(({ entries }) => entries), env: environment.env, defaults });
  const problems = [...unread, ...files.flatMap((file) => file.problems), ...resolved.problems];
  const notes = [...resolved.notes];

  const url = readTransportUrl(resolved, problems, notes);
  checkTlsFiles(resolved.options, environment, problems);
  // With a file missing, every option it may have held would be reported as not set.
  if (unread.length === 0) {
    const verdict = validateTogether(resolved.options, environment.addresses);
    problems.push(...verdict.problems);
    notes.push(...verdict.notes);
  }
  if (problems.length > 0 || url === undefined) return { errors: problems, notes };
  return { config: buildConfig(new OptionReader(resolved.options), url, runDir), options: resolved.options, notes };
}

function computedDefaults({ hostname, env }: ConfigEnvironment, runDir: string): ReadonlyMap<string, string> {
  // systemd may name several directories; the first is ours.
  const ownRunDir = env.RUNTIME_DIRECTORY?.split(':')[0] || '/run/l2pop-agent';
  return new Map([
    ['DEFAULT.host', hostname],
    ['oslo_messaging_rabbit.hostname', hostname],
    ['ovs.ovsdb_connection', defaultConnection(runDir)],
    ['l2pop_agent.control_socket', `${ownRunDir}/control.sock`],
  ]);
}

interface ReadFile {
  readonly entries: readonly IniEntry[];
  readonly problems: readonly ConfigProblem[];
}

function readFiles(args: ConfigArguments, { readFile, listDirectory }: ConfigEnvironment) {
  const files: ReadFile[] = [];
  const problems: ConfigProblem[] = [];
  const read = (path: string, optional: boolean) => {
    try {
      const { entries, problems: bad } = parseIni(path, readFile(path));
      files.push({ entries, problems: bad.map(({ line, message }) => ({ message: `${path}:${line}: ${message}` })) });
    } catch (error) {
      if (!optional || errorCode(error) !== 'ENOENT')
        problems.push({ message: `${path}: cannot be read: ${reason(error)}` });
    }
  };

  const named = args.files.length > 0;
  for (const path of named ? args.files : DEFAULT_FILES) read(path, !named);
  for (const dir of args.dirs) {
    try {
      // oslo.config globs `*.conf`, which leaves hidden files out.
      const names = listDirectory(dir).filter((name) => name.endsWith('.conf') && !name.startsWith('.'));
      for (const name of names.toSorted()) read(`${dir.replace(/\/+$/, '')}/${name}`, false);
    } catch (error) {
      problems.push({ message: `${dir}: cannot be read as a configuration directory: ${reason(error)}` });
    }
  }
  if (files.length === 0 && problems.length === 0) {
    problems.push({
      message: `no configuration: name a file with --config-file; there is no ${DEFAULT_FILES.join(' and no ')}`,
    });
  }
  return { files, problems };
}

function readTransportUrl(resolved: Resolved, problems: ConfigProblem[], notes: Note[]): TransportUrl | undefined {
  const effective = resolved.options.get('DEFAULT.transport_url');
  if (effective === undefined) return undefined;
  const { option, value, source } = effective;
  const complain = (complaint: string) =>
    problems.push({ message: valueProblem(option, String(value), source, complaint) });
  const url = parseTransportUrl(String(value));
  if ('complaint' in url) {
    complain(url.complaint);
    return undefined;
  }
  for (const [name, text] of url.query) {
    const complaint = override(resolved, name, text);
    if (complaint !== undefined) complain(complaint);
  }
  if (url.borrowed.length > 0) {
    const message = `[DEFAULT] transport_url: no user and password for ${url.borrowed.join(', ')}: those of the first host that has them are used`;
    notes.push({ kind: 'effect', message });
  }
  return url;
}

/** Each TLS file that is going to be used must be there and readable. */
function checkTlsFiles(options: EffectiveOptions, { readFile }: ConfigEnvironment, problems: ConfigProblem[]): void {
  const ids: string[] = [];
  if (String(options.get('ovs.ovsdb_connection')?.value).startsWith('ssl:')) {
    ids.push('ovs.ssl_key_file', 'ovs.ssl_cert_file', 'ovs.ssl_ca_cert_file');
  }
  if (options.get('oslo_messaging_rabbit.ssl')?.value === true) {
    ids.push(...['ssl_key_file', 'ssl_cert_file', 'ssl_ca_file'].map((name) => `oslo_messaging_rabbit.${name}`));
  }
  for (const id of ids) {
    const effective = options.get(id);
    if (effective?.value === undefined) continue;
    const { option, source } = effective;
    const path = String(effective.value);
    try {
      readFile(path);
    } catch (error) {
      problems.push({
        message: valueProblem(option, path, source, `must be a file that can be read: ${reason(error)}`),
      });
    }
  }
}

function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

function reason(error: unknown): string {
  switch (errorCode(error)) {
    case 'ENOENT':
      return 'it does not exist';
    case 'EACCES':
      return 'permission denied';
    case 'EISDIR':
      return 'it is a directory';
    case 'ENOTDIR':
      return 'it is no directory';
    default:
      return error instanceof Error ? error.message : String(error);
  }
}
