/**
 * Twenty ports plugged at once on a network that is new on their host, and their end. neutron-server sends a host its
 * table, and everybody else the flooding entry about it, only while it counts one or two ACTIVE ports there: whatever it
 * counts, both ends must be complete.
 */
import { describe, expect, it } from 'vitest';
import { sceneOfFile } from './scene.ts';

const MANY = 20;

const scene = sceneOfFile({ agents: { 1: 'ours', 2: 'reference' } });

const numbered = (prefix: string) => Array.from({ length: MANY }, (_, i) => `${prefix}${i + 1}`);

async function plug(names: readonly string[]): Promise<void> {
  await Promise.all(names.map(async (name) => await scene.named(name).vm.plug()));
}

/** One after the other with everybody else would be hundreds of pings: each of `many` with one of the other end, both ways. */
async function expectAllReach(many: readonly string[], other: string): Promise<void> {
  for (const name of many) await scene.expectReachable([name, other]);
}

describe.each([
  { here: 1, there: 2, who: 'ours here, the reference there' },
  { here: 2, there: 1, who: 'the reference here, ours there' },
])('$who', ({ here, there }) => {
  const name = (network: string, role: string) => `${network}${here}-${role}`;

  it('vxlan: there is a port on the other end already', async () => {
    const network = `vxlan${here}`;
    const [many, other] = [numbered(name('vxlan', 'a')), name('vxlan', 'b')];
    await scene.network(network, 'vxlan');
    await scene.vm(other, network, there);
    await scene.prepare(many, network, here);
    await plug(many);
    await scene.waitActive(...many);
    await expectAllReach(many, other);
    await scene.expectFlows();
    await scene.expectStayedActive();
  });

  it('gre: both ends at once, twenty here and one there', async () => {
    const network = `gre${here}`;
    const [many, other] = [numbered(name('gre', 'a')), name('gre', 'b')];
    await scene.network(network, 'gre');
    await scene.prepare(many, network, here);
    await scene.prepare([other], network, there);
    await plug([...many, other]);
    await scene.waitActive(...many, other);
    await expectAllReach(many, other);
    await scene.expectFlows();
    await scene.expectStayedActive();
  });

  it('a port of the many deleted, then all but one at once', async () => {
    const [first = '', last = '', ...others] = numbered(name('vxlan', 'a'));
    await scene.remove(first);
    await scene.expectReachable([last, name('vxlan', 'b')]);
    await scene.expectFlows();
    scene.forgiveLeftoversOfReference();
    await Promise.all(others.map(async (other) => await scene.remove(other)));
    await scene.expectReachable([last, name('vxlan', 'b')]);
    await scene.expectFlows();
    await scene.expectStayedActive();
  });

  it('the last port of the host deleted, then the last one of the network', async () => {
    await scene.remove(`${name('vxlan', 'a')}2`);
    await scene.expectFlows();
    await scene.remove(name('vxlan', 'b'));
    await scene.expectFlows();
    await scene.expectStayedActive();
  });

  it('the many of the other network deleted at once, the VMs first: no tunnel is left', async () => {
    await Promise.all(numbered(name('gre', 'a')).map(async (one) => await scene.remove(one, 'vm')));
    await scene.expectFlows();
    await scene.remove(name('gre', 'b'));
    await scene.expectFlows();
    expect(await scene.tunnelPorts(1)).toEqual([]);
  });
});

it('the server counts more than two ports from the start, and says nothing of itself: both ends are complete all the same', async () => {
  const [many, other] = [numbered('silent-a'), 'silent-b'];
  await scene.network('silent', 'geneve');
  await scene.vm(other, 'silent', 2);
  await scene.prepare(many, 'silent', 1);
  // As after a race of several workers: whichever port comes first, it is the fourth.
  const { rest, database, hosts } = scene.cloud;
  const here = { 'binding:host_id': hosts[0]?.name ?? '', device_owner: 'compute:nova' };
  const counted = await Promise.all([1, 2, 3].map((i) => scene.port(`silent-counted${i}`, 'silent', here)));
  const ids = counted.map(({ id }) => `'${id}'`).join(', ');
  await database.query(`UPDATE ports SET status = 'ACTIVE' WHERE id IN (${ids})`);
  await plug(many);
  await scene.waitActive(...many);
  await expectAllReach(many, other);
  for (const { id } of counted) await rest.deletePort(id);
  await scene.expectFlows();
  await scene.expectStayedActive();
});
