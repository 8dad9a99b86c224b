/**
 * A simulated compute node: a network namespace with an Open vSwitch of its own (userspace datapath), a tunnel address on
 * `br-phy` and a management address. br-int and br-tun are not made here: that is the agent's work.
 *
 *     [ns hostN]  br-phy (VTEP) ── eth0 ══ underlay bridge [ns underlay]
 *                 mgmt0 ══════════════════ mgmt bridge     [ns underlay]
 */
import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Namespace } from './netns.ts';
import { type Daemon, recordedDaemons, startDaemon } from './processes.ts';
import type { RunOptions, RunResult } from './run.ts';
import type { RunDirectory } from './run-directory.ts';
import { UNDERLAY_MTU, type Underlay } from './underlay.ts';

const SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema';

export class Host {
  /** `host1`, `host2`, …: also the host name that the agent reports. */
  readonly name: string;
  readonly namespace: Namespace;
  /** The host's own directory; it is OVS_RUNDIR: `db.sock`, `<bridge>.mgmt`. */
  readonly path: string;
  readonly run: RunDirectory;
  readonly vtep: { readonly ipv4: string; readonly ipv6: string };
  readonly mgmtAddress: string;
  readonly #index: number;

  private constructor(run: RunDirectory, index: number, namespace: Namespace) {
    this.name = `host${index}`;
    this.namespace = namespace;
    this.path = run.directory(this.name);
    this.run = run;
    // The addresses of the recordings: host1 is .11.
    this.vtep = { ipv4: `172.30.0.${10 + index}`, ipv6: `fd30::${10 + index}` };
    this.mgmtAddress = `172.30.1.${10 + index}`;
    this.#index = index;
  }

  /** Brings up host number `index` (1–200): namespace, links, ovsdb-server, ovs-vswitchd, br-phy. */
  static async up(run: RunDirectory, underlay: Underlay, index: number): Promise<Host> {
    const host = new Host(run, index, await Namespace.create(run, `host${index}`));
    await host.#connect(underlay);
    await host.startOvsdbServer();
    await host.startVswitchd();
    return host;
  }

  /** A host of a run that is up. */
  static of(run: RunDirectory, index: number): Host {
    return new Host(run, index, Namespace.of(`l2p-${run.id}-host${index}`));
  }

  /** What points the OVS tools, and the agent, at this host's switch. */
  get env(): Record<string, string> {
    return { OVS_RUNDIR: this.path, OVS_DBDIR: this.path, OVS_LOGDIR: this.path, OVS_SYSCONFDIR: this.path };
  }

  /** Once the host has been booted again: the boot id that its processes are to see in place of the kernel's. */
  get bootIdFile(): string {
    return join(this.path, 'boot_id');
  }

  get ovsdbSocket(): string {
    return join(this.path, 'db.sock');
  }

  /** Runs a command in the host's namespace, OVS tools pointed at its switch; see `run()`. */
  async exec(argv: readonly string[], options: RunOptions = {}): Promise<string> {
    return await this.namespace.exec(argv, { ...options, env: { ...this.env, ...options.env } });
  }

  async tryExec(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return await this.namespace.tryExec(argv, { ...options, env: { ...this.env, ...options.env } });
  }

  async vsctl(...args: string[]): Promise<string> {
    return await this.exec(['ovs-vsctl', '--retry', '--timeout=20', `--db=unix:${this.ovsdbSocket}`, ...args]);
  }

  async ofctl(...args: string[]): Promise<string> {
    return await this.exec(['ovs-ofctl', '-O', 'OpenFlow14', ...args]);
  }

