import { describe, expect, test } from 'vitest';
import { antiSpoofingByOfport, antiSpoofingFlows } from '../../../src/flows/anti-spoofing.ts';
import * as brInt from '../../../src/flows/br-int.ts';
import { parseCookie } from '../../../src/flows/cookie.ts';
import { type Flow, flowKey, parseFlow } from '../../../src/flows/flow.ts';
import type { IpAddress, LocalVlan, MacAddress, Ofport } from '../../../src/values.ts';
import type { IpNetwork } from '../../../src/vif/addresses.ts';
import { allowedSources } from '../../../src/vif/allowed.ts';
import type { PortFacts } from '../../../src/vif/facts.ts';
import { factsOf, portId } from '../host.ts';
import { recordedLines } from './recorded.ts';

const VLAN = 3 as LocalVlan;
const PORT = 6 as Ofport;
const text = (flow: Flow) => `${flowKey(flow)} actions=${flow.actions}`;

function rendered(more: Partial<PortFacts>, ofport = PORT): string[] {
  const allowed = allowedSources(factsOf(portId(1), { mac: 'fa:16:3e:00:00:01' as MacAddress, ...more }));
  return allowed === undefined ? [] : antiSpoofingFlows(ofport, VLAN, allowed).map(text).sort();
}

const pair = (network: string, mac?: string) => ({ network: network as IpNetwork, mac: mac as MacAddress | undefined });

const CHECK_ARP = 'table=0,priority=10,arp,in_port=6 actions=goto_table:24';
const CHECK_NA = 'table=0,priority=10,icmp6,in_port=6,icmp_type=136 actions=goto_table:24';
const CHECK_MAC = 'table=0,priority=9,in_port=6 actions=goto_table:25';
const OWN_LINK_LOCAL =
  'table=24,priority=2,icmp6,in_port=6,icmp_type=136,nd_target=fe80::f816:3eff:fe00:1 actions=goto_table:59';
const OWN_MAC = 'table=25,priority=2,in_port=6,dl_src=fa:16:3e:00:00:01 actions=goto_table:30';

describe('golden text', () => {
  test.each<[string, Partial<PortFacts>, string[]]>([
    [
      'fixed IPs of both families',
      { fixedIps: ['10.0.0.5', 'fd00::5'] as unknown as IpAddress[] },
      [
        CHECK_ARP,
        CHECK_NA,
        CHECK_MAC,
        'table=24,priority=2,arp,in_port=6,arp_spa=10.0.0.5 actions=goto_table:25',
        'table=24,priority=2,icmp6,in_port=6,icmp_type=136,nd_target=fd00::5 actions=goto_table:59',
        OWN_LINK_LOCAL,
        OWN_MAC,
      ],
    ],
    ['no fixed IP: no ARP at all', {}, [CHECK_ARP, CHECK_NA, CHECK_MAC, OWN_LINK_LOCAL, OWN_MAC]],
    [
      'pairs with a MAC and with a prefix',
      { addressPairs: [pair('10.9.0.0/16', 'fa:16:3e:00:00:02'), pair('fd09::/64')] },
      [
        CHECK_ARP,
        CHECK_NA,
        CHECK_MAC,
        'table=24,priority=2,arp,in_port=6,arp_spa=10.9.0.0/16 actions=goto_table:25',
        'table=24,priority=2,icmp6,in_port=6,icmp_type=136,nd_target=fd09::/64 actions=goto_table:59',
        OWN_LINK_LOCAL,
        'table=24,priority=2,icmp6,in_port=6,icmp_type=136,nd_target=fe80::f816:3eff:fe00:2 actions=goto_table:59',
        OWN_MAC,
        'table=25,priority=2,in_port=6,dl_src=fa:16:3e:00:00:02 actions=goto_table:30',
      ],
    ],
    ['a pair of ::/0', { addressPairs: [pair('::/0')] }, [CHECK_ARP, CHECK_MAC, OWN_MAC]],
    ['a pair of 0.0.0.0/0', { addressPairs: [pair('0.0.0.0/0')] }, [CHECK_MAC, OWN_MAC]],
    ['port security off', { portSecurity: false }, []],
    ['owned by the network', { deviceOwner: 'network:dhcp' }, []],
  ])('%s', (_, more, expected) => {
    expect(rendered(more)).toEqual(expected.sort());
  });

  test('every flow carries our cookie, with the local VLAN', () => {
    const flows = antiSpoofingFlows(PORT, VLAN, { macs: [], ipv4: [], ipv6: [] });
    expect(flows.map(({ cookie }) => parseCookie(cookie))).toEqual(
      flows.map(() => ({ kind: 'vif', vlan: VLAN, vtep: 0 })),
    );
  });
});

describe('against the recordings', () => {
  /** host2 in `11`, where 7 is dead: what the reference left of it is not ours. */
  const VIFS = [
    [6, 'fa:16:3e:82:30:63', '10.10.0.200', 'fd10::103'],
    [8, 'fa:16:3e:be:34:91', '10.20.0.200', 'fd20::1bb'],
  ] as const;
  const dump = recordedLines('br-int.11-port-admin-down.host2')
    .map(parseFlow)
    .filter((flow) => flow !== undefined);
  const byOfport = antiSpoofingByOfport(dump);

  test.each(VIFS)('the flows of port %i', (ofport, mac, ...ips) => {
    const more = { mac: mac as MacAddress, fixedIps: ips as unknown as IpAddress[] };
    expect(
      byOfport
        .get(ofport as Ofport)
        ?.map(text)
        .sort(),
    ).toEqual(rendered(more, ofport as Ofport));
  });

  test('the drop of a dead VIF and the flows of the bridge are not anti-spoofing', () => {
    expect([...byOfport.keys()].sort()).toEqual([6, 7, 8]);
    const others = [brInt.deadVifFlow(9 as Ofport), ...brInt.structuralFlows()];
    expect(antiSpoofingByOfport(others).size).toBe(0);
  });
});
