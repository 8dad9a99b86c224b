/**
 * The main job, step by step, on a cloud of three hosts: a VXLAN and a GRE network with the same segmentation id come up,
 * work, change and go. `./dev demo` prints the steps; the end-to-end test runs the same ones.
 */
import { captureTunnels } from './capture.ts';
import { Cloud } from './cloud.ts';
import type { Host } from './host.ts';
import type { RunDirectory } from './run-directory.ts';
import type { NetworkView, PortView } from './server/admin-types.ts';
import { check, type Step } from './steps.ts';
import { Vm } from './vm.ts';
import { waitFor } from './wait.ts';

/** Both networks: equal ids of different tunnel types are different networks. */
const SEGMENTATION_ID = 5001;
const SUBNETS = ['10.1.0.0/24', 'fd00:1::/64'];
/** No port has it. */
const NOBODY = '10.1.0.99';

/** A VM and its port; `ipv4` and `ipv6` without prefix length. */
interface DemoVm {
  readonly vm: Vm;
  readonly port: PortView;
  readonly ipv4: string;
  readonly ipv6: string;
}

/** What the steps share. The first one brings the cloud up. */
export class Demo {
  readonly networks = new Map<string, NetworkView>();
  readonly vms = new Map<string, DemoVm>();
  readonly #directory: RunDirectory;
  #cloud: Cloud | undefined;

  constructor(directory: RunDirectory) {
    this.#directory = directory;
  }

