/** A host: the state, the real executor and a switch in memory, run until nothing is left to do. */
import { pino } from 'pino';
import type { Config } from '../../src/config/config.ts';
import type { Event } from '../../src/events.ts';
import { Executor } from '../../src/executor.ts';
import type { DumpedFlow, Flow } from '../../src/flows/flow.ts';
import { flowKey } from '../../src/flows/flow.ts';
import type { Entry, EntryKind, Origin } from '../../src/journal/record.ts';
import { type FdbChange, parseFdbNotification } from '../../src/l2pop/parse.ts';
import { makePlan } from '../../src/plan.ts';
import { reduce } from '../../src/reduce.ts';
import { State } from '../../src/state.ts';
import type { NetworkId, PortId, SegmentationId, TunnelType } from '../../src/values.ts';
import type { PortFacts } from '../../src/vif/facts.ts';
import { testConfig } from './config.ts';
import { FakeSwitch } from './fake-switch.ts';

export const VXLAN_NET = '00f2d01f-cb41-490d-bb30-f7e4e515e5d6' as NetworkId;
export const GRE_NET = '09efaef8-8f82-4973-918e-5f83d68fe37d' as NetworkId;
export const portId = (n: number) => `0a000000-0000-4000-8000-${String(n).padStart(12, '0')}` as PortId;
export const FLOODING = ['00:00:00:00:00:00', '0.0.0.0'] as const;

export type Pair = readonly [mac: string, ip: string];

/** What the server says of a port; by default ACTIVE here on the VXLAN network. */
export function factsOf(id: PortId, more: Partial<PortFacts> = {}, network: 'vxlan' | 'gre' = 'vxlan'): PortFacts {
  const segment = { type: network, segmentationId: (network === 'gre' ? 5608 : 7419) as SegmentationId };
  return {
    id,
    networkId: network === 'gre' ? GRE_NET : VXLAN_NET,
    mac: undefined,
    fixedIps: [],
    addressPairs: [],
    portSecurity: true,
    adminStateUp: true,
    status: 'ACTIVE',
    deviceOwner: 'compute:nova',
    binding: 'active',
    isAwaited: false,
    segment,
    segmentText: `${segment.type} ${segment.segmentationId}`,
    ...more,
  };
}

export function segmentArgs(network: 'vxlan' | 'gre', ports: Readonly<Record<string, readonly Pair[]>>) {
  const [id, segmentId] = network === 'gre' ? [GRE_NET, 5608] : [VXLAN_NET, 7419];
  return { fdb_entries: { [id]: { network_type: network, segment_id: segmentId, ports } } };
}

export class Host {
  readonly config: Config;
  readonly switch: FakeSwitch;
  readonly state: State;
  readonly executor: Executor;
  now: number;
  /** How FDB messages come: as they are, each twice, or an entry a message. */
  style: 'whole' | 'twice' | 'split' = 'whole';
  /** What the server would answer; a VIF without an entry waits for its answer. */
  readonly server = new Map<PortId, PortFacts | 'absent'>();

  constructor(config: Config = testConfig(), fake: FakeSwitch = new FakeSwitch(), now = 1_000_000) {
    this.config = config;
    this.switch = fake;
    this.state = new State(config);
    this.now = now;
    this.executor = new Executor({
      state: this.state,
      ovsdb: fake,
      ofctl: fake,
      log: pino({ level: 'silent' }),
      isRefusal: () => false,
      now: () => this.now,
      onPassed: () => undefined,
      onRefusedName: () => undefined,
    });
    fake.onRows = (changes) => {
      if (this.state.connected) this.apply({ kind: 'rows', changes, initial: false });
    };
  }

  apply(event: Event): void {
    reduce(this.state, event, this.now);
  }

  connect(): void {
    this.apply({ kind: 'rows', changes: this.switch.initial(), initial: true });
  }

  /** The port is so at the server from now on, and the agents hear of it. */
  serve(facts: PortFacts | PortId): void {
    const [id, answer] = typeof facts === 'string' ? ([facts, 'absent'] as const) : ([facts.id, facts] as const);
    this.server.set(id, answer);
    this.apply({ kind: 'notification', notification: { kind: 'port-update', port: id } });
  }

