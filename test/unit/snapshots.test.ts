/** Snapshots that were read before notifications that we have heard: they may add, and undo nothing newer (DESIGN, rules 6, 11). */
import { expect, test } from 'vitest';
import { FLOODING, factsOf, Host, type Pair, portId, segmentArgs } from './host.ts';

const MAC = 'fa:16:3e:00:00:07';
const ENTRY: Pair = [MAC, '10.10.0.7'];
const [OLD, NEW] = ['172.30.0.12', '172.30.0.13'];

/** One VIF on the VXLAN network, both VTEPs known, a question put a second ago. */
async function asking(): Promise<Host> {
  const host = await Host.ready();
  host.plug(portId(1));
  host.serve(factsOf(portId(1)));
  await host.settle();
  host.add('vxlan', { [OLD]: [FLOODING], [NEW]: [FLOODING] });
  await host.settle();
  host.now += 100_000;
  for (const { sync } of host.state.networks.values()) sync.asked('x', true, host.now);
  host.apply({ kind: 'marker', id: 'x', edge: 'start' });
  host.now += 1_000;
  return host;
}

async function end(host: Host): Promise<void> {
  host.apply({ kind: 'marker', id: 'x', edge: 'end' });
  await host.settle();
}

/** The VTEP that the MAC's flow leads to. */
function egressOf(host: Host): string | undefined {
  const flow = host.table(20).find((text) => text.includes(MAC));
  const ofport = Number(/output:(\d+)/.exec(flow ?? '')?.[1]);
  const key = host.state.view.tunnelKeys().find((one) => host.state.view.tunnel(one)?.interface.ofport === ofport);
  return key?.split(' ')[1];
}

test('the first question after a start is answered when the second has been put already: its snapshot counts', async () => {
  const host = await Host.ready();
  host.state.isNameOurs = false;
  host.plug(portId(1));
  host.serve(factsOf(portId(1)));
  await host.settle();
  for (const ask of ['first', 'second']) {
    host.apply({ kind: 'duty-started', duty: { kind: 'up', ports: [portId(1)], refresh: ask === 'first', ask } });
  }
  host.apply({ kind: 'marker', id: 'first', edge: 'start' });
  host.add('vxlan', { [OLD]: [FLOODING, ENTRY] }, true);
  host.apply({ kind: 'marker', id: 'first', edge: 'end' });
  await host.settle();
  expect(egressOf(host)).toBe(OLD);
});

test('a MAC that moved meanwhile stays where the notification says', async () => {
  const host = await asking();
  host.add('vxlan', { [NEW]: [ENTRY] });
  host.remove('vxlan', { [OLD]: [ENTRY] });
  host.add('vxlan', { [OLD]: [FLOODING, ENTRY], [NEW]: [FLOODING] }, true);
  await end(host);
  expect(egressOf(host)).toBe(NEW);
});

test('a MAC that moved shortly before, its remove not heard yet: the notification is the newer claim', async () => {
  const host = await asking();
  host.add('vxlan', { [NEW]: [ENTRY] });
  host.add('vxlan', { [OLD]: [FLOODING, ENTRY] }, true);
  await host.settle();
  expect(egressOf(host)).toBe(NEW);
  // And if the notification is taken back, what the snapshot said holds.
  host.remove('vxlan', { [NEW]: [ENTRY] });
  await end(host);
  expect(egressOf(host)).toBe(OLD);
});

test('a remove in flight is not resurrected, neither the entry nor the flooding', async () => {
  const host = await asking();
  host.add('vxlan', { [OLD]: [ENTRY] });
  host.remove('vxlan', { [OLD]: [FLOODING, ENTRY] });
  host.add('vxlan', { [OLD]: [FLOODING, ENTRY], [NEW]: [FLOODING] }, true);
  await end(host);
  expect(host.table(20).some((flow) => flow.includes(MAC))).toBe(false);
  expect(host.tunnelPorts().some((port) => port.includes(OLD) || port.includes('ac1e000c'))).toBe(false);
});

test('long after the remove the same entry is news', async () => {
  const host = await asking();
  host.remove('vxlan', { [OLD]: [ENTRY] });
  await end(host);
  host.now += 100_000;
  host.add('vxlan', { [OLD]: [FLOODING, ENTRY] }, true);
  await host.settle();
  expect(egressOf(host)).toBe(OLD);
});

test('a server that sends no snapshot at all proves nothing: nothing is swept, and it is noticed', async () => {
  const host = await asking();
  const before = host.picture();
  for (let round = 0; round < 3; round++) {
    await end(host);
    host.now += 100_000;
    for (const { sync } of host.state.networks.values()) sync.asked('x', true, host.now);
    host.apply({ kind: 'marker', id: 'x', edge: 'start' });
  }
  expect(host.picture()).toEqual(before);
  expect(host.state.isServerSilent).toBe(true);
  host.add('vxlan', { [NEW]: [FLOODING] }, true);
  expect(host.state.isServerSilent).toBe(false);
});

test('after a gap the snapshot is the newer word: what was lost may have moved the MAC, or brought it back', async () => {
  for (const isMoved of [true, false]) {
    const host = await asking();
    host.add('vxlan', { [OLD]: [ENTRY] });
    if (!isMoved) host.remove('vxlan', { [OLD]: [ENTRY] });
    host.now += 1000;
    host.apply({ kind: 'gap', l2population: true, ports: false });
    for (const { sync } of host.state.networks.values()) sync.asked('x', true, host.now);
    host.apply({ kind: 'marker', id: 'x', edge: 'start' });
    host.add('vxlan', { [isMoved ? NEW : OLD]: [FLOODING, ENTRY] }, true);
    await end(host);
    expect(egressOf(host), String(isMoved)).toBe(isMoved ? NEW : OLD);
  }
});

test('what was taken back is remembered for no longer than it can matter', async () => {
  const host = await asking();
  await end(host);
  host.remove('vxlan', { [OLD]: [ENTRY] });
  host.now += 31_000;
  host.remove('vxlan', { [OLD]: [['fa:16:3e:00:00:08', '10.10.0.8']] });
  host.add('vxlan', { [OLD]: [ENTRY] }, true);
  await host.settle();
  expect(egressOf(host)).toBe(OLD);
});

test('a remove that comes by name is a remove', async () => {
  const host = await asking();
  host.add('vxlan', { [OLD]: [ENTRY] });
  await host.settle();
  expect(egressOf(host)).toBe(OLD);
  host.fdb('remove_fdb_entries', segmentArgs('vxlan', { [OLD]: [ENTRY] }), true);
  await host.settle();
  expect(egressOf(host)).toBeUndefined();
});
