/** One simulated host with a real Open vSwitch, a real broker, the scripted server, and the agent as a process of its own. */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { Agent, type Settings, statePath } from '../../../lab/agent.ts';
import { Cloud } from '../../../lab/cloud.ts';
import type { Host } from '../../../lab/host.ts';
import { type Row, rows } from '../../../lab/oracle/ovsdb-rows.ts';
import { RunDirectory } from '../../../lab/run-directory.ts';
import { waitFor } from '../../../lab/wait.ts';
import { L2POPULATION_TOPIC } from '../../../src/neutron/topics.ts';
import { Rig } from '../rpc/rig.ts';
import type { Port } from './port-object.ts';
import { ServerDouble } from './server-double.ts';

export { waitFor };

export type LogLine = Readonly<Record<string, unknown>> & { readonly level: number; readonly msg: string };

/** pino's numbers. */
export const LEVEL = { debug: 20, info: 30, warn: 40, error: 50 } as const;

const LINES_SHOWN = 40;
const FENCE = 'fence_of_the_test';

export class AgentRig {
  readonly cloud: Cloud;
  readonly server: ServerDouble;
  #host: Host;
  #agent: Agent | undefined;
  #logFrom = 0;
  #fences = 0;

  private constructor(cloud: Cloud, server: ServerDouble) {
    this.cloud = cloud;
    this.server = server;
    this.#host = cloud.host(1);
  }

  /** Everything but the agent. */
  static async up({ hosts = 1 }: { hosts?: number } = {}): Promise<AgentRig> {
    const run = RunDirectory.createForTest();
    const cloud = await Cloud.up(run, { hosts, server: false, agents: false });
    const { broker, underlay } = cloud;
    const config = Rig.around(run, broker).config({
      brokers: [{ host: underlay.address, port: broker.port, username: 'guest', password: 'guest' }],
    });
    const server = new ServerDouble(config, pino({ level: 'silent' }));
    try {
      await server.start();
    } catch (error) {
      await run.remove();
      throw error;
    }
    return new AgentRig(cloud, server);
  }

  /** With its logs gone too. */
  async down(): Promise<void> {
    await this.server.stop();
    await this.cloud.run.remove();
  }

  get host(): Host {
    return this.#host;
  }

