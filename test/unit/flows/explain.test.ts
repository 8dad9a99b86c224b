/** Every flow of the reference and of ours has its sentence; the dumps are recordings 09 (host1) and 11 (host2). */
import { readFileSync } from 'node:fs';
import { describe, expect, it, test } from 'vitest';
import { antiSpoofingFlows } from '../../../src/flows/anti-spoofing.ts';
import * as brInt from '../../../src/flows/br-int.ts';
import * as brTun from '../../../src/flows/br-tun.ts';
import { formatCookie, vtepIndex } from '../../../src/flows/cookie.ts';
import { explain } from '../../../src/flows/explain.ts';
import type { Resolver } from '../../../src/flows/explain-rule.ts';
import { type DumpedFlow, type Flow, parseDump } from '../../../src/flows/flow.ts';
import { ownership } from '../../../src/flows/ownership.ts';
import { BR_INT, BR_TUN } from '../../../src/flows/tables.ts';
import type { IpAddress, LocalVlan, MacAddress, Ofport, SegmentationId } from '../../../src/values.ts';
import type { IpNetwork } from '../../../src/vif/addresses.ts';

const VX = '11111111-0000-4000-8000-000000000001';
const GR = '22222222-0000-4000-8000-000000000002';
const MAC = 'fa:16:3e:00:00:12' as MacAddress;
const IP = '10.0.0.12' as IpAddress;
const VTEP = '172.30.0.12' as IpAddress;
const VLAN = 1 as LocalVlan;
const SEGMENT = 7419 as SegmentationId;

const RESOLVER: Resolver = {
  networkOf: (vlan) =>
    new Map([
      [1, VX],
      [2, GR],
    ]).get(vlan),
  tunnelOf: (ofport) =>
    new Map([
      [2, { type: 'vxlan', remoteIp: VTEP }],
      [3, { type: 'gre', remoteIp: VTEP }],
    ]).get(ofport),
  vtepOf: (index) => (index === vtepIndex(VTEP) ? VTEP : undefined),
  portOf: (ofport) => (ofport === 6 ? 'VIF vm1' : undefined),
};

/** The recordings have COOKIE1 in place of the agent's random cookie. */
function recorded(name: string): DumpedFlow[] {
  const text = readFileSync(new URL(`../../fixtures/flows/${name}`, import.meta.url), 'utf8');
  return parseDump(text.replaceAll('COOKIE1', '0x51ce7d2ab0f1c3d5'));
}

function purposes(bridge: 'tun' | 'int', flows: readonly DumpedFlow[]): string[] {
  const structural = bridge === 'tun' ? brTun.structuralFlows(1 as Ofport, true) : brInt.structuralFlows();
  const owner = ownership(flows, structural, bridge === 'tun' ? BR_TUN : BR_INT);
  return flows.map((flow) => {
    const { kind, purpose } = explain(bridge, flow, owner(flow), RESOLVER);
    return `${flow.table} ${kind}: ${purpose}`;
  });
}

