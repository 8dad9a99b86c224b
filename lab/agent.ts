/**
 * The agent on a simulated host, started the way systemd would: the command line, environment and directories are those of
 * `systemd/l2pop-agent.service`, read when it starts. Paths of the unit that would be the system's (`/etc/neutron/…`, `/run`,
 * `/var/lib`) lie below the host's own directory instead.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { basename, dirname, join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Host } from './host.ts';
import { type Daemon, RUN_VARIABLE, recordedDaemons, startDaemon } from './processes.ts';
import { mergeSettings, renderSettings, type Settings } from './settings.ts';
import { parseServiceUnit, type ServiceUnit } from './unit-file.ts';

const ROOT = resolve(import.meta.dirname, '..');
const UNIT_FILE = join(ROOT, 'systemd', 'l2pop-agent.service');

export type { Settings };

export interface AgentOptions {
  readonly transportUrl: string;
  /** Added to, or in place of, what the lab sets. */
  readonly settings?: Settings;
  /** Default: wait until `GET /status` answers. False: return as soon as it has been started. */
  readonly waitUntilReady?: boolean;
}

export class Agent {
  readonly host: Host;
  /** `undefined`: the configuration files are somebody else's and stay as they are. */
  readonly #options: AgentOptions | undefined;
  #daemon: Daemon | undefined;

  private constructor(host: Host, options: AgentOptions | undefined) {
    this.host = host;
    this.#options = options;
  }

  static async start(host: Host, options: AgentOptions): Promise<Agent> {
    const agent = new Agent(host, options);
    await agent.start();
    return agent;
  }

  /** The agent of a host, running or not, on the configuration files that are there. Nothing is started. */
  static of(host: Host): Agent {
    return new Agent(host, undefined);
  }

  get pid(): number {
    return this.#running().pid;
  }

  get log(): string {
    return join(this.host.run.path, 'log', `${this.#name}.log`);
  }

  get controlSocket(): string {
    return controlSocket(this.host);
  }

  /** Writes the configuration, unless it is not ours to write, and starts the daemon; also after a stop or a crash, with other settings if wanted. */
  async start(settings: Settings = {}): Promise<void> {
    const unit = readUnit();
    const command = place(unit, this.host);
    const options = this.#options;
    if (options !== undefined) {
      const all = mergeSettings(defaults(this.host, options), options.settings ?? {}, settings);
      writeConfiguration(command, all);
    }
    const environment = { ...unit.environment, ...directories(unit, this.host), OVS_RUNDIR: this.host.path };
    const waits = options?.waitUntilReady !== false;
    this.#daemon = await startDaemon(this.host.run.path, {
      name: this.#name,
      // systemd hands on nothing of its own environment.
      command: this.host.namespace.command([
        ...underBootId(this.host.bootIdFile),
        ...['env', '-i', `PATH=${process.env.PATH ?? ''}`, 'LANG=C.UTF-8'],
        `${RUN_VARIABLE}=${this.host.run.path}`,
        ...Object.entries(environment).map(([name, value]) => `${name}=${value}`),
        ...command,
      ]),
      ...(waits ? { ready: async () => (await this.get('/status')).status === 200 } : {}),
    });
  }

  /** SIGTERM, as `systemctl stop`. */
  async stop(): Promise<void> {
    await this.#running().stop();
  }

  /** SIGKILL: a crash. */
  async kill(): Promise<void> {
    await this.#running().kill();
  }

  /** SIGKILL to it and all that it has started, at once: the machine's power went. */
  async killGroup(): Promise<void> {
    await this.#running().killGroup();
  }

  signal(signal: NodeJS.Signals): void {
    this.#running().signal(signal);
  }

  async restart(settings?: Settings): Promise<void> {
    await this.stop();
    await this.start(settings);
  }

  /** `GET` on the control socket. Rejects when nobody listens. */
  async get(path: string): Promise<{ readonly status: number; readonly body: string }> {
    return await new Promise((fulfil, reject) => {
      const outgoing = request({ socketPath: this.controlSocket, path, timeout: 5_000 }, (response) => {
        text(response).then((body) => fulfil({ status: response.statusCode ?? 0, body }), reject);
      });
      outgoing.once('timeout', () => outgoing.destroy(new Error(`GET ${path}: no answer`)));
      outgoing.once('error', reject);
      outgoing.end();
    });
  }

  /** `l2popctl ARGS…` on this host; its stdout. */
  async ctl(...args: string[]): Promise<string> {
    return await this.host.exec([join(ROOT, 'bin', 'l2popctl'), ...args], { env: agentEnvironment(this.host) });
  }

  get #name(): string {
    return `${this.host.name}-agent`;
  }

  #running(): Daemon {
    const daemon = this.#daemon ?? recordedDaemons(this.host.run.path).find(({ name }) => name === this.#name);
    if (daemon === undefined) throw new Error(`the agent of ${this.host.name} has not been started`);
    return daemon;
  }
}

