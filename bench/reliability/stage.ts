/**
 * The cloud that the faults are made in: the real neutron-server, ours on host1, the reference on host2, and host3 as the
 * far end of both, where the cloud's changes are made too.
 *
 * Two networks: `crowd` (VXLAN) has thousands of entries, `plain` (GRE) has a VM a host. All hosts have VMs on both.
 */

import type { Host } from '../../lab/host.ts';
import { NeutronCloud, type PluggedVm } from '../../lab/neutron/cloud.ts';
import type { AgentKind, HostAgent } from '../../lab/neutron/host-agent.ts';
import { RestError } from '../../lab/neutron/rest.ts';
import type { Network, Port, Subnet } from '../../lab/neutron/rest-types.ts';
import type { RunDirectory } from '../../lab/run-directory.ts';
import type { Vm } from '../../lab/vm.ts';
import { waitFor } from '../../lab/wait.ts';
import type { Addresses, Change, Flows } from './changes.ts';
import { insertCrowd } from './entries.ts';
import { readFlows } from './flow-watch.ts';
import { askForRefresh } from './refresh.ts';

export interface Target {
  readonly kind: AgentKind;
  readonly host: Host;
  readonly agent: HostAgent;
}

export interface Path {
  readonly from: Vm;
  readonly to: string;
}

/** Number of made-up VTEPs that the crowd is spread over. They are addresses of host3, which drops what comes for them. */
const CROWD_VTEPS = 10;
const FAR = 3;
/** Milliseconds: the reference takes its time over ten thousand entries. */
const SLOW = 180_000;
/** VMs on the network with the crowd, by host. */
const CROWD_VMS: readonly (readonly [name: string, host: number])[] = [
  ['a1', 1],
  ['a2', 1],
  ['b1', 2],
  ['b2', 2],
  ['c1', FAR],
  ['c2', FAR],
  ['c3', FAR],
  ['moving', FAR],
  ['going', FAR],
];

export class Stage {
  readonly cloud: NeutronCloud;
  readonly entries: number;
  readonly targets: readonly Target[];
  readonly #vms = new Map<string, PluggedVm>();
  #crowd: Segment | undefined;
  #made = 0;

  private constructor(cloud: NeutronCloud, entries: number) {
    this.cloud = cloud;
    this.entries = entries;
    this.targets = (['ours', 'reference'] as const).map((kind, i) => ({
      kind,
      host: cloud.host(i + 1),
      agent: cloud.agent(i + 1),
    }));
  }

  static async up(run: RunDirectory, entries: number, progress: (what: string) => void): Promise<Stage> {
    const agents = { 1: 'ours', 2: 'reference', [FAR]: 'ours' } as const;
    const stage = new Stage(await NeutronCloud.up(run, { hosts: 3, agents, onProgress: progress }), entries);
    await stage.#furnish(progress);
    return stage;
  }

  named(name: string): PluggedVm {
    const vm = this.#vms.get(name);
    if (vm === undefined) throw new Error(`there is no VM ${name}`);
    return vm;
  }

  /** The paths of a host: to the far end and back on both networks, both families, and inside the host. */
  paths(target: Target): Path[] {
    const letter = letterOf(target);
    const vm = (name: string) => this.named(name);
    const [near, other, plain] = [vm(`${letter}1`), vm(`${letter}2`), vm(`${letter}-plain`)];
    return [
      { from: near.vm, to: vm('c1').ipv4 },
      { from: vm('c2').vm, to: near.ipv6 },
      { from: other.vm, to: vm('c3').ipv4 },
      { from: near.vm, to: other.ipv4 },
      { from: plain.vm, to: vm('c-plain').ipv4 },
    ];
  }

  /** Everybody whom a path joins can be reached. Rejects after half a minute. */
  async expectReachable(target: Target): Promise<void> {
    for (const { from, to } of this.paths(target)) {
      await waitFor(`${from.name} to reach ${to}`, async () => (await from.ping(to, { count: 1 })).received === 1);
    }
  }

