/**
 * One host in a modelled world: the real state, reducer, plan and duties; the server, the broker and time are the model's.
 *
 *     server ──delay──► fanout queue ──lag──┐
 *        │                                  ├──► reduce ──► duties ──call──► server
 *        └───delay──► queue by name ──lag───┘       ▲
 *                     markers ──────────────────────┘
 */
import type { FdbMessage } from '../../../lab/server/rules.ts';
import { nextDuty, nextWake } from '../../../src/duties.ts';
import type { Duty, DutyOutcome, Event } from '../../../src/events.ts';
import { parseFdbNotification } from '../../../src/l2pop/parse.ts';
import type { PortId } from '../../../src/values.ts';
import { testConfig } from '../config.ts';
import { Host, portId } from '../host.ts';
import { HEADER, MemoryJournal } from '../memory-journal.ts';
import { type Delta, HERE, ModelServer, SEGMENTS, type Segment } from './server.ts';

/** How the transport behaves. */
export interface Weather {
  /** Seed of the delays. */
  readonly seed: number;
  /** Most milliseconds from a change to its message in the queue; less than the grace. */
  readonly maxDelay: number;
  /** Messages about one VTEP of a network come in the order of the changes. */
  readonly inOrder: boolean;
  /** Of a hundred messages so many come a second time. */
  readonly redelivered: number;
  /** Of a hundred calls so many are not answered, though the server carries them out. */
  readonly unanswered: number;
}

type Queued =
  | { readonly kind: 'fdb'; readonly message: FdbMessage }
  | { readonly kind: 'marker'; readonly event: Event };

const CONFIG = testConfig();
export const GRACE = CONFIG.own.snapshotGrace * 1000;
export const CONFIRM = CONFIG.own.snapshotConfirm * 1000;

export class World {
  readonly server = new ModelServer();
  host = new Host(CONFIG);
  #journal = new MemoryJournal();
  /** What happened, for whoever reads a failing run. */
  readonly story: string[] = [];
  /** Entries that were right and went without having been taken back. */
  readonly violations: string[] = [];
  readonly #weather: Weather;
  readonly #scheduled: { readonly at: number; readonly run: () => void }[] = [];
  readonly #fanout: Queued[] = [];
  readonly #byName: Queued[] = [];
  readonly #strays = new Set<string>();
  readonly #lastAbout = new Map<string, number>();
  #random: () => number;
  #isQueueThere = true;
  #isLinkUp = true;
  #isAlive = true;
  #hasMemory = true;
  /** Counts processes and connections: what a call of an earlier one brings back finds nobody. */
  #life = 0;
  #busy: Duty | undefined;
  #ids = 0;

  constructor(weather: Weather) {
    this.#weather = weather;
    this.#random = mulberry32(weather.seed);
  }

  async start(): Promise<void> {
    this.host.connect();
    await this.host.settle();
  }

  get now(): number {
    return this.host.now;
  }

  /** Time goes on, and what is due happens. */
  async pass(ms: number): Promise<void> {
    const end = this.now + ms;
    for (;;) {
      await this.#rest();
      const next = this.#next();
      if (next === undefined || next > end) break;
      this.host.now = Math.max(this.now, next);
      const due = this.#scheduled.filter(({ at }) => at <= this.now);
      for (const one of due) this.#scheduled.splice(this.#scheduled.indexOf(one), 1);
      for (const { run } of due.sort((a, b) => a.at - b.at)) run();
    }
    this.host.now = end;
  }

