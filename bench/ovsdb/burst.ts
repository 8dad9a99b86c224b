/**
 * Part D: VIFs plugged at once on a switch that has thousands, with a real ovs-vswitchd and the agent's own loop. Every
 * transaction costs ovs-vswitchd a walk over all ports, so what counts is how many there are.
 */
import { table } from '../../src/ctl/table.ts';
import type { Operation } from '../../src/ovsdb/operations.ts';
import { bumpNextCfg } from '../../src/vswitch/transact.ts';
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
import { median, rounded } from './numbers.ts';
import { type Bench, type PartResult, PLAIN } from './part.ts';
import { Server } from './server.ts';
import { nodeCommand, Worker } from './worker.ts';

/**
 * To the agent, about VIFs number `from` to `to` − 1. `settled`: wait until nothing is left to do; `expect`: count from
 * now on; `up`: wait until all are reported up; `gone`: until all are forgotten.
 */
export interface BurstRequest {
  readonly do: 'settled' | 'expect' | 'up' | 'gone';
  readonly from: number;
  readonly to: number;
}

export interface BurstReply {
  /** Since the last `expect`. */
  readonly transactions: readonly { readonly what: string; readonly operations: number }[];
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly vifs: number;
}

/** `once`: one transaction plugs all; `each`: one a VIF, all sent at once, as from that many Novas. */
type Plugging = 'once' | 'each';

interface Burst {
  readonly transactions: number;
  readonly wallMs: number;
  readonly agentCpuMs: number;
  readonly serverCpuMs: number;
  readonly vswitchdCpuMs: number;
}

const MEASURES = ['transactions', 'wallMs', 'agentCpuMs', 'serverCpuMs', 'vswitchdCpuMs'] as const;

export async function partBurst(bench: Bench): Promise<PartResult> {
  const size = bench.quick ? 100 : 16_000;
  const count = bench.quick ? 8 : 64;
  const rounds = bench.quick ? 1 : 5;
  const begun = performance.now();
  bench.progress(`D: ovs-vswitchd with ${size} VIFs`);
  const server = await Server.start(bench.run, 'burst');
  await server.startVswitchd();
  const client = await openPlain(server.remote);
  await makeSwitch(client, 'dummy');
  await addVifs(client, 0, size, patchColumns);
  await awaitVswitchd(client);
  const populatedMs = performance.now() - begun;
  bench.progress('D: the agent starts');
  const agent = new Worker(bench.run, nodeCommand('burst-agent.ts', [server.remote, server.directory, String(size)]));
  const settled = await agent.ask<BurstReply>({ do: 'settled', from: 0, to: 0 } satisfies BurstRequest);
  const bursts: Record<Plugging, Burst[]> = { once: [], each: [] };
  let last: BurstReply['transactions'] = [];
  for (let round = 1; round <= rounds; round++) {
    for (const plugging of ['once', 'each'] as const) {
      bench.progress(`D: round ${round} of ${rounds}, ${count} VIFs plugged ${WORDS[plugging]}`);
      const { burst, transactions } = await oneBurst({ server, client, agent }, size, count, plugging);
      bursts[plugging].push(burst);
      if (plugging === 'once') last = transactions;
    }
  }
  await agent.close();
  await client.close();
  await server.stop();
  const figures = {
    vifs: size,
    burst: count,
    rounds,
    populatedMs: rounded(populatedMs),
    agentStartMs: rounded(settled.wallMs),
    once: medians(bursts.once),
    each: medians(bursts.each),
    mostTransactions: Math.max(...bursts.once.map(({ transactions }) => transactions)),
    mostTransactionsEach: Math.max(...bursts.each.map(({ transactions }) => transactions)),
    transactions: last,
  };
  return {
    figures,
    bars: [
      atMost(
        4,
        `transactions from plug to up, ${count} VIFs plugged in one transaction (the most of all rounds)`,
        figures.mostTransactions,
      ),
      atMost(4, `the same, the ${count} VIFs plugged in a transaction each`, figures.mostTransactionsEach),
    ],
    text: show(figures),
  };
}

const WORDS: Readonly<Record<Plugging, string>> = { once: 'in one transaction', each: 'in one transaction each' };

async function oneBurst(
  { server, client, agent }: { server: Server; client: PlainClient; agent: Worker },
  from: number,
  count: number,
  plugging: Plugging,
): Promise<{ burst: Burst; transactions: BurstReply['transactions'] }> {
  const to = from + count;
  const vifs = Array.from({ length: count }, (_, i) => vif(from + i));
  const plug = vifs.map((one) =>
    addPort(uuidOf(BRIDGE), one.name, { interface: { type: 'dummy', ...plugColumns(one) } }),
  );
  const ask = (what: BurstRequest['do']) => agent.ask<BurstReply>({ do: what, from, to } satisfies BurstRequest);
  await ask('expect');
  const before = { server: await server.cpuMs(), vswitchd: server.vswitchdCpuMs(), at: performance.now() };
  const upped = ask('up');
  const batches: Operation[][] = plugging === 'once' ? [plug.flat()] : plug;
  await Promise.all(batches.map((operations) => client.transact([...operations, ...bumpNextCfg()])));
  const { transactions, cpuMs } = await upped;
  const burst = {
    transactions: transactions.length,
    wallMs: performance.now() - before.at,
    agentCpuMs: cpuMs,
    serverCpuMs: (await server.cpuMs()) - before.server,
    vswitchdCpuMs: server.vswitchdCpuMs() - before.vswitchd,
  };
  await removePorts(
    client,
    vifs.map(({ portUuid }) => portUuid),
  );
  await client.transact(bumpNextCfg());
  await ask('gone');
  return { burst, transactions };
}

function medians(bursts: readonly Burst[]): Burst {
  const entries = MEASURES.map((of) => [of, rounded(median(bursts.map((burst) => burst[of])))] as const);
  return Object.fromEntries(entries) as Record<(typeof MEASURES)[number], number>;
}

function show(figures: {
  readonly vifs: number;
  readonly burst: number;
  readonly rounds: number;
  readonly populatedMs: number;
  readonly agentStartMs: number;
  readonly once: Burst;
  readonly each: Burst;
  readonly transactions: BurstReply['transactions'];
}): string {
  const rows = (['once', 'each'] as const).map((plugging) => ({ plugging, ...figures[plugging] }));
  const bursts = table(
    [
      { header: 'transactions', cell: ({ transactions }) => transactions, align: 'right' },
      { header: 'wall ms', cell: ({ wallMs }) => wallMs, align: 'right' },
      { header: 'agent CPU ms', cell: ({ agentCpuMs }) => agentCpuMs, align: 'right' },
      { header: 'ovsdb-server CPU ms', cell: ({ serverCpuMs }) => serverCpuMs, align: 'right' },
      { header: 'ovs-vswitchd CPU ms', cell: ({ vswitchdCpuMs }) => vswitchdCpuMs, align: 'right' },
      { header: 'plugged', cell: ({ plugging }) => WORDS[plugging] },
    ],
    rows,
    PLAIN,
  );
  const list = figures.transactions.map(({ what }, at) => `  ${at + 1}. ${what}\n`).join('');
  return [
    `${figures.burst} VIFs plugged on a switch with ${figures.vifs}, until they are reported up; medians of ${figures.rounds}\n${bursts}`,
    `the transactions, when all are plugged in one:\n${list}`,
    `set up: ${figures.vifs} VIFs (patch ports) in ${figures.populatedMs} ms, then the agent's start in ${figures.agentStartMs} ms\n`,
  ].join('');
}