  /** The server answers for all ports that are asked for. */
  answer(): void {
    const wanted = [...this.state.vifs.values()].filter(({ id, asking }) => asking === 'wanted' && this.server.has(id));
    if (wanted.length > 0) this.facts(...wanted.map(({ id }) => this.#answerFor(id)));
  }

  /** Until nothing is left to do. @returns the rounds it took. */
  async settle(): Promise<number> {
    for (let round = 1; round <= 50; round++) {
      const before = this.switch.transactions.length + this.switch.bundles.length;
      while ((await this.executor.advance()) === 'again');
      this.answer();
      this.switch.vswitchd();
      const after = this.switch.transactions.length + this.switch.bundles.length;
      if (before === after && !this.#isDirty()) return this.#atRest(round);
    }
    throw new Error('it does not come to rest');
  }

  /** What the journal follows is there, waits for something that it names, or was refused. */
  #atRest(rounds: number): number {
    const forgotten = [...this.state.journal.open].filter(
      ({ kind, state, blockedOn, notBefore }) =>
        kind !== 'refresh' && state !== 'failed' && blockedOn === undefined && notBefore === 0,
    );
    if (forgotten.length > 0 && this.state.passed) throw new Error(`left open: ${JSON.stringify(forgotten)}`);
    for (const { kind, state, key, blockedOn } of this.state.journal.open) {
      if (kind === 'refresh' || state !== 'pending' || blockedOn === this.state.blockedOn(key)) continue;
      throw new Error(`${key} waits for ${this.state.blockedOn(key)}, it is said to wait for ${blockedOn}`);
    }
    return rounds;
  }

  /** Open entries of the journal. */
  open(kind: EntryKind): Entry[] {
    return [...this.state.journal.open].filter((entry) => entry.kind === kind);
  }

  /** Connected, bridges made, compared. */
  static async ready(config?: Config, fake?: FakeSwitch): Promise<Host> {
    const host = new Host(config, fake);
    // As if a VIF had been reported before: what comes by name is no predecessor's.
    host.state.isNameOurs = true;
    host.connect();
    await host.settle();
    return host;
  }

  plug(id: PortId, name = `tap${id.slice(-4)}`): void {
    this.switch.plug('br-int', name, { externalIds: { 'iface-id': id } });
  }

  facts(...facts: readonly (PortFacts | PortId)[]): void {
    const ports = facts.map((one) => (typeof one === 'string' ? one : one.id));
    const duty = { kind: 'pull' as const, ports };
    this.apply({ kind: 'duty-started', duty });
    const answers = new Map<PortId, PortFacts | 'absent'>();
    for (const one of facts) {
      if (typeof one === 'string') answers.set(one, 'absent');
      else answers.set(one.id, one);
    }
    this.apply({ kind: 'duty-done', duty, outcome: { kind: 'facts', answers } });
  }

  add(network: 'vxlan' | 'gre', ports: Readonly<Record<string, readonly Pair[]>>, byName = false): void {
    this.fdb('add_fdb_entries', segmentArgs(network, ports), byName);
  }

  remove(network: 'vxlan' | 'gre', ports: Readonly<Record<string, readonly Pair[]>>): void {
    this.fdb('remove_fdb_entries', segmentArgs(network, ports));
  }

  fdb(method: string, args: Readonly<Record<string, unknown>>, byName = false, origin?: Origin): void {
    const { host, agent, ovs } = this.config;
    const context = { host, localIp: ovs.localIp, tunnelTypes: agent.tunnelTypes };
    const { changes, problems } = parseFdbNotification(method, args, context);
    if (problems.length > 0) throw new Error(problems.join('; '));
    if (this.style === 'split')
      for (const part of changes.flatMap(splitChange))
        this.apply({ kind: 'fdb', changes: [part], byName, ...(origin && { origin }) });
    else this.apply({ kind: 'fdb', changes, byName, ...(origin && { origin }) });
    if (this.style === 'twice') this.apply({ kind: 'fdb', changes, byName });
  }

  /** br-tun as the switch has it, one line a flow, learned ones left out. */
  tun(): string[] {
    return lines(this.switch.flows('br-tun').filter(({ hardTimeout }) => hardTimeout === undefined));
  }

  int(): string[] {
    return lines(this.switch.flows('br-int'));
  }

  /** Flows of a table of br-tun, but for its default. */
  table(number: number): string[] {
    return lines(this.switch.flows('br-tun').filter(({ table, priority }) => table === number && priority > 0));
  }

  tunnelPorts(): string[] {
    return this.switch.portNames('br-tun').filter((name) => /^(vxlan|gre|geneve)-/.test(name));
  }

  tag(name: string): number | undefined {
    return (this.switch.port(name).tag as number[])[0];
  }

  /**
   * Everything that the host has, told without the numbers that depend on the order of events: ofports become port
   * names, local VLANs their networks.
   */
  picture(): string[] {
    const names = new Map<string, string>();
    for (const row of this.switch.tables.get('Interface')?.values() ?? []) {
      const isTunnel = (row.options as ReadonlyMap<string, string>).has('remote_ip') || row.name === 'patch-int';
      if (isTunnel) names.set(String((row.ofport as number[])[0]), String(row.name));
    }
    const networks = new Map<number, string>([[4095, 'dead']]);
    for (const { key, vlan } of this.state.networks.values()) networks.set(vlan, key);
    const told = this.tun().map((line) => {
      const text = line
        .replace(/\b(output:|in_port=)(\d+)/g, (_, field, ofport) => `${field}${names.get(ofport) ?? 'NO PORT'}`)
        .replace(/dl_vlan=(\d+)/, (_, vlan) => `dl_vlan=${networks.get(Number(vlan)) ?? 'NO NETWORK'}`)
        .replace(/set_field:(\d+)->vlan_vid/, (_, vid) => `vlan_vid of ${networks.get(vid - 4096) ?? 'NO NETWORK'}`);
      return line.startsWith('table=22') ? text.split(',').sort().join(',') : text;
    });
    const vifs = this.switch.portNames('br-int').filter((name) => name.startsWith('tap'));
    const vifNames = new Map(vifs.map((name) => [String(this.switch.ofport(name)), name]));
    const ofVifs = this.int().filter((line) => line.includes('in_port='));
    return [
      ...told.sort(),
      ...vifs.map((name) => `${name} on ${networks.get(this.tag(name) ?? 0) ?? 'no VLAN'}`),
      ...ofVifs
        .map((line) => line.replace(/in_port=(\d+)/, (_, ofport) => `in_port=${vifNames.get(ofport) ?? 'NO VIF'}`))
        .sort(),
      ...this.tunnelPorts(),
    ];
  }

  /** What a plan would do now; it takes the dirt with it. */
  plan(): { operations: number; lines: number } {
    const { create, finish, bundles, retiring } = makePlan(this.state);
    const changes = [bundles.int, bundles.tun].flatMap((bundle) => [
      ...bundle.first,
      ...bundle.changes.adds,
      ...bundle.changes.deletes,
    ]);
    return { operations: create.length + finish.length, lines: changes.length + retiring.length };
  }

  #answerFor(id: PortId): PortFacts | PortId {
    const answer = this.server.get(id);
    return typeof answer === 'object' ? answer : id;
  }

  #isDirty(): boolean {
    const { dirty, compareWanted, freedVlans } = this.state;
    return (
      compareWanted ||
      dirty.base ||
      dirty.bridges ||
      dirty.networks.size + dirty.vifs.size + dirty.tunnels.size + freedVlans.size > 0
    );
  }
}

/** The same change in messages of one entry. */
function splitChange(change: FdbChange): FdbChange[] {
  if (change.kind === 'chg_ip') {
    return [
      ...change.before.map((entry) => ({ ...change, before: [entry], after: [] })),
      ...change.after.map((entry) => ({ ...change, before: [], after: [entry] })),
    ];
  }
  return [
    ...change.entries.map((entry) => ({ ...change, flooding: false, entries: [entry] })),
    ...(change.flooding ? [{ ...change, entries: [] }] : []),
  ];
}

export function lines(flows: readonly (Flow | DumpedFlow)[]): string[] {
  return flows.map((flow) => `${flowKey(flow)} actions=${flow.actions}`).sort();
}

export function tunnelName(type: TunnelType, lastOctet: number): string {
  return `${type}-ac1e00${lastOctet.toString(16).padStart(2, '0')}`;
}
