/** What goes wrong, one after the other: how it is made, and what an operator would call it. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'amqplib';
import { ovsCtlRestart } from '../../lab/ovs-ctl.ts';
import { waitFor } from '../../lab/wait.ts';
import type { Change } from './changes.ts';
import type { Stage, Target } from './stage.ts';

export interface FaultContext {
  readonly stage: Stage;
  /** Those that it happens to. */
  readonly targets: readonly Target[];
  /** What was broken is back, or the hand is off the keyboard: from now on the repair is timed. */
  readonly mark: () => void;
  /** The cloud has changed: other flows are right now. */
  readonly changed: (change: Change) => void;
}

export interface Fault {
  readonly title: string;
  /** `host`: made on one host after the other; `cloud`: it happens to all at once. */
  readonly scope: 'host' | 'cloud';
  /** Seconds from the mark after which it counts as not repaired. */
  readonly patience: number;
  /** Seconds for which it is watched at least. An agent's start may break things late. */
  readonly watch: number;
  make(context: FaultContext): Promise<void>;
}

/** Seconds. */
const MINUTE = 60;
const BY_HAND = { scope: 'host', patience: 30, watch: 6 } as const;
const SWITCH = { scope: 'host', patience: 120, watch: 6 } as const;
const START = { scope: 'host', patience: 180, watch: 10 } as const;
/** Two snapshots a minute apart have to agree before an entry goes. */
const CHANGES = { scope: 'cloud', patience: 150, watch: 6 } as const;
const FDB_EXCHANGE = 'q-agent-notifier-l2population-update_fanout';

export const FAULTS = {
  'agent-stop': {
    ...START,
    title: 'agent stopped (SIGTERM) and started',
    make: onHost(async ({ agent, kind }, { mark }) => {
      await agent.stop();
      mark();
      await agent.start(kind);
    }),
  },
  'agent-kill': {
    ...START,
    title: 'agent killed (SIGKILL) and started',
    make: onHost(async ({ agent, kind }, { mark }) => {
      await agent.kill();
      mark();
      await agent.start(kind);
    }),
  },
  'empty-switch': {
    ...START,
    title: 'machine rebooted: empty switch, nothing left in /run, agent started anew',
    make: onHost(async ({ agent, host, kind }, { mark }) => {
      await Promise.all([agent.kill(), host.daemon('ovs-vswitchd').kill(), host.daemon('ovsdb-server').kill()]);
      host.boot();
      await host.startOvsdbServer();
      await host.startVswitchd();
      mark();
      await agent.start(kind);
    }),
  },
  'vswitchd-kill': {
    ...SWITCH,
    title: 'ovs-vswitchd killed and started',
    make: onHost(async ({ host }, { mark }) => {
      await host.daemon('ovs-vswitchd').kill();
      await host.startVswitchd();
      mark();
    }),
  },
  'ovsdb-kill': {
    ...SWITCH,
    title: 'ovsdb-server killed and started',
    make: onHost(async ({ host }, { mark }) => {
      await host.daemon('ovsdb-server').kill();
      await host.startOvsdbServer();
      mark();
    }),
  },
  'ovs-kill': {
    ...SWITCH,
    title: 'ovs-vswitchd and ovsdb-server killed and started',
    make: onHost(async ({ host }, { mark }) => {
      await Promise.all([host.daemon('ovs-vswitchd').kill(), host.daemon('ovsdb-server').kill()]);
      await host.startOvsdbServer();
      await host.startVswitchd();
      mark();
    }),
  },
  'ovs-ctl-restart': {
    ...SWITCH,
    title: '`ovs-ctl restart` (flows saved, `flow-restore-wait`, flows restored)',
    make: onHost(async ({ host }, { mark }) => {
      await ovsCtlRestart(host);
      mark();
    }),
  },
  'flows-wiped': {
    ...BY_HAND,
    title: 'all flows of br-tun deleted by hand',
    make: onHost(async ({ host }, { mark }) => {
      await host.ofctl('del-flows', 'br-tun');
      mark();
    }),
  },
  'flow-replaced': {
    ...BY_HAND,
    title: "a flow replaced by hand: a VM's unicast flow now drops",
    make: onHost(async ({ host }, { stage, mark }) => {
      const { mac_address } = stage.named('c1').port;
      const flows = await host.ofctl('--no-names', '--no-stats', 'dump-flows', 'br-tun', 'table=20');
      const vlan = new RegExp(`dl_vlan=(\\d+),dl_dst=${mac_address}`).exec(flows)?.[1] ?? '';
      await host.ofctl(
        'add-flow',
        'br-tun',
        `cookie=0xbad,table=20,priority=2,dl_vlan=${vlan},dl_dst=${mac_address},actions=drop`,
      );
      mark();
    }),
  },
  'tunnel-deleted': {
    ...BY_HAND,
    title: 'one tunnel port deleted by hand',
    make: onHost(async ({ host }, { stage, mark }) => {
      const far = stage.cloud.host(3).vtep.ipv4;
      const name = await host.vsctl(
        ...['--bare', '--columns=name', 'find', 'Interface', 'type=vxlan', `options:remote_ip="${far}"`],
      );
      await host.vsctl('del-port', 'br-tun', name.trim());
      mark();
    }),
  },
  'broker-away': {
    ...CHANGES,
    title: 'hosts cut off from the broker for a minute, with changes meanwhile',
    async make({ stage, targets, mark, changed }) {
      for (const { host } of targets) await host.namespace.ip('link set mgmt0 down');
      const change = await stage.change();
      await stage.arrived();
      changed(change);
      await sleep(MINUTE * 1000);
      for (const { host } of targets) await host.namespace.ip('link set mgmt0 up');
      mark();
    },
  },
  'queues-deleted': {
    ...CHANGES,
    title: 'hosts cut off, their queues expired, changes meanwhile',
    async make({ stage, targets, mark, changed }) {
      for (const { host } of targets) await host.namespace.ip('link set mgmt0 down');
      await forgetClients(stage, targets);
      const change = await stage.change();
      await stage.arrived();
      changed(change);
      for (const { host } of targets) await host.namespace.ip('link set mgmt0 up');
      mark();
    },
  },
  'broker-empty': {
    ...CHANGES,
    title: 'broker away for a minute, restarted with empty memory, changes meanwhile',
    async make({ stage, mark, changed }) {
      const { broker, run } = stage.cloud;
      await broker.kill();
      rmSync(join(run.path, 'rabbit', 'data'), { recursive: true });
      await sleep((MINUTE / 2) * 1000);
      const changing = stage.change();
      // Until it is awaited its failure is nobody's.
      changing.catch(() => undefined);
      await sleep((MINUTE / 2) * 1000);
      await broker.start();
      mark();
      const change = await changing;
      changed(change);
      await stage.arrived();
    },
  },
  'exchange-deleted': {
    ...CHANGES,
    // A minute until it is seen comes before the rest.
    patience: 300,
    title: 'the fanout exchange of l2population deleted, then changes',
    async make({ stage, mark, changed }) {
      await atBroker(stage, async (channel) => {
        await channel.deleteExchange(FDB_EXCHANGE);
      });
      mark();
      changed(await stage.change());
      await stage.arrived();
    },
  },
  'server-away': {
    ...BY_HAND,
    scope: 'cloud',
    title: 'neutron-server killed, back after a minute',
    async make({ stage, mark }) {
      await stage.cloud.server.kill();
      await sleep(MINUTE * 1000);
      await stage.cloud.server.start();
      mark();
    },
  },
} as const satisfies Record<string, Fault>;

