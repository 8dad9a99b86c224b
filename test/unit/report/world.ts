/** A host as the state knows it, built from events: two VIFs of one VXLAN network, a dead one, peers, tunnels. */
import { loadConfig } from '../../../src/config/load.ts';
import type { Event } from '../../../src/events.ts';
import type { DumpedFlow } from '../../../src/flows/flow.ts';
import { parseFdbNotification } from '../../../src/l2pop/parse.ts';
import type { Row } from '../../../src/ovsdb/notation.ts';
import { makePlan } from '../../../src/plan.ts';
import { reduce } from '../../../src/reduce.ts';
import { State } from '../../../src/state.ts';
import { type NetworkId, type PortId, parseSegmentationId } from '../../../src/values.ts';
import type { PortFacts } from '../../../src/vif/facts.ts';
import type { SwitchRowChange } from '../../../src/vswitch/monitors.ts';

export const NETWORK = '1a2b3c4d-0000-4000-8000-000000000001' as NetworkId;
export const OTHER_NETWORK = '1a2b3c4d-0000-4000-8000-000000000002' as NetworkId;
export const VIF = '0a000000-0000-4000-8000-000000000001' as PortId;
export const SECOND_VIF = '0a000000-0000-4000-8000-000000000002' as PortId;
export const DEAD_VIF = '0a000000-0000-4000-8000-000000000003' as PortId;
/** When everything in here happens: 2025-01-01T00:00:00Z. */
export const NOW = Date.UTC(2025, 0, 1);

export class World {
  readonly state: State;
  now = NOW;
  #uuid = 0;

  constructor(options: { readonly agent?: string } = {}) {
    const files: Record<string, string> = {
      '/neutron.conf': '[DEFAULT]\nhost = cmp1\ntransport_url = rabbit://u:p@127.0.0.1:5672/\n',
      '/agent.ini': [
        '[ovs]\nlocal_ip = 172.30.0.11',
        '[securitygroup]\nenable_security_group = false',
        options.agent ?? '[agent]\ntunnel_types = vxlan,gre\nl2_population = true\narp_responder = true',
        '',
      ].join('\n'),
    };
    const loaded = loadConfig(
      { files: Object.keys(files), dirs: [] },
      {
        hostname: 'cmp1',
        env: {},
        readFile: (path) => files[path] ?? '',
        listDirectory: () => [],
        addresses: undefined,
      },
    );
    if ('errors' in loaded) throw new Error(loaded.errors.map(({ message }) => message).join('\n'));
    this.state = new State(loaded.config);
  }

  apply(event: Event): void {
    reduce(this.state, event, this.now);
  }

  /** Bridges, patch ports and an Open vSwitch that is there. */
  connect(): void {
    const changes = [
      this.#change('Open_vSwitch', { cur_cfg: 1, ovs_version: ['3.1.0'], other_config: new Map() }),
      ...['br-int', 'br-tun'].map((name) =>
        this.#change('Bridge', { name, datapath_type: 'netdev', fail_mode: ['secure'], protocols: [], controller: [] }),
      ),
    ];
    this.apply({ kind: 'rows', changes, initial: true });
    this.plug('br-int', 'patch-tun', { type: 'patch', ofport: 1 });
    this.plug('br-tun', 'patch-int', { type: 'patch', ofport: 1 });
  }

