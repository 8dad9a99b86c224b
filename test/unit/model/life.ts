/**
 * One life of the daemon, from a start to a stop or a kill: the real state, agent, executor and server lane, put together as
 * in `daemon.ts`. The switch takes its time, and death may come at any point where something leaves the process.
 */
import { pino } from 'pino';
import { Agent } from '../../../src/agent.ts';
import type { Config } from '../../../src/config/config.ts';
import { Executor } from '../../../src/executor.ts';
import type { JournalBatch } from '../../../src/journal/record.ts';
import type { NeutronServer } from '../../../src/neutron/server.ts';
import { L2POPULATION_TOPIC } from '../../../src/neutron/topics.ts';
import { ServerLane } from '../../../src/server-lane.ts';
import { State } from '../../../src/state.ts';
import type { NetworkKey } from '../../../src/vif/local-vlans.ts';
import type { FakeSwitch } from '../fake-switch.ts';
import type { Broker, Message } from './broker.ts';
import type { Chance } from './chance.ts';
import type { JournalFile } from './file.ts';
import { Laws } from './laws.ts';
import { Link } from './link.ts';
import type { ModelServer } from './server.ts';

/** Where a process may die: `commit`, before one; `committed`, after one; `ack`, before one; `switch`, `call`: while it waits. */
export const MOMENTS = ['commit', 'committed', 'ack', 'switch', 'call'] as const;
export type Moment = (typeof MOMENTS)[number];

/** `after`: so many of these moments are survived. */
export interface Doom {
  readonly at: Moment;
  after: number;
}

/** What the lane calls; `link` is of the life that calls. */
export type ServerSide = (link: Link) => Pick<NeutronServer, 'pullPorts' | 'updateDevices' | 'sendMarker'>;

export interface Surroundings {
  readonly config: Config;
  readonly switch: FakeSwitch;
  readonly file: JournalFile;
  readonly broker: Broker;
  readonly server: ModelServer;
  readonly chance: Chance;
  /** Milliseconds that the switch takes at most for one thing. */
  readonly slow: number;
  readonly redelivered: number;
  readonly serverSide: ServerSide;
  newId(): string;
  note(text: string): void;
  onDeath(): void;
}

const log = pino({ level: 'silent' });

export class Life {
  readonly state: State;
  readonly link: Link;
  readonly laws: Laws;
  doom: Doom | undefined;
  isAlive = true;
  readonly #around: Surroundings;
  readonly #agent: Agent;
  readonly #lane: ServerLane;