  /** What {@link change} needs is there: a VM that will get another address, one that will go, one that waits to be plugged. */
  async prepareChange(): Promise<void> {
    if (!this.#vms.has('going')) await this.#boot('going', FAR, this.#crowdSegment, {});
    if (!this.#vms.has('coming')) {
      await this.#boot('coming', FAR, this.#crowdSegment, { unplugged: true, bind: false });
    }
  }

  /**
   * At the far end a VM gets another address, another goes, a third comes. Resolves when the server's database says so, also
   * when the broker is away: the server then keeps its clients waiting, and does it all the same.
   */
  async change(): Promise<Change> {
    const { rest, database } = this.cloud;
    const [moving, going, coming] = [this.named('moving'), this.named('going'), this.named('coming')];
    const host = this.cloud.host(FAR);
    const address = moving.ipv4.replace(/\d+$/, String(200 + (this.#made++ % 50)));
    const { ipv4, ipv6 } = this.#crowdSegment;
    const fixed_ips = [
      { subnet_id: ipv4.id, ip_address: address },
      { subnet_id: ipv6.id, ip_address: moving.ipv6 },
    ];
    const binding = { 'binding:host_id': host.name, device_owner: 'compute:nova' };
    const has = async (sql: string) => (await database.query(sql)).length > 0;
    await Promise.all([
      patiently(rest.updatePort(moving.port.id, { fixed_ips })),
      patiently(rest.deletePort(going.port.id)),
      patiently(rest.updatePort(coming.port.id, binding)),
    ]);
    await waitFor(
      'the changes to be in the database',
      async () =>
        (await has(`SELECT 1 FROM ipallocations WHERE ip_address = '${address}' AND port_id = '${moving.port.id}'`)) &&
        !(await has(`SELECT 1 FROM ports WHERE id = '${going.port.id}'`)) &&
        (await has(`SELECT 1 FROM ml2_port_bindings WHERE port_id = '${coming.port.id}' AND host = '${host.name}'`)),
      { timeout: SLOW, interval: 200 },
    );
    await coming.vm.plug();
    await going.vm.delete();
    await moving.vm.changeAddress(`${moving.ipv4}/16`, `${address}/16`);
    this.#vms.set('moving', { ...moving, ipv4: address });
    this.#vms.set('going', coming);
    this.#vms.delete('coming');
    const of = ({ port, ipv4: ip }: PluggedVm): Addresses => ({ mac: port.mac_address, ipv4: ip });
    return {
      gone: [going.port.mac_address, going.ipv4, moving.ipv4],
      twins: [
        [of(this.named('c1')), of(coming)],
        [of(moving), { ...of(moving), ipv4: address }],
      ],
    };
  }

  /** Until the VM that came last is ACTIVE. */
  async arrived(): Promise<void> {
    await this.cloud.waitActive(this.named('going').port);
  }

  get #crowdSegment(): Segment {
    if (this.#crowd === undefined) throw new Error('there is no network yet');
    return this.#crowd;
  }

  async #furnish(progress: (what: string) => void): Promise<void> {
    const { database } = this.cloud;
    const far = this.cloud.host(FAR);
    const vteps = Array.from({ length: CROWD_VTEPS }, (_, i) => `172.30.0.${101 + i}`);
    await far.namespace.ip(...vteps.map((vtep) => `addr add ${vtep}/24 dev br-phy`));
    this.#crowd = await this.#segment('crowd', 'vxlan', 100);
    const plain = await this.#segment('plain', 'gre', 101);
    for (const [name, host] of CROWD_VMS) await this.#boot(name, host, this.#crowd, {});
    for (const [letter, host] of [['a', 1] as const, ['b', 2] as const, ['c', FAR] as const])
      await this.#boot(`${letter}-plain`, host, plain, {});
    for (const target of this.targets) await this.expectReachable(target);
    if (this.entries > 0) {
      const { network, ipv4: subnet } = this.#crowd;
      await insertCrowd(database, { network, subnet, size: this.entries, vteps });
      progress(`${this.entries} ports in the database, behind ${CROWD_VTEPS} VTEPs`);
    }
    for (const target of this.targets) {
      const { port } = this.named(`${letterOf(target)}1`);
      if (this.entries > 0) await askForRefresh(this.cloud.brokerUrl, target.host.name, port.id);
    }
    for (const { host } of this.targets) {
      await waitFor(`${host.name} to have all flows`, async () => this.#isComplete(await readFlows(host)), {
        timeout: SLOW,
        interval: 1_000,
      });
      progress(`${host.name} has all flows`);
    }
  }

  /** One unicast flow and one ARP flow for each entry of the crowd, and those of the VMs of the other hosts. */
  #isComplete(flows: Flows): boolean {
    const count = (head: string) => [...flows['br-tun']].filter((flow) => flow.startsWith(head)).length;
    const others = CROWD_VMS.length - 2 + 2;
    return (
      count('table=20, priority=2') === this.entries + others &&
      count('table=21, priority=1,arp') === this.entries + others
    );
  }

  async #segment(name: string, type: 'vxlan' | 'gre', number: number): Promise<Segment> {
    const { rest } = this.cloud;
    const network = await rest.createNetwork({ name, 'provider:network_type': type });
    const make = async (ip_version: 4 | 6, cidr: string, prefix: string) =>
      await rest.createSubnet({
        network_id: network.id,
        enable_dhcp: false,
        ip_version,
        cidr,
        allocation_pools: [{ start: `${prefix}10`, end: `${prefix}99` }],
      });
    return {
      network,
      ipv4: await make(4, `10.${number}.0.0/16`, `10.${number}.0.`),
      ipv6: await make(6, `fd00:${number}::/64`, `fd00:${number}::`),
    };
  }

  async #boot(name: string, host: number, { network }: Segment, how: object): Promise<void> {
    const port: Port = await this.cloud.rest.createPort({ network_id: network.id, name: `${name}-${++this.#made}` });
    const plugged = await this.cloud.boot(host, port, how);
    this.#vms.set(name, plugged);
    if (!('unplugged' in how)) await this.cloud.waitActive(port);
  }
}

/** Names of the VMs on a target begin so. */
function letterOf({ kind }: Target): string {
  return kind === 'ours' ? 'a' : 'b';
}

interface Segment {
  readonly network: Network;
  readonly ipv4: Subnet;
  readonly ipv6: Subnet;
}

/** A server that does not answer in time is taken at its database's word. */
async function patiently(request: Promise<unknown>): Promise<void> {
  await request.catch((error: unknown) => {
    if (!(error instanceof RestError) || error.status !== undefined) throw error;
  });
}
