import { describe, expect, test } from 'vitest';
import * as brTun from '../../../src/flows/br-tun.ts';
import { parseCookie } from '../../../src/flows/cookie.ts';
import { type Flow, flowKey, parseFlow } from '../../../src/flows/flow.ts';
import type { IpAddress, LocalVlan, MacAddress, Ofport, SegmentationId } from '../../../src/values.ts';
import { PREDECESSOR, recordedLines } from './recorded.ts';

const vlan = (n: number) => n as LocalVlan;
const port = (n: number) => n as Ofport;
const ip = (text: string) => text as IpAddress;
const mac = (text: string) => text as MacAddress;
const VXLAN = 7419 as SegmentationId;
const GRE = 5608 as SegmentationId;
const PEER = ip('172.30.0.12');
const OTHER = ip('172.30.0.13');

/** Without what differs on purpose: the cookie, also the one inside learn(). */
function text(flow: Flow): string {
  return `${flowKey(flow)} actions=${flow.actions.replace(/cookie=0x[0-9a-f]+/, 'cookie=X')}`;
}

const recorded = recordedLines('all.br-tun')
  .map(parseFlow)
  .filter((flow) => flow !== undefined);
// NORMAL without a cookie is of a bridge that no agent has touched yet.
const steady = recorded.filter(({ hardTimeout, cookie }) => hardTimeout === undefined && cookie === PREDECESSOR);

/** What the recordings hold, made by our own functions from the facts behind it. */
const rendered: Flow[] = [
  ...brTun.structuralFlows(port(1), true),
  brTun.tunnelInFlow('vxlan', PEER, port(2)),
  brTun.tunnelInFlow('gre', PEER, port(3)),
  brTun.tunnelInFlow('vxlan', PEER, port(3)),
  brTun.tunnelInFlow('vxlan', PEER, port(4)),
  brTun.segmentFlow('vxlan', VXLAN, vlan(1)),
  brTun.segmentFlow('gre', GRE, vlan(2)),
  ...[
    ['fa:16:3e:4e:ed:a9', 2],
    ['fa:16:3e:58:b5:cf', 2],
    ['fa:16:3e:82:30:63', 2],
    ['fa:16:3e:82:30:63', 3],
    ['fa:16:3e:e1:7b:90', 2],
    ['fa:16:3e:e1:7b:90', 4],
  ].map(([m, p]) => brTun.unicastFlow(vlan(1), VXLAN, mac(String(m)), brTun.portEgress(PEER, port(Number(p))))),
  ...['fa:16:3e:be:34:91', 'fa:16:3e:fa:8a:90'].map((m) =>
    brTun.unicastFlow(vlan(2), GRE, mac(m), brTun.portEgress(PEER, port(3))),
  ),
  ...[
    [1, '10.10.0.159', 'fa:16:3e:82:30:63'],
    [1, '10.10.0.200', 'fa:16:3e:82:30:63'],
    [1, '10.10.0.232', 'fa:16:3e:e1:7b:90'],
    [1, '10.10.0.75', 'fa:16:3e:4e:ed:a9'],
    [1, '10.10.0.94', 'fa:16:3e:58:b5:cf'],
    [2, '10.20.0.187', 'fa:16:3e:fa:8a:90'],
    [2, '10.20.0.200', 'fa:16:3e:be:34:91'],
  ].flatMap(([v, i, m]) => brTun.arpFlow(vlan(Number(v)), ip(String(i)), mac(String(m)), PEER) ?? []),
  ...[[2], [3, 2], [2, 4], [4]].flatMap(
    (ports) =>
      brTun.floodFlow(
        vlan(1),
        VXLAN,
        ports.map((p) => brTun.portEgress(ip(`172.30.0.${p}`), port(p))),
      ) ?? [],
  ),
  brTun.floodFlow(vlan(2), GRE, [brTun.portEgress(PEER, port(3))]) ?? [],
].flat();

describe('against the recordings', () => {
  test.each(steady.map((flow) => [text(flow)]))('%s', (line) => {
    expect(rendered.map(text)).toContain(line);
  });

  test('and nothing else but what Neutron has in table 10 since 28.0.0', () => {
    const lines = new Set(steady.map(text));
    const [one = ''] = [...lines].filter((line) => line.startsWith('table=10,priority=1 '));
    expect(rendered.map(text).filter((line) => !lines.has(line))).toEqual(
      ['arp,arp_tha=ff:ff:ff:ff:ff:ff', 'icmp6,icmp_type=134', 'icmp6,icmp_type=136'].map((match) =>
        one.replace('table=10,priority=1 ', `table=10,priority=2,${match} `),
      ),
    );
  });
});

