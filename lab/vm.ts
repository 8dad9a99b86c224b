/**
 * A "VM": a network namespace whose eth0 is a veth with its other end on br-int of a host, plugged the way Nova (os-vif)
 * plugs one: a tap device named after the port, `external_ids` that name it.
 */
import { randomUUID } from 'node:crypto';
import { execa } from 'execa';
import type { Host } from './host.ts';
import { Namespace } from './netns.ts';
import { type PingResult, parsePing } from './ping.ts';

export interface VmSpec {
  /** Unique on its host; with the host's name part of the namespace's name. */
  readonly name: string;
  /** Neutron port id: `iface-id`. */
  readonly portId: string;
  readonly mac: string;
  /** With prefix length: `10.0.0.5/24`, `fd00::5/64`. */
  readonly addresses: readonly string[];
  /** Default 1450, what Neutron hands out for VXLAN over IPv4 on a path of 1500. */
  readonly mtu?: number;
  /** The network is there, but not on br-int yet: call {@link Vm.plug} later. */
  readonly unplugged?: boolean;
  /** As newer plug code does until the agent has bound the port: `tag=4095`, `vlan_mode=trunk`, `trunks=4095`. */
  readonly isolated?: boolean;
}

export interface PingOptions {
  /** Echo requests; 3 by default. */
  readonly count?: number;
  /** Seconds between them; 0.2 by default. */
  readonly interval?: number;
  /** Seconds to wait for an answer to the last one; 1 by default. */
  readonly wait?: number;
}

export class Vm {
  readonly name: string;
  readonly host: Host;
  readonly namespace: Namespace;
  readonly portId: string;
  readonly mac: string;
  /** The device on br-int: `tap` and the first 11 characters of the port id, as Nova names it. */
  readonly device: string;
  readonly #instance = randomUUID();
  readonly #isolated: boolean;

  private constructor(host: Host, namespace: Namespace, spec: VmSpec) {
    this.name = spec.name;
    this.host = host;
    this.namespace = namespace;
    this.portId = spec.portId;
    this.mac = spec.mac;
    this.device = `tap${spec.portId.slice(0, 11)}`;
    this.#isolated = spec.isolated ?? false;
  }

  /** Boots the VM and, unless told otherwise, plugs it. br-int must exist: the agent makes it. */
  static async boot(host: Host, spec: VmSpec): Promise<Vm> {
    const namespace = await Namespace.create(host.run, `${host.name}-${spec.name}`);
    const vm = new Vm(host, namespace, spec);
    const mtu = spec.mtu ?? 1450;
    await namespace.ip(
      `link add eth0 mtu ${mtu} address ${spec.mac} type veth peer name ${vm.device} mtu ${mtu} netns ${host.namespace.name}`,
    );
    // OVS reads the peer with a raw socket: packets must leave with finished checksums.
    await namespace.exec(['ethtool', '-K', 'eth0', 'tx', 'off']);
    await namespace.sysctl({ 'ipv6/conf/eth0/accept_ra': 0, 'ipv6/conf/eth0/router_solicitations': 0 });
    await host.namespace.sysctl({ [`ipv6/conf/${vm.device}/disable_ipv6`]: 1 });
    await namespace.ip(
      'link set eth0 addrgenmode none',
      ...spec.addresses.map((address) => `addr add ${address} dev eth0${address.includes(':') ? ' nodad' : ''}`),
      'link set eth0 up',
    );
    await host.namespace.ip(`link set ${vm.device} up`);
    if (spec.unplugged !== true) await vm.plug();
    return vm;
  }

  /** Puts the device on br-int with the ids that os-vif's `create_ovs_vif_port` writes, in one transaction. */
  async plug(): Promise<void> {
    await this.host.vsctl(...this.#plugCommand());
  }

  /** VMs of one host, all in one transaction. */
  static async plugTogether(vms: readonly Vm[]): Promise<void> {
    await vms[0]?.host.vsctl(...vms.flatMap((vm, i) => [...(i > 0 ? ['--'] : []), ...vm.#plugCommand()]));
  }

  #plugCommand(): string[] {
    const isolation = ['--', 'set', 'Port', this.device, 'tag=4095', 'vlan_mode=trunk', 'trunks=4095'];
    return [
      ...['add-port', 'br-int', this.device],
      ...(this.#isolated ? isolation : []),
      ...['--', 'set', 'Interface', this.device, `external_ids:iface-id=${this.portId}`],
      ...['external_ids:iface-status=active', `external_ids:attached-mac="${this.mac}"`],
      `external_ids:vm-uuid=${this.#instance}`,
    ];
  }

  /** Takes the device off br-int; the VM lives on. */
  async unplug(): Promise<void> {
    await this.host.vsctl('--if-exists', 'del-port', 'br-int', this.device);
  }

  /** Unplugs the VM and ends it. */
  async delete(): Promise<void> {
    await this.unplug();
    // A namespace's links outlive its name for a moment: the device goes first, so that its name is free at once.
    await this.host.namespace.ip(`link del ${this.device}`);
    await this.namespace.delete();
  }

  /** Exchanges an address for another, both with prefix length. The VM forgets its neighbours. */
  async changeAddress(before: string, after: string): Promise<void> {
    const nodad = after.includes(':') ? ' nodad' : '';
    await this.namespace.ip(`addr del ${before} dev eth0`, `addr add ${after} dev eth0${nodad}`);
    await this.forgetNeighbours();
  }

  async forgetNeighbours(): Promise<void> {
    await this.namespace.ip('neigh flush dev eth0');
  }

  async exec(argv: readonly string[]): Promise<string> {
    return await this.namespace.exec(argv);
  }

  /** Pings an IPv4 or IPv6 address and counts the answers. Never throws because nobody answers. */
  async ping(address: string, { count = 3, interval = 0.2, wait = 1 }: PingOptions = {}): Promise<PingResult> {
    const argv = ['ping', '-n', '-q', '-c', `${count}`, '-i', `${interval}`, '-W', `${wait}`, address];
    return parsePing((await this.namespace.tryExec(argv)).stdout);
  }

  /** Pings for as long as `action` runs: what was lost meanwhile is `sent - received`. `interval` in seconds. */
  async pingWhile(address: string, action: () => Promise<void>, interval = 0.05): Promise<PingResult> {
    const argv = this.namespace.command(['ping', '-n', '-q', '-i', `${interval}`, '-W', '1', address]);
    const ping = execa('ip', argv.slice(1), { reject: false, stdin: 'ignore' });
    try {
      await action();
    } finally {
      // SIGINT makes ping write its summary.
      ping.kill('SIGINT');
    }
    return parsePing((await ping).stdout);
  }
}
