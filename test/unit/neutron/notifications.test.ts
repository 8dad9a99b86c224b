import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseNotification } from '../../../src/neutron/notifications.ts';
import type { IpAddress } from '../../../src/values.ts';

const LOCAL = '172.30.0.11' as IpAddress;
const PORT = 'e3342ff1-3feb-450b-92ff-f75ea08f697c';

describe('read', () => {
  test.each([
    [
      'tunnel_update',
      { tunnel_ip: '172.30.0.12', tunnel_type: 'vxlan' },
      { kind: 'tunnel-update', type: 'vxlan', vtep: '172.30.0.12' },
    ],
    [
      'tunnel_delete',
      { tunnel_ip: '172.30.0.12', tunnel_type: 'gre' },
      { kind: 'tunnel-delete', type: 'gre', vtep: '172.30.0.12' },
    ],
    // Our own, which a server sends back to us (recording 14): who looks at the mesh leaves it out.
    [
      'tunnel_update',
      { tunnel_ip: '172.30.0.11', tunnel_type: 'vxlan' },
      { kind: 'tunnel-update', type: 'vxlan', vtep: '172.30.0.11' },
    ],
    ['port_update', { port: { id: PORT, name: 'x' }, network_type: 'vxlan' }, { kind: 'port-update', port: PORT }],
    ['port_update', { port: { id: PORT.toUpperCase() } }, { kind: 'port-update', port: PORT }],
    ['port_update', { port: { id: PORT, mac_address: 'no MAC' } }, { kind: 'port-update', port: PORT }],
    [
      'port_update',
      { port: { id: PORT, mac_address: 'FA:16:3E:00:00:01' } },
      { kind: 'port-update', port: PORT, mac: 'fa:16:3e:00:00:01' },
    ],
    ['port_delete', { port_id: PORT }, { kind: 'port-delete', port: PORT }],
    ['binding_activate', { port_id: PORT, host: 'host2' }, { kind: 'port-update', port: PORT }],
  ])('%s %j', (method, args, expected) => {
    expect(parseNotification(method, args, LOCAL)).toEqual(expected);
  });
});

describe('refused with a sentence', () => {
  test.each([
    ['tunnel_update', {}, 'tunnel_update: tunnel_type undefined is none of gre, vxlan, geneve'],
    [
      'tunnel_update',
      { tunnel_type: 'vlan', tunnel_ip: '172.30.0.12' },
      'tunnel_update: tunnel_type "vlan" is none of gre, vxlan, geneve',
    ],
    ['tunnel_delete', { tunnel_type: 'gre' }, 'tunnel_delete: tunnel_ip undefined is no IP address'],
    ['tunnel_delete', { tunnel_type: 'gre', tunnel_ip: 'host2' }, 'tunnel_delete: tunnel_ip "host2" is no IP address'],
    [
      'tunnel_update',
      { tunnel_type: 'gre', tunnel_ip: 'fd00::12' },
      'tunnel_update: tunnel_ip fd00::12 is not IPv4 as local_ip 172.30.0.11',
    ],
    ['port_update', {}, 'port_update: port id undefined is no UUID'],
    ['port_update', { port: null }, 'port_update: port id undefined is no UUID'],
    ['port_update', { port: PORT }, 'port_update: port id undefined is no UUID'],
    ['port_update', { port: { id: 7 } }, 'port_update: port id 7 is no UUID'],
    ['binding_activate', { host: 'host2' }, 'binding_activate: port id undefined is no UUID'],
    ['port_delete', { port_id: 'x' }, 'port_delete: port id "x" is no UUID'],
    ['frobnicate', {}, 'unknown method "frobnicate"'],
  ])('%s %j', (method, args, sentence) => {
    expect(parseNotification(method, args, LOCAL)).toBe(sentence);
  });

  test('whatever the arguments are', () => {
    const method = fc.constantFrom(
      'tunnel_update',
      'tunnel_delete',
      'port_update',
      'port_delete',
      'binding_activate',
      'x',
    );
    const key = fc.constantFrom('tunnel_ip', 'tunnel_type', 'port', 'port_id', 'id');
    fc.assert(
      fc.property(method, fc.dictionary(key, fc.jsonValue()), (method, args) => {
        expect(['string', 'object']).toContain(typeof parseNotification(method, args, LOCAL));
      }),
    );
  });
});
