/**
 * Part B: the article's case, 4,000 ports of 1,000 networks one after the other. ovsdb-server alone at first: that is
 * what our price is. Then what one more port costs a real ovs-vswitchd, apart.
 */
import { table } from '../../src/ctl/table.ts';
import { makeSite } from './add.ts';
import { atMost } from './bars.ts';
import { openPlain, type PlainClient } from './client.ts';
import {
  addPort,
  addVifs,
  awaitVswitchd,
  BRIDGE,
  makeSwitch,
  patchColumns,
  plugColumns,
  removePorts,
  uuidOf,
  vif,
} from './fixture.ts';
import { growthExponent, median, rounded } from './numbers.ts';
import { type Bench, type PartResult, PLAIN } from './part.ts';
import type { Spent } from './serve.ts';
import { Server } from './server.ts';
import { nodeCommand, Worker } from './worker.ts';

/** To the worker: VIFs number `from` to `to` − 1. */
export interface GrowRequest {
  readonly from: number;
  readonly to: number;
}

interface Bin {
  /** Ports that were there on average. */
  readonly ports: number;
  /** Milliseconds a port. */
  readonly clientCpuMs: number;
  readonly serverCpuMs: number;
  readonly wallMs: number;
}

const MEASURES = ['clientCpuMs', 'serverCpuMs', 'wallMs'] as const;
/** Numbers of VIFs that only warm the compiler up, and go again. */
const WARM_FROM = 1_000_000;

export async function partGrow(bench: Bench): Promise<PartResult> {
  const total = bench.quick ? 80 : 4_000;
  const step = bench.quick ? 20 : 100;
  const rounds = bench.quick ? 1 : 5;
  const runs: Bin[][] = [];
  for (let round = 1; round <= rounds; round++) {
    bench.progress(`B: round ${round} of ${rounds}, ${total} VIFs one after the other`);
    runs.push(await growOnce(bench, round, total, step));
  }
  const exponents = Object.fromEntries(
    MEASURES.map((of) => [
      of,
      runs.map((bins) => rounded(growthExponent(bins.map((bin) => ({ x: bin.ports, y: bin[of] }))))),
    ]),
  ) as Record<(typeof MEASURES)[number], number[]>;
  const bins = middle(runs);
  const vswitchd = await growVswitchd(bench);
  // Of the medians: what disturbs one run is not growth.
  const exponent = rounded(growthExponent(bins.map(({ ports, clientCpuMs }) => ({ x: ports, y: clientCpuMs }))));
  return {
    figures: { ports: total, rounds, exponent, exponents, bins, vswitchd },
    bars: [atMost(0.1, `growth exponent of our client's CPU per VIF, up to ${total}`, exponent)],
    text: show(bench, bins, exponent, exponents, vswitchd, { total, rounds, step }),
  };
}

async function growOnce(bench: Bench, round: number, total: number, step: number): Promise<Bin[]> {
  const { server, janitor } = await makeSite(bench, `grow-${round}`, 0);
  const worker = new Worker(bench.run, nodeCommand('grow-ours.ts', [server.remote]));
  const warm = { from: WARM_FROM, to: WARM_FROM + total };
  await worker.ask<Spent>(warm satisfies GrowRequest);
  await removePorts(
    janitor,
    range(warm.from, warm.to).map((index) => vif(index).portUuid),
  );
  const bins: Bin[] = [];
  for (let from = 0; from < total; from += step) {
    const before = await server.cpuMs();
    const spent = await worker.ask<Spent>({ from, to: from + step } satisfies GrowRequest);
    const serverCpuMs = (await server.cpuMs()) - before;
    bins.push({
      ports: from + step / 2,
      clientCpuMs: spent.cpuMs / step,
      serverCpuMs: serverCpuMs / step,
      wallMs: spent.wallMs / step,
    });
  }
  await worker.close();
  await janitor.close();
  await server.stop();
  return bins;
}

/** Bin by bin the median of the runs. */
function middle(runs: readonly (readonly Bin[])[]): Bin[] {
  return (runs[0] ?? []).map(({ ports }, at) => {
    const of = (measure: (typeof MEASURES)[number]) =>
      rounded(median(runs.map((bins) => bins[at]?.[measure] ?? Number.NaN)));
    return { ports, clientCpuMs: of('clientCpuMs'), serverCpuMs: of('serverCpuMs'), wallMs: of('wallMs') };
  });
}

