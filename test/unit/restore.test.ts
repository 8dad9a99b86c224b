/** A stop, in good order or not, and the start after it: what was known is known, nothing is asked for, nothing is touched. */
import { expect, test } from 'vitest';
import { nextDuty } from '../../src/duties.ts';
import type { JournalContents } from '../../src/journal/record.ts';
import { nothingTouched } from '../../src/l2pop/fdb.ts';
import { settleRestored, unfit } from '../../src/restore.ts';
import { takeUnsaved } from '../../src/save.ts';
import type { IpAddress, MacAddress } from '../../src/values.ts';
import { testConfig } from './config.ts';
import { FLOODING, factsOf, Host, portId, VXLAN_NET } from './host.ts';
import { HEADER, MemoryJournal } from './memory-journal.ts';

const kept = (host: Host) => MemoryJournal.of(host.state, host.now).contents();
/** One MAC that two VTEPs claim, one that only a chg_ip knows of, IPv6, and a VTEP that has but a flooding entry. */
const OLD = '172.30.0.12';
const NEW = '172.30.0.13';

/** The server's word on the VXLAN network is complete. */
function ask(host: Host): void {
  const duty = { kind: 'up', ports: [portId(1)], refresh: true, ask: 'a' } as const;
  host.apply({ kind: 'duty-started', duty });
  host.apply({ kind: 'marker', id: 'a', edge: 'start' });
  host.add('vxlan', { [OLD]: [FLOODING, ['fa:16:3e:00:00:01', '10.0.0.1']] }, true);
  host.apply({ kind: 'duty-done', duty, outcome: { kind: 'told', failed: [] } });
  host.apply({ kind: 'marker', id: 'a', edge: 'end' });
}

async function synced(): Promise<Host> {
  const host = await Host.ready();
  host.plug(portId(1), 'tap1');
  host.serve(factsOf(portId(1)));
  await host.settle();
  ask(host);
  // The audit of what was heard only lately has been.
  host.now += 120_000;
  ask(host);
  host.add('vxlan', { [NEW]: [FLOODING, ['fa:16:3e:00:00:01', '10.0.0.1'], ['fa:16:3e:00:00:02', 'fd00::2']] });
  host.add('vxlan', { '172.30.0.14': [FLOODING] });
  const change = { [OLD]: { after: [['fa:16:3e:00:00:09', '10.0.0.9']] } };
  host.fdb('update_fdb_entries', { fdb_entries: { chg_ip: { [VXLAN_NET]: change } } });
  await host.settle();
  return host;
}

/** The same switch, another process, that starts with what the journal has. */
async function restarted(before: Host, contents = kept(before), boot = HEADER.boot): Promise<Host> {
  const after = new Host(before.config, before.switch, before.now + 60_000);
  for (const [id, facts] of before.server) after.server.set(id, facts);
  after.apply({ kind: 'restored', contents, boot });
  after.connect();
  await after.settle();
  return after;
}

const duty = (host: Host) => nextDuty(host.state, host.now, () => 'id');
const network = (host: Host) => [...host.state.networks.values()][0]!;

test('nothing is asked for and no flow is touched', async () => {
  const before = await synced();
  const picture = before.picture();
  const done = before.switch.bundles.length;
  const after = await restarted(before);
  expect(duty(after)).toBeUndefined();
  expect(network(after).sync.status).toBe('synced');
  expect(after.picture()).toEqual(picture);
  expect(after.switch.bundles.slice(done).flatMap(({ lines }) => lines)).toEqual([]);
});

test('what was hidden is known too: the older claim returns, the chg_ip finds its MAC', async () => {
  const before = await synced();
  const after = await restarted(before);
  for (const host of [before, after]) {
    host.remove('vxlan', { [NEW]: [['fa:16:3e:00:00:01', '10.0.0.1']] });
    host.add('vxlan', { '172.30.0.14': [['fa:16:3e:00:00:09', '10.0.0.90']] });
    host.remove('vxlan', { '172.30.0.14': [['fa:16:3e:00:00:09', '10.0.0.90']] });
    host.add('vxlan', { [OLD]: [['fa:16:3e:00:00:09', '10.0.0.8']] });
  }
  const claims = (host: Host) =>
    [...host.state.fdb.get(network(host).key)!.claims()].map(({ vtep, mac, ip }) => `${vtep} ${mac} ${ip}`).sort();
  expect(claims(after)).toEqual(claims(before));
  await after.settle();
  const text = after.table(20).concat(after.table(21)).join('\n');
  expect(text).toContain('10.0.0.9');
  expect(text).toContain('fa:16:3e:00:00:01');
  expect(after.switch.violations).toEqual([]);
});

test('a predecessor’s refresh is nobody’s business in a mesh', async () => {
  const before = await synced();
  before.apply({ kind: 'gap', l2population: true, ports: false });
  const contents = kept(before);
  expect(contents.open).toMatchObject([{ kind: 'refresh' }]);
  const mesh = new Host(testConfig({ agent: { l2Population: false } }), before.switch, before.now);
  mesh.apply({ kind: 'restored', contents, boot: HEADER.boot });
  takeUnsaved(mesh.state, mesh.now);
  expect(mesh.open('refresh')).toEqual([]);
});

