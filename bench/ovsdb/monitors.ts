/** Part E: what monitors cost in bytes: the first read, and then what each kind of change sends. ovsdb-server alone. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run as runCommand } from '../../lab/run.ts';
import { table } from '../../src/ctl/table.ts';
import { map, set } from '../../src/ovsdb/notation.ts';
import { type Operation, update } from '../../src/ovsdb/operations.ts';
import { ownInterfaces } from '../../src/vswitch/monitors.ts';
import { bumpNextCfg } from '../../src/vswitch/transact.ts';
import { makeSite } from './add.ts';
import { DAEMON_MONITORS, LOCAL_IP, openClient, PATCH_PORTS, type PlainClient } from './client.ts';
import { addPort, BRIDGE, describedColumns, plugColumns, statistics, uuidOf, vif } from './fixture.ts';
import { rounded } from './numbers.ts';
import { type Bench, type PartResult, PLAIN } from './part.ts';
import { Relay } from './relay.ts';
import type { Server } from './server.ts';
import { Session } from './session.ts';

const DATABASE = 'Open_vSwitch';
const NO_TRANSACTION = '00000000-0000-0000-0000-000000000000';

type Columns = Readonly<Record<string, readonly string[]>>;

interface Watcher {
  readonly name: string;
  /** Bytes received, all in all. */
  bytes(): number;
  close(): void | Promise<void>;
}

interface FirstRead {
  readonly who: string;
  readonly bytes: number;
  readonly serverCpuMs: number;
}

interface Told {
  readonly event: string;
  /** Bytes that each watcher received. */
  readonly bytes: Readonly<Record<string, number>>;
  readonly serverCpuMs: number;
}

export async function partMonitors(bench: Bench): Promise<PartResult> {
  const size = bench.quick ? 100 : 16_000;
  bench.progress(`E: a switch with ${size} VIFs`);
  const { server, janitor } = await makeSite(bench, 'monitors', size);
  bench.progress('E: first reads');
  const all = await allColumns(server);
  const first = [
    await firstRead(server, 'all tables and columns (ovsdbapp)', () => raw(server, 'monitor_cond_since', all, '')),
    await vsctlRead(bench, server),
    await firstRead(server, 'our columns and Bridge.ports, every row', () =>
      raw(server, 'monitor_cond', withPorts(), ''),
    ),
    await firstRead(server, 'our columns, every row', () => raw(server, 'monitor_cond', ourColumns(), '')),
    await firstRead(server, "the daemon's monitors", () => ours(server, 'starting')),
  ];
  const told = await watch(bench, server, janitor, size);
  await janitor.close();
  await server.stop();
  return { figures: { vifs: size, first, told }, bars: [], text: show(size, first, told) };
}

async function firstRead(server: Server, who: string, open: () => Promise<Watcher>): Promise<FirstRead> {
  const before = await server.cpuMs();
  const watcher = await open();
  const serverCpuMs = rounded((await server.cpuMs()) - before);
  const bytes = watcher.bytes();
  await watcher.close();
  await server.cpuMs();
  return { who, bytes, serverCpuMs };
}

/** `add-port` of a port that is there reads what any other reads, and changes nothing. */
async function vsctlRead(bench: Bench, server: Server): Promise<FirstRead> {
  const relay = await Relay.start(join(bench.run.path, 'relay-monitors.sock'), server.socket);
  const before = await server.cpuMs();
  await runCommand(['ovs-vsctl', '--no-wait', `--db=${relay.remote}`, '--may-exist', 'add-port', BRIDGE, vif(0).name], {
    timeout: 120_000,
  });
  const serverCpuMs = rounded((await server.cpuMs()) - before);
  const { toClient } = relay.take();
  await relay.close();
  return { who: 'ovs-vsctl add-port', bytes: toClient, serverCpuMs };
}

async function watch(bench: Bench, server: Server, janitor: PlainClient, size: number): Promise<Told[]> {
  const watchers = [
    await raw(server, 'monitor', withPorts(), 'monitor, ports'),
    await raw(server, 'monitor_cond', withPorts(), 'monitor_cond, ports'),
    await raw(server, 'monitor_cond_since', withPorts(), 'monitor_cond_since, ports'),
    await raw(server, 'monitor', ourColumns(), 'monitor'),
    await raw(server, 'monitor_cond_since', ourColumns(), 'monitor_cond_since'),
    await raw(server, 'monitor_cond_since', await allColumns(server), 'all columns'),
    await ours(server, 'passed'),
  ];
  const told: Told[] = [];
  for (const { name, operations } of events(size)) {
    bench.progress(`E: ${name}`);
    await sleep(20);
    const start = watchers.map((watcher) => watcher.bytes());
    const before = await server.cpuMs();
    for (const one of operations) await janitor.transact(one);
    const serverCpuMs = rounded((await server.cpuMs()) - before);
    await sleep(100);
    const bytes = watchers.map((watcher, at) => [watcher.name, watcher.bytes() - (start[at] ?? 0)] as const);
    told.push({ event: name, bytes: Object.fromEntries(bytes), serverCpuMs });
  }
  for (const watcher of watchers) await watcher.close();
  return told;
}

