import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as brTun from '../../../src/flows/br-tun.ts';
import { type Flow, flowKey, parseFlow } from '../../../src/flows/flow.ts';
import { NetworkFdb, nothingTouched } from '../../../src/l2pop/fdb.ts';
import { recoverFdb } from '../../../src/l2pop/recover.ts';
import type { IpAddress, LocalVlan, MacAddress, Ofport, SegmentationId, TunnelType } from '../../../src/values.ts';
import { recordedLines } from '../flows/recorded.ts';

interface Tunnel {
  readonly type: TunnelType;
  readonly vtep: IpAddress;
}

/** A host's networks by local VLAN and tunnels by ofport: what the switch's rows tell. */
class Host {
  readonly networks: Map<number, { fdb: NetworkFdb; touched: ReturnType<typeof nothingTouched> }>;
  readonly #tunnels: ReadonlyMap<number, Tunnel>;

  constructor(
    networks: Readonly<Record<number, readonly [TunnelType, number]>>,
    tunnels: Readonly<Record<number, Tunnel>>,
  ) {
    this.networks = new Map(
      Object.entries(networks).map(([vlan, [type, id]]) => [
        Number(vlan),
        { fdb: new NetworkFdb(type, id as SegmentationId), touched: nothingTouched() },
      ]),
    );
    this.#tunnels = new Map(Object.entries(tunnels).map(([ofport, tunnel]) => [Number(ofport), tunnel]));
  }

  recover(flows: readonly Flow[]): this {
    recoverFdb(flows, {
      fdbOf: (vlan) => this.networks.get(vlan),
      vtepOf: (ofport, fdb) => {
        const tunnel = this.#tunnels.get(ofport);
        return tunnel?.type === fdb.type ? tunnel.vtep : undefined;
      },
    });
    return this;
  }