  constructor(around: Surroundings) {
    const { config, chance, broker, redelivered, file } = around;
    const now = () => Date.now();
    this.#around = around;
    this.state = new State(config, chance.next());
    this.laws = new Laws(this.state, around.server);
    const slowly = <T>(run: () => Promise<T>) => this.#slowly(run);
    const executor = new Executor({
      state: this.state,
      ovsdb: { transact: (operations) => slowly(() => this.#transact(operations)) },
      ofctl: {
        dump: (bridge) => slowly(() => around.switch.dump(bridge)),
        bundle: (bridge, lines) => slowly(() => around.switch.bundle(bridge, lines)),
      },
      log,
      isRefusal: () => false,
      now,
      onPassed: () => undefined,
      onRefusedName: () => undefined,
    });
    const contents = file.open(now());
    const boot = file.boot;
    const journal = { save: (take: (what: 'changes' | 'all') => JournalBatch | undefined) => this.#save(take) };
    const agent = new Agent({ state: this.state, journal, executor, log, now, offsets: () => new Map() });
    this.link = new Link({
      ...{ broker, chance, agent, redelivered },
      isRestored: contents?.header.boot === boot && contents.networks.some(({ settled }) => settled),
      seen: contents?.messages ?? [],
      isAlive: () => this.isAlive,
      onReady: (isReady) => this.#lane.setOpen(isReady),
      onMessage: (source, message, settle) => this.#onMessage(source, message, settle),
    });
    const server = around.serverSide(this.link);
    this.#agent = agent;
    this.#lane = new ServerLane({
      state: this.state,
      server: {
        pullPorts: (ids) => this.#called(() => server.pullPorts(ids)),
        updateDevices: (devices) => this.#called(() => server.updateDevices(devices)),
        sendMarker: (id, edge) => this.#called(() => server.sendMarker(id, edge)),
      },
      ...{ log, now, newId: around.newId },
      apply: (event) => agent.apply(event),
    });
    around.switch.onRows = (changes) => {
      if (this.isAlive && this.state.connected) agent.apply({ kind: 'rows', changes, initial: false });
    };
    if (contents !== undefined) agent.apply({ kind: 'restored', contents, boot });
    agent.start(this.#lane);
    setTimeout(() => {
      if (this.isAlive) agent.apply({ kind: 'rows', changes: around.switch.initial(), initial: true });
    }, chance.upTo(2_000));
  }

  resync(networks: readonly NetworkKey[]): void {
    if (this.isAlive) this.#agent.apply({ kind: 'resync', networks });
  }

  /** SIGTERM, in the order of `daemon.ts`. */
  async stop(): Promise<void> {
    this.#lane.setOpen(false);
    await this.#agent.stop();
    this.die();
  }

  /** From here on nothing of it reaches anybody. */
  die(): void {
    if (!this.isAlive) return;
    this.isAlive = false;
    this.link.disconnect();
    this.#lane.setOpen(false);
    // Its timers; whatever else it does, reaches nobody.
    void this.#agent.stop();
    this.#around.onDeath();
  }

  #moment(moment: Moment): void {
    if (!this.isAlive || this.doom?.at !== moment || this.doom.after-- > 0) return;
    this.#around.note(`killed at ${moment}`);
    this.die();
  }

  #onMessage(source: 'fanout' | 'by-name', { id, method, args }: Message, settle: () => void): void {
    const { config, note } = this.#around;
    note(`hears ${source} ${id} ${method} ${JSON.stringify(args)}`);
    this.laws.hears(id, method, args, config);
    this.#agent.deliver({
      topic: L2POPULATION_TOPIC,
      source,
      queue: source,
      receivedAt: new Date(),
      request: {
        ...{ method, args, version: '1.0', namespace: undefined, uniqueId: id, requestId: undefined, call: undefined },
      },
      ack: () => {
        this.#moment('ack');
        if (!this.isAlive) return;
        settle();
        this.laws.settled(id);
      },
    });
  }

  #save(take: (what: 'changes' | 'all') => JournalBatch | undefined): void {
    if (!this.isAlive) return;
    const { file } = this.#around;
    const batch = file.take(take, Date.now());
    if (batch !== undefined) {
      this.#moment('commit');
      if (!this.isAlive) return;
      file.commit(batch);
    }
    this.laws.check(file.journal, batch);
    if (batch !== undefined) this.#moment('committed');
  }

  async #called<T>(call: () => Promise<T>): Promise<T> {
    this.#moment('call');
    return await (this.isAlive ? call() : never<T>());
  }

  async #transact(operations: Parameters<FakeSwitch['transact']>[0]): ReturnType<FakeSwitch['transact']> {
    const { chance } = this.#around;
    const results = await this.#around.switch.transact(operations);
    setTimeout(() => this.#around.switch.vswitchd(), chance.upTo(1_000));
    return results;
  }

  /** Before it happens, or before it is known to have happened. */
  async #slowly<T>(run: () => Promise<T>): Promise<T> {
    const { chance, slow } = this.#around;
    const [before, after] = slow === 0 ? [0, 0] : [chance.upTo(slow), chance.upTo(slow)];
    await this.#wait(before);
    const result = await run();
    await this.#wait(after);
    return result;
  }

  async #wait(ms: number): Promise<void> {
    if (ms > 0) await new Promise<void>((resolve) => setTimeout(resolve, ms));
    this.#moment('switch');
    if (!this.isAlive) await never();
  }
}

function never<T>(): Promise<T> {
  return new Promise(() => undefined);
}