describe("a predecessor's flows are explained by what they are", () => {
  test('on br-tun', () => {
    expect(purposes('tun', recorded('br-tun.09-gre-network.host1'))).toEqual([
      '0 structural: drop: from a port that is neither br-int nor a tunnel of ours',
      '0 structural: from br-int (port 1): on to the tunnels',
      '0 tunnel: tunnel: from 172.30.0.12 by vxlan (port 2)',
      '0 tunnel: tunnel: from 172.30.0.12 by gre (port 3)',
      '2 structural: unicast from br-int: look the MAC up',
      '2 structural: broadcast and multicast from br-int: flood',
      '2 structural: broadcast ARP from br-int: see whether it can be answered here',
      '3 structural: drop: gre with a segmentation id of no network here',
      `3 vlan: segment: gre 5608 is network ${GR}, VLAN 2 here`,
      '4 structural: drop: vxlan with a segmentation id of no network here',
      `4 vlan: segment: vxlan 7419 is network ${VX}, VLAN 1 here`,
      '6 structural: drop: geneve with a segmentation id of no network here',
      "10 structural: from a tunnel: learn the sender's VTEP for 300 s, then to br-int",
      `20 learned: learned: fa:16:3e:4e:ed:a9 of network ${VX} was seen behind 172.30.0.12`,
      `20 learned: learned: fa:16:3e:82:30:63 of network ${VX} was seen behind 172.30.0.12`,
      `20 learned: learned: fa:16:3e:be:34:91 of network ${GR} was seen behind 172.30.0.12`,
      '20 structural: unicast to a MAC that nobody knows: flood',
      `20 unicast: unicast: fa:16:3e:4e:ed:a9 of network ${VX} is behind 172.30.0.12`,
      `20 unicast: unicast: fa:16:3e:82:30:63 of network ${VX} is behind 172.30.0.12`,
      `20 unicast: unicast: fa:16:3e:be:34:91 of network ${GR} is behind 172.30.0.12`,
      '21 structural: ARP for an IP that nobody knows: flood',
      `21 arp: ARP: 10.10.0.159 of network ${VX} is at fa:16:3e:82:30:63`,
      `21 arp: ARP: 10.10.0.75 of network ${VX} is at fa:16:3e:4e:ed:a9`,
      `21 arp: ARP: 10.20.0.200 of network ${GR} is at fa:16:3e:be:34:91`,
      '22 structural: drop: flood of a network that is on no other host',
      `22 flood: flood: broadcast of network ${VX} goes to 172.30.0.12`,
      `22 flood: flood: broadcast of network ${GR} goes to 172.30.0.12`,
    ]);
  });

  test('on br-int', () => {
    expect(purposes('int', recorded('br-int.11-port-admin-down.host2'))).toEqual([
      '0 structural: everything else: on to the switching',
      '0 vif: ARP from VIF vm1: check the address it claims',
      '0 vif: ARP from port 7: check the address it claims',
      '0 vif: ARP from port 8: check the address it claims',
      '0 vif: neighbour advertisement from VIF vm1: check the address it claims',
      '0 vif: neighbour advertisement from port 7: check the address it claims',
      '0 vif: neighbour advertisement from port 8: check the address it claims',
      '0 vif: drop: from port 7, which is dead',
      '0 structural: drop: the dead VLAN',
      '0 vif: from VIF vm1: check its MAC',
      '0 vif: from port 7: check its MAC',
      '0 vif: from port 8: check its MAC',
      '23 structural: drop: no packet comes here; it shows that the bridge has been set up',
      "24 structural: drop: an address that is not the VIF's was claimed",
      '24 vif: anti-spoofing: VIF vm1 may claim 10.10.0.200',
      '24 vif: anti-spoofing: port 7 may claim 10.10.0.75',
      '24 vif: anti-spoofing: port 8 may claim 10.20.0.200',
      '24 vif: anti-spoofing: VIF vm1 may claim fd10::103',
      '24 vif: anti-spoofing: VIF vm1 may claim fe80::f816:3eff:fe82:3063',
      '24 vif: anti-spoofing: port 7 may claim fd10::182',
      '24 vif: anti-spoofing: port 7 may claim fe80::f816:3eff:fe4e:eda9',
      '24 vif: anti-spoofing: port 8 may claim fd20::1bb',
      '24 vif: anti-spoofing: port 8 may claim fe80::f816:3eff:febe:3491',
      '25 vif: anti-spoofing: VIF vm1 may send from fa:16:3e:82:30:63',
      '25 vif: anti-spoofing: port 7 may send from fa:16:3e:4e:ed:a9',
      '25 vif: anti-spoofing: port 8 may send from fa:16:3e:be:34:91',
      '30 structural: on to the switching',
      '31 structural: on to the switching',
      '59 structural: no rate limit: on to the switching',
      '60 structural: switch by local VLAN and MAC',
      '62 structural: switch by local VLAN and MAC',
    ]);
  });
});

const ANTI_SPOOFING = antiSpoofingFlows(6 as Ofport, VLAN, {
  macs: [MAC],
  ipv4: ['10.0.0.12', '10.9.0.0/16'] as unknown as IpNetwork[],
  ipv6: ['fd00::12', 'fd09::/64'] as unknown as IpNetwork[],
});

