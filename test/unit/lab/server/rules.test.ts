import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ActivePort, HostFacts, PortFacts } from '../../../../lab/server/rules.ts';
import { FLOODING_ENTRY, fixedIpsChanged, portGone, portUp } from '../../../../lab/server/rules.ts';

const HOST1: HostFacts = { host: 'host1', vtep: '10.0.0.1', tunnelTypes: ['vxlan', 'gre'] };
const PORT: PortFacts = {
  networkId: 'net',
  mac: 'fa:16:3e:00:00:01',
  ips: ['192.0.2.1', '2001:db8::1'],
  segment: { networkType: 'vxlan', segmentationId: 7 },
};
const OWN = [
  ['fa:16:3e:00:00:01', '192.0.2.1'],
  ['fa:16:3e:00:00:01', '2001:db8::1'],
];

function active(host: string, count: number): ActivePort[] {
  return Array.from({ length: count }, (_, index) => ({
    host,
    vtep: `10.0.0.${host.slice(4)}`,
    mac: `fa:16:3e:00:0${host.slice(4)}:0${index}`,
    ips: [`192.0.2.${Number(host.slice(4)) * 10 + index}`],
  }));
}

describe('portUp', () => {
  const remote = active('host2', 1);
  test.each([
    { own: 0, refresh: false, first: false },
    { own: 1, refresh: false, first: true },
    { own: 2, refresh: false, first: true },
    { own: 3, refresh: false, first: false },
    { own: 3, refresh: true, first: true },
    { own: 0, refresh: true, first: true },
  ])(
    '$own ACTIVE ports on the host, refresh $refresh: snapshot and flooding entry $first',
    ({ own, refresh, first }) => {
      const messages = portUp(PORT, HOST1, [...active('host1', own), ...remote], refresh);
      expect(messages.map((message) => message.host)).toEqual(first ? ['host1', undefined] : [undefined]);
      expect(messages.at(-1)?.entries).toEqual({
        net: {
          segment_id: 7,
          network_type: 'vxlan',
          ports: { '10.0.0.1': [...(first ? [FLOODING_ENTRY] : []), ...OWN] },
        },
      });
    },
  );

  test('no remote VTEP: no snapshot', () => {
    expect(portUp(PORT, HOST1, active('host1', 1), true).map((message) => message.host)).toEqual([undefined]);
  });

  test.each([
    { why: 'no agent on the host', port: PORT, host: undefined },
    { why: 'the agent does not tunnel the type', port: PORT, host: { ...HOST1, tunnelTypes: ['gre'] } },
    { why: 'the port is not bound', port: { ...PORT, segment: undefined }, host: HOST1 },
  ])('$why: nothing is sent', ({ port, host }) => {
    expect(portUp(port, host, remote, true)).toEqual([]);
    expect(portGone(port, host, remote)).toEqual([]);
    expect(fixedIpsChanged(port, [], host)).toEqual([]);
  });

  test('a snapshot has every other VTEP, its flooding entry first, and nothing of the host itself', () => {
    const counts = fc.record({ host1: fc.nat(3), host2: fc.nat(3), host3: fc.nat(3), host4: fc.nat(3) });
    fc.assert(
      fc.property(counts, (perHost) => {
        const ports = Object.entries(perHost).flatMap(([host, count]) => active(host, count));
        const [message] = portUp(PORT, HOST1, ports, true).filter(({ host }) => host !== undefined);
        const remote = ports.filter(({ host }) => host !== 'host1');
        if (remote.length === 0) return message === undefined;
        if (message === undefined || message.method === 'update_fdb_entries') return false;
        const table = Object.entries(message.entries.net?.ports ?? {});
        expect(table.map(([vtep]) => vtep)).toEqual([...new Set(remote.map(({ vtep }) => vtep))]);
        for (const [vtep, entries] of table) {
          const expected = remote
            .filter((port) => port.vtep === vtep)
            .flatMap(({ mac, ips }) => ips.map((ip) => [mac, ip]));
          expect(entries).toEqual([FLOODING_ENTRY, ...expected]);
        }
        return true;
      }),
    );
  });
});

describe('portGone', () => {
  test.each([
    { left: 0, flooding: true },
    { left: 1, flooding: false },
  ])('$left ACTIVE ports left: flooding entry removed $flooding', ({ left, flooding }) => {
    expect(portGone(PORT, HOST1, [...active('host1', left), ...active('host2', 1)])).toEqual([
      {
        method: 'remove_fdb_entries',
        host: undefined,
        entries: {
          net: {
            segment_id: 7,
            network_type: 'vxlan',
            ports: { '10.0.0.1': [...(flooding ? [FLOODING_ENTRY] : []), ...OWN] },
          },
        },
      },
    ]);
  });
});

describe('fixedIpsChanged', () => {
  const mac = PORT.mac;
  test.each([
    {
      before: ['192.0.2.1'],
      after: ['192.0.2.2'],
      change: { before: [[mac, '192.0.2.1']], after: [[mac, '192.0.2.2']] },
    },
    { before: [], after: ['192.0.2.2'], change: { after: [[mac, '192.0.2.2']] } },
    { before: ['192.0.2.1', '2001:db8::1'], after: ['2001:db8::1'], change: { before: [[mac, '192.0.2.1']] } },
    { before: ['192.0.2.1', '192.0.2.2'], after: ['192.0.2.2', '192.0.2.1'], change: undefined },
  ])('$before → $after', ({ before, after, change }) => {
    const messages = fixedIpsChanged({ ...PORT, ips: after }, before, HOST1);
    expect(messages.map(({ entries }) => entries)).toEqual(
      change === undefined ? [] : [{ chg_ip: { net: { '10.0.0.1': change } } }],
    );
  });
});
