/**
 * Part A: what one more port costs on a bridge that has N. ovsdb-server alone: there is no ovs-vswitchd that would act
 * on the port. Who adds takes turns in every round, at every N; each port goes again before the next few come.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { table } from '../../src/ctl/table.ts';
import { atLeast, atMost, type Bar } from './bars.ts';
import { openPlain, type PlainClient } from './client.ts';
import { addVifs, BRIDGE, countPorts, findPorts, makeSwitch, removePorts, uuidOf } from './fixture.ts';
import { median, rounded } from './numbers.ts';
import { type Bench, type PartResult, PLAIN } from './part.ts';
import { Relay } from './relay.ts';
import type { Spent } from './serve.ts';
import { Server } from './server.ts';
import { nodeCommand, Worker } from './worker.ts';

/** To a worker: add ports of these names, one after the other. */
export interface AddRequest {
  readonly names: readonly string[];
}

interface Subject {
  readonly name: string;
  readonly what: string;
  readonly command: (remote: string) => readonly string[];
  /** Its first operation connects, and is a figure of its own. */
  readonly resident: boolean;
  /** Measured at the fewest and the most ports only. */
  readonly onlyEnds?: boolean;
  /** It chooses the rows' uuids: they need not be looked up. */
  readonly choosesUuids: boolean;
  /** Ports before they are deleted again: N stays within these. */
  readonly chunk: number;
  /** A round ends with these many operations or milliseconds, whichever comes first. */
  readonly operations: number;
  readonly budgetMs: (size: number) => number;
}

/** A round of ours ends with its operations alone. */
const NO_BUDGET = () => Number.POSITIVE_INFINITY;

const here = (file: string) => join(import.meta.dirname, file);

/**
 * Milliseconds. Back to back at a small N, the caches never cool: the reply is there at once. With a rest before each, as
 * between ports that come when they come, what is left is what the number of ports does.
 */
const REST = 2;

const OURS: Omit<Subject, 'name' | 'what' | 'command'> = {
  resident: true,
  choosesUuids: true,
  chunk: 10,
  operations: 2_000,
  budgetMs: NO_BUDGET,
};

const SUBJECTS: readonly Subject[] = [
  {
    ...OURS,
    name: 'ours',
    what: "our client, the daemon's monitors open",
    command: (remote) => nodeCommand('add-ours.ts', [remote, 'daemon']),
  },
  {
    ...OURS,
    name: 'ours-bare',
    what: 'our client, no monitors',
    command: (remote) => nodeCommand('add-ours.ts', [remote, 'none']),
  },
  {
    ...OURS,
    name: 'ours-rested',
    what: `our client, the daemon's monitors open, ${REST} ms of rest before each`,
    command: (remote) => nodeCommand('add-ours.ts', [remote, 'daemon', String(REST)]),
    onlyEnds: true,
  },
  {
    name: 'ovs-vsctl',
    what: 'ovs-vsctl --no-wait add-port',
    command: (remote) => ['/usr/bin/python3', here('add_ovs_vsctl.py'), remote, BRIDGE],
    resident: false,
    choosesUuids: false,
    chunk: 5,
    operations: 200,
    budgetMs: (size) => (size >= 16_000 ? 10_000 : 3_000),
  },
  {
    name: 'ovsdbapp',
    what: 'ovsdbapp, resident',
    command: (remote) => ['/usr/bin/python3', here('add_ovsdbapp.py'), remote, BRIDGE],
    resident: true,
    choosesUuids: false,
    chunk: 10,
    operations: 500,
    budgetMs: () => 2_000,
  },
];

interface Cost {
  readonly operations: number;
  /** Milliseconds an operation. */
  readonly clientCpuMs: number;
  readonly serverCpuMs: number;
  readonly wallMs: number;
}

interface Figure extends Cost {
  readonly who: string;
  /** `first`: connection, monitors and one port. */
  readonly kind: 'each' | 'first';
  readonly ports: number;
  readonly rounds: number;
  /** Of each round: how far they are apart is what the machine adds. */
  readonly clientCpuMsOfRounds: readonly number[];
  readonly bytesToServer: number;
  readonly bytesToClient: number;
  readonly bytesOperations: number;
}

interface Site {
  readonly size: number;
  readonly server: Server;
  readonly janitor: PlainClient;
}