describe('every flow that we write is known', () => {
  const one = brTun.portEgress(VTEP, 2 as Ofport);
  const ours: ['tun' | 'int', Flow | undefined][] = [
    ...brTun.structuralFlows(1 as Ofport, true).map((flow): ['tun', Flow] => ['tun', flow]),
    ...brInt.structuralFlows().map((flow): ['int', Flow] => ['int', flow]),
    ['tun', brTun.tunnelInFlow('vxlan', VTEP, 2 as Ofport)],
    ['tun', brTun.segmentFlow('geneve', 0 as SegmentationId, VLAN)],
    ['tun', brTun.unicastFlow(VLAN, SEGMENT, MAC, one)],
    ['tun', brTun.arpFlow(VLAN, IP, MAC, VTEP)],
    ['tun', brTun.floodFlow(VLAN, SEGMENT, [one])],
    ['int', brInt.deadVifFlow(6 as Ofport)],
    ...ANTI_SPOOFING.map((flow): ['int', Flow] => ['int', flow]),
  ];
  it.each(ours)('%s %j', (bridge, flow) => {
    if (flow === undefined) throw new Error('no flow');
    const [, kind] = /^0x6c32([0-9a-f])/.exec(flow.cookie) ?? [];
    const byNumber = ['', 'structural', 'vlan', 'tunnel', 'unicast', 'arp', 'flood', 'learned', 'vif'];
    const explained = explain(bridge, flow, 'ours', RESOLVER);
    expect(explained.kind).toBe(byNumber[Number.parseInt(kind ?? '', 16)]);
    expect(explained.purpose).not.toContain('not known');
  });
});

function flow(table: number, priority: number, match: string, actions: string, cookie = '0x0'): Flow {
  return { table, priority, match, actions, cookie };
}

test('network, VTEP, VLAN and MAC are told apart from the sentence', () => {
  const egress = brTun.portEgress(VTEP, 2 as Ofport);
  expect(explain('tun', brTun.unicastFlow(VLAN, SEGMENT, MAC, egress), 'ours', RESOLVER)).toEqual({
    kind: 'unicast',
    vlan: 1,
    network: VX,
    vtep: VTEP,
    mac: MAC,
    purpose: `unicast: ${MAC} of network ${VX} is behind ${VTEP}`,
  });
  const arp = brTun.arpFlow(VLAN, IP, MAC, VTEP);
  expect(arp && explain('tun', arp, 'ours', RESOLVER)).toMatchObject({
    kind: 'arp',
    vtep: VTEP,
    mac: MAC,
    network: VX,
  });
});

test("a VIF's anti-spoofing is told with its network, and what it may claim as networks too", () => {
  const explained = ANTI_SPOOFING.map((flow) => explain('int', flow, 'ours', RESOLVER));
  for (const { kind, vlan, network } of explained) expect([kind, vlan, network]).toEqual(['vif', 1, VX]);
  expect(explained.map(({ purpose }) => purpose)).toEqual([
    `anti-spoofing: VIF vm1 may send from ${MAC}`,
    'from VIF vm1: check its MAC',
    'anti-spoofing: VIF vm1 may claim fd00::12',
    'anti-spoofing: VIF vm1 may claim fd09::/64',
    'neighbour advertisement from VIF vm1: check the address it claims',
    'anti-spoofing: VIF vm1 may claim 10.0.0.12',
    'anti-spoofing: VIF vm1 may claim 10.9.0.0/16',
    'ARP from VIF vm1: check the address it claims',
  ]);
});

test("Neutron's tables since 2025.1 are known", () => {
  for (const one of [flow(59, 0, '', 'goto_table:61'), flow(61, 0, '', 'goto_table:60'), flow(60, 1, '', 'NORMAL')]) {
    expect(explain('int', one, 'predecessor', RESOLVER).kind).toBe('structural');
  }
});

