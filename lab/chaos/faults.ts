/** Carries out a fault, from the blow to the part's return, and keeps when each host's switch was empty and its daemon away. */
import { setTimeout as sleep } from 'node:timers/promises';
import { statePath } from '../agent.ts';
import type { Cloud } from '../cloud.ts';
import { rows } from '../oracle/ovsdb-rows.ts';
import { GiveUp, waitFor } from '../wait.ts';
import { closeConnections, deleteExchange, deleteQueues, freezeBroker, restartBroker } from './broker-faults.ts';
import type { Gates } from './gate.ts';
import { loseJournal, vifsIn } from './journal-loss.ts';
import type { ChaosLog } from './log.ts';
import type { Fault, HostNumber, Schedule } from './steps.ts';
import {
  changeFlow,
  deleteTunnelPort,
  foreignFlow,
  killSwitch,
  restartSwitch,
  startSwitch,
  wipeFlows,
} from './switch-faults.ts';
import { type Blow, type Span, WINDOWS } from './windows.ts';

/** Milliseconds until a host that has lost its journal is believed to be without it for good. */
const TOLD_PATIENCE = 120_000;

export class Faults {
  readonly events = { blows: [] as Blow[], absences: [] as Span[], churn: [] as Span[] };
  readonly #cloud: Cloud;
  readonly #gates: Gates;
  readonly #schedule: Schedule;
  readonly #log: ChaosLog;
  #isOver = false;

  constructor(cloud: Cloud, gates: Gates, schedule: Schedule, log: ChaosLog) {
    this.#cloud = cloud;
    this.#gates = gates;
    this.#schedule = schedule;
    this.#log = log;
  }

  /** Nobody asks any more what has become of the last ones. */
  stop(): void {
    this.#isOver = true;
  }

  /** Rejects when the part does not come back, or something foreign was touched. */
  async carryOut(number: number, fault: Fault): Promise<void> {
    const grace = WINDOWS[fault.kind];
    if (grace === undefined || !('host' in fault)) return await this.#carryOut(fault);
    const what = `#${number} ${fault.kind}`;
    const blow: Blow = { host: fault.host, from: Date.now(), to: undefined, what, grace: grace * 1000 };
    this.events.blows.push(blow);
    await this.#carryOut(fault);
    blow.to = Date.now();
  }

