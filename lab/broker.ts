/**
 * A private RabbitMQ: own data, node name, ports and epmd, nothing of the system's service. Started from the package's
 * own script, because Debian's wrapper insists on the user `rabbitmq`.
 *
 * Two daemons of the run directory: `NAME` (the broker) and `NAME-epmd` (Erlang's port mapper, which the broker asks
 * for its own name).
 */
import { copyFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer, connect as tcpConnect } from 'node:net';
import { join } from 'node:path';
import type { Namespace } from './netns.ts';
import { type Daemon, startDaemon } from './processes.ts';
import { run, tryRun } from './run.ts';

export interface BrokerOptions {
  /** The run directory: the daemons are recorded in it, data and logs are kept in `NAME/` and `log/`. */
  readonly dir: string;
  /** Default `rabbit`: several brokers in one run need names. */
  readonly name?: string;
  /** Default: a free one. */
  readonly port?: number;
  /** Addresses of this machine to listen on, all at the same port; default 127.0.0.1. The first is where readiness is seen. */
  readonly listeners?: readonly string[];
  /** Where it runs; default: with us. `listeners` are addresses of that namespace, the first one reachable from here. */
  readonly namespace?: Namespace;
  /** A TLS listener beside the plain ones, at a port of its own. */
  readonly tls?: BrokerTls;
  /** A broker that runs, in the same namespace: this one joins its cluster at its first start. */
  readonly cluster?: LabBroker;
}

export interface BrokerTls {
  /** Paths of PEM files. */
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
  /** Only clients with a certificate of the authority are let in; default false. */
  readonly demandsCertificate?: boolean;
}

const COOKIE = '.erlang.cookie';

/** User and password are `guest`, from every listener. */
export class LabBroker {
  readonly port: number;
  /** 0 without TLS. */
  readonly tlsPort: number;
  readonly #options: BrokerOptions;
  readonly #name: string;
  readonly #home: string;
  readonly #ports: { readonly epmd: number; readonly dist: number };
  #epmd: Daemon | undefined;
  #server: Daemon | undefined;

  constructor(options: BrokerOptions, ports: { amqp: number; tls: number; epmd: number; dist: number }) {
    this.port = ports.amqp;
    this.tlsPort = ports.tls;
    this.#options = options;
    this.#name = options.name ?? 'rabbit';
    this.#home = join(options.dir, this.#name);
    this.#ports = ports;
  }

  get epmdPort(): number {
    return this.#ports.epmd;
  }