test('where the port leads counts, not what the cookie meant', () => {
  const meant = brTun.unicastFlow(VLAN, SEGMENT, MAC, brTun.portEgress('172.30.0.99' as IpAddress, 2 as Ofport));
  expect(explain('tun', meant, 'ours', RESOLVER).vtep).toBe(VTEP);
});

describe('what is no longer there is said', () => {
  test('a tunnel port that is gone, with the VTEP from the cookie', () => {
    const gone = brTun.unicastFlow(VLAN, SEGMENT, MAC, brTun.portEgress(VTEP, 9 as Ofport));
    expect(explain('tun', gone, 'ours', RESOLVER)).toMatchObject({
      vtep: VTEP,
      purpose: `unicast: ${MAC} of network ${VX} is behind ${VTEP} (port 9, which is no tunnel now)`,
    });
    const incoming = brTun.tunnelInFlow('gre', VTEP, 9 as Ofport);
    expect(explain('tun', incoming, 'ours', RESOLVER).purpose).toBe(
      `tunnel: from ${VTEP} by gre (port 9, which is no tunnel now)`,
    );
    const unknown = flow(20, 2, `dl_vlan=1,dl_dst=${MAC}`, 'pop_vlan,output:9');
    expect(explain('tun', unknown, 'predecessor', RESOLVER)).toMatchObject({ vtep: undefined });
  });

  test('a VLAN that no network has', () => {
    const stale = brTun.floodFlow(7 as LocalVlan, SEGMENT, [brTun.portEgress(VTEP, 2 as Ofport)]);
    expect(stale && explain('tun', stale, 'ours', RESOLVER)).toMatchObject({
      vlan: 7,
      network: undefined,
      purpose: `flood: broadcast of VLAN 7 (no network here) goes to ${VTEP}`,
    });
  });
});

test('a flood to many names some and counts the rest', () => {
  const egresses = [2, 3, 11, 12, 13, 14].map((ofport) => brTun.portEgress(VTEP, ofport as Ofport));
  const many = brTun.floodFlow(VLAN, SEGMENT, egresses);
  expect(many && explain('tun', many, 'ours', RESOLVER).purpose).toBe(
    `flood: broadcast of network ${VX} goes to ${VTEP}, ${VTEP}, port 11 (no tunnel now), port 12 (no tunnel now) and 2 more`,
  );
});

describe('foreign flows', () => {
  it('are said to be foreign, whatever they look like', () => {
    const alike = flow(20, 2, `dl_vlan=2,dl_dst=${MAC}`, 'output:2', '0xbeef');
    expect(explain('tun', alike, 'foreign', RESOLVER)).toEqual({
      kind: 'foreign',
      vlan: 2,
      network: GR,
      mac: MAC,
      purpose: `foreign, for network ${GR}: left alone`,
    });
    expect(explain('int', flow(71, 65, 'in_port=4', 'drop'), 'foreign', RESOLVER)).toMatchObject({
      kind: 'foreign',
      purpose: 'foreign: left alone',
    });
  });
});

describe('a form that is not known', () => {
  it.each([
    ['ours', formatCookie('unicast', VLAN), 'unicast', 'ours by its cookie'],
    ['predecessor', '0x51ce7d2ab0f1c3d5', 'unknown', "a predecessor's"],
    ['learned', formatCookie('learned'), 'learned', 'learned'],
  ] as const)('of %s', (owner, cookie, kind, whose) => {
    const strange = flow(20, 7, 'dl_vlan=1', 'drop', cookie);
    expect(explain('tun', strange, owner, RESOLVER)).toEqual({
      kind,
      purpose: `${whose}, of a form that is not known here`,
    });
  });
});

test('a learned flow is learned by its owner, not by its form', () => {
  const form = flow(20, 1, `vlan_tci=0x0001/0x0fff,dl_dst=${MAC}`, 'load:0->NXM_OF_VLAN_TCI[],output:2');
  expect(explain('tun', form, 'learned', RESOLVER)).toMatchObject({ kind: 'learned', vlan: 1, vtep: VTEP });
  expect(explain('tun', form, 'predecessor', RESOLVER).kind).toBe('unknown');
});
