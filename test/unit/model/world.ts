/**
 * One host in a modelled world: the daemon is the real one (`life.ts`), down to its agent, executor and server lane. The
 * server, the broker, the journal's file, the switch and time are the model's.
 *
 *     server ──delay──► fanout queue ──lag──┐
 *        │                                  ├──► agent ──► executor ──► switch
 *        └───delay──► queue by name ──lag───┘     │  ▲
 *                     markers ◄──────────── server lane ──call──► server
 */
import { setImmediate } from 'node:timers/promises';
import { vi } from 'vitest';
import type { FdbMessage } from '../../../lab/server/rules.ts';
import { MARKER_METHOD } from '../../../src/neutron/topics.ts';
import { type JsonObject, RpcError } from '../../../src/rpc/types.ts';
import type { PortId } from '../../../src/values.ts';
import type { PortFacts } from '../../../src/vif/facts.ts';
import { testConfig } from '../config.ts';
import { FakeSwitch } from '../fake-switch.ts';
import { portId } from '../host.ts';
import { Broker, type Queue } from './broker.ts';
import { Chance } from './chance.ts';
import { JournalFile } from './file.ts';
import { claimsOf } from './laws.ts';
import { type Doom, Life } from './life.ts';
import type { Link } from './link.ts';
import { type Delta, HERE, ModelServer, SEGMENTS, type Segment } from './server.ts';

/** How the transport, the server and the switch behave. */
export interface Weather {
  /** Seed of the delays. */
  readonly seed: number;
  /** Most milliseconds from a change to its message in the queue; less than the grace. */
  readonly maxDelay: number;
  /** Messages about one VTEP of a network come in the order of the changes. */
  readonly inOrder: boolean;
  /** Of a hundred messages so many come a second time, and cannot be known again. */
  readonly redelivered: number;
  /** Of a hundred calls so many are not answered, though the server carries them out. */
  readonly unanswered: number;
  /** Of a hundred calls so many the server refuses, before it does anything or afterwards. */
  readonly refused: number;
  /** Milliseconds that the switch takes at most for a dump, bundle or transaction. */
  readonly slow: number;
}

/** What comes after an end. */
export interface Succession {
  /** With what the last one wrote down. */
  readonly kept: boolean;
  /** The fanout queue expires. */
  readonly lost: boolean;
  /** Milliseconds until the next process starts. */
  readonly ms: number;
}

const CONFIG = testConfig();
export const CONFIRM = CONFIG.own.snapshotConfirm * 1000;
const START = 1_000_000;

export class World {
  readonly server = new ModelServer();
  /** What happened, for whoever reads a failing run. */
  readonly story: string[] = [];
  life: Life;
  readonly #weather: Weather;
  readonly #chance: Chance;
  readonly #switch = new FakeSwitch();
  readonly #broker = new Broker();
  readonly #file = new JournalFile();
  readonly #violations: string[] = [];
  readonly #strays = new Set<string>();
  readonly #lastAbout = new Map<string, number>();
  #succession: Succession | undefined;
  #isLinkUp = true;
  #ids = 0;

  /** Needs vitest's fake timers; whatever an earlier world has left of them goes. */
  constructor(weather: Weather) {
    vi.clearAllTimers();
    vi.setSystemTime(START);
    this.#weather = weather;
    this.#chance = new Chance(weather.seed);
    this.life = this.#begin();
  }

  get now(): number {
    return Date.now();
  }

  /** Entries that were right and went, a journal that differs from the state, … */
  get violations(): string[] {
    return [...this.#violations, ...this.life.laws.violations];
  }

  async pass(ms: number): Promise<void> {
    let isOver = false;
    setTimeout(() => {
      isOver = true;
    }, ms);
    await this.#goOn(() => isOver);
  }

  /** Time goes on, and what is due happens, one thing after the other. */
  async #goOn(until: () => boolean): Promise<void> {
    for (;;) {
      // Whatever is not waiting for a timer comes to its end.
      await setImmediate();
      if (until()) return;
      vi.advanceTimersToNextTimer();
    }
  }