  async #carryOut(fault: Fault): Promise<void> {
    const cloud = this.#cloud;
    switch (fault.kind) {
      case 'agent-stop':
      case 'agent-kill':
        return await this.#restartAgent(fault.host, fault.kind === 'agent-stop' ? 'stop' : 'kill', fault.away);
      case 'agent-freeze':
        return await this.#freezeAgent(fault.host, fault.away, fault.cut);
      case 'vswitchd-kill':
        return await killSwitch(cloud, cloud.host(fault.host), ['ovs-vswitchd'], fault.away);
      case 'ovsdb-kill':
        return await killSwitch(cloud, cloud.host(fault.host), ['ovsdb-server'], fault.away);
      case 'ovs-kill':
        return await killSwitch(cloud, cloud.host(fault.host), ['ovs-vswitchd', 'ovsdb-server'], fault.away);
      case 'ovs-restart':
        return await restartSwitch(cloud, cloud.host(fault.host), fault.away);
      case 'reboot':
        return await this.#reboot(fault.host, fault.away);
      case 'journal-loss':
        return await this.#loseJournal(fault);
      case 'flow-change':
        return await changeFlow(cloud.host(fault.host), fault.bridge, fault.how, fault.pick);
      case 'flows-wipe':
        return await wipeFlows(cloud.host(fault.host), fault.bridge, fault.table);
      case 'tunnel-delete':
        return await deleteTunnelPort(cloud.host(fault.host), fault.pick);
      case 'foreign-flow':
        return await foreignFlow(cloud.host(fault.host), fault.bridge, fault.away, (from) =>
          this.events.blows.some(({ host, to }) => host === fault.host && (to === undefined || to > from)),
        );
      case 'partition':
        return await this.#partition(fault.host, fault.away);
      case 'broker-restart':
        return await restartBroker(cloud, fault);
      case 'broker-freeze':
        return await freezeBroker(cloud, fault.away);
      case 'connections-close':
        return await closeConnections(cloud);
      case 'exchange-delete':
        return await deleteExchange(cloud);
      case 'queues-delete':
        return await deleteQueues(cloud, `host${fault.host}`, fault.all, this.#schedule.streams);
      case 'server-stop':
        return await this.#gates.server.alone(async () => {
          await cloud.stopServer();
          await sleep(fault.away);
          await cloud.startServer();
        });
    }
  }

  async #restartAgent(host: HostNumber, how: 'stop' | 'kill', away: number): Promise<void> {
    const agent = this.#cloud.agent(host);
    await this.#absent(host, async () => {
      await agent[how]();
      await sleep(away);
      await agent.start();
    });
  }

  /** Everything ends at once; Open vSwitch starts first, as the unit says. Its database and the journal are on disk, flows are not. */
  async #reboot(index: HostNumber, away: number): Promise<void> {
    const [agent, host] = [this.#cloud.agent(index), this.#cloud.host(index)];
    await this.#absent(index, async () => {
      await Promise.all([
        agent.killGroup(),
        ...(['ovs-vswitchd', 'ovsdb-server'] as const).map((program) => host.daemon(program).kill()),
      ]);
      host.boot();
      await sleep(away);
      await startSwitch(this.#cloud, host);
      await agent.start();
    });
  }

  async #loseJournal({ host, end, journal, whole, away }: Extract<Fault, { kind: 'journal-loss' }>): Promise<void> {
    const agent = this.#cloud.agent(host);
    const span = await this.#gates.memoryOf(host).alone(async () => {
      const begun: Span = { host, from: Date.now(), to: undefined };
      this.events.absences.push(begun);
      await agent[end]();
      const owed = await this.#owed(host);
      if (owed.length === 0) loseJournal(statePath(agent.host), journal, whole);
      else this.#log.say(`host${host}: its journal is kept, it alone knows that VIFs have gone`, { owed });
      await sleep(away);
      await agent.start();
      await waitFor(`host${host} to see what is plugged`, () => this.#seesSwitch(host));
      return begun;
    });
    // What the switch has lost by then nobody but the server knows. If it never is told so, rest does not come, and says why.
    waitFor(`host${host} to be told anew`, () => this.#isTold(host), { timeout: TOLD_PATIENCE, interval: 200 }).then(
      () => {
        span.to = Date.now();
      },
      () => undefined,
    );
  }

  /** Ids of ports of which a daemon that has ended has yet to tell the server that they have gone: nobody else could. */
  async #owed(index: HostNumber): Promise<string[]> {
    const host = this.#cloud.host(index);
    const interfaces = await rows(host, 'Interface', ['external_ids']);
    const plugged = new Set(interfaces.map((row) => (row.external_ids as Record<string, string>)['iface-id']));
    return vifsIn(statePath(host)).filter((port) => !plugged.has(port));
  }

  async #seesSwitch(host: HostNumber): Promise<boolean> {
    const { links } = JSON.parse((await this.#cloud.agent(host).get('/status')).body) as {
      links: { ovsdb: { connected: boolean } };
    };
    return links.ovsdb.connected;
  }

  /** The server has confirmed each network that the host has steady ports of. */
  async #isTold(host: HostNumber): Promise<boolean> {
    if (this.#isOver) throw new GiveUp('the run is over');
    const { networks } = JSON.parse((await this.#cloud.agent(host).get('/networks')).body) as {
      networks: { id: string; sync: { status: string } }[];
    };
    const synced = new Set(networks.filter(({ sync }) => sync.status === 'synced').map(({ id }) => id));
    const steady = this.#schedule.steady.filter((port) => port.host === host).map(({ network }) => network);
    return this.#schedule.networks.every(({ id, name }) => synced.has(id) || !steady.includes(name));
  }

  async #freezeAgent(host: HostNumber, away: number, cut: boolean): Promise<void> {
    const agent = this.#cloud.agent(host);
    await this.#absent(host, async () => {
      agent.signal('SIGSTOP');
      try {
        await sleep(away);
        // A broker that is away has no connections.
        if (cut) await closeConnections(this.#cloud).catch(() => undefined);
      } finally {
        agent.signal('SIGCONT');
      }
      await waitFor(
        `the daemon of host${host} to answer again`,
        async () => (await agent.get('/status')).status === 200,
      );
    });
  }

  async #absent(host: HostNumber, work: () => Promise<void>): Promise<void> {
    const span: Span = { host, from: Date.now(), to: undefined };
    this.events.absences.push(span);
    await work();
    span.to = Date.now();
  }

  async #partition(host: HostNumber, away: number): Promise<void> {
    const { namespace } = this.#cloud.underlay;
    const set = async (state: 'down' | 'up') => {
      const span: Span = { host, from: Date.now(), to: undefined };
      this.events.churn.push(span);
      await namespace.ip(`link set m-host${host} ${state}`);
      span.to = Date.now();
    };
    await set('down');
    await sleep(away);
    await set('up');
  }
}