  /** A port with its interface. */
  plug(
    bridge: string,
    name: string,
    columns: {
      type?: string;
      ofport?: number;
      externalIds?: [string, string][];
      options?: [string, string][];
      tag?: number;
    },
  ): void {
    const interfaceRow: Row = {
      name,
      type: columns.type ?? '',
      ofport: columns.ofport === undefined ? [] : [columns.ofport],
      external_ids: new Map(columns.externalIds ?? []),
      options: new Map(columns.options ?? []),
    };
    const made = this.#change('Interface', interfaceRow);
    const port = this.#change('Port', {
      name,
      interfaces: [made.uuid],
      tag: columns.tag === undefined ? [] : [columns.tag],
      other_config: new Map(),
      vlan_mode: [],
      trunks: [],
    });
    this.apply({ kind: 'rows', changes: [made, port], initial: false });
    this.apply({ kind: 'membership', bridges: new Map([[port.uuid, bridge]]) });
  }

  vif(id: PortId, ofport: number): void {
    this.plug('br-int', `tap${id.slice(0, 8)}${ofport}`, { ofport, externalIds: [['iface-id', id]] });
  }

  tunnel(remoteIp: string, options: { ofport?: number; ours?: boolean; type?: string } = {}): void {
    const { ofport, ours = true, type = 'vxlan' } = options;
    const octets = remoteIp.split('.').map((octet) => Number(octet).toString(16).padStart(2, '0'));
    this.plug('br-tun', `${type}-${octets.join('')}`, {
      type,
      ...(ofport === undefined ? {} : { ofport }),
      options: [['remote_ip', remoteIp]],
      ...(ours ? { externalIds: [['l2pop-agent', 'tunnel']] } : {}),
    });
  }

  /** The server's answer about ports. */
  facts(...facts: readonly PortFacts[]): void {
    const ports = facts.map(({ id }) => id);
    this.apply({ kind: 'duty-started', duty: { kind: 'pull', ports } });
    this.apply({
      kind: 'duty-done',
      duty: { kind: 'pull', ports },
      outcome: { kind: 'facts', answers: new Map(facts.map((one) => [one.id, one])) },
    });
  }

  fdb(method: string, args: Readonly<Record<string, unknown>>, byName = false): void {
    const { host, agent, ovs } = this.state.config;
    const context = { host, localIp: ovs.localIp, tunnelTypes: agent.tunnelTypes };
    const { changes, problems } = parseFdbNotification(method, args, context);
    if (problems.length > 0) throw new Error(problems.join('\n'));
    this.apply({ kind: 'fdb', changes, byName });
  }

  add(
    network: NetworkId,
    segmentId: number,
    ports: Readonly<Record<string, readonly (readonly [string, string])[]>>,
  ): void {
    this.fdb('add_fdb_entries', {
      fdb_entries: { [network]: { network_type: 'vxlan', segment_id: segmentId, ports } },
    });
  }

  remove(
    network: NetworkId,
    segmentId: number,
    ports: Readonly<Record<string, readonly (readonly [string, string])[]>>,
  ): void {
    this.fdb('remove_fdb_entries', {
      fdb_entries: { [network]: { network_type: 'vxlan', segment_id: segmentId, ports } },
    });
  }

  /** The switch is compared, and takes every flow that is planned. @returns what it has then. */
  settle(): { tun: DumpedFlow[]; int: DumpedFlow[] } {
    if (!this.state.compared) this.apply({ kind: 'dump', tun: [], int: [] });
    const { bundles } = makePlan(this.state);
    this.state.tun.applied(bundles.tun.changes);
    this.state.int.applied(bundles.int.changes);
    this.state.passed = true;
    return { tun: this.state.tun.actual(), int: this.state.int.actual() };
  }

  #change(table: string, after: Row): SwitchRowChange {
    const uuid = `00000000-0000-4000-8000-${String(++this.#uuid).padStart(12, '0')}`;
    return { table, uuid, before: undefined, after } as SwitchRowChange;
  }
}

export const FLOODING = ['00:00:00:00:00:00', '0.0.0.0'] as const;

export function port(id: PortId, more: Partial<PortFacts> = {}): PortFacts {
  const segmentationId = parseSegmentationId('vxlan', 7419);
  if (segmentationId === undefined) throw new Error('7419 is a VNI');
  return {
    id,
    networkId: NETWORK,
    mac: undefined,
    fixedIps: [],
    addressPairs: [],
    portSecurity: true,
    adminStateUp: true,
    status: 'ACTIVE',
    deviceOwner: 'compute:nova',
    binding: 'active',
    isAwaited: false,
    segment: { type: 'vxlan', segmentationId },
    segmentText: 'vxlan 7419',
    ...more,
  };
}

/** Two VIFs wired, one dead; two peers, of which 172.30.0.13 has no tunnel port yet. */
export function busyHost(): World {
  const world = new World();
  world.connect();
  world.vif(VIF, 6);
  world.vif(SECOND_VIF, 7);
  world.vif(DEAD_VIF, 8);
  world.facts(
    port(VIF),
    port(SECOND_VIF, { status: 'BUILD' }),
    port(DEAD_VIF, { adminStateUp: false, status: 'DOWN' }),
  );
  world.tunnel('172.30.0.12', { ofport: 2 });
  world.now += 1000;
  world.add(NETWORK, 7419, {
    '172.30.0.12': [FLOODING, ['fa:16:3e:00:00:12', '10.0.0.12'], ['fa:16:3e:00:00:12', 'fd00::12']],
    '172.30.0.13': [FLOODING, ['fa:16:3e:00:00:13', '10.0.0.13']],
  });
  return world;
}