  async startOvsdbServer(): Promise<Daemon> {
    const database = join(this.path, 'conf.db');
    if (!existsSync(database)) await this.exec(['ovsdb-tool', 'create', database, SCHEMA]);
    const daemon = await this.#startOvs('ovsdb-server', [
      ...[database, `--remote=punix:${this.ovsdbSocket}`],
      // As ovs-ctl(8) starts it: the reference listens where a row of Manager says.
      '--remote=db:Open_vSwitch,Open_vSwitch,manager_options',
    ]);
    const system = { 'external_ids:system-id': this.name, 'external_ids:hostname': this.name };
    const settings = Object.entries(system).map(([key, value]) => `${key}=${value}`);
    const version = /\d+\.\d+\.\d+/.exec(await this.exec(['ovsdb-server', '--version']))?.[0] ?? 'unknown';
    await this.vsctl('--no-wait', 'init', '--', 'set', 'Open_vSwitch', '.', ...settings, `ovs_version=${version}`);
    return daemon;
  }

  /** Also right after a stop or a crash: the database is kept, the flows are not. */
  async startVswitchd(): Promise<Daemon> {
    const daemon = await this.#startOvs('ovs-vswitchd', [`unix:${this.ovsdbSocket}`, '--disable-system']);
    await this.#tunnelEndpoint();
    return daemon;
  }

  /** The running daemon, to stop or kill it. Throws when it is not running. */
  daemon(program: 'ovsdb-server' | 'ovs-vswitchd'): Daemon {
    const daemon = recordedDaemons(this.run.path).find((one) => one.name === `${this.name}-${program}`);
    if (daemon === undefined) throw new Error(`${program} of ${this.name} is not running`);
    return daemon;
  }

  /**
   * After everything on it has been killed: what no machine brings over a boot. Sockets and pid files go, as /run is a tmpfs,
   * and the boot id is another; Open vSwitch's database and the agent's state stay.
   */
  boot(): void {
    for (const name of readdirSync(this.path)) {
      if (/\.(mgmt|snoop|ctl|pid|sock)$/.test(name)) rmSync(join(this.path, name), { force: true });
    }
    rmSync(join(this.path, 'run'), { recursive: true, force: true });
    writeFileSync(this.bootIdFile, `${randomUUID()}\n`);
  }

  async #connect(underlay: Underlay): Promise<void> {
    const between = underlay.namespace.name;
    const u = `u-${this.name}`;
    const m = `m-${this.name}`;
    await this.namespace.ip(
      `link add eth0 mtu ${UNDERLAY_MTU} type veth peer name ${u} mtu ${UNDERLAY_MTU} netns ${between}`,
      `link add mgmt0 type veth peer name ${m} netns ${between}`,
      `addr add ${this.mgmtAddress}/24 dev mgmt0`,
      'link set mgmt0 up',
    );
    // eth0 belongs to the switch: the kernel of this namespace must not answer there.
    await this.namespace.sysctl({
      'ipv6/conf/eth0/disable_ipv6': 1,
      'ipv6/conf/mgmt0/disable_ipv6': 1,
      // br-phy answers for the VTEP. A second answer, with eth0's own MAC, would now and then win, and cut the host off.
      'ipv4/conf/eth0/arp_ignore': 1,
    });
    await this.namespace.ip('link set eth0 up');
    await underlay.namespace.ip(`link set ${u} master underlay up`, `link set ${m} master mgmt up`);
  }

  async #startOvs(program: 'ovsdb-server' | 'ovs-vswitchd', args: readonly string[]): Promise<Daemon> {
    const pidFile = join(this.path, `${program}.pid`);
    return await startDaemon(this.run.path, {
      name: `${this.name}-${program}`,
      command: this.namespace.command([
        program,
        ...args,
        `--pidfile=${pidFile}`,
        '-vconsole:info',
        '-vsyslog:off',
        '--no-chdir',
      ]),
      env: this.env,
      mark: pidFile,
      ready: async () => {
        const answer = await this.tryExec(['ovs-appctl', '-t', program, 'version'], { timeout: 5_000 });
        return answer.exitCode === 0;
      },
    });
  }

  /** The tunnel address must sit on a bridge's own port, or userspace tunnelling finds neither route nor neighbour. */
  async #tunnelEndpoint(): Promise<void> {
    const mac = `02:30:00:00:00:${(10 + this.#index).toString(16).padStart(2, '0')}`;
    await this.vsctl(
      ...['--may-exist', 'add-br', 'br-phy', '--', 'set', 'Bridge', 'br-phy', 'datapath_type=netdev'],
      ...['fail_mode=standalone', `other_config:hwaddr="${mac}"`, '--', '--may-exist', 'add-port', 'br-phy', 'eth0'],
    );
    await this.namespace.ip(
      `link set br-phy mtu ${UNDERLAY_MTU} up`,
      `addr replace ${this.vtep.ipv4}/24 dev br-phy`,
      `addr replace ${this.vtep.ipv6}/64 dev br-phy nodad`,
    );
  }
}