  /** What the server has to say of a change, each message on its own way. */
  tell(deltas: readonly Delta[]): void {
    for (const { message, about } of deltas) {
      let at = this.now + this.#chance.upTo(this.#weather.maxDelay);
      if (this.#weather.inOrder) at = Math.max(at, this.#lastAbout.get(about) ?? 0);
      this.#lastAbout.set(about, at);
      this.#in(at - this.now, () => this.#publish(message));
    }
  }

  changeIps(id: PortId, ips: readonly string[]): void {
    if (!this.server.isActive(id)) for (const claim of this.server.claimsOf(id, ips)) this.#strays.add(claim);
    this.tell(this.server.setIps(id, ips, this.now));
  }

  toggleVif(n: number, segment: Segment): void {
    const id = portId(1000 + n);
    const name = `tap${n}`;
    const isPlugged = this.#switch.portNames('br-int').includes(name);
    this.note(`${isPlugged ? 'unplug' : 'plug'} VIF ${n} of ${segment.key}`);
    if (!this.server.has(id)) this.server.create(id, segment, HERE, `fa:16:3e:00:01:0${n}`, [`10.1.0.${n + 1}`]);
    if (isPlugged) this.#switch.unplug(name);
    else this.#switch.plug('br-int', name, { externalIds: { 'iface-id': id } });
    this.#in(this.#chance.upTo(1_000), () => this.#switch.vswitchd());
  }

  /** A queue is deleted; what is in it, and what is sent until it can be made anew, is lost. */
  gap(source: 'fanout' | 'by-name', ms: number): void {
    this.note(`the ${source} queue is gone for ${ms} ms`);
    const queue: Queue = source === 'fanout' ? this.#broker.fanout : this.#broker.byName;
    const isHeard = queue.consumer !== undefined;
    queue.delete(this.now + ms);
    if (isHeard) this.life.link.cancelled(source, queue);
  }

  /** The fanout exchange is made anew, without our binding: what is sent until somebody looks is lost. */
  unbind(): void {
    this.note('the fanout exchange is made anew');
    this.#broker.fanout.isBound = false;
  }

  linkDown(ms: number, isBrokerEmptied: boolean): void {
    if (!this.#isLinkUp) return;
    this.note(`the link is down for ${ms} ms${isBrokerEmptied ? ', the broker forgets' : ''}`);
    this.#isLinkUp = false;
    this.life.link.disconnect();
    if (isBrokerEmptied) this.#broker.forget();
    this.#in(ms, () => {
      this.#isLinkUp = true;
      this.life.link.connect();
    });
  }

