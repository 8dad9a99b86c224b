/**
 * The agent of a host of the real cloud: ours or neutron-openvswitch-agent, one at a time, on the same configuration files,
 * which are written once, as an operator has them, and by neither.
 */
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Agent, agentConfigurationFiles } from '../agent.ts';
import type { Host } from '../host.ts';
import { type Daemon, RUN_VARIABLE, recordedDaemons, startDaemon } from '../processes.ts';
import { mergeSettings, renderSettings, type Settings } from '../settings.ts';
import { waitFor } from '../wait.ts';

export const AGENT_KINDS = ['ours', 'reference'] as const;
export type AgentKind = (typeof AGENT_KINDS)[number];

/** Its privileged helpers. By default it runs them with sudo(8), which would drop OVS_RUNDIR from the environment. */
const PRIVSEP = ['privsep', 'privsep_link', 'privsep_ovs_vsctl'];
const REFERENCE = '/usr/bin/neutron-openvswitch-agent';
/** What the reference logs when it enters its loop. */
const REFERENCE_RUNS = 'Agent initialized successfully, now running';
/** Milliseconds: the reference ends after the iteration that it is in. */
const STOP_PATIENCE = 60_000;

export class HostAgent {
  readonly host: Host;

  constructor(host: Host) {
    this.host = host;
  }

  /** neutron.conf and openvswitch_agent.ini of the host. */
  get files(): readonly string[] {
    return agentConfigurationFiles(this.host);
  }

  /** Which one runs. */
  get kind(): AgentKind | undefined {
    return AGENT_KINDS.find((kind) => this.#daemon(kind)?.running);
  }

  /** Which one was started last. */
  get lastKind(): AgentKind | undefined {
    if (!existsSync(this.#memory)) return undefined;
    const text = readFileSync(this.#memory, 'utf8').trim();
    return AGENT_KINDS.find((kind) => kind === text);
  }

  /** When an agent was last started here; milliseconds since 1970, 0 if never. */
  get startedAt(): number {
    return statSync(this.#memory, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  }

  get pid(): number | undefined {
    return AGENT_KINDS.map((kind) => this.#daemon(kind)).find((daemon) => daemon?.running)?.pid;
  }

  /** Ours, running or not: its control socket, l2popctl and log. */
  get ours(): Agent {
    return Agent.of(this.host);
  }

  /** What an agent of this kind writes to stdout and stderr, all its lives one after the other. */
  log(kind: AgentKind): string {
    return join(this.host.run.path, 'log', `${daemonName(this.host, kind)}.log`);
  }

  /** Writes both files: `[DEFAULT]`, `[agent] root_helper`, `[oslo_…]` and `[privsep…]` go to neutron.conf, where they usually are. */
  configure(transportUrl: string, settings: Settings = {}): void {
    const all = mergeSettings(operatorSettings(this.host, transportUrl), settings);
    const isGeneral = ([section]: [string, unknown]) => /^(DEFAULT|oslo_.*|privsep.*)$/.test(section);
    const sections = Object.entries(all);
    const general = Object.fromEntries(sections.filter(isGeneral));
    const special = Object.fromEntries(sections.filter((section) => !isGeneral(section)));
    const [neutron = '', plugin = ''] = this.files;
    // Without a helper the reference runs `ip` and `ovs-vsctl` itself: it is root.
    write(neutron, renderSettings({ ...general, agent: { root_helper: '' } }));
    write(plugin, renderSettings(special));
  }

  /** Resolves when ours has done its first pass over the switch, or the reference has entered its loop. */
  async start(kind: AgentKind): Promise<void> {
    await this.launch(kind);
    if (kind === 'ours') {
      const passed = async () => ((await this.status()).switch as { passed?: boolean } | undefined)?.passed === true;
      await waitFor(`${this.host.name}'s agent to have passed over the switch`, passed, { timeout: 90_000 });
    }
  }

  /** As {@link start}, but ours is only waited for until it answers on its control socket: it may be unable to do more. */
  async launch(kind: AgentKind): Promise<void> {
    if (this.kind !== undefined) throw new Error(`${this.host.name} has an agent that runs already: ${this.kind}`);
    writeFileSync(this.#memory, `${kind}\n`);
    await (kind === 'ours' ? this.ours.start() : this.#startReference());
  }

  /** What ours says of itself: `GET /status`. */
  async status(): Promise<Readonly<Record<string, unknown>>> {
    return JSON.parse((await this.ours.get('/status')).body) as Record<string, unknown>;
  }

  /** SIGTERM, and waits for the end; whichever runs, if any. */
  async stop(): Promise<void> {
    for (const kind of AGENT_KINDS) await this.#daemon(kind)?.stop(STOP_PATIENCE);
  }

  /** SIGKILL: a crash. */
  async kill(): Promise<void> {
    for (const kind of AGENT_KINDS) await this.#daemon(kind)?.kill();
  }

  /** Stops what runs; then the same again, or the other. */
  async restart(kind: AgentKind | undefined = this.lastKind): Promise<void> {
    await this.stop();
    await this.start(kind ?? 'ours');
  }

  get #memory(): string {
    return join(this.host.path, 'agent-kind');
  }

  #daemon(kind: AgentKind): Daemon | undefined {
    const name = daemonName(this.host, kind);
    return recordedDaemons(this.host.run.path).find((daemon) => daemon.name === name);
  }

  async #startReference(): Promise<void> {
    const log = this.log('reference');
    const before = existsSync(log) ? readFileSync(log, 'utf8').length : 0;
    await startDaemon(this.host.run.path, {
      name: daemonName(this.host, 'reference'),
      command: this.host.namespace.command([
        ...['env', '-i', `PATH=${process.env.PATH ?? ''}`, 'LANG=C.UTF-8', `OVS_RUNDIR=${this.host.path}`],
        `${RUN_VARIABLE}=${this.host.run.path}`,
        ...[REFERENCE, ...this.files.flatMap((file) => ['--config-file', file])],
      ]),
      ready: () => readFileSync(log, 'utf8').slice(before).includes(REFERENCE_RUNS),
      readyTimeout: 90_000,
    });
  }
}

function daemonName(host: Host, kind: AgentKind): string {
  return kind === 'ours' ? `${host.name}-agent` : `${host.name}-reference`;
}

function operatorSettings(host: Host, transportUrl: string): Settings {
  const state = host.run.directory(host.name, 'var/lib/neutron');
  return {
    DEFAULT: {
      host: host.name,
      core_plugin: 'ml2',
      auth_strategy: 'keystone',
      state_path: state,
      transport_url: transportUrl,
    },
    oslo_concurrency: { lock_path: join(state, 'lock') },
    ...Object.fromEntries(PRIVSEP.map((section) => [section, { helper_command: 'privsep-helper' }])),
    ovs: {
      integration_bridge: 'br-int',
      tunnel_bridge: 'br-tun',
      local_ip: host.vtep.ipv4,
      // The hosts of the lab have no kernel datapath.
      datapath_type: 'netdev',
    },
    agent: { tunnel_types: 'vxlan,gre,geneve', l2_population: 'true', arp_responder: 'true' },
    securitygroup: { enable_security_group: 'false', firewall_driver: 'noop' },
  };
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