/** What runs a command so that it sees another boot id. `ip netns exec` gives it a mount namespace of its own. */
function underBootId(file: string): string[] {
  const script = 'mount --bind "$0" /proc/sys/kernel/random/boot_id && exec "$@"';
  return existsSync(file) ? ['sh', '-c', script, file] : [];
}

/** What points l2popctl at the agent of a host: the directories that systemd would have given it. */
export function agentEnvironment(host: Host): Record<string, string> {
  return directories(readUnit(), host);
}

/** Where the unit's `--config-file`s are on a host: neutron.conf first. */
export function agentConfigurationFiles(host: Host): string[] {
  return configurationFiles(place(readUnit(), host));
}

function controlSocket(host: Host): string {
  return join(agentEnvironment(host).RUNTIME_DIRECTORY ?? host.path, 'control.sock');
}

function readUnit(): ServiceUnit {
  return parseServiceUnit(readFileSync(UNIT_FILE, 'utf8'));
}

/** The unit's command line with the checkout's program and the host's own files. */
function place(unit: ServiceUnit, host: Host): string[] {
  const [program = '', ...args] = unit.execStart;
  return [
    join(ROOT, 'bin', basename(program)),
    ...args.map((arg) => (arg.startsWith('/') ? join(host.path, arg) : arg)),
  ];
}

function directories(unit: ServiceUnit, host: Host): Record<string, string> {
  const made: Record<string, string> = {};
  if (unit.runtimeDirectory !== undefined)
    made.RUNTIME_DIRECTORY = host.run.directory(host.name, 'run', unit.runtimeDirectory);
  return made;
}

/** Where the daemon keeps its journal. */
export function statePath(host: Host): string {
  return host.run.directory(host.name, 'var/lib/neutron');
}

function defaults(host: Host, options: AgentOptions): Settings {
  return {
    DEFAULT: { host: host.name, transport_url: options.transportUrl, state_path: statePath(host) },
    ovs: { local_ip: host.vtep.ipv4, datapath_type: 'netdev' },
    agent: { tunnel_types: 'vxlan,gre', l2_population: 'true', arp_responder: 'true' },
    securitygroup: { enable_security_group: 'false' },
    // Few hosts: nobody has to wait for its turn.
    l2pop_agent: { resync_jitter: '0' },
  };
}

/** `[DEFAULT]` goes to the first `--config-file`, as to neutron.conf, the rest to the last, as to openvswitch_agent.ini. */
function writeConfiguration(command: readonly string[], settings: Settings): void {
  const files = configurationFiles(command);
  const [first, last] = [files.at(0), files.at(-1)];
  if (first === undefined || last === undefined) throw new Error(`no --config-file in ExecStart of ${UNIT_FILE}`);
  const { DEFAULT = {}, ...others } = settings;
  const contents = new Map(files.map((file) => [file, '']));
  contents.set(first, renderSettings({ DEFAULT }));
  contents.set(last, `${contents.get(last)}${renderSettings(others)}`);
  for (const [file, content] of contents) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  }
}

function configurationFiles(command: readonly string[]): string[] {
  return command.filter((_, i) => command[i - 1] === '--config-file');
}