  /** The journal's file cannot be written for a while. */
  breakFile(ms: number): void {
    this.note(`the journal cannot be written for ${ms} ms`);
    this.#file.isBroken = true;
    this.#in(ms, () => {
      this.#file.isBroken = false;
    });
  }

  /** The process is told to stop. */
  async stop(succession: Succession): Promise<void> {
    if (!this.life.isAlive) return;
    this.note(`stop, ${JSON.stringify(succession)}`);
    this.#succession = succession;
    const { life } = this;
    void life.stop();
    await this.#goOn(() => !life.isAlive);
  }

  /** It dies when it comes to that, or in a while. */
  kill(doom: Doom, patience: number, succession: Succession): void {
    const { life } = this;
    if (!life.isAlive || life.doom !== undefined) return;
    this.note(`to be killed: ${JSON.stringify(doom)}, ${JSON.stringify(succession)}`);
    this.#succession = succession;
    life.doom = { ...doom };
    this.#in(patience, () => life.die());
  }

  /** The machine loses power: the switch is empty, the journal lacks its last commits. */
  reboot(lostCommits: number, succession: Succession): void {
    if (!this.life.isAlive) return;
    this.note(`reboot, ${lostCommits} commits are lost, ${JSON.stringify(succession)}`);
    this.#succession = { ...succession, ms: succession.ms + 20_000 };
    this.life.die();
    this.#file.reboot(lostCommits);
    this.#switch.loseFlows();
  }

  /** Somebody asks for a network by hand, or the audit does. */
  ask({ key }: Segment): void {
    this.note(`resync of ${key}`);
    this.life.resync([key]);
  }

  resync(): void {
    for (const segment of SEGMENTS) this.ask(segment);
  }

  /** There is a process, all networks are in sync and nothing is in doubt. */
  get isSettled(): boolean {
    const { isAlive, doom, state } = this.life;
    return isAlive && doom === undefined && [...state.networks.values()].every(({ sync }) => sync.isSettled);
  }

  /** What is not done though there was time for it. */
  get unfinished(): string[] {
    const { networks, isDeaf, journal } = this.life.state;
    const unsettled = [...networks.values()].filter(({ sync }) => !sync.isSettled);
    const forgotten = [...journal.open].filter(
      ({ state, blockedOn }) => state !== 'pending' || blockedOn === undefined,
    );
    return [
      ...unsettled.map(({ key, sync }) => `${key}: ${sync.status}, ${sync.suspects} suspects`),
      ...forgotten.map(({ key, state }) => `${key}: ${state}`),
      ...(isDeaf ? ['it believes itself deaf'] : []),
      // A VIF may be unplugged while flows for it are on their way; tunnel ports come and go by our hand alone.
      ...this.#switch.violations.filter((text) => !text.startsWith('br-int')),
    ];
  }

  /**
   * What our FDB and the server's differ in, of networks with a VIF here. `strays` count too: IPs that a chg_ip gave to a
   * MAC whose port is DOWN or on another segment of the network; nobody takes them back, and nobody answers for them
   * unless the MAC comes to the same VTEP with other IPs.
   */
  differences({ strays }: { strays: boolean }): string[] {
    const found: string[] = [];
    for (const segment of SEGMENTS) {
      if (!this.life.state.networks.has(segment.key)) continue;
      const [ours, theirs] = [claimsOf(this.life.state, segment), this.server.truth(segment)];
      const isStray = (claim: string) =>
        this.#strays.has(claim) || (claim.split(' ').length === 3 && !ours.has(claim.replace(/ [^ ]+$/, '')));
      for (const claim of ours)
        if (!theirs.has(claim) && (strays || !isStray(claim)))
          found.push(`${segment.key}: ${claim} is not at the server`);
      for (const claim of theirs) if (!ours.has(claim)) found.push(`${segment.key}: ${claim} is not here`);
    }
    return found;
  }

  note(text: string): void {
    this.story.push(`${this.now} ${text}`);
  }

  #begin(): Life {
    const { slow, redelivered } = this.#weather;
    const life = new Life({
      ...{ config: CONFIG, chance: this.#chance, slow, redelivered },
      ...{ switch: this.#switch, file: this.#file, broker: this.#broker, server: this.server },
      serverSide: (link) => this.#serverSide(link),
      newId: () => `ask${++this.#ids}`,
      note: (text) => this.note(text),
      onDeath: () => this.#succeed(),
    });
    this.#in(this.#chance.upTo(2_000), () => {
      if (this.#isLinkUp) life.link.connect();
    });
    return life;
  }

  /** One that knows nothing cannot know of a call that is under way, and so comes when it is over. */
  #succeed(): void {
    const { kept, lost, ms } = this.#succession ?? { kept: true, lost: false, ms: 0 };
    this.#violations.push(...this.life.laws.violations);
    if (!kept) this.#file.delete();
    if (lost) this.#broker.fanout.delete();
    const isKnown = this.#file.journal !== undefined;
    this.#in(isKnown ? ms : ms + 20_000, () => {
      this.note('start');
      this.life = this.#begin();
    });
  }

  #publish({ method, host, entries }: FdbMessage): void {
    const args = { fdb_entries: entries } as unknown as JsonObject;
    this.#send(host === undefined ? this.#broker.fanout : this.#broker.byName, method, args);
  }

  #send(queue: Queue, method: string, args: JsonObject): void {
    if (queue.publish({ id: `m${++this.#ids}`, method, args })) {
      this.#in(this.#chance.upTo(2_000), () => this.life.link.drain());
    }
  }

  #serverSide(link: Link): ReturnType<ConstructorParameters<typeof Life>[0]['serverSide']> {
    return {
      sendMarker: (id, edge) =>
        link.call((resolve) => {
          this.#in(this.#chance.upTo(50), () => {
            this.#send(this.#broker.byName, MARKER_METHOD, { id, edge });
            this.#in(this.#chance.upTo(50), () => resolve(undefined));
          });
        }),
      pullPorts: (ids) =>
        this.#answer(link, `pull ${ids.join()}`, (reply) => {
          const answers = new Map(ids.map((id) => [id, this.#factsOf(id)] as const));
          reply({ answers, problems: [] });
        }),
      updateDevices: ({ up, down, refreshTunnels }) =>
        this.#answer(link, `up ${up.join()} down ${down.join()}${refreshTunnels ? ' refresh' : ''}`, (reply) => {
          for (const id of down) this.tell(this.server.setActive(id, false, this.now));
          const devices = up.map((id) => () => this.#reported(id, refreshTunnels));
          this.#carryOut(devices, () => reply({ failedUp: [], failedDown: [] }));
        }),
    };
  }

  async #answer<T>(link: Link, what: string, serve: (reply: (value: T) => void) => void): Promise<T> {
    this.note(what);
    const isUnanswered = this.#chance.percent(this.#weather.unanswered);
    const isRefused = this.#chance.percent(this.#weather.refused);
    const isRefusedAtOnce = isRefused && this.#chance.percent(50);
    const refusal = () => new RpcError('remote', 'the server raises an exception');
    return await link.call<T>((resolve, reject) => {
      this.#in(this.#chance.upTo(3_000), () => {
        if (isUnanswered) this.#in(1_000, () => reject(new RpcError('timeout', 'no answer')));
        if (isRefusedAtOnce) reject(refusal());
        else {
          serve((value) => {
            this.#in(this.#chance.upTo(1_000), () => {
              if (isRefused) reject(refusal());
              else if (!isUnanswered) resolve(value);
            });
          });
        }
      });
    });
  }

  /** Device by device; what a device brings is read, and a while later published, before the next one's turn. */
  #carryOut(devices: readonly (() => FdbMessage[])[], done: () => void): void {
    const [first, ...rest] = devices;
    if (first === undefined) {
      done();
      return;
    }
    const messages = first();
    this.#in(Math.floor(this.#chance.next() * 5_000), () => {
      for (const message of messages) this.#publish(message);
      this.#carryOut(rest, done);
    });
  }

  #reported(id: PortId, refresh: boolean): FdbMessage[] {
    return this.server
      .report(id, refresh, this.now)
      .map((message) => (message.host === undefined ? message : { ...message, host: CONFIG.host }));
  }

  #factsOf(id: PortId): PortFacts | 'absent' {
    const facts = this.server.facts(id);
    return typeof facts === 'string' ? 'absent' : facts;
  }

  #in(ms: number, run: () => void): void {
    setTimeout(run, ms);
  }
}