  /** What the server has to say of a change, each message on its own way. */
  tell(deltas: readonly Delta[]): void {
    for (const { message, about } of deltas) {
      let at = this.now + this.#upTo(this.#weather.maxDelay);
      if (this.#weather.inOrder) at = Math.max(at, this.#lastAbout.get(about) ?? 0);
      this.#lastAbout.set(about, at);
      this.#at(at, () => this.#publish(message));
    }
  }

  changeIps(id: PortId, ips: readonly string[]): void {
    if (!this.server.isActive(id)) for (const claim of this.server.claimsOf(id, ips)) this.#strays.add(claim);
    this.tell(this.server.setIps(id, ips, this.now));
  }

  toggleVif(n: number, segment: Segment): void {
    const id = portId(1000 + n);
    const name = `tap${n}`;
    const isPlugged = this.host.switch.portNames('br-int').includes(name);
    this.story.push(`${this.now} ${isPlugged ? 'unplug' : 'plug'} VIF ${n} of ${segment.key}`);
    if (!this.server.has(id)) this.server.create(id, segment, HERE, `fa:16:3e:00:01:0${n}`, [`10.1.0.${n + 1}`]);
    if (isPlugged) this.host.switch.unplug(name);
    else this.host.plug(id, name);
  }

  /** The fanout queue is gone for a while; what is in it, and what is sent meanwhile, is lost. */
  gap(ms: number): void {
    this.story.push(`${this.now} the fanout queue is gone for ${ms} ms`);
    this.#isQueueThere = false;
    this.#fanout.length = 0;
    this.#at(this.now + ms, () => this.#subscribe());
  }

  linkDown(ms: number, isBrokerEmptied: boolean): void {
    if (!this.#isLinkUp) return;
    this.story.push(`${this.now} the link is down for ${ms} ms${isBrokerEmptied ? ', the broker forgets' : ''}`);
    this.#isLinkUp = false;
    this.#life++;
    if (this.#isAlive) {
      this.host.apply({ kind: 'link-down' });
      this.#fail();
    }
    if (isBrokerEmptied) {
      this.#isQueueThere = false;
      this.#fanout.length = 0;
      this.#byName.length = 0;
    }
    this.#at(this.now + ms, () => {
      this.#isLinkUp = true;
      this.#subscribe();
    });
  }

  /**
   * Another process; `kept`: with what the last one wrote down. Queues wait, unless they are `lost`. One that knows nothing
   * cannot know of a call that is under way, and so comes when it is over.
   */
  async restart(kept: boolean, lost: boolean, ms: number): Promise<void> {
    this.story.push(`${this.now} restart, ${kept ? 'state kept' : 'nothing kept'}${lost ? ', queues lost' : ''}`);
    const before = this.host;
    if (!kept) this.#journal = new MemoryJournal();
    const contents = kept ? this.#journal.contents() : undefined;
    this.#life++;
    this.#busy = undefined;
    this.#isAlive = false;
    before.switch.onRows = () => undefined;
    if (lost) {
      this.#isQueueThere = false;
      this.#fanout.length = 0;
    }
    await this.pass(kept ? ms : ms + 20_000);
    this.host = new Host(CONFIG, before.switch, before.now);
    if (contents !== undefined) this.host.apply({ kind: 'restored', contents, boot: HEADER.boot });
    this.#isAlive = true;
    this.#hasMemory = contents !== undefined;
    this.#subscribe();
    await this.pass(this.#upTo(2_000));
    this.host.connect();
    await this.host.settle();
    this.#drain();
  }

  /** Somebody asks for a network by hand, or the audit does. */
  ask({ key }: Segment): void {
    this.story.push(`${this.now} resync of ${key}`);
    this.host.apply({ kind: 'resync', networks: [key] });
  }

  resync(): void {
    for (const segment of SEGMENTS) this.ask(segment);
  }

  /** All networks are in sync and nothing is in doubt. */
  get isSettled(): boolean {
    return [...this.host.state.networks.values()].every(({ sync }) => sync.isSettled);
  }

  /**
   * What our FDB and the server's differ in, of networks with a VIF here. `strays` count too: IPs that a chg_ip gave to a
   * MAC whose port is DOWN or on another segment of the network; nobody takes them back.
   */
  differences({ strays }: { strays: boolean }): string[] {
    const found: string[] = [];
    for (const segment of SEGMENTS) {
      if (!this.host.state.networks.has(segment.key)) continue;
      const [ours, theirs] = [this.#claims(segment), this.server.truth(segment)];
      const isStray = (claim: string) =>
        this.#strays.has(claim) || (claim.split(' ').length === 3 && !ours.has(claim.replace(/ [^ ]+$/, '')));
      for (const claim of ours)
        if (!theirs.has(claim) && (strays || !isStray(claim)))
          found.push(`${segment.key}: ${claim} is not at the server`);
      for (const claim of theirs) if (!ours.has(claim)) found.push(`${segment.key}: ${claim} is not here`);
    }
    return found;
  }

  #claims({ key }: Segment): Set<string> {
    const fdb = this.host.state.fdb.get(key);
    const claims = new Set<string>(fdb?.vteps());
    for (const { vtep, mac, ip } of fdb?.claims() ?? []) {
      if (mac !== undefined) claims.add(ip === undefined ? `${vtep} ${mac}` : `${vtep} ${mac} ${ip}`);
    }
    return claims;
  }

  /** At the first connection of a process nothing is known, unless something was kept (`daemon.ts`). */
  #subscribe(): void {
    if (!this.#isAlive || !this.#isLinkUp) return;
    if (!this.#isQueueThere && this.#hasMemory) this.host.apply({ kind: 'gap', l2population: true, ports: true });
    this.#isQueueThere = true;
    this.#hasMemory = true;
    this.#drain();
  }

  #publish(message: FdbMessage): void {
    const queue = message.host === undefined ? this.#fanout : this.#byName;
    if (message.host === undefined && !this.#isQueueThere) return;
    queue.push({ kind: 'fdb', message });
    this.#at(this.now + this.#upTo(2_000), () => this.#drain());
  }

  #mark(id: string, edge: 'start' | 'end'): void {
    this.#byName.push({ kind: 'marker', event: { kind: 'marker', id, edge } });
    this.#at(this.now + this.#upTo(2_000), () => this.#drain());
  }

  /** Two consumers: each queue in its own order. Before the flows were read back nothing is taken in (`agent.ts`). */
  #drain(): void {
    while (this.#isLinkUp && this.#isAlive && this.host.state.recovered) {
      const queue = this.#random() < 0.5 ? this.#fanout : this.#byName;
      const item = queue.shift() ?? this.#fanout.shift() ?? this.#byName.shift();
      if (item === undefined) return;
      this.#take(item);
      if (item.kind !== 'fdb' || this.#random() * 100 >= this.#weather.redelivered) continue;
      this.#at(this.now + this.#upTo(10_000), () => {
        if (this.#isAlive && this.host.state.recovered) this.#take(item);
      });
    }
  }