export type FaultName = keyof typeof FAULTS;

function onHost(make: (target: Target, context: FaultContext) => Promise<void>): Fault['make'] {
  return async (context) => {
    for (const target of context.targets) await make(target, context);
  };
}

type BrokerChannel = Awaited<ReturnType<Awaited<ReturnType<typeof connect>>['createChannel']>>;

async function atBroker(stage: Stage, action: (channel: BrokerChannel) => Promise<void>): Promise<void> {
  const model = await connect(stage.cloud.brokerUrl.replace(/^rabbit:/, 'amqp:'));
  try {
    await action(await model.createChannel());
  } finally {
    await model.close();
  }
}

/** The broker gives up the connections of these hosts, and their queues go, as they do half an hour later. */
async function forgetClients(stage: Stage, targets: readonly Target[]): Promise<void> {
  const { broker } = stage.cloud;
  const table = async (...args: string[]) =>
    (await broker.ctl(...args, '--no-table-headers')).split('\n').map((line) => line.split('\t'));
  const peers = new Set(targets.map(({ host }) => host.mgmtAddress));
  const connections = (await table('list_connections', 'pid', 'peer_host')).filter(([, peer = '']) => peers.has(peer));
  const pids = new Set(connections.map(([pid]) => pid));
  const channels = (await table('list_channels', 'pid', 'connection')).filter(([, pid]) => pids.has(pid));
  const consumers = new Set(channels.map(([pid]) => pid));
  const queues = (await table('list_consumers', 'queue_name', 'channel_pid'))
    .filter(([, pid]) => consumers.has(pid))
    .map(([queue = '']) => queue);
  await Promise.all(connections.map(([pid = '']) => broker.ctl('close_connection', pid, 'no heartbeat')));
  await waitFor('the connections to be gone', async () => {
    const there = await table('list_connections', 'peer_host');
    return there.every(([peer = '']) => !peers.has(peer));
  });
  await atBroker(stage, async (channel) => {
    for (const queue of queues) await channel.deleteQueue(queue);
  });
}
