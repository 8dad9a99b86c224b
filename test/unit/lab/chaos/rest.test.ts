import { expect, it } from 'vitest';
import { expectedOn, tunnelsIn } from '../../../../lab/chaos/expected.ts';
import type { KnownPort } from '../../../../lab/chaos/ports.ts';
import { databaseProblems } from '../../../../lab/chaos/rest.ts';
import type { BindingView, PortView } from '../../../../lab/server/admin-types.ts';
import type { Vm } from '../../../../lab/vm.ts';

const NETWORK = '11111111-1111-4111-8111-111111111111';
const ID = '22222222-2222-4222-8222-222222222222';

function binding(host: string, status: BindingView['status'] = 'ACTIVE'): BindingView {
  return { host, status, vif_type: 'ovs', profile: {} };
}

function port(host: string, more: Partial<PortView> = {}): PortView {
  return {
    ...{ id: ID, network_id: NETWORK, name: 'p1', mac_address: 'fa:16:3e:00:00:01', admin_state_up: true, host },
    ...{ status: 'ACTIVE', device_id: '', device_owner: 'compute:nova', bindings: [binding(host)] },
    fixed_ips: ['10.1.0.100', 'fd00:1::100'].map((ip_address) => ({ ip_address, subnet_id: 's' })),
    ...more,
  };
}

function known(more: Partial<KnownPort> = {}): KnownPort {
  const plan = { name: 'p1', id: ID, mac: 'fa:16:3e:00:00:01', network: 'n', host: 1, ipv4: '', ipv6: '' };
  return { plan, host: 2, ipv4: '10.1.0.100', ipv6: 'fd00:1::100', isUp: true, vm: {} as Vm, ...more };
}

it('the database is what the schedule has made it', () => {
  expect(databaseProblems([known()], [port('host2')])).toEqual([]);
  expect(databaseProblems([known({ vm: undefined })], [port('host2', { status: 'DOWN' })])).toEqual([]);
  expect(databaseProblems([], [])).toEqual([]);
});

it.each<[string, KnownPort[], PortView[]]>([
  ['not there', [known()], []],
  ['left', [], [port('host2')]],
  ['elsewhere', [known()], [port('host1')]],
  ['bound twice', [known()], [port('host2', { bindings: [binding('host2'), binding('host3', 'INACTIVE')] })]],
  ['not up', [known()], [port('host2', { status: 'DOWN' })]],
  ['up without a VM', [known({ vm: undefined })], [port('host2')]],
  ['administratively down', [known()], [port('host2', { admin_state_up: false })]],
  ['other addresses', [known({ ipv4: '10.1.0.101' })], [port('host2')]],
])('a port that is %s', (_, model, database) => {
  expect(databaseProblems(model, database)).not.toEqual([]);
});

it('a host with an ACTIVE port needs a tunnel to the others of its network, a host without one none', () => {
  const segments = [{ network_type: 'vxlan' as const, segmentation_id: 501 }];
  const facts = {
    networks: [{ id: NETWORK, name: 'n', mtu: 1450, admin_state_up: true, segments, subnets: [] }],
    ports: [port('host1'), port('host2', { id: `${ID.slice(0, -1)}3`, mac_address: 'fa:16:3e:00:00:02' })],
    vteps: new Map([1, 2, 3].map((n) => [`host${n}`, `172.30.0.1${n}`])),
    plugged: new Set([ID]),
  };
  const tunnels = (host: string) => tunnelsIn(expectedOn(host, facts)['br-tun']);
  expect(['host1', 'host2', 'host3'].map(tunnels)).toEqual([['vxlan 172.30.0.12'], ['vxlan 172.30.0.11'], []]);
});