export async function partAdd(bench: Bench): Promise<PartResult> {
  const sizes = bench.quick ? [10, 300] : [10, 1_000, 4_000, 16_000];
  const rounds = bench.quick ? 1 : 5;
  const subjects = SUBJECTS.filter(({ name }) => name !== 'ovsdbapp' || !bench.withoutOvsdbapp);
  const sites: Site[] = [];
  for (const size of sizes) {
    bench.progress(`A: a switch with ${size} VIFs`);
    sites.push(await makeSite(bench, `add-${size}`, size));
  }
  const measured = (size: number) =>
    subjects.filter(({ onlyEnds }) => !onlyEnds || size === sizes.at(0) || size === sizes.at(-1));
  const each = new Map<string, Cost[]>();
  const first = new Map<string, Cost[]>();
  for (let round = 1; round <= rounds; round++) {
    for (const site of sites) {
      bench.progress(`A: round ${round} of ${rounds}, ${site.size} ports`);
      for (const subject of measured(site.size)) {
        const costs = await measureRound(bench, site, subject);
        const key = keyOf(subject.name, site.size);
        each.getOrInsertComputed(key, () => []).push(costs.each);
        if (costs.first !== undefined) first.getOrInsertComputed(key, () => []).push(costs.first);
      }
    }
  }
  const figures: Figure[] = [];
  for (const site of sites) {
    for (const subject of measured(site.size)) {
      const bytes = await countBytes(bench, site, subject);
      const key = keyOf(subject.name, site.size);
      const facts = { who: subject.name, ports: site.size, rounds };
      figures.push({ ...facts, kind: 'each', ...medians(each.get(key) ?? []), ...bytes.each });
      const firsts = first.get(key);
      // A rest before it changes nothing in the first command.
      if (firsts !== undefined && bytes.first !== undefined && !subject.onlyEnds) {
        figures.push({ ...facts, kind: 'first', ...medians(firsts), ...bytes.first });
      }
    }
    await site.janitor.close();
    await site.server.stop();
  }
  return { figures, bars: barsOf(figures, sizes), text: show(figures, subjects) };
}

export async function makeSite(bench: Bench, name: string, size: number): Promise<Site> {
  const server = await Server.start(bench.run, name);
  const client = await openPlain(server.remote);
  await makeSwitch(client);
  await addVifs(client, 0, size);
  const site = { size, server, janitor: client };
  await assertSize(site);
  return site;
}

async function assertSize({ janitor, size }: Site): Promise<void> {
  const count = await countPorts(janitor);
  if (count !== size) throw new Error(`there should be ${size} ports, and there are ${count}`);
}

async function measureRound(
  bench: Bench,
  site: Site,
  subject: Subject,
): Promise<{ each: Cost; first: Cost | undefined }> {
  const worker = new Worker(bench.run, subject.command(site.server.remote));
  const add = async (count: number): Promise<Cost> => {
    const names = Array.from({ length: count }, (_, i) => `bench${i}`);
    const before = await site.server.cpuMs();
    const spent = await worker.ask<Spent>({ names } satisfies AddRequest);
    const serverCpuMs = (await site.server.cpuMs()) - before;
    await clear(site, subject, names);
    return { operations: count, clientCpuMs: spent.cpuMs, serverCpuMs, wallMs: spent.wallMs };
  };
  const first = subject.resident ? await add(1) : undefined;
  const costs: Cost[] = [];
  const started = performance.now();
  const operations = bench.quick ? subject.chunk : subject.operations;
  const budget = subject.budgetMs(site.size);
  for (let done = 0; done < operations && performance.now() - started < budget; done += subject.chunk) {
    costs.push(await add(subject.chunk));
  }
  await worker.close();
  await assertSize(site);
  return { each: perOperation(costs), first };
}

async function clear({ janitor }: Site, { choosesUuids }: Subject, names: readonly string[]): Promise<void> {
  const uuids = choosesUuids ? names.map((name) => uuidOf(`Port ${name}`)) : await findPorts(janitor, names);
  await removePorts(janitor, uuids);
}

/** What goes over the socket is the same every time: a few operations tell, through a relay, apart from what is timed. */
async function countBytes(bench: Bench, site: Site, subject: Subject) {
  const operations = 5;
  const relay = await Relay.start(join(bench.run.path, `relay-${site.size}.sock`), site.server.socket);
  const worker = new Worker(bench.run, subject.command(relay.remote));
  const add = async (count: number) => {
    const names = Array.from({ length: count }, (_, i) => `bench${i}`);
    await worker.ask<Spent>({ names } satisfies AddRequest);
    // What the server sends after its reply is the operation's, too.
    await site.server.cpuMs();
    await sleep(20);
    const { toServer, toClient } = relay.take();
    await clear(site, subject, names);
    await sleep(20);
    relay.take();
    return { bytesToServer: toServer / count, bytesToClient: toClient / count, bytesOperations: count };
  };
  const first = subject.resident ? await add(1) : undefined;
  const each = await add(operations);
  await worker.close();
  await relay.close();
  return { each, first };
}

