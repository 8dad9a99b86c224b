/**
 * What one more FDB entry costs when the network already has N: rule 4 of the design, measured.
 *
 * CPU of reducing, planning and of the journal's part in it (no switch, no broker, no file), in this process. The sizes take turns in every round, so
 * that a busy machine is busy for all of them. Run it with `node bench/change-cost.ts [--json]`.
 */
import type { Config } from '../src/config/config.ts';
import type { FdbChange } from '../src/l2pop/parse.ts';
import { makePlan } from '../src/plan.ts';
import { reduce } from '../src/reduce.ts';
import { takeUnsaved } from '../src/save.ts';
import { State } from '../src/state.ts';
import type { IpAddress, MacAddress, NetworkId, PortId, SegmentationId } from '../src/values.ts';
import type { SwitchRowChange } from '../src/vswitch/monitors.ts';

const SIZES = [100, 1_000, 10_000, 100_000];
const ROUNDS = 7;
const CHANGES = 500;

const NETWORK = '00000000-0000-0000-0000-000000000001' as NetworkId;
const PORT = '00000000-0000-0000-0000-000000000002' as PortId;
const VTEP = '192.0.2.2' as IpAddress;
const SEGMENT = { type: 'vxlan' as const, segmentationId: 7 as SegmentationId };

const config = {
  host: 'bench',
  ovs: {
    integrationBridge: 'br-int',
    tunnelBridge: 'br-tun',
    intPeerPatchPort: 'patch-tun',
    tunPeerPatchPort: 'patch-int',
    localIp: '192.0.2.1',
  },
  agent: { tunnelTypes: ['vxlan'], l2Population: true, arpResponder: true, dontFragment: true, vxlanUdpPort: 4789 },
  own: { snapshotGrace: 30, snapshotConfirm: 60, journalAttempts: 5, journalRetry: 2 },
} as unknown as Config;

function row(table: string, uuid: string, after: Record<string, unknown>): SwitchRowChange {
  return { table, uuid, before: undefined, after } as SwitchRowChange;
}

/** One VIF on one network, one tunnel port, N entries behind it. */
function build(size: number): State {
  const state = new State(config);
  const port = (uuid: string, name: string, more: object) =>
    row('Port', `p-${uuid}`, {
      name,
      interfaces: [uuid],
      tag: [],
      other_config: new Map(),
      vlan_mode: [],
      trunks: [],
      ...more,
    });
  const network = new Map([
    ['net_uuid', NETWORK],
    ['network_type', SEGMENT.type],
    ['segmentation_id', String(SEGMENT.segmentationId)],
  ]);
  const interfaces = [
    ['patch', 'patch-int', 'patch', 1, new Map(), new Map([['peer', 'patch-tun']])],
    ['vif', 'tap0', '', 2, new Map([['iface-id', PORT]]), new Map()],
    ['tunnel', 'vxlan-c0000202', 'vxlan', 3, new Map([['l2pop-agent', 'tunnel']]), new Map([['remote_ip', VTEP]])],
  ] as const;
  const changes = interfaces.flatMap(([uuid, name, type, ofport, external_ids, options]) => [
    row('Interface', uuid, { name, type, ofport: [ofport], external_ids, options }),
    port(uuid, name, uuid === 'vif' ? { tag: [1], other_config: network } : {}),
  ]);
  reduce(state, { kind: 'rows', changes, initial: true }, 0);
  const bridges = new Map([
    ['p-patch', 'br-tun'],
    ['p-vif', 'br-int'],
    ['p-tunnel', 'br-tun'],
  ]);
  reduce(state, { kind: 'membership', bridges }, 0);
  for (let first = 0; first < size; first += 1000) {
    reduce(state, { kind: 'fdb', changes: [add(first, Math.min(1000, size - first))], byName: false }, 0);
  }
  apply(state);
  return state;
}

function add(first: number, count: number): FdbChange {
  const entries = Array.from({ length: count }, (_, i) => entry(first + i));
  return { kind: 'add', network: NETWORK, segment: SEGMENT, vtep: VTEP, flooding: true, entries };
}

function entry(n: number): { mac: MacAddress; ip: IpAddress } {
  const byte = (shift: number) => ((n >> shift) & 255).toString(16).padStart(2, '0');
  return {
    mac: `fa:16:3e:${byte(16)}:${byte(8)}:${byte(0)}` as MacAddress,
    ip: `10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}` as IpAddress,
  };
}

function apply(state: State): number {
  takeUnsaved(state, 0);
  const { tun, int } = makePlan(state).bundles;
  state.journal.begin((subject) => state.blockedOn(subject), 0);
  state.tun.applied(tun.changes);
  state.int.applied(int.changes);
  state.journal.done(0);
  takeUnsaved(state, 0);
  return tun.changes.adds.length + int.changes.adds.length;
}

/** CPU microseconds per added entry, each in a batch of its own. */
function measure(state: State, next: number): number {
  const before = process.cpuUsage();
  for (let i = 0; i < CHANGES; i++) {
    reduce(state, { kind: 'fdb', changes: [add(next + i, 1)], byName: false }, 0);
    const flows = apply(state);
    if (flows !== 2) throw new Error(`one entry must change two flows (unicast, ARP), it changed ${flows}`);
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / CHANGES;
}

const states = SIZES.map((size) => ({ size, state: build(size), next: size, samples: [] as number[] }));
for (let round = 0; round <= ROUNDS; round++) {
  for (const one of states) {
    const cost = measure(one.state, one.next);
    one.next += CHANGES;
    // The first round warms the compiler up.
    if (round > 0) one.samples.push(cost);
  }
}
const results = states.map(({ size, samples }) => ({
  entries: size,
  cpuMicrosecondsPerChange: Number((samples.toSorted((a, b) => a - b)[Math.floor(samples.length / 2)] ?? 0).toFixed(1)),
}));
if (process.argv.includes('--json')) console.log(JSON.stringify(results));
else console.table(results);
