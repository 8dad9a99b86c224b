import { expect, test } from 'vitest';
import { resyncReport, selectForResync, syncCounts, syncReport } from '../../../src/report/sync.ts';
import type { LocalNetwork } from '../../../src/state.ts';
import type { IpAddress } from '../../../src/values.ts';
import { testConfig } from '../config.ts';
import { FLOODING, factsOf, GRE_NET, Host, portId, VXLAN_NET } from '../host.ts';

const VTEP = '172.30.0.12' as IpAddress;

/** A VIF on each of two networks; the VTEP has entries on the first. */
async function twoNetworks(): Promise<Host> {
  const host = await Host.ready();
  for (const [index, network] of (['vxlan', 'gre'] as const).entries()) {
    host.plug(portId(index + 1));
    host.serve(factsOf(portId(index + 1), {}, network));
  }
  host.add('vxlan', { [VTEP]: [FLOODING] });
  await host.settle();
  return host;
}

function chosen(found: ReturnType<typeof selectForResync>): readonly string[] | string {
  return 'problem' in found ? found.problem : found.map(({ id }) => id);
}

test('all networks, one by the beginning of its id, or those with entries of a VTEP', async () => {
  const { state } = await twoNetworks();
  const none = { network: undefined, vtep: undefined };
  expect(chosen(selectForResync(state, none))).toEqual([VXLAN_NET, GRE_NET]);
  expect(chosen(selectForResync(state, { ...none, network: GRE_NET.slice(0, 4) }))).toEqual([GRE_NET]);
  expect(chosen(selectForResync(state, { ...none, network: 'ffff' }))).toContain("begins with 'ffff'");
  expect(chosen(selectForResync(state, { ...none, vtep: VTEP }))).toEqual([VXLAN_NET]);
  expect(chosen(selectForResync(state, { ...none, vtep: '172.30.0.99' as IpAddress }))).toContain('172.30.0.99');
  const mesh = await Host.ready(testConfig({ agent: { l2Population: false } }));
  expect(chosen(selectForResync(mesh.state, none))).toContain('l2_population is off');
});

test('what is asked for already is under way; without an ACTIVE port nothing can be asked', async () => {
  const host = await twoNetworks();
  const [first, second] = [...host.state.networks.values()] as [LocalNetwork, LocalNetwork];
  const outcomes = () => resyncReport(host.state, [first, second], host.now).networks.map(({ outcome }) => outcome);
  expect(outcomes()).toEqual(['queued', 'queued']);
  first.sync.asked('a', true, host.now);
  host.serve(factsOf(portId(2), { status: 'DOWN' }, 'gre'));
  host.answer();
  expect(outcomes()).toEqual(['under way', 'no ACTIVE port']);
});

test('each network, and all of them: since when one is not in sync, what is in doubt, when it is asked for next', async () => {
  const host = await twoNetworks();
  const [first, second] = [...host.state.networks.values()] as [LocalNetwork, LocalNetwork];
  host.state.snapshots = 1;
  host.now += 100_000;
  const unsyncedSince = syncReport(second, host.now).since;
  first.sync.asked('a', true, host.now);
  host.apply({ kind: 'marker', id: 'a', edge: 'start' });
  host.apply({ kind: 'marker', id: 'a', edge: 'end' });
  const confirmAt = new Date(host.now + 60_000).toISOString();
  expect(syncReport(first, host.now)).toMatchObject({ status: 'synced', suspects: 1, confirmAt, nextAt: confirmAt });
  expect(syncCounts(host.state)).toEqual({ unsynced: 1, asked: 0, synced: 1, suspects: 1, since: unsyncedSince });
  host.add('gre', { [VTEP]: [FLOODING] }, true);
  expect(syncReport(second, host.now).snapshotAt).toBe(new Date(host.now).toISOString());
});