interface VswitchdCost {
  readonly ports: number;
  readonly operations: number;
  /** Milliseconds a port, each waited for. */
  readonly vswitchdCpuMs: number;
  readonly serverCpuMs: number;
  readonly wallMs: number;
}

async function growVswitchd(bench: Bench): Promise<VswitchdCost[]> {
  const sizes = bench.quick ? [10, 50] : [10, 1_000, 4_000];
  const operations = bench.quick ? 4 : 50;
  const server = await Server.start(bench.run, 'grow-vswitchd');
  await server.startVswitchd();
  const client = await openPlain(server.remote);
  await makeSwitch(client, 'dummy');
  const costs: VswitchdCost[] = [];
  let there = 0;
  for (const size of sizes) {
    bench.progress(`B: ovs-vswitchd with ${size} ports`);
    await addVifs(client, there, size, patchColumns);
    await awaitVswitchd(client);
    costs.push(await addWatched(server, client, size, operations));
    there = size + operations;
  }
  await client.close();
  await server.stop();
  return costs;
}

async function addWatched(
  server: Server,
  client: PlainClient,
  size: number,
  operations: number,
): Promise<VswitchdCost> {
  const before = { vswitchd: server.vswitchdCpuMs(), server: await server.cpuMs(), at: performance.now() };
  for (const index of range(size, size + operations)) {
    const one = vif(index);
    await awaitVswitchd(
      client,
      addPort(uuidOf(BRIDGE), one.name, { interface: { ...plugColumns(one), ...patchColumns(index) } }),
    );
  }
  return {
    ports: size,
    operations,
    vswitchdCpuMs: rounded((server.vswitchdCpuMs() - before.vswitchd) / operations),
    serverCpuMs: rounded(((await server.cpuMs()) - before.server) / operations),
    wallMs: rounded((performance.now() - before.at) / operations),
  };
}

function show(
  { quick }: Bench,
  bins: readonly Bin[],
  exponent: number,
  exponents: Readonly<Record<(typeof MEASURES)[number], readonly number[]>>,
  vswitchd: readonly VswitchdCost[],
  { total, rounds, step }: { total: number; rounds: number; step: number },
): string {
  const every = quick ? 1 : 8;
  const shown = bins.filter((_, at) => at === 0 || (at + 1) % every === 0);
  const ours = table<Bin>(
    [
      { header: 'ports', cell: ({ ports }) => ports, align: 'right' },
      { header: 'client CPU ms', cell: ({ clientCpuMs }) => clientCpuMs, align: 'right' },
      { header: 'ovsdb-server CPU ms', cell: ({ serverCpuMs }) => serverCpuMs, align: 'right' },
      { header: 'wall ms', cell: ({ wallMs }) => wallMs, align: 'right' },
    ],
    shown,
    PLAIN,
  );
  const growth = MEASURES.map((of) => `${of} ${exponents[of].join(', ')}`);
  const apart = table<VswitchdCost>(
    [
      { header: 'ports', cell: ({ ports }) => ports, align: 'right' },
      { header: 'ovs-vswitchd CPU ms', cell: ({ vswitchdCpuMs }) => vswitchdCpuMs, align: 'right' },
      { header: 'ovsdb-server CPU ms', cell: ({ serverCpuMs }) => serverCpuMs, align: 'right' },
      { header: 'wall ms', cell: ({ wallMs }) => wallMs, align: 'right' },
      { header: 'operations', cell: ({ operations }) => operations, align: 'right' },
    ],
    vswitchd,
    PLAIN,
  );
  return [
    `${total} VIFs a round, ${rounds} rounds; a VIF is plugged, asked for its bridge and bound: 3 transactions; medians, ${step} VIFs a line\n${ours}`,
    `growth exponents of cost against ports there: our client's CPU ${exponent} over the medians; round by round: ${growth.join('; ')}\n`,
    `ovs-vswitchd apart (patch ports; each waited for):\n${apart}`,
  ].join('');
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}