test('a predecessor’s refresh of a network that it did not keep is nobody’s business', async () => {
  const before = await synced();
  before.apply({ kind: 'gap', l2population: true, ports: false });
  const after = new Host(before.config, before.switch, before.now);
  after.apply({ kind: 'restored', contents: { ...kept(before), networks: [] }, boot: HEADER.boot });
  expect(after.open('refresh')).toHaveLength(1);
  takeUnsaved(after.state, after.now);
  expect(after.open('refresh')).toEqual([]);
});

test('of networks that were asked for and did not come again the latest are remembered', async () => {
  const before = await synced();
  before.apply({ kind: 'duty-started', duty: { kind: 'up', ports: [portId(1)], refresh: true, ask: 'b' } });
  const contents = kept(before);
  const [refresh] = contents.open;
  expect(refresh).toMatchObject({ kind: 'refresh', blockedOn: 'snapshot' });
  const others = Array.from({ length: 5000 }, (_, n) => ({ ...refresh!, id: -n - 1, key: `refresh ${n} vxlan 1` }));
  const after = await restarted(before, { ...contents, open: [...others, ...contents.open] });
  expect(network(after).sync.isLateAnswerPossible).toBe(true);
  expect(after.state.askedBefore.size).toBeLessThanOrEqual(4094);
});

test('what was not here for an instant is written anew when it is back', async () => {
  const before = await synced();
  const journal = MemoryJournal.of(before.state, before.now);
  const port = [...before.switch.portNames('br-int')].find((name) => name === 'tap1');
  expect(port).toBe('tap1');
  const after = new Host(before.config, before.switch, before.now);
  after.apply({ kind: 'restored', contents: journal.contents(), boot: HEADER.boot });
  // No VIF has been seen, and so none is awaited.
  after.state.recovered = true;
  settleRestored(after.state);
  after.remove('vxlan', { [NEW]: [['fa:16:3e:00:00:02', 'fd00::2']] });
  after.connect();
  await after.settle();
  journal.save(after.state, after.now);
  expect(JSON.stringify(journal.contents().networks)).not.toContain('fd00::2');
});

test.each([
  ['its first VIF', (host: Host) => host.plug(portId(1), 'tap1')],
  ['the word that no VIF is its own', (host: Host) => host.serve(portId(2))],
])('what a predecessor had under way of a network waits for %s', async (_, come) => {
  const before = await synced();
  // A MAC and an IP that the FDB has no more: nothing else speaks of them.
  before.remove('vxlan', { [NEW]: [['fa:16:3e:00:00:02', 'fd00::2']] });
  const contents = kept(before);
  before.switch.unplug('tap1');
  before.plug(portId(2), 'tap2');
  const after = await restarted(before, contents);
  const waiting = () => [...after.open('mac'), ...after.open('ip')].map(({ blockedOn }) => blockedOn);
  const reason = 'local VLAN: no VIF of the network has been seen yet';
  expect(waiting()).toEqual([reason, reason]);
  come(after);
  await after.settle();
  expect(waiting()).toEqual([]);
});

test('a reboot: flows that are gone are made from it', async () => {
  const before = await synced();
  const picture = before.picture();
  before.switch.loseFlows();
  const after = await restarted(before);
  expect(duty(after)).toBeUndefined();
  expect(after.picture()).toEqual(picture);
});

test('a queue that is gone: everything is asked for, and nothing goes before the answer', async () => {
  const before = await synced();
  const picture = before.picture();
  const after = await restarted(before);
  after.apply({ kind: 'gap', l2population: true, ports: true });
  await after.settle();
  expect(duty(after)).toMatchObject({ kind: 'up', ports: [portId(1)], refresh: true });
  expect(after.picture()).toEqual(picture);
});

test('a gap before the switch was seen counts just as well', async () => {
  const before = await synced();
  const contents = kept(before);
  const after = new Host(before.config, before.switch, before.now);
  for (const [id, facts] of before.server) after.server.set(id, facts);
  after.apply({ kind: 'restored', contents, boot: HEADER.boot });
  after.apply({ kind: 'gap', l2population: true, ports: true });
  after.connect();
  await after.settle();
  expect(duty(after)).toMatchObject({ refresh: true });
  expect(after.picture()).toEqual(before.picture());
});

const settledOf = ({ networks }: JournalContents) => networks.map(({ settled }) => settled);

test('a network whose word was not complete is known, and asked for', async () => {
  const before = await synced();
  before.apply({ kind: 'gap', l2population: true, ports: false });
  expect(settledOf(kept(before))).toEqual([false]);
  const after = await restarted(before);
  expect(duty(after)).toMatchObject({ refresh: true });
  expect(after.picture()).toEqual(before.picture());
});

test('one that is in doubt is asked for', async () => {
  const host = await synced();
  host.now += 120_000;
  // The next snapshot lacks what the deltas brought.
  ask(host);
  expect(network(host).sync.suspects).toBeGreaterThan(0);
  expect(settledOf(kept(host))).toEqual([false]);
});