  get agent(): Agent {
    if (this.#agent === undefined) throw new Error('no agent has been started');
    return this.#agent;
  }

  /** On which host the agent is started next. */
  useHost(index: number): void {
    this.#host = this.cloud.host(index);
  }

  /** Starts the agent; resolves when both bridges have their flows and the server has been told so. */
  async start(settings: Settings = {}): Promise<void> {
    await this.launch(settings);
    await this.ready();
  }

  /** As {@link start} where that may take its time. */
  async launch(settings: Settings = {}): Promise<void> {
    this.#agent = await Agent.start(this.host, {
      transportUrl: this.cloud.transportUrl,
      settings: { ...settings, agent: { report_interval: '2', ...settings.agent } },
      waitUntilReady: false,
    });
  }

  async ready(): Promise<void> {
    await this.logged('registered with neutron-server');
    await waitFor('the first pass over the switch', () =>
      this.log().some(({ msg }) => msg === 'compared with the switch'),
    );
  }

  /** Stops and starts; the log begins anew. */
  async restart(how: 'stop' | 'kill' = 'stop', settings: Settings = {}): Promise<void> {
    await (how === 'stop' ? this.agent.stop() : this.agent.kill());
    this.forgetLog();
    await this.agent.start({ ...settings, agent: { report_interval: '2', ...settings.agent } });
    await this.ready();
  }

  /** As {@link restart} while nobody answers the agent. */
  async restartWithoutServer(settings: Settings): Promise<void> {
    await this.agent.stop();
    this.forgetLog();
    await this.agent.start({ ...settings, agent: { report_interval: '2', ...settings.agent } });
  }

  /** Takes away what the tests before have left: the agent, its bridges, its queues, what the server knew. */
  async reset(): Promise<void> {
    if (this.#agent !== undefined) await this.#agent.stop();
    this.#agent = undefined;
    const bridges = (await this.host.vsctl('list-br')).split('\n').filter((name) => name !== '' && name !== 'br-phy');
    for (const bridge of bridges) await this.host.vsctl('del-br', bridge);
    await this.server.deleteQueues(await this.agentQueues());
    this.forgetJournal();
    this.server.clear();
    this.forgetLog();
  }

  /** The journal's file in the agent's `state_path`. */
  get journal(): string {
    return join(statePath(this.host), 'l2pop-agent.db');
  }

  /** Of an agent that does not run. */
  forgetJournal(): void {
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${this.journal}${suffix}`, { force: true });
  }

  /** Queues on the broker that are not the server's; `consumed`: without those that an ended process has left. */
  async agentQueues(which: 'all' | 'consumed' = 'all'): Promise<string[]> {
    const list = await this.cloud.broker.ctl('list_queues', '--no-table-headers', 'name', 'consumers');
    return list
      .split('\n')
      .map((line) => line.split('\t'))
      .filter(
        ([name = '', consumers]) => /^(q-agent-notifier|reply_)/.test(name) && (which === 'all' || consumers !== '0'),
      )
      .map(([name = '']) => name)
      .sort();
  }

  /** The broker ends the agent's connection, as an operator has it done. */
  async closeConnection(): Promise<void> {
    const list = await this.cloud.broker.ctl('list_connections', '--no-table-headers', 'pid', 'peer_host');
    const [pid, ...others] = list
      .split('\n')
      .filter((line) => line.endsWith(`\t${this.host.mgmtAddress}`))
      .map((line) => line.split('\t')[0] ?? '');
    if (pid === undefined || others.length > 0) throw new Error(`not one connection of the agent's: ${list}`);
    await this.cloud.broker.ctl('close_connection', pid, 'test');
  }

  /** Flows of a bridge, one a line, in the notation that ovs-ofctl(8) has for them; no counters. */
  async flows(bridge: 'br-tun' | 'br-int' = 'br-tun'): Promise<string[]> {
    const argv = ['ovs-ofctl', '-O', 'OpenFlow14', '--no-names', '--no-stats', 'dump-flows', bridge];
    return (await this.host.exec(argv))
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line.includes('actions='));
  }

  /** The flows of a table of br-tun that are no default. */
  async table(number: number): Promise<string[]> {
    const head = number === 0 ? /^cookie=\w+, priority=[1-9]/ : new RegExp(`table=${number}, .*priority=[1-9]`);
    return (await this.flows()).filter((line) => head.test(line));
  }

  /** Lines of the agent's log since {@link forgetLog}; fences of the rig left out. */
  log(): LogLine[] {
    const text = readFileSync(this.agent.log, 'utf8').slice(this.#logFrom);
    return text
      .split('\n')
      .slice(0, -1)
      .filter((line) => !line.includes(FENCE))
      .map((line) => (line.startsWith('{') ? (JSON.parse(line) as LogLine) : { level: 100, msg: line }));
  }

  forgetLog(): void {
    try {
      this.#logFrom = readFileSync(`${this.cloud.run.path}/log/${this.host.name}-agent.log`, 'utf8').length;
    } catch {
      this.#logFrom = 0;
    }
  }

  /** Lines whose message has this in it, as soon as there is one. */
  async logged(text: string): Promise<LogLine[]> {
    return await waitFor(`the log line "${text}"`, () => {
      const found = this.log().filter(({ msg }) => msg.includes(text));
      return found.length > 0 && found;
    });
  }

  /** Milliseconds since the agent wrote the first line that has this in it; 0 if there is none. */
  sinceLine(text: string): number {
    const line = this.log().find(({ msg }) => msg.includes(text));
    return line === undefined ? 0 : Date.now() - Date.parse(String(line.time));
  }

  problems(level: keyof typeof LEVEL = 'error'): LogLine[] {
    return this.log().filter((line) => line.level >= LEVEL[level]);
  }

  /**
   * Everything that was published before has been taken in and worked on: a message that the agent can only complain of
   * goes through both FDB queues, twice, for the second is read when the batch of the first is complete.
   */
  async settled(): Promise<void> {
    for (let round = 0; round < 2; round++) {
      const name = `${FENCE}_${++this.#fences}`;
      await this.server.fanout(L2POPULATION_TOPIC, `${name}_fanout`, {});
      await this.server.byName(this.host.name, L2POPULATION_TOPIC, `${name}_by_name`, {});
      await waitFor('the agent to have read its queues', () => {
        const text = readFileSync(this.agent.log, 'utf8');
        return text.includes(`${name}_fanout`) && text.includes(`${name}_by_name`);
      });
    }
  }

  /** A port of br-int with an iface-id, as Nova's plug code makes it. More `ovs-vsctl` words, the transaction's, with `extra`. */
  async plug(port: Pick<Port, 'id' | 'mac'>, extra: readonly string[] = [], bridge = 'br-int'): Promise<string> {
    const device = deviceOf(port.id);
    await this.host.vsctl(
      ...['add-port', bridge, device, '--', 'set', 'Interface', device, 'type=internal'],
      ...[`external_ids:iface-id=${port.id}`, 'external_ids:iface-status=active'],
      `external_ids:attached-mac="${port.mac}"`,
      ...(extra.length > 0 ? ['--', ...extra] : []),
    );
    return device;
  }

  async unplug(port: Pick<Port, 'id'>, bridge = 'br-int'): Promise<void> {
    await this.host.vsctl('--if-exists', 'del-port', bridge, deviceOf(port.id));
  }

  /** Makes the server know a port, plugs it and waits until the agent has reported it up. */
  async wire(port: Port): Promise<void> {
    this.server.ports.set(port.id, port);
    await this.plug(port);
    await this.server.told('up', port.id);
  }

  /** A row of Port by the port's name. */
  async port(name: string): Promise<Row> {
    const found = (await rows(this.host, 'Port', ['name', 'tag', 'vlan_mode', 'trunks', 'other_config'])).find(
      (row) => row.name === name,
    );
    if (found === undefined) throw new Error(`there is no port ${name}`);
    return found;
  }

  async interfaces(): Promise<Row[]> {
    return await rows(this.host, 'Interface', ['_uuid', 'name', 'type', 'ofport', 'options', 'external_ids']);
  }

  async tunnels(): Promise<string[]> {
    const tunnels = (await this.interfaces()).filter(({ type }) => ['vxlan', 'gre', 'geneve'].includes(String(type)));
    return tunnels.map(({ name }) => String(name)).sort();
  }
}

/**
 * One rig for all tests of a file, which get it in `use`; taken down after them. After a test that failed, the end of the
 * agent's log goes to stderr: with the test it is gone.
 */
export function rigForAll(use: (rig: AgentRig) => unknown, options: { hosts?: number } = {}): void {
  let rig: AgentRig | undefined;
  beforeAll(async () => {
    rig = await AgentRig.up(options);
    await use(rig);
  });
  afterEach(({ task }) => {
    if (task.result?.state !== 'fail') return;
    const lines = rig?.log().slice(-LINES_SHOWN) ?? [];
    console.error([`end of the agent's log, ${task.name}:`, ...lines.map((line) => JSON.stringify(line))].join('\n'));
  });
  afterAll(async () => {
    await rig?.down();
  });
}

/** What Nova names a port's device. */
export function deviceOf(portId: string): string {
  return `tap${portId.slice(0, 11)}`;
}