  /** Again after `stop` or `kill`: same ports, same data; what was not durable is gone. Resolves when it takes connections. */
  async start(): Promise<void> {
    mkdirSync(this.#home, { recursive: true });
    const { cluster } = this.#options;
    // Nodes of a cluster share Erlang's password.
    if (cluster !== undefined) copyFileSync(join(cluster.#home, COOKIE), join(this.#home, COOKIE));
    writeFileSync(join(this.#home, 'rabbitmq.config'), this.#config());
    writeFileSync(join(this.#home, 'enabled_plugins'), '[].\n');
    if (cluster === undefined)
      this.#epmd ??= await startDaemon(this.#options.dir, {
        name: `${this.#name}-epmd`,
        command: this.#command(['epmd', '-address', '127.0.0.1', '-port', String(this.#ports.epmd)]),
        ready: async () => {
          const names = this.#command(['epmd', '-port', String(this.#ports.epmd), '-names']);
          return (await tryRun(names)).exitCode === 0;
        },
      });
    this.#server = await startDaemon(this.#options.dir, {
      name: this.#name,
      // The last two arguments mean nothing to Erlang; they are the mark in the command line.
      command: this.#command([join(sbin(), 'rabbitmq-server'), '-lab_node', this.#nodeName]),
      env: this.#environment(),
      ready: () => takesConnections(this.#options.listeners?.[0] ?? '127.0.0.1', this.port),
      readyTimeout: 90_000,
    });
  }

  /** Orderly: durable queues are written. */
  async stop(): Promise<void> {
    await this.#server?.stop(20_000);
    await this.#epmd?.stop();
    this.#epmd = undefined;
  }

  /** A crash. */
  async kill(): Promise<void> {
    await this.#server?.kill();
  }

  /** It stands still with all its connections open, as a machine that hangs; `thaw` undoes it. */
  freeze(): void {
    this.#server?.signal('SIGSTOP');
  }

  thaw(): void {
    this.#server?.signal('SIGCONT');
  }

  /** `rabbitmqctl ARGS…` against this broker; its output. Takes a second or two. */
  async ctl(...args: readonly string[]): Promise<string> {
    return await run(this.#command([join(sbin(), 'rabbitmqctl'), '--quiet', ...args]), {
      env: this.#environment(),
      timeout: 60_000,
    });
  }

  #command(argv: readonly string[]): readonly string[] {
    return this.#options.namespace?.command(argv) ?? argv;
  }

  get #nodeName(): string {
    return `lab-${this.port}@localhost`;
  }

  #environment(): Record<string, string> {
    const home = this.#home;
    return {
      HOME: home,
      LC_ALL: 'C.UTF-8',
      // Else a broker that does not come up leaves one where the run was started.
      ERL_CRASH_DUMP: join(home, 'erl_crash.dump'),
      ERL_EPMD_ADDRESS: '127.0.0.1',
      ERL_EPMD_PORT: String(this.#ports.epmd),
      RABBITMQ_NODENAME: this.#nodeName,
      RABBITMQ_DIST_PORT: String(this.#ports.dist),
      RABBITMQ_MNESIA_BASE: join(home, 'data'),
      RABBITMQ_LOG_BASE: join(home, 'log'),
      // Erlang terms, not the newer format: that one is translated at every start, which takes a second.
      RABBITMQ_CONFIG_FILE: join(home, 'none.conf'),
      RABBITMQ_ADVANCED_CONFIG_FILE: join(home, 'rabbitmq.config'),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(home, 'enabled_plugins'),
      RABBITMQ_CONF_ENV_FILE: '/dev/null',
      // Makes the script exec the broker instead of waiting for it, so that the pid is the broker's; then stdin is ours to close.
      RABBITMQ_ALLOW_INPUT: 'true',
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-noinput -kernel inet_dist_use_interface {127,0,0,1}',
    };
  }

  /** rabbit(5) as Erlang terms. */
  #config(): string {
    const { listeners = ['127.0.0.1'], tls, cluster } = this.#options;
    const at = (port: number) => `[${listeners.map((address) => `{"${address}", ${port}}`).join(', ')}]`;
    const settings = [`{tcp_listeners, ${at(this.port)}}`, '{loopback_users, []}'];
    if (tls !== undefined) {
      const files = `{cacertfile, "${tls.caFile}"}, {certfile, "${tls.certFile}"}, {keyfile, "${tls.keyFile}"}`;
      const verify = tls.demandsCertificate
        ? '{verify, verify_peer}, {fail_if_no_peer_cert, true}'
        : '{verify, verify_none}';
      settings.push(`{ssl_listeners, ${at(this.tlsPort)}}`, `{ssl_options, [${files}, ${verify}]}`);
    }
    if (cluster !== undefined) settings.push(`{cluster_nodes, {['${cluster.#nodeName}'], disc}}`);
    return `[{rabbit, [${settings.join(', ')}]}].\n`;
  }
}

/** A broker that takes connections. Throws `DaemonError` when it does not come up. */
export async function startBroker(options: BrokerOptions): Promise<LabBroker> {
  const [amqp = 0, tls = 0, epmd = 0, dist = 0] = await freePorts(4);
  const ports = {
    amqp: options.port ?? amqp,
    tls: options.tls === undefined ? 0 : tls,
    epmd: options.cluster?.epmdPort ?? epmd,
    dist,
  };
  const broker = new LabBroker(options, ports);
  await broker.start();
  return broker;
}

function sbin(): string {
  const base = '/usr/lib/rabbitmq/lib';
  const version = readdirSync(base).find((name) => name.startsWith('rabbitmq_server-'));
  if (version === undefined) throw new Error(`no rabbitmq_server-* in ${base}`);
  return join(base, version, 'sbin');
}

/**
 * Ports that nobody listens on now, below the range that the kernel takes for outgoing connections (ip(7),
 * `ip_local_port_range`): there a client that retries while the broker is down could get the broker's own port.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    if (!ports.has(port) && (await isFree(port))) ports.add(port);
  }
  return [...ports];
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, () => server.close(() => resolve(true)));
  });
}

/** True when the broker answers an AMQP greeting: it listens only after its boot is done. */
function takesConnections(host: string, port: number): Promise<boolean> {
  const greeting = Buffer.from([...Buffer.from('AMQP'), 0, 0, 9, 1]);
  return new Promise((resolve) => {
    const socket = tcpConnect({ host, port, timeout: 2_000 });
    const done = (result: boolean) => {
      socket.destroy();
      resolve(result);
    };
    socket.once('connect', () => socket.write(greeting));
    socket.once('data', () => done(true));
    for (const event of ['error', 'timeout', 'close']) socket.once(event, () => done(false));
  });
}