test('after another boot everything is known and has to be confirmed: a power loss may have taken the last of it', async () => {
  const before = await synced();
  before.switch.loseFlows();
  const after = await restarted(before, kept(before), 'another boot');
  expect(duty(after)).toMatchObject({ refresh: true });
  expect(after.picture()).toEqual(before.picture());
});

test('a server that never spoke of FDBs is asked again', async () => {
  const host = await synced();
  const journal = MemoryJournal.of(host.state, host.now);
  for (const isSilent of [true, false]) {
    host.state.setServerSilent(isSilent);
    journal.save(host.state, host.now);
    expect(settledOf(journal.contents())).toEqual([!isSilent]);
  }
});

test('stopped again before a VIF was seen, it is handed on', async () => {
  const before = await synced();
  const contents = kept(before);
  const between = new Host(before.config, before.switch, before.now);
  between.apply({ kind: 'restored', contents, boot: HEADER.boot });
  expect(kept(between).networks).toEqual(contents.networks);
});

test('what is written bit by bit is what is written at once', async () => {
  const before = await synced();
  const journal = MemoryJournal.of(before.state, before.now);
  before.add('vxlan', { [NEW]: [['fa:16:3e:00:00:01', '10.0.0.7']], '172.30.0.15': [FLOODING] });
  before.remove('vxlan', { '172.30.0.14': [FLOODING], [NEW]: [['fa:16:3e:00:00:02', 'fd00::2']] });
  journal.save(before.state, before.now);
  expect(journal.batches.at(-1)?.claims.length).toBeLessThan(6);
  const claims = ({ networks }: JournalContents) =>
    networks.flatMap((one) => one.claims.map((claim) => JSON.stringify(claim)));
  expect(claims(journal.contents()).sort()).toEqual(claims(kept(before)).sort());
});

test('a network of 150,000 MACs is written, too', async () => {
  const host = await synced();
  const fdb = host.state.fdb.get(network(host).key)!;
  const touched = nothingTouched();
  const mac = (n: number) => `fa:16:${n.toString(16).padStart(8, '0').match(/../g)!.join(':')}` as MacAddress;
  for (let n = 0; n < 150_000; n++) fdb.locate(NEW as IpAddress, mac(n), { sequence: 1, at: 0 }, touched);
  expect(MemoryJournal.of(host.state, host.now).batches[0]?.claims.length).toBeGreaterThan(150_000);
});

test('a network that leaves and comes back is written anew', async () => {
  const host = await synced();
  const journal = MemoryJournal.of(host.state, host.now);
  host.switch.unplug('tap1');
  await host.settle();
  host.remove('vxlan', { '172.30.0.14': [FLOODING] });
  host.plug(portId(2), 'tap2');
  host.serve(factsOf(portId(2)));
  await host.settle();
  journal.save(host.state, host.now);
  expect(journal.batches.at(-1)?.gone).toHaveLength(1);
  expect(journal.contents().networks).toEqual(kept(host).networks);
});

test('a network whose VIF has gone meanwhile is kept in memory like any other, and nowhere else', async () => {
  const before = await synced();
  const journal = MemoryJournal.of(before.state, before.now);
  before.switch.unplug('tap1');
  const after = new Host(before.config, before.switch, before.now);
  after.apply({ kind: 'restored', contents: journal.contents(), boot: HEADER.boot });
  journal.save(after.state, after.now);
  expect(journal.contents().networks).toHaveLength(1);
  after.connect();
  await after.settle();
  expect(after.state.networks.size).toBe(0);
  expect(after.state.restored.size).toBe(0);
  expect(after.state.fdb.sizes()).toMatchObject({ local: 0 });
  expect(after.state.fdb.sizes().elsewhere).toBeGreaterThan(0);
  journal.save(after.state, after.now);
  expect(journal.contents().networks).toEqual([]);
  // Its first VIF asks for it.
  after.plug(portId(2), 'tap2');
  after.serve(factsOf(portId(2)));
  await after.settle();
  expect(network(after).sync.status).toBe('unsynced');
});

test('somebody else’s is of no use', () => {
  const config = testConfig();
  expect(unfit(HEADER, config)).toBeUndefined();
  expect(unfit({ ...HEADER, host: 'host9' }, config)).toBe('it is of host host9');
  expect(unfit({ ...HEADER, localIp: '10.9.9.9' as IpAddress }, config)).toBe('local_ip was 10.9.9.9');
});

test('a mesh has no FDB: what was kept is not used, and not kept on', async () => {
  const before = await synced();
  const contents = kept(before);
  const after = new Host(testConfig({ agent: { l2Population: false } }), before.switch, before.now);
  after.apply({ kind: 'restored', contents, boot: HEADER.boot });
  expect([after.state.restored.size, after.state.fdb.sizes()]).toEqual([0, { local: 0, elsewhere: 0 }]);
  const journal = new MemoryJournal();
  journal.save(after.state, after.now);
  expect(journal.batches[0]?.gone).toHaveLength(1);
});