describe('cookies say what a flow is for', () => {
  test.each([
    ['structural', 0, 0, brTun.structuralFlows(port(1), true)[0]],
    ['tunnel', 0, 0xac1e000c, brTun.tunnelInFlow('vxlan', PEER, port(2))],
    ['vlan', 7, 0, brTun.segmentFlow('vxlan', VXLAN, vlan(7))],
    [
      'unicast',
      7,
      0xac1e000c,
      brTun.unicastFlow(vlan(7), VXLAN, mac('fa:16:3e:00:00:01'), brTun.portEgress(PEER, port(2))),
    ],
    ['arp', 7, 0xac1e000c, brTun.arpFlow(vlan(7), ip('10.0.0.1'), mac('fa:16:3e:00:00:01'), PEER)],
    ['flood', 7, 0, brTun.floodFlow(vlan(7), VXLAN, [brTun.portEgress(PEER, port(2))])],
  ] as const)('%s', (kind, vlan, vtep, flow) => {
    expect(parseCookie(flow?.cookie ?? '0x0')).toEqual({ kind, vlan, vtep });
  });

  test('what table 10 learns has one of its own', () => {
    const learn = brTun.structuralFlows(port(1), true).find(({ table }) => table === 10);
    const [, cookie] = /cookie=(0x[0-9a-f]+)/.exec(learn?.actions ?? '') ?? [];
    expect(parseCookie(cookie ?? '0x0')?.kind).toBe('learned');
  });
});

describe('corners', () => {
  test('without ARP responder neither its table nor the way into it', () => {
    const flows = brTun.structuralFlows(port(1), false);
    expect(flows.filter(({ table }) => table === 21)).toEqual([]);
    expect(flows.filter(({ actions }) => actions === 'goto_table:21')).toEqual([]);
  });

  test('the flood goes out by ofport, whatever the order of the VTEPs; none, no flow', () => {
    const both = [brTun.portEgress(OTHER, port(10)), brTun.portEgress(PEER, port(9))];
    const flow = brTun.floodFlow(vlan(1), VXLAN, both);
    expect(flow?.actions).toBe('pop_vlan,set_field:0x1cfb->tun_id,output:9,output:10');
    expect(brTun.floodFlow(vlan(1), VXLAN, both.toReversed())).toEqual(flow);
    expect(brTun.floodFlow(vlan(1), VXLAN, [])).toBeUndefined();
  });

  test('bounds: segmentation id 0 and 2^32−1, VLAN 4094', () => {
    const none = 0 as SegmentationId;
    const most = 0xffffffff as SegmentationId;
    expect(brTun.segmentFlow('gre', none, vlan(4094))).toMatchObject({
      match: 'tun_id=0',
      actions: 'push_vlan:0x8100,set_field:8190->vlan_vid,goto_table:10',
    });
    expect(brTun.segmentFlow('gre', most, vlan(1)).match).toBe('tun_id=0xffffffff');
    expect(brTun.floodFlow(vlan(1), none, [brTun.portEgress(PEER, port(2))])?.actions).toBe(
      'pop_vlan,set_field:0->tun_id,output:2',
    );
  });

  test('no ARP flow for IPv6', () => {
    expect(brTun.arpFlow(vlan(1), ip('fd10::1'), mac('fa:16:3e:00:00:01'), PEER)).toBeUndefined();
  });

  test('equal ids of different tunnel types go to different tables', () => {
    const id = 5 as SegmentationId;
    const tables = (['gre', 'vxlan', 'geneve'] as const).map((type) => brTun.segmentFlow(type, id, vlan(1)).table);
    expect(tables).toEqual([3, 4, 6]);
  });

  test('what is learned is matched by its cookie, whatever else its match has', () => {
    const ours = 'delete cookie=0x6c32700000000000/-1,table=20';
    expect(brTun.forgetVlanLines(vlan(1), [])).toEqual([`${ours},vlan_tci=0x0001/0x0fff`]);
    expect(brTun.forgetVlanLines(vlan(4094), ['0xabc'])).toEqual([
      `${ours},vlan_tci=0x0ffe/0x0fff`,
      'delete cookie=0xabc/-1,table=20,vlan_tci=0x0ffe/0x0fff',
    ]);
    expect(brTun.forgetPortLines(port(7), ['0xabc'])).toEqual([
      `${ours},out_port=7`,
      'delete cookie=0xabc/-1,table=20,out_port=7',
    ]);
  });
});