  #take(item: Queued): void {
    if (item.kind === 'marker') {
      this.#watched(new Set(), () => this.host.apply(item.event));
      return;
    }
    const { method, host, entries } = item.message;
    const context = { host: CONFIG.host, localIp: CONFIG.ovs.localIp, tunnelTypes: CONFIG.agent.tunnelTypes };
    const { changes } = parseFdbNotification(method, { fdb_entries: entries }, context);
    const spoken = new Set<string>();
    for (const change of changes) {
      if (change.kind === 'add') continue;
      spoken.add(change.vtep);
      for (const { mac, ip } of change.kind === 'chg_ip' ? change.before : change.entries) {
        spoken.add(`${change.vtep} ${mac}`).add(`${change.vtep} ${mac} ${ip}`);
      }
    }
    this.story.push(`${this.now} hears ${host === undefined ? '' : 'by name '}${method} ${JSON.stringify(entries)}`);
    if (changes.length === 0) return;
    this.#watched(spoken, () => this.host.apply({ kind: 'fdb', changes, byName: host !== undefined }));
  }

  /** An entry that the server has held for longer than the grace goes only if a message takes it back. */
  #watched(spoken: ReadonlySet<string>, run: () => void): void {
    const before = SEGMENTS.map((segment) => this.#claims(segment));
    run();
    for (const [index, segment] of SEGMENTS.entries()) {
      if (!this.host.state.networks.has(segment.key)) continue;
      const after = this.#claims(segment);
      for (const claim of before[index] ?? []) {
        const since = this.server.held.get(segment.key)?.get(claim);
        if (after.has(claim) || spoken.has(claim) || since === undefined || since > this.now - GRACE) continue;
        this.violations.push(`${this.now} ${segment.key}: ${claim} is right since ${since} and went`);
      }
    }
  }

  /** VIFs are bound, and what is owed to the server is said. */
  async #rest(): Promise<void> {
    if (!this.#isAlive) return;
    this.#journal.save(this.host.state, this.now);
    this.violations.push(...this.#journal.differences(this.host.state).map((text) => `${this.now} journal: ${text}`));
    const { connected, dirty, view } = this.host.state;
    if (connected && dirty.vifs.size + view.portsWithoutBridge().length > 0) await this.host.settle();
    if (!this.#isLinkUp || this.#busy !== undefined) return;
    const duty = nextDuty(this.host.state, this.now, () => `ask${++this.#ids}`);
    if (duty !== undefined) this.#call(duty);
  }

  #next(): number | undefined {
    const times = this.#scheduled.map(({ at }) => at);
    const isListening = this.#isAlive && this.#isLinkUp && this.#busy === undefined;
    const wake = isListening ? nextWake(this.host.state, this.now) : undefined;
    if (wake !== undefined) times.push(wake);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  #call(duty: Duty): void {
    this.#busy = duty;
    const life = this.#life;
    this.story.push(`${this.now} ${duty.kind} ${duty.ports.join()}${duty.kind === 'up' ? ` ${duty.ask}` : ''}`);
    this.host.apply({ kind: 'duty-started', duty });
    if (duty.kind === 'up') this.#mark(duty.ask, 'start');
    const isUnanswered = this.#random() * 100 < this.#weather.unanswered;
    this.#at(this.now + this.#upTo(3_000), () => {
      const messages = duty.kind === 'up' ? duty.ports.map((id) => () => this.#reported(id, duty.refresh)) : [];
      if (duty.kind === 'down') for (const id of duty.ports) this.tell(this.server.setActive(id, false, this.now));
      const outcome = this.#outcome(duty);
      if (isUnanswered) this.#at(this.now + 1_000, () => life === this.#life && this.#fail());
      this.#carryOut(messages, () => {
        if (life === this.#life && !isUnanswered) this.#answered(duty, outcome);
      });
    });
  }

  /** Device by device; what a device brings is read, and a while later published, before the next one's turn. */
  #carryOut(devices: readonly (() => FdbMessage[])[], done: () => void): void {
    const [first, ...rest] = devices;
    if (first === undefined) {
      this.#at(this.now + this.#upTo(1_000), done);
      return;
    }
    const messages = first();
    this.#at(this.now + Math.floor(this.#random() * 5_000), () => {
      for (const message of messages) this.#publish(message);
      this.#carryOut(rest, done);
    });
  }

  #reported(id: PortId, refresh: boolean): FdbMessage[] {
    return this.server
      .report(id, refresh, this.now)
      .map((message) => (message.host === undefined ? message : { ...message, host: CONFIG.host }));
  }

  #answered(duty: Duty, outcome: DutyOutcome): void {
    this.#busy = undefined;
    this.host.apply({ kind: 'duty-done', duty, outcome });
    if (duty.kind === 'up') this.#mark(duty.ask, 'end');
  }

  #fail(): void {
    const duty = this.#busy;
    this.#busy = undefined;
    if (duty === undefined) return;
    this.story.push(`${this.now} no answer to ${duty.kind}`);
    this.host.apply({ kind: 'duty-done', duty, outcome: { kind: 'failed', reason: 'no answer' } });
  }

  #outcome(duty: Duty): DutyOutcome {
    if (duty.kind !== 'pull') return { kind: 'told', failed: [] };
    const answers = new Map(duty.ports.map((id) => [id, this.server.facts(id)] as const));
    return {
      kind: 'facts',
      answers: new Map([...answers].map(([id, facts]) => [id, typeof facts === 'string' ? 'absent' : facts])),
    };
  }

  #at(at: number, run: () => void): void {
    this.#scheduled.push({ at, run });
  }

  /** Most often little, now and then all of it. */
  #upTo(ms: number): number {
    const [roll, share] = [this.#random(), this.#random()];
    return Math.floor(roll < 0.3 ? 0 : roll < 0.7 ? Math.min(ms, 50) * share : ms * share);
  }
}

/** A small generator of numbers in [0, 1), the same for the same seed. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
