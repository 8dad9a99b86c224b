/**
 * Anti-spoofing with real packets: two VMs on one host. One has more addresses than its port; what it says of them, in ARP
 * replies and neighbour advertisements, and what it sends from another MAC, does not reach the other.
 */
import { beforeEach, describe, expect, it } from 'vitest';
import { Vm } from '../../../lab/vm.ts';
import { PORT_UPDATE_TOPIC } from '../../../src/neutron/topics.ts';
import { type Port, portOn } from './port-object.ts';
import { type AgentRig, rigForAll, waitFor } from './rig.ts';

const OWN = ['10.0.0.5', 'fd00::5'];
const STRANGE = ['10.0.0.99', 'fd00::99'];
const OWN_MAC = 'fa:16:3e:00:00:05';
const OTHER_MAC = 'fa:16:3e:00:00:99';
/** Two fixed IPs, the MAC and its link-local address. */
const OWN_ALLOWED = 4;

let rig: AgentRig;
let port: Port;
let peerPort: Port;
let vm: Vm;
let peer: Vm;

rigForAll(async (up) => {
  rig = up;
  await rig.start();
  port = portOn(rig.host.name, { mac: OWN_MAC, ips: OWN });
  const { network } = port;
  peerPort = portOn(rig.host.name, { network, mac: 'fa:16:3e:00:00:06', ips: ['10.0.0.6', 'fd00::6'] });
  vm = await boot('a', port, [...OWN, ...STRANGE]);
  peer = await boot('b', peerPort, peerPort.ips);
});

beforeEach(async () => {
  await become({}, OWN_ALLOWED);
  await peer.forgetNeighbours();
});

describe('what is its own passes', () => {
  it.each(OWN)('%s', async (address) => {
    expect((await peer.ping(address)).received).toBe(3);
  });
});

describe('what is not does not', () => {
  it.each([
    ['ARP', '10.0.0.99'],
    ['a neighbour advertisement', 'fd00::99'],
  ])('%s that claims %s is dropped', async (_, address) => {
    const before = await dropped();
    expect((await peer.ping(address)).received).toBe(0);
    await waitFor('the drop to be counted', async () => (await dropped()) > before);
  });

  it('ARP requests from an address that is not its own are dropped', async () => {
    const before = await dropped();
    await vm.forgetNeighbours();
    const ping = await vm.namespace.tryExec(['ping', '-n', '-c', '1', '-W', '1', '-I', '10.0.0.99', '10.0.0.6']);
    expect(ping.stdout).toContain(' 0 received');
    await waitFor('the drop to be counted', async () => (await dropped()) > before);
  });

  it.each(OWN)('anything from another MAC is dropped, also for %s', async (address) => {
    await vm.namespace.ip(`link set eth0 address ${OTHER_MAC}`);
    try {
      expect((await peer.ping(address)).received).toBe(0);
    } finally {
      await vm.namespace.ip(`link set eth0 address ${OWN_MAC}`);
    }
    await peer.forgetNeighbours();
    expect((await peer.ping(address)).received).toBe(3);
  });
});

describe('allowed address pairs', () => {
  it.each([
    ['an address', '10.0.0.99', '10.0.0.99', OWN_ALLOWED + 1],
    ['an address', 'fd00::99', 'fd00::99', OWN_ALLOWED + 1],
    ['a network', '10.0.0.99', '10.0.0.96/28', OWN_ALLOWED + 1],
    ['a network', 'fd00::99', 'fd00::/64', OWN_ALLOWED + 1],
    ['everything', '10.0.0.99', '0.0.0.0/0', 1],
    ['everything', 'fd00::99', '::/0', 2],
  ])('%s: %s passes with a pair of %s, until the pair goes', async (_, address, pair, allowed) => {
    await become({ pairs: [[pair]] }, allowed);
    expect((await peer.ping(address)).received).toBe(3);
    await become({}, OWN_ALLOWED);
    await peer.forgetNeighbours();
    expect((await peer.ping(address)).received).toBe(0);
  });

  it('another MAC passes with a pair that has it, until the pair goes', async () => {
    await become({ pairs: [['10.0.0.5', OTHER_MAC]] }, OWN_ALLOWED + 2);
    await vm.namespace.ip(`link set eth0 address ${OTHER_MAC}`);
    try {
      expect((await peer.ping('10.0.0.5')).received).toBe(3);
      await become({}, OWN_ALLOWED);
      await peer.forgetNeighbours();
      expect((await peer.ping('10.0.0.5')).received).toBe(0);
    } finally {
      await vm.namespace.ip(`link set eth0 address ${OWN_MAC}`);
    }
  });
});

describe('nothing is checked', () => {
  it.each<[string, Partial<Port>]>([
    ['without port security', { portSecurity: false }],
    ['on a port that the network owns', { deviceOwner: 'network:dhcp' }],
  ])('%s', async (_, change) => {
    await become(change, 0);
    for (const address of STRANGE) expect((await peer.ping(address)).received).toBe(3);
  });
});

it('two VIFs on the dead VLAN do not reach each other', async () => {
  expect((await peer.ping('10.0.0.5')).received).toBe(3);
  for (const one of [port, peerPort]) await change({ ...one, adminStateUp: false, status: 'ACTIVE' });
  for (const one of [port, peerPort]) await rig.server.told('down', one.id);
  expect((await peer.ping('10.0.0.5')).received).toBe(0);
  rig.server.calls.length = 0;
  for (const one of [port, peerPort]) await change(one);
  for (const one of [port, peerPort]) await rig.server.told('up', one.id);
  expect((await peer.ping('10.0.0.5')).received).toBe(3);
});

async function boot(name: string, of: Port, addresses: readonly string[]): Promise<Vm> {
  rig.server.ports.set(of.id, of);
  const withPrefix = addresses.map((address) => `${address}/${address.includes(':') ? 64 : 24}`);
  const booted = await Vm.boot(rig.host, { name, portId: of.id, mac: of.mac, addresses: withPrefix });
  await rig.server.told('up', of.id);
  return booted;
}

/** The server changes the port and says so; resolves when tables 24 and 25 allow it this many things. */
async function become(more: Partial<Port>, allowed: number): Promise<void> {
  await change({ ...port, ...more, status: 'ACTIVE' });
  await waitFor(`${allowed} allowed addresses`, async () => {
    const ofport = (await rig.interfaces()).find(({ name }) => name === vm.device)?.ofport;
    const own = new RegExp(`table=2[45], priority=2,.*in_port=${ofport},`);
    return (await rig.flows('br-int')).filter((line) => own.test(line)).length === allowed;
  });
}

async function change(changed: Port): Promise<void> {
  rig.server.ports.set(changed.id, changed);
  const { type, segmentationId } = changed;
  const args = {
    port: { id: changed.id },
    network_type: type,
    segmentation_id: segmentationId,
    physical_network: null,
  };
  await rig.server.fanout(PORT_UPDATE_TOPIC, 'port_update', args);
}

/** Packets that table 24 has dropped. */
async function dropped(): Promise<number> {
  const [line = ''] = (await rig.host.ofctl('--no-names', 'dump-flows', 'br-int', 'table=24'))
    .split('\n')
    .filter((one) => one.includes('priority=0 '));
  return Number(/n_packets=(\d+)/.exec(line)?.[1] ?? 0);
}
