/**
 * Part C: the start of the daemon's monitors on a switch full of VIFs, all of them its own. Each round is a process of its
 * own that connects to an empty switch first: what it holds then is what an idle client holds.
 */
import { join } from 'node:path';
import { table } from '../../src/ctl/table.ts';
import { makeSite } from './add.ts';
import { atMost } from './bars.ts';
import { mebibytes, median, rounded } from './numbers.ts';
import { type Bench, type PartResult, PLAIN } from './part.ts';
import { Relay } from './relay.ts';
import type { Spent } from './serve.ts';
import { nodeCommand, Worker } from './worker.ts';

export interface StartRequest {
  readonly remote: string;
}

export interface Started {
  /** From connecting until the view has all rows. */
  readonly initial: Spent;
  /** From then until it knows which bridge each port is on. */
  readonly placed: Spent;
  readonly vifs: number;
  /** Bytes, after everything that can go has gone; `peakRss`: the most since the process began. */
  readonly rss: number;
  readonly heap: number;
  readonly peakRss: number;
}

export async function partStart(bench: Bench): Promise<PartResult> {
  const size = bench.quick ? 200 : 16_000;
  const rounds = bench.quick ? 1 : 5;
  bench.progress(`C: a switch with ${size} VIFs, and an empty one`);
  const empty = await makeSite(bench, 'start-empty', 0);
  const full = await makeSite(bench, 'start-full', size);
  const relay = await Relay.start(join(bench.run.path, 'relay-start.sock'), full.server.socket);
  const samples: (ReturnType<typeof sample> & { serverCpuMs: number })[] = [];
  for (let round = 1; round <= rounds; round++) {
    bench.progress(`C: round ${round} of ${rounds}`);
    const worker = newWorker(bench);
    const idle = await worker.ask<Started>({ remote: empty.server.remote } satisfies StartRequest);
    const before = await full.server.cpuMs();
    const started = await worker.ask<Started>({ remote: full.server.remote } satisfies StartRequest);
    samples.push({ ...sample(started, idle), serverCpuMs: (await full.server.cpuMs()) - before });
    await worker.close();
    if (started.vifs !== size) throw new Error(`${started.vifs} VIFs seen, ${size} are there`);
  }
  const worker = newWorker(bench);
  await worker.ask<Started>({ remote: relay.remote } satisfies StartRequest);
  const bytes = relay.take();
  await worker.close();
  await relay.close();
  for (const { janitor, server } of [empty, full]) {
    await janitor.close();
    await server.stop();
  }
  const middle = (of: keyof (typeof samples)[number]) => rounded(median(samples.map((one) => one[of])));
  const figures = {
    vifs: size,
    rounds,
    initialMs: middle('initialMs'),
    initialCpuMs: middle('initialCpuMs'),
    placedMs: middle('placedMs'),
    placedCpuMs: middle('placedCpuMs'),
    serverCpuMs: middle('serverCpuMs'),
    bytesToServer: bytes.toServer,
    bytesToClient: bytes.toClient,
    rssMiB: middle('rssMiB'),
    heapMiB: middle('heapMiB'),
    peakRssMiB: middle('peakRssMiB'),
    idleRssMiB: middle('idleRssMiB'),
    idleHeapMiB: middle('idleHeapMiB'),
  };
  const units: Record<string, string> = {
    initialMs: 'ms from connecting until the view has all rows',
    initialCpuMs: 'ms of CPU for that',
    placedMs: 'ms from connecting until the bridge of each port is known',
    placedCpuMs: 'ms of CPU for that',
    serverCpuMs: 'ms of CPU of ovsdb-server for all of it',
    bytesToServer: 'bytes to ovsdb-server',
    bytesToClient: 'bytes from ovsdb-server',
    rssMiB: 'MiB resident beyond the idle client, after gc()',
    heapMiB: 'MiB of heap and buffers beyond the idle client, after gc()',
    peakRssMiB: 'MiB resident at the peak beyond the idle client',
    idleRssMiB: 'MiB resident of the idle client, after gc()',
    idleHeapMiB: 'MiB of heap and buffers of the idle client, after gc()',
  };
  const rows = Object.entries(units).map(([name, unit]) => ({ unit, value: Number(Reflect.get(figures, name)) }));
  return {
    figures,
    bars: [
      atMost(1_000, `ms until the rows of ${size} VIFs are read`, figures.initialMs),
      atMost(1_000, 'ms until the bridge of each is known, too', figures.placedMs),
      atMost(64, 'MiB resident at the peak beyond the idle client', figures.peakRssMiB),
      atMost(64, 'MiB resident beyond the idle client', figures.rssMiB),
      atMost(64, 'MiB of heap and buffers beyond the idle client', figures.heapMiB),
    ],
    text: `${size} VIFs, medians of ${rounds} starts, each in a process of its own\n${table(
      [
        { header: 'figure', cell: ({ value }) => value, align: 'right' },
        { header: 'what', cell: ({ unit }) => unit },
      ],
      rows,
      PLAIN,
    )}`,
  };
}

function newWorker(bench: Bench): Worker {
  return new Worker(bench.run, nodeCommand('start-ours.ts', [], ['--expose-gc']));
}

function sample({ initial, placed, rss, heap, peakRss }: Started, idle: Started) {
  return {
    initialMs: initial.wallMs,
    initialCpuMs: initial.cpuMs,
    placedMs: initial.wallMs + placed.wallMs,
    placedCpuMs: initial.cpuMs + placed.cpuMs,
    rssMiB: mebibytes(rss - idle.rss),
    heapMiB: mebibytes(heap - idle.heap),
    peakRssMiB: mebibytes(peakRss - idle.rss),
    idleRssMiB: mebibytes(idle.rss),
    idleHeapMiB: mebibytes(idle.heap),
  };
}