  get cloud(): Cloud {
    if (this.#cloud === undefined) throw new Error('the cloud of the demo is not up');
    return this.#cloud;
  }

  async bringUp(note: (text: string) => void): Promise<void> {
    this.#cloud = await Cloud.up(this.#directory, { onProgress: note });
  }

  vm(name: string): DemoVm {
    const found = this.vms.get(name);
    if (found === undefined) throw new Error(`the demo has no VM ${name}`);
    return found;
  }
}

export const demoSteps: readonly Step<Demo>[] = [
  {
    title: 'three hosts, a broker, the lab server and an agent on every host come up',
    run: async (demo, note) => await demo.bringUp(note),
  },
  {
    title: 'agents are alive and their tunnel endpoints registered',
    run: async ({ cloud }, note) => {
      await waitFor('three living agents', async () => {
        const agents = await cloud.admin.agents();
        return agents.length === cloud.hosts.length && agents.every((agent) => agent.alive);
      });
      const endpoints = await waitFor('an endpoint per host and tunnel type', async () => {
        const all = await cloud.admin.endpoints();
        return all.length === cloud.hosts.length * 2 && all;
      });
      note(endpoints.map((one) => `${one.tunnel_type} ${one.ip_address}`).join(', '));
    },
  },
  {
    title: `a VXLAN and a GRE network, both with segmentation id ${SEGMENTATION_ID} and the same subnets`,
    run: async (demo, note) => {
      for (const type of ['vxlan', 'gre'] as const) {
        const body = { name: type, network_type: type, segmentation_id: SEGMENTATION_ID, subnets: SUBNETS };
        const network = await demo.cloud.admin.createNetwork(body);
        demo.networks.set(type, network);
        note(`${type}: ${network.id}, MTU ${network.mtu}`);
      }
    },
  },
  {
    title: 'five VMs are plugged and their ports become ACTIVE',
    run: async (demo, note) => {
      const places = [
        ['a1', 'vxlan', 1, '11'],
        ['a2', 'vxlan', 2, '12'],
        ['a3', 'vxlan', 3, '13'],
        ['b1', 'gre', 1, '21'],
        ['b2', 'gre', 2, '22'],
      ] as const;
      for (const [name, network, host, suffix] of places) {
        note(`${name} on host${host} (${network}): ACTIVE after ${await boot(demo, name, network, host, suffix)} ms`);
      }
    },
  },
  {
    title: 'tunnels appear where they are needed',
    run: async ({ cloud }, note) => {
      const wanted = [
        { host: cloud.host(1), tunnels: ['gre 172.30.0.12', 'vxlan 172.30.0.12', 'vxlan 172.30.0.13'] },
        { host: cloud.host(2), tunnels: ['gre 172.30.0.11', 'vxlan 172.30.0.11', 'vxlan 172.30.0.13'] },
        { host: cloud.host(3), tunnels: ['vxlan 172.30.0.11', 'vxlan 172.30.0.12'] },
      ];
      for (const { host, tunnels } of wanted) {
        await waitForTunnels(host, tunnels);
        note(`${host.name}: ${tunnels.join(', ')}`);
      }
    },
  },
  {
    title: 'VMs of a network reach each other across hosts, IPv4 and IPv6',
    run: async (demo, note) => {
      for (const [from, to] of [
        ['a1', 'a2'],
        ['a1', 'a3'],
        ['a2', 'a3'],
        ['b1', 'b2'],
      ] as const) {
        const target = demo.vm(to);
        for (const address of [target.ipv4, target.ipv6]) await mustReach(demo, from, address, note);
      }
    },
  },
  {
    title: 'VMs of different networks do not, equal segmentation ids or not',
    run: async (demo, note) => {
      for (const [from, to] of [
        ['a1', 'b1'],
        ['a1', 'b2'],
        ['b2', 'a3'],
        ['b1', 'a2'],
      ] as const) {
        const target = demo.vm(to);
        for (const address of [target.ipv4, target.ipv6]) await mustNotReach(demo, from, address);
        note(`${from} does not reach ${to}`);
      }
    },
  },
  {
    title: 'ARP is answered on the host: the underlay carries none',
    run: async (demo, note) => {
      const { cloud } = demo;
      const a1 = demo.vm('a1').vm;
      const isArp = (packet: string): boolean => /\bARP, /.test(packet);
      const flooded = await captureTunnels(cloud.underlay, cloud.hosts, async () => {
        await a1.ping(NOBODY, { count: 1 });
      });
      check(flooded.some(isArp), `an ARP request for ${NOBODY}, which nobody answers, was not flooded`);
      note(`for ${NOBODY}, an address that no port has: ${flooded.filter(isArp).length} ARP packets in the tunnels`);
      const before = await arpAnswers(cloud.host(1));
      const carried = await captureTunnels(cloud.underlay, cloud.hosts, async () => {
        for (const to of ['a2', 'a3']) {
          await a1.forgetNeighbours();
          await mustReach(demo, 'a1', demo.vm(to).ipv4, note);
        }
      });
      // The switch adds up what its cache has forwarded about once a second.
      const answered = await waitFor('table 21 of host1 to have answered twice', async () => {
        const since = (await arpAnswers(cloud.host(1))) - before;
        return since >= 2 && since;
      });
      check(!carried.some(isArp), `the underlay carried ARP of the tenants:\n${carried.find(isArp)}`);
      note(
        `for a2 and a3: ${answered} answered by table 21, ${carried.length} packets in the tunnels, none of them ARP`,
      );
    },
  },
  {
    title: 'a fixed IP changes, and everybody hears of it',
    run: async (demo, note) => {
      const a2 = demo.vm('a2');
      const ipv4 = '10.1.0.112';
      await demo.cloud.admin.updatePort(a2.port.id, { fixed_ips: [ipv4, a2.ipv6] });
      await a2.vm.changeAddress(`${a2.ipv4}/24`, `${ipv4}/24`);
      demo.vms.set('a2', { ...a2, ipv4 });
      for (const host of [demo.cloud.host(1), demo.cloud.host(3)]) {
        await waitFor(`${host.name} to answer for ${ipv4} and no longer for ${a2.ipv4}`, async () => {
          const flows = await programmed(host);
          return (
            flows.some((flow) => has(flow, `arp_tpa=${ipv4}`)) && !flows.some((flow) => has(flow, `arp_tpa=${a2.ipv4}`))
          );
        });
      }
      note(`table 21 of host1 and host3: ${a2.ipv4} is ${ipv4} now`);
      await mustReach(demo, 'a1', ipv4, note);
      await mustNotReach(demo, 'a3', a2.ipv4);
    },
  },
  {
    title: 'a VM is unplugged: its flows go everywhere, its host keeps no tunnel to or from it',
    run: async (demo, note) => {
      const a3 = demo.vm('a3');
      await remove(demo, 'a3');
      for (const host of demo.cloud.hosts) {
        await waitFor(
          `no flow of a3 on ${host.name}`,
          async () => !(await programmed(host)).some((flow) => mentions(flow, a3)),
        );
      }
      note('no host has a flow with the MAC or an address of a3');
      await waitForTunnels(demo.cloud.host(3), []);
      await waitForTunnels(demo.cloud.host(1), ['gre 172.30.0.12', 'vxlan 172.30.0.12']);
      note('host3 has no tunnel left, and nobody has one to it');
      await mustReach(demo, 'a1', demo.vm('a2').ipv4, note);
    },
  },
  {
    title: 'the last VM of a network goes, and with it the tunnels and flood entries of the network',
    run: async (demo, note) => {
      await remove(demo, 'b2');
      await remove(demo, 'b1');
      for (const host of demo.cloud.hosts) {
        await waitFor(`no flow of the GRE network on ${host.name}`, async () =>
          (await programmed(host)).every((flow) => !/table=3,.*tun_id=/.test(flow)),
        );
      }
      await waitForTunnels(demo.cloud.host(1), ['vxlan 172.30.0.12']);
      await waitForTunnels(demo.cloud.host(2), ['vxlan 172.30.0.11']);
      const flood = (await programmed(demo.cloud.host(1))).filter((flow) => /table=22,.*dl_vlan=/.test(flow));
      check(flood.length === 1, `host1 floods for ${flood.length} networks, not for one`);
      note('only the VXLAN network is left');
      for (const address of [demo.vm('a2').ipv4, demo.vm('a2').ipv6]) await mustReach(demo, 'a1', address, note);
    },
  },
  {
    title: 'br-tun of host1, explained',
    run: async ({ cloud }, note) => {
      const table = await cloud.agent(1).ctl('flows');
      check(table !== '', 'l2popctl flows printed nothing');
      note(`l2popctl flows\n${table}`);
    },
  },
];

/** Creates a bound port and plugs a VM for it. Returns the milliseconds from plugging to ACTIVE. */
async function boot(demo: Demo, name: string, networkName: string, hostIndex: number, suffix: string): Promise<number> {
  const { admin } = demo.cloud;
  const host = demo.cloud.host(hostIndex);
  const network = demo.networks.get(networkName);
  check(network !== undefined, `there is no network ${networkName}`);
  const [ipv4, ipv6] = [`10.1.0.${suffix}`, `fd00:1::${suffix}`];
  const port = await admin.createPort({ network_id: network.id, name, host: host.name, fixed_ips: [ipv4, ipv6] });
  const addresses = [`${ipv4}/24`, `${ipv6}/64`];
  const spec = { name, portId: port.id, mac: port.mac_address, addresses, mtu: network.mtu, unplugged: true };
  const vm = await Vm.boot(host, spec);
  const start = performance.now();
  await vm.plug();
  await waitFor(`port ${name} to be ACTIVE`, async () => (await admin.port(port.id)).status === 'ACTIVE');
  demo.vms.set(name, { vm, port, ipv4, ipv6 });
  return Math.round(performance.now() - start);
}

/** As Nova does: off the bridge, then the port goes. */
async function remove(demo: Demo, name: string): Promise<void> {
  const { vm, port } = demo.vm(name);
  await vm.delete();
  await waitFor(`port ${name} to be DOWN`, async () => (await demo.cloud.admin.port(port.id)).status === 'DOWN');
  await demo.cloud.admin.deletePort(port.id);
  demo.vms.delete(name);
}

/** Asks again until a first answer: the server's fanout may still be on its way when the port is ACTIVE. */
async function mustReach(demo: Demo, from: string, address: string, note: (text: string) => void): Promise<void> {
  const { vm } = demo.vm(from);
  await waitFor(`${from} to reach ${address}`, async () => (await vm.ping(address, { count: 1 })).received === 1);
  const { sent, received, averageMs } = await vm.ping(address, { count: 3, interval: 0.1 });
  check(received === sent, `${from} reached ${address} only ${received} of ${sent} times`);
  note(`${from} → ${address}: ${received}/${sent}, ${averageMs ?? '?'} ms`);
}

async function mustNotReach(demo: Demo, from: string, address: string): Promise<void> {
  const { received } = await demo.vm(from).vm.ping(address, { count: 2, interval: 0.1, wait: 0.5 });
  check(received === 0, `${from} reached ${address} and must not`);
}

async function waitForTunnels(host: Host, wanted: readonly string[]): Promise<void> {
  const expected = [...wanted].sort().join(', ');
  let seen = '';
  await waitFor(`the tunnels of ${host.name} to be: ${expected || 'none'}`, async () => {
    seen = (await tunnels(host)).sort().join(', ');
    if (seen !== expected) throw new Error(`there are: ${seen || 'none'}`);
    return true;
  });
}

/** `vxlan 172.30.0.12` for every tunnel port of the host. */
async function tunnels(host: Host): Promise<string[]> {
  const text = await host.vsctl(
    '--format=json',
    '--columns=type,options',
    'find',
    'Interface',
    'options:remote_ip!=""',
  );
  const { data } = JSON.parse(text) as { data: [type: string, options: ['map', [string, string][]]][] };
  return data.map(([type, [, options]]) => `${type} ${new Map(options).get('remote_ip') ?? '?'}`);
}

/** The flows of br-tun without those it has learned, tables by number. */
async function programmed(host: Host): Promise<string[]> {
  const text = await host.ofctl('--no-names', 'dump-flows', 'br-tun');
  return text.split('\n').filter((flow) => flow.includes('table=') && !flow.includes('hard_timeout='));
}

function mentions(flow: string, { port, ipv4, ipv6 }: DemoVm): boolean {
  return [port.mac_address, `arp_tpa=${ipv4}`, `nd_target=${ipv6}`].some((text) => has(flow, text));
}

/** True when the text stands in the flow and is not the beginning of something longer. */
function has(flow: string, text: string): boolean {
  return new RegExp(`${text.replaceAll('.', '\\.')}(?![\\w.:])`).test(flow);
}

/** Packets that hit a flow of table 21 that answers. */
async function arpAnswers(host: Host): Promise<number> {
  const flows = (await programmed(host)).filter((flow) => flow.includes('table=21') && flow.includes('arp_tpa='));
  return flows.reduce((sum, flow) => sum + Number(/n_packets=(\d+)/.exec(flow)?.[1] ?? 0), 0);
}
