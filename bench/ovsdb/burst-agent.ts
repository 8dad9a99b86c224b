/**
 * Worker: the agent without its broker. State, executor, loop and server lane as `src/daemon.ts` puts them together, on
 * a real switch; neutron-server is played by a function that knows every VIF of the fixture and answers at once.
 * Arguments: the remote, OVS_RUNDIR, and how many VIFs are up before.
 */
import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { waitFor } from '../../lab/wait.ts';
import { Agent } from '../../src/agent.ts';
import type { Config } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/load.ts';
import { nextDuty } from '../../src/duties.ts';
import { Executor, type Ovsdb } from '../../src/executor.ts';
import { Ofctl, runWithExeca } from '../../src/flows/ofctl.ts';
import { OvsdbClient } from '../../src/ovsdb/client.ts';
import { OvsdbTransactionError } from '../../src/ovsdb/errors.ts';
import { ServerLane, type ServerLaneParts } from '../../src/server-lane.ts';
import { State } from '../../src/state.ts';
import type { IpAddress, MacAddress, NetworkId, PortId, SegmentationId } from '../../src/values.ts';
import type { PortFacts } from '../../src/vif/facts.ts';
import { ownInterfaces, switchMonitors } from '../../src/vswitch/monitors.ts';
import type { BurstReply, BurstRequest } from './burst.ts';
import { LOCAL_IP, PATCH_PORTS } from './client.ts';
import { BRIDGE, vif } from './fixture.ts';
import { serve } from './serve.ts';

/** Milliseconds: 16,000 VIFs are a lot of flows to begin with. */
const PATIENCE = 300_000;

const [remote = '', runDir = '', before = '0'] = process.argv.slice(2);
const log = pino({ level: 'warn' }, pino.destination(2));
const now = () => Date.now();
const newId = () => randomUUID();
const state = new State(readConfig());

/** Operations of every transaction since the burst began, and when each was answered. */
let transactions: { readonly what: string; readonly operations: number }[] = [];
const ovsdb = new OvsdbClient({
  remote,
  database: 'Open_vSwitch',
  monitors: switchMonitors(PATCH_PORTS),
  timeoutMs: PATIENCE,
  log,
  onChanges: (changes, kind) => agent.apply({ kind: 'rows', changes, initial: kind === 'initial' }),
  onState: () => undefined,
});
const counted: Ovsdb = {
  transact: async (operations) => {
    const kinds = new Map<string, number>();
    for (const one of operations) {
      const kind = 'table' in one ? `${one.op} ${one.table}` : one.op;
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    }
    const what = [...kinds].map(([kind, count]) => `${count} ${kind}`).join(', ');
    transactions.push({ what, operations: operations.length });
    return await ovsdb.transact(operations);
  },
};
const executor = new Executor({
  state,
  ovsdb: counted,
  ofctl: new Ofctl({ runDir, timeout: PATIENCE, run: runWithExeca }),
  log,
  isRefusal: (error) => error instanceof OvsdbTransactionError,
  now,
  onPassed: () => void ovsdb.setConditions('Interface', ownInterfaces(PATCH_PORTS, LOCAL_IP)),
  onRefusedName: () => undefined,
});
const agent = new Agent({
  state,
  journal: { save: (take) => void take('changes') },
  executor,
  log,
  now,
  offsets: () => new Map(),
});

/** Number by iface-id, of VIFs that neutron-server knows; and those that were reported up. */
const known = new Map<PortId, number>();
const up = new Set<PortId>();
const server: ServerLaneParts['server'] = {
  pullPorts: (ids) => Promise.resolve({ answers: new Map(ids.map((id) => [id, facts(id)])), problems: [] }),
  updateDevices: (devices) => {
    for (const id of devices.up) up.add(id);
    for (const id of devices.down) up.delete(id);
    return Promise.resolve({ failedUp: [], failedDown: [] });
  },
  sendMarker: (id, edge) => {
    agent.apply({ kind: 'marker', id, edge });
    return Promise.resolve();
  },
};
const lane = new ServerLane({ state, server, log, now, newId, apply: (event) => agent.apply(event) });

know(0, Number(before));
for (const id of known.keys()) up.add(id);
agent.start(lane);
lane.setOpen(true);
ovsdb.start();

await serve(async (request): Promise<BurstReply> => {
  const { do: what, from, to } = request as BurstRequest;
  const ids = know(from, to);
  const started = performance.now();
  const cpu = process.cpuUsage();
  if (what === 'expect') transactions = [];
  if (what === 'settled') await waitFor('the agent to have nothing left to do', isSettled, { timeout: PATIENCE });
  if (what === 'up') {
    await waitFor('the VIFs to be up', () => ids.every((id) => up.has(id)), { timeout: PATIENCE, interval: 2 });
  }
  if (what === 'gone') {
    const isGone = () => ids.every((id) => state.vifs.get(id) === undefined && !up.has(id));
    await waitFor('the VIFs to be gone', () => isGone() && isSettled(), { timeout: PATIENCE });
  }
  const { user, system } = process.cpuUsage(cpu);
  return { transactions, wallMs: performance.now() - started, cpuMs: (user + system) / 1000, vifs: state.vifs.size };
});
lane.setOpen(false);
await agent.stop();
await ovsdb.close();

function isSettled(): boolean {
  return state.passed && state.vifs.size > 0 && nextDuty(state, now(), newId) === undefined;
}

function know(from: number, to: number): PortId[] {
  return Array.from({ length: to - from }, (_, i) => {
    const id = vif(from + i).ifaceId as PortId;
    known.set(id, from + i);
    return id;
  });
}

function facts(id: PortId): PortFacts | 'absent' {
  const index = known.get(id);
  if (index === undefined) return 'absent';
  const { mac, network, segmentationId } = vif(index);
  const segment = { type: 'vxlan' as const, segmentationId: segmentationId as SegmentationId };
  return {
    id,
    networkId: network as NetworkId,
    mac: mac as MacAddress,
    fixedIps: [`10.${index >> 16}.${(index >> 8) & 255}.${index & 255}` as IpAddress],
    addressPairs: [],
    portSecurity: true,
    adminStateUp: true,
    status: up.has(id) ? 'ACTIVE' : 'DOWN',
    deviceOwner: 'compute:nova',
    binding: 'active',
    isAwaited: false,
    segment,
    segmentText: `vxlan ${segmentationId}`,
  };
}

/** An operator's smallest configuration, read as the daemon reads it. */
function readConfig(): Config {
  const text = `[DEFAULT]
host = bench
transport_url = rabbit://u:p@127.0.0.1:1/
[ovs]
integration_bridge = ${BRIDGE}
local_ip = ${LOCAL_IP}
[agent]
tunnel_types = vxlan
l2_population = true
[securitygroup]
enable_security_group = false
`;
  const loaded = loadConfig(
    { files: ['bench.conf'], dirs: [] },
    {
      hostname: 'bench',
      env: { OVS_RUNDIR: runDir },
      readFile: () => text,
      listDirectory: () => [],
      addresses: [LOCAL_IP],
    },
  );
  if ('errors' in loaded) throw new Error(loaded.errors.map(({ message }) => message).join('; '));
  return loaded.config;
}
