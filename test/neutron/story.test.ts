/**
 * The recorded story of the reference, live: ours on host1, the reference on host2, a network of each tunnel type. Each step
 * goes on with what the one before has left.
 */
import { expect, it } from 'vitest';
import { sceneOfFile, TUNNEL_TYPES } from './scene.ts';

const scene = sceneOfFile({ agents: { 1: 'ours', 2: 'reference' } });

/** VMs of the same role, one a network: `vxlan-a1`, `gre-a1`, …. */
const all = (role: string): string[] => TUNNEL_TYPES.map((type) => `${type}-${role}`);

async function bootAll(role: string, host: number): Promise<void> {
  for (const type of TUNNEL_TYPES) await scene.vm(`${type}-${role}`, type, host);
}

it('a first port on each network: nobody to talk to yet', async () => {
  for (const type of TUNNEL_TYPES) await scene.network(type, type);
  await bootAll('a1', 1);
  await scene.expectFlows();
});

it("the other host's first port", async () => {
  await bootAll('b1', 2);
  await scene.expectReachable();
  await scene.expectFlows();
});

it('a second and a third port on our host', async () => {
  await bootAll('a2', 1);
  await bootAll('a3', 1);
  await scene.expectAtRest();
});

it('a second port on the other host', async () => {
  await bootAll('b2', 2);
  await scene.expectReachable();
  await scene.expectFlows();
});

it.each(['a1', 'b1'])('fixed IPs of %s changed', async (role) => {
  for (const name of all(role)) {
    const { ipv4, ipv6 } = scene.named(name);
    await scene.setAddresses(name, [ipv4.replace(/\.\d+$/, '.200'), ipv6.replace(/::.*$/, '::200')]);
    await scene.expectReachable([name, name.replace(role, role === 'a1' ? 'b2' : 'a2')]);
    await scene.setAddresses(name, [ipv4.replace(/\.\d+$/, role === 'a1' ? '.201' : '.202'), ipv6]);
  }
  await scene.expectAtRest();
});

it.each(['a1', 'b1'])('a fixed IP of %s added, then removed', async (role) => {
  for (const name of all(role)) {
    const { ipv4, ipv6 } = scene.named(name);
    const more = ipv4.replace(/\.\d+$/, '.210');
    await scene.setAddresses(name, [more, ipv4, ipv6]);
    await scene.expectReachable([name, name.replace(role, role === 'a1' ? 'b2' : 'a2')]);
    if (name.startsWith('vxlan')) await scene.expectFlows();
    await scene.setAddresses(name, [ipv4, ipv6]);
  }
  await scene.expectAtRest();
});

it.each([
  { role: 'a1', other: 'b2', is: 41 },
  { role: 'b1', other: 'a2', is: 42 },
])('allowed address pairs of $role added, then removed', async ({ role, other, is }) => {
  const [vm, observer] = [scene.named(`vxlan-${role}`), scene.named(`vxlan-${other}`)];
  const floating = vm.ipv4.replace(/\.\d+$/, `.2${is}`);
  const floating6 = vm.ipv6.replace(/::.*$/, `::2${is}`);
  const received = async (address: string) => {
    await observer.vm.forgetNeighbours();
    return (await observer.vm.ping(address, { count: 3 })).received;
  };
  await vm.vm.namespace.ip(`addr add ${floating}/24 dev eth0`, `addr add ${floating6}/64 dev eth0 nodad`);
  // Neighbour solicitations are not checked: whoever got one knows the IPv6 address.
  expect(await received(floating), floating).toBe(0);
  await scene.cloud.rest.updatePort(vm.port.id, {
    allowed_address_pairs: [
      { ip_address: floating },
      { ip_address: floating6 },
      // Of a MAC that is not the port's: VRRP's.
      { ip_address: floating, mac_address: `00:00:5e:00:01:${is}` },
    ],
  });
  await scene.expectFlows();
  for (const address of [floating, floating6]) expect(await received(address), address).toBeGreaterThan(0);
  await scene.cloud.rest.updatePort(vm.port.id, { allowed_address_pairs: [] });
  await scene.expectFlows();
  expect(await received(floating), floating).toBe(0);
  await vm.vm.namespace.ip(`addr del ${floating}/24 dev eth0`, `addr del ${floating6}/64 dev eth0`);
  await scene.expectAtRest();
});

it.each([
  { role: 'a', other: 'b2', host: 1 },
  { role: 'b', other: 'a2', host: 2 },
])('a port without port security on host$host, then with it, then without', async ({ role, other, host }) => {
  const name = `vxlan-${role}-insecure`;
  const { port } = await scene.vm(name, 'vxlan', host, { port_security_enabled: false });
  await scene.expectReachable([name, `vxlan-${other}`]);
  await scene.expectFlows();
  for (const isSecure of [true, false]) {
    await scene.cloud.rest.updatePort(port.id, { port_security_enabled: isSecure });
    await scene.expectFlows();
    await scene.expectReachable([name, `vxlan-${other}`]);
  }
  await scene.remove(name);
  await scene.expectAtRest();
});

it.each(['a2', 'b2'])('%s administratively down and up', async (role) => {
  await scene.setAdminState(all(role), 'down');
  await scene.expectFlows();
  for (const name of all(role)) await scene.expectUnreachable(name.replace(role, role === 'a2' ? 'b1' : 'a1'), name);
  await scene.setAdminState(all(role), 'up');
  await scene.expectAtRest();
});

it.each(['a2', 'b2'])('%s unplugged and plugged again', async (role) => {
  for (const name of all(role)) await scene.unplug(name);
  await scene.expectFlows();
  await scene.expectReachable();
  for (const name of all(role)) await scene.replug(name);
  await scene.expectAtRest();
});

it.each(['a3', 'b2'])('%s, not the last port there, deleted', async (role) => {
  for (const name of all(role)) await scene.remove(name);
  await scene.expectAtRest();
});

it('a VM that ends before its port is deleted', async () => {
  for (const name of all('a2')) await scene.remove(name, 'vm');
  await scene.expectReachable();
  await scene.expectFlows();
});

it("the other host's last port deleted: no tunnel is left", async () => {
  for (const name of all('b1')) await scene.remove(name);
  await scene.expectFlows();
  expect(await scene.tunnelPorts(1)).toEqual([]);
});

it('it comes back, and our last port goes', async () => {
  await bootAll('b3', 2);
  await scene.expectReachable();
  await scene.expectFlows();
  for (const name of all('a1')) await scene.remove(name);
  await scene.expectFlows();
  await scene.expectStayedActive();
});