function perOperation(costs: readonly Cost[]): Cost {
  const sum = (of: keyof Cost) => costs.reduce((total, cost) => total + cost[of], 0);
  const operations = sum('operations');
  const mean = (of: keyof Cost) => sum(of) / operations;
  return {
    operations,
    clientCpuMs: mean('clientCpuMs'),
    serverCpuMs: mean('serverCpuMs'),
    wallMs: mean('wallMs'),
  };
}

/** Of the rounds. `operations`: of all of them. */
function medians(rounds: readonly Cost[]): Cost & Pick<Figure, 'clientCpuMsOfRounds'> {
  const middle = (of: keyof Cost) => rounded(median(rounds.map((round) => round[of])));
  return {
    operations: rounds.reduce((sum, round) => sum + round.operations, 0),
    clientCpuMs: middle('clientCpuMs'),
    serverCpuMs: middle('serverCpuMs'),
    wallMs: middle('wallMs'),
    clientCpuMsOfRounds: rounds.map(({ clientCpuMs }) => rounded(clientCpuMs)),
  };
}

function barsOf(figures: readonly Figure[], sizes: readonly number[]): Bar[] {
  const [few = 0, many = 0] = [sizes.at(0), sizes.at(-1)];
  const get = (who: string, ports: number, kind: Figure['kind'] = 'each') =>
    figures.find((figure) => figure.who === who && figure.ports === ports && figure.kind === kind);
  const ratio = (of: (figure: Figure) => number, a: Figure | undefined, b: Figure | undefined) =>
    a === undefined || b === undefined ? Number.NaN : rounded(of(a) / of(b));
  const cpu = (figure: Figure) => figure.clientCpuMs;
  const server = (figure: Figure) => figure.serverCpuMs;
  const bytes = (figure: Figure) => figure.bytesToServer + figure.bytesToClient;
  const [ours, oursFew, vsctl] = [get('ours', many), get('ours', few), get('ovs-vsctl', many)];
  const bare = get('ours-bare', many);
  return [
    atMost(1.2, `client CPU of adding a port, ${many} ports against ${few}, monitors open`, ratio(cpu, ours, oursFew)),
    atMost(1.2, 'the same without monitors', ratio(cpu, bare, get('ours-bare', few))),
    atMost(
      1.2,
      `the same with monitors, ${REST} ms of rest before each`,
      ratio(cpu, get('ours-rested', many), get('ours-rested', few)),
    ),
    atMost(1.2, `bytes of adding a port, ${many} ports against ${few}, monitors open`, ratio(bytes, ours, oursFew)),
    atMost(0.25, `CPU of ovsdb-server for ours against ovs-vsctl's, ${many} ports`, ratio(server, ours, vsctl)),
    atLeast(100, `bytes of ovs-vsctl against ours, ${many} ports`, ratio(bytes, vsctl, ours)),
    atLeast(20, `client CPU of ovs-vsctl against ours, ${many} ports`, ratio(cpu, vsctl, ours)),
    ...(['ours', 'ours-bare'] as const).map((who) =>
      atLeast(
        10,
        `client CPU of the first command, ovsdbapp's against ours (${who === 'ours' ? "the daemon's monitors opened" : 'no monitors'}), ${many} ports`,
        ratio(cpu, get('ovsdbapp', many, 'first'), get(who, many, 'first')),
      ),
    ),
  ];
}

function show(figures: readonly Figure[], subjects: readonly Subject[]): string {
  const what = (figure: Figure) => {
    const subject = subjects.find(({ name }) => name === figure.who)?.what ?? figure.who;
    return figure.kind === 'first' ? `${subject}: first command` : subject;
  };
  const rows = figures.toSorted((a, b) => a.ports - b.ports || a.kind.localeCompare(b.kind));
  return table(
    [
      { header: 'ports', cell: ({ ports }) => ports, align: 'right' },
      { header: 'client CPU ms', cell: ({ clientCpuMs }) => clientCpuMs, align: 'right' },
      { header: 'ovsdb-server CPU ms', cell: ({ serverCpuMs }) => serverCpuMs, align: 'right' },
      { header: 'wall ms', cell: ({ wallMs }) => wallMs, align: 'right' },
      { header: 'bytes out', cell: ({ bytesToServer }) => Math.round(bytesToServer), align: 'right' },
      { header: 'bytes in', cell: ({ bytesToClient }) => Math.round(bytesToClient), align: 'right' },
      { header: 'operations × rounds', cell: (row) => `${Math.round(row.operations / row.rounds)} × ${row.rounds}` },
      { header: 'who', cell: what },
    ],
    rows,
    PLAIN,
  );
}

function keyOf(subject: string, size: number): string {
  return `${subject} ${size}`;
}