  /** The flows of tables 20, 21 and 22 that the FDBs give. */
  flows(): Flow[] {
    const flows: Flow[] = [];
    for (const [number, { fdb }] of this.networks) {
      const vlan = number as LocalVlan;
      const egress = (vtep: IpAddress) => {
        const [ofport] =
          [...this.#tunnels].find(([, tunnel]) => tunnel.type === fdb.type && tunnel.vtep === vtep) ?? [];
        return brTun.portEgress(vtep, ofport as Ofport);
      };
      for (const mac of fdb.macs()) {
        const vtep = fdb.vtepOf(mac);
        if (vtep !== undefined) flows.push(brTun.unicastFlow(vlan, fdb.segmentationId, mac, egress(vtep)));
      }
      for (const ip of fdb.ips()) {
        const owner = fdb.ownerOf(ip);
        const flow = owner && brTun.arpFlow(vlan, ip, owner.mac, owner.vtep);
        if (flow !== undefined) flows.push(flow);
      }
      const flood = brTun.floodFlow(vlan, fdb.segmentationId, fdb.vteps().map(egress));
      if (flood !== undefined) flows.push(flood);
    }
    return flows;
  }
}

const text = (flow: Flow) => `${flowKey(flow)} actions=${flow.actions}`;
const PEER = '172.30.0.12' as IpAddress;

describe("from a predecessor's dump (09, host1)", () => {
  const dump = recordedLines('br-tun.09-gre-network.host1')
    .map(parseFlow)
    .filter((flow) => flow !== undefined);
  const host = () =>
    new Host(
      { 1: ['vxlan', 7419], 2: ['gre', 5608] },
      { 2: { type: 'vxlan', vtep: PEER }, 3: { type: 'gre', vtep: PEER } },
    );

  test('renders to exactly the flows that it was read from', () => {
    const steady = dump.filter(
      ({ table, priority, hardTimeout }) => table >= 20 && priority > 0 && hardTimeout === undefined,
    );
    expect(host().recover(dump).flows().map(text).sort()).toEqual(steady.map(text).sort());
  });

  test('in whatever order the dump comes', () => {
    expect(host().recover(dump.toReversed()).flows().map(text).sort()).toEqual(
      host().recover(dump).flows().map(text).sort(),
    );
  });

  test('says what it touched, and dates it before all time', () => {
    const { networks } = host().recover(dump);
    expect(networks.get(1)?.touched).toMatchObject({
      macs: new Set(['fa:16:3e:4e:ed:a9', 'fa:16:3e:82:30:63']),
      ips: new Set(['10.10.0.159', '10.10.0.75']),
      vteps: new Set([PEER]),
    });
    for (const { fdb } of networks.values()) {
      for (const { stamp } of fdb.claims()) expect(stamp).toEqual({ sequence: 0, at: 0 });
    }
  });

  test('what was learned is not taken for what was told', () => {
    const learned = dump.filter(({ hardTimeout }) => hardTimeout !== undefined);
    expect(learned.length).toBeGreaterThan(0);
    expect(host().recover(learned).flows()).toEqual([]);
  });

  test('local VLANs without a network, ports without a tunnel, tunnels of another type: nothing', () => {
    expect(new Host({}, { 2: { type: 'vxlan', vtep: PEER } }).recover(dump).flows()).toEqual([]);
    expect(new Host({ 1: ['vxlan', 7419] }, {}).recover(dump).flows()).toEqual([]);
    expect(new Host({ 1: ['vxlan', 7419] }, { 2: { type: 'gre', vtep: PEER } }).recover(dump).flows()).toEqual([]);
  });

  test.each([
    ' cookie=0x1, table=22, priority=1,dl_vlan=1 actions=drop',
    ' cookie=0x1, table=22, priority=1 actions=output:2',
    ' cookie=0x1, table=20, priority=2,dl_vlan=1 actions=output:2',
    ' cookie=0x1, table=20, priority=2,dl_vlan=1,dl_dst=fa:16:3e:00:00:01/ff:ff:00:00:00:00 actions=output:2',
    ' cookie=0x1, table=20, priority=2,dl_vlan=1,dl_dst=fa:16:3e:00:00:01 actions=drop',
    ' cookie=0x1, table=21, priority=1,arp,dl_vlan=1,arp_tpa=10.0.0.0/24 actions=set_field:fa:16:3e:00:00:01->eth_src',
    ' cookie=0x1, table=21, priority=1,arp,dl_vlan=1,arp_tpa=10.0.0.1 actions=set_field:fa:16:3e:00:00:01->eth_src',
  ])('flows of another form are no entries: %s', (line) => {
    const flow = parseFlow(line);
    expect(flow && host().recover([flow]).flows()).toEqual([]);
  });
});

test('what an FDB renders to is read back as an FDB that renders to the same (IPv4)', () => {
  const vtep = fc.constantFrom(...[12, 13, 14].map((n) => `172.30.0.${n}` as IpAddress));
  const entry = fc.tuple(
    vtep,
    fc.nat(4).map((n) => `fa:16:3e:00:00:0${n}` as MacAddress),
    fc.nat(4).map((n) => `10.0.0.${n}` as IpAddress),
  );
  const tunnels = Object.fromEntries(
    [12, 13, 14].flatMap((n) => [
      [n, { type: 'vxlan' as const, vtep: `172.30.0.${n}` as IpAddress }],
      [n + 100, { type: 'gre' as const, vtep: `172.30.0.${n}` as IpAddress }],
    ]),
  );
  const newHost = () => new Host({ 7: ['vxlan', 5], 4094: ['gre', 5] }, tunnels);
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom(7, 4094), entry)),
      fc.array(fc.tuple(fc.constantFrom(7, 4094), vtep)),
      (entries, floods) => {
        const host = newHost();
        let sequence = 0;
        for (const [vlan, [vtep, mac, ip]] of entries) {
          host.networks.get(vlan)?.fdb.add(vtep, { mac, ip }, { sequence: ++sequence, at: 1 }, nothingTouched());
        }
        for (const [vlan, vtep] of floods) {
          host.networks.get(vlan)?.fdb.addFlooding(vtep, { sequence: ++sequence, at: 1 }, nothingTouched());
        }
        const flows = host.flows();
        expect(newHost().recover(flows).flows().map(text).sort()).toEqual(flows.map(text).sort());
      },
    ),
  );
});
