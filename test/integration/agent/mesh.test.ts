/** l2_population=false: tunnels from `tunnel_sync`, `tunnel_update` and `tunnel_delete`; floods to all of a type; learning. */
import { describe, expect, it } from 'vitest';
import { TUNNEL_DELETE_TOPIC, TUNNEL_UPDATE_TOPIC } from '../../../src/neutron/topics.ts';
import { FlowWatch } from './flow-watch.ts';
import { type Port, portOn } from './port-object.ts';
import { type AgentRig, deviceOf, rigForAll, waitFor } from './rig.ts';

const SETTINGS = { agent: { l2_population: 'false', arp_responder: 'false' } };
/** Names of the tunnels to 172.30.0.97 and so on. */
const VX = { 97: 'vxlan-ac1e0061', 98: 'vxlan-ac1e0062', 99: 'vxlan-ac1e0063' } as const;
const GRE_98 = 'gre-ac1e0062';

let rig: AgentRig;
let port: Port;

rigForAll(async (up) => {
  rig = up;
  port = portOn(rig.host.name);
  rig.server.endpoints.set('vxlan', new Set(['172.30.0.97', '172.30.0.98']));
  rig.server.endpoints.set('gre', new Set(['172.30.0.98']));
  await rig.start(SETTINGS);
});

it('a tunnel of each type to each VTEP of that type, before there is any VIF', async () => {
  await tunnelsAre(GRE_98, VX[97], VX[98]);
  await waitFor('their flows', async () => (await rig.table(0)).length === 4);
  expect(await rig.table(22)).toEqual([]);
});

it('a network is flooded to all tunnels of its type', async () => {
  await rig.wire(port);
  await floodsTo(VX[97], VX[98]);
  expect(await rig.table(20)).toEqual([]);
});

it('ARP requests are flooded: there is no responder', async () => {
  expect(await rig.table(21)).toEqual([]);
  expect(await rig.table(2)).toEqual([]);
});

it('tunnel_update adds one, and one about ourselves does not', async () => {
  await rig.server.fanout(TUNNEL_UPDATE_TOPIC, 'tunnel_update', {
    tunnel_ip: rig.host.vtep.ipv4,
    tunnel_type: 'vxlan',
  });
  await rig.server.fanout(TUNNEL_UPDATE_TOPIC, 'tunnel_update', { tunnel_ip: '172.30.0.99', tunnel_type: 'vxlan' });
  await floodsTo(VX[97], VX[98], VX[99]);
  await tunnelsAre(GRE_98, VX[97], VX[98], VX[99]);
});

it('FDB entries are not for us', async () => {
  await rig.server.fdb('add', port, { '172.30.0.96': ['flood', ['fa:16:3e:96:00:01', '10.0.0.1']] });
  await rig.settled();
  expect(await rig.table(20)).toEqual([]);
  expect(await rig.tunnels()).toHaveLength(4);
});

it('tunnel_delete takes away one, with what was learned through it', async () => {
  const ofport = await ofportOf(VX[97]);
  const learned = (mac: string, output: number) =>
    rig.host.ofctl(
      'add-flow',
      'br-tun',
      `cookie=0x6c32700000000000,table=20,priority=1,hard_timeout=300,vlan_tci=0x0001/0x0fff,dl_dst=${mac},actions=output:${output}`,
    );
  await learned('fa:16:3e:97:00:01', ofport);
  await learned('fa:16:3e:98:00:01', await ofportOf(VX[98]));
  await rig.server.fanout(TUNNEL_DELETE_TOPIC, 'tunnel_delete', { tunnel_ip: '172.30.0.97', tunnel_type: 'vxlan' });
  await tunnelsAre(GRE_98, VX[98], VX[99]);
  await floodsTo(VX[98], VX[99]);
  await waitFor('its own flow to go', async () => (await rig.table(0)).length === 4);
  expect(await rig.table(20)).toEqual([expect.stringContaining('dl_dst=fa:16:3e:98:00:01')]);
});

describe('a restart', () => {
  it('changes nothing when the server says what it said', async () => {
    rig.server.endpoints.set('vxlan', new Set(['172.30.0.98', '172.30.0.99']));
    const before = await rig.flows();
    const interfaces = await rig.interfaces();
    const watch = await FlowWatch.start(rig.host, 'br-tun');
    try {
      await rig.restart('kill', SETTINGS);
      await rig.settled();
      expect(await watch.end()).toEqual([]);
    } finally {
      watch.kill();
    }
    expect(await rig.flows()).toEqual(before);
    expect(await rig.interfaces()).toEqual(interfaces);
    expect(await rig.port(deviceOf(port.id))).toMatchObject({ tag: 1 });
  });

  it('removes the tunnels to VTEPs that the server does not name any more', async () => {
    rig.server.endpoints.set('vxlan', new Set(['172.30.0.99']));
    rig.server.endpoints.delete('gre');
    await rig.restart('stop', SETTINGS);
    await tunnelsAre(VX[99]);
    await floodsTo(VX[99]);
    expect(rig.problems('warn')).toEqual([]);
  });
});

async function tunnelsAre(...names: string[]): Promise<void> {
  await waitFor(`the tunnels ${names.join(', ')}`, async () => (await rig.tunnels()).join() === names.join());
}

/** Table 22 has one copy for each of these tunnels and no more. */
async function floodsTo(...names: string[]): Promise<void> {
  await waitFor(`a flood to ${names.join(', ')}`, async () => {
    const ofports = await Promise.all(names.map(ofportOf));
    const outputs = ofports.sort((a, b) => a - b).map((ofport) => `output:${ofport}`);
    const flows = await rig.table(22);
    return flows.length === 1 && flows[0]?.endsWith(`actions=pop_vlan,set_field:0x4d->tun_id,${outputs.join()}`);
  });
}

async function ofportOf(name: string): Promise<number> {
  const ofport = (await rig.interfaces()).find((one) => one.name === name)?.ofport;
  if (typeof ofport !== 'number') throw new Error(`${name} has no ofport`);
  return ofport;
}