/** Each a few transactions: what a client writes, and what ovs-vswitchd answers to it. */
function events(size: number): { name: string; operations: readonly (readonly Operation[])[] }[] {
  const plugged = vif(size);
  const done = (name: string, columns: Parameters<typeof update>[2]) => [
    update('Interface', [['name', '==', name]], columns),
    update('Open_vSwitch', [], { cur_cfg: size }),
  ];
  const tunnel = {
    type: 'vxlan',
    options: map({ remote_ip: '192.0.2.9', local_ip: '192.0.2.77', in_key: 'flow', out_key: 'flow' }),
  };
  return [
    {
      name: 'a VIF is plugged and gets its ofport',
      operations: [
        [...addPort(uuidOf(BRIDGE), plugged.name, { interface: plugColumns(plugged) }), ...bumpNextCfg()],
        done(plugged.name, describedColumns(size, plugged)),
      ],
    },
    {
      name: "somebody's tunnel on another bridge, with its ofport",
      operations: [
        [...addPort(uuidOf('br-tun'), 'vxlan-other', { interface: tunnel }), ...bumpNextCfg()],
        [update('Interface', [['name', '==', 'vxlan-other']], { ofport: 9, statistics: statistics(0) })],
      ],
    },
    {
      name: 'a port without external_ids, with its ofport',
      operations: [
        [...addPort(uuidOf(BRIDGE), 'plain'), ...bumpNextCfg()],
        [update('Interface', [['name', '==', 'plain']], describedColumns(size + 1, plugged))],
      ],
    },
    {
      name: 'statistics of every interface move',
      operations: [[update('Interface', [], { statistics: statistics(1_000_000) })]],
    },
    {
      name: 'cur_cfg moves',
      operations: [[update('Open_vSwitch', [], { cur_cfg: size + 1 })]],
    },
    {
      name: 'a VIF is bound',
      operations: [
        [
          update('Port', [['name', '==', plugged.name]], {
            tag: 7,
            other_config: map({ net_uuid: plugged.network, network_type: 'vxlan', segmentation_id: '7', tag: '7' }),
            trunks: set([]),
          }),
        ],
      ],
    },
  ];
}

/** The daemon's; it asks for less when its first pass is over. */
async function ours(server: Server, phase: 'starting' | 'passed'): Promise<Watcher> {
  const { client } = await openClient(server.remote, DAEMON_MONITORS);
  if (phase === 'passed') await client.setConditions('Interface', ownInterfaces(PATCH_PORTS, LOCAL_IP));
  return { name: "the daemon's", bytes: () => client.bytesRead, close: () => client.close() };
}

async function raw(
  server: Server,
  method: 'monitor' | 'monitor_cond' | 'monitor_cond_since',
  tables: Columns,
  name: string,
): Promise<Watcher> {
  const session = await Session.open(server.socket);
  // RFC 7047 has one request a table, the conditional ones a list of them.
  const requests = Object.entries(tables).map(([one, columns]) => [
    one,
    method === 'monitor' ? { columns } : [{ columns }],
  ]);
  const since = method === 'monitor_cond_since' ? [NO_TRANSACTION] : [];
  await session.call(method, [DATABASE, 'bench', Object.fromEntries(requests), ...since]);
  return { name, bytes: () => session.bytesRead, close: () => session.close() };
}

async function allColumns(server: Server): Promise<Columns> {
  const session = await Session.open(server.socket);
  const schema = (await session.call('get_schema', [DATABASE])) as {
    tables: Record<string, { columns: Record<string, object> }>;
  };
  session.close();
  return Object.fromEntries(Object.entries(schema.tables).map(([name, { columns }]) => [name, Object.keys(columns)]));
}

function ourColumns(): Columns {
  return Object.fromEntries(Object.entries(DAEMON_MONITORS).map(([name, { columns }]) => [name, Object.keys(columns)]));
}

function withPorts(): Columns {
  const columns = ourColumns();
  return { ...columns, Bridge: [...(columns.Bridge ?? []), 'ports'] };
}

function show(size: number, first: readonly FirstRead[], told: readonly Told[]): string {
  const watchers = Object.keys(told[0]?.bytes ?? {});
  const reads = table<FirstRead>(
    [
      { header: 'bytes', cell: ({ bytes }) => bytes, align: 'right' },
      { header: 'ovsdb-server CPU ms', cell: ({ serverCpuMs }) => serverCpuMs, align: 'right' },
      { header: 'who', cell: ({ who }) => who },
    ],
    first,
    PLAIN,
  );
  const events = table<Told>(
    [
      ...watchers.map((name) => ({
        header: name,
        cell: ({ bytes }: Told) => bytes[name] ?? '',
        align: 'right' as const,
      })),
      { header: 'event', cell: ({ event }) => event },
    ],
    told,
    PLAIN,
  );
  return `first read with ${size} VIFs, once each:\n${reads}bytes received when, once each:\n${events}`;
}
