/** What the model of the resync has found, and what it guards: each a story of its own (DESIGN, rule 6). */
import { describe, expect, test } from 'vitest';
import { nextDuty, nextWake } from '../../../src/duties.ts';
import type { LocalNetwork } from '../../../src/state.ts';
import { testConfig } from '../config.ts';
import { FLOODING, factsOf, Host, type Pair, portId, VXLAN_NET } from '../host.ts';
import { HEADER, MemoryJournal } from '../memory-journal.ts';

const [OLD, NEW] = ['172.30.0.12', '172.30.0.13'];
const ENTRY: Pair = ['fa:16:3e:00:00:07', '10.10.0.7'];
const MINUTE = 60_000;

/** One VIF on the VXLAN network, its FDB known for long. */
async function begin(known: Readonly<Record<string, readonly Pair[]>> = { [OLD]: [FLOODING] }): Promise<Host> {
  const host = await Host.ready();
  host.plug(portId(1));
  host.serve(factsOf(portId(1)));
  host.add('vxlan', known);
  host.state.snapshots = 1;
  await host.settle();
  host.now += 100_000;
  return host;
}

const network = (host: Host): LocalNetwork => [...host.state.networks.values()][0]!;
const mark = (host: Host, id: string, edge: 'start' | 'end') => host.apply({ kind: 'marker', id, edge });
const changeIp = (host: Host, before: Pair, after: Pair) =>
  host.fdb('update_fdb_entries', {
    fdb_entries: { chg_ip: { [VXLAN_NET]: { [OLD]: { before: [before], after: [after] } } } },
  });

function ask(host: Host, id: string): void {
  host.apply({ kind: 'duty-started', duty: { kind: 'up', ports: [portId(1)], refresh: true, ask: id } });
  mark(host, id, 'start');
}

/** Asked twice more, a minute apart: the server has the flooding entry alone. */
function confirm(host: Host): void {
  for (const id of ['c', 'd']) {
    host.now += MINUTE;
    ask(host, id);
    host.add('vxlan', { [OLD]: [FLOODING] }, true);
    mark(host, id, 'end');
  }
}

/** `<vtep> <mac> <ip>` of all claims. */
function claims(host: Host): string[] {
  const { key } = network(host);
  return [...(host.state.fdb.get(key)?.claims() ?? [])].map(
    ({ vtep, mac, ip }) => `${vtep} ${mac ?? '*'} ${ip ?? '*'}`,
  );
}

const LOCATED = `${OLD} ${ENTRY[0]} *`;

describe('a snapshot that was read before a notification', () => {
  test('a chg_ip takes back the IP, not the MAC: where it is, only the snapshot says', async () => {
    const host = await begin();
    ask(host, 'a');
    changeIp(host, ENTRY, [ENTRY[0], '10.10.0.8']);
    host.add('vxlan', { [OLD]: [FLOODING, ENTRY] }, true);
    mark(host, 'a', 'end');
    await host.settle();
    expect(claims(host)).toEqual([`${OLD} * *`, LOCATED, `${OLD} ${ENTRY[0]} 10.10.0.8`]);
    expect(host.table(20).join()).toContain(ENTRY[0]);
  });

  test('a remove after a chg_ip: neither the old IP nor the MAC returns', async () => {
    const host = await begin();
    ask(host, 'a');
    changeIp(host, ENTRY, [ENTRY[0], '10.10.0.8']);
    host.remove('vxlan', { [OLD]: [[ENTRY[0], '10.10.0.8']] });
    host.add('vxlan', { [OLD]: [FLOODING, ENTRY] }, true);
    expect(claims(host)).toEqual([`${OLD} * *`]);
  });

  test('that has what was taken back contradicts it: which is newer, the next one tells', async () => {
    const host = await begin({ [OLD]: [FLOODING, ENTRY] });
    ask(host, 'a');
    // The server's remove came late, behind the add that followed it: the snapshot is right.
    host.remove('vxlan', { [OLD]: [ENTRY] });
    host.add('vxlan', { [OLD]: [FLOODING, ENTRY] }, true);
    mark(host, 'a', 'end');
    expect(claims(host)).not.toContain(LOCATED);
    expect(network(host).sync.confirmAt).toBe(host.now + MINUTE);
    host.now += MINUTE;
    ask(host, 'b');
    host.add('vxlan', { [OLD]: [FLOODING, ENTRY] }, true);
    mark(host, 'b', 'end');
    expect(claims(host)).toContain(LOCATED);
    expect(network(host).sync.isSettled).toBe(true);
  });

  test('that nobody asked for after a gap brings nothing back either', async () => {
    const host = await begin({ [OLD]: [FLOODING, ENTRY] });
    host.remove('vxlan', { [OLD]: [ENTRY] });
    host.now += 1_000;
    host.apply({ kind: 'gap', l2population: true, ports: false });
    host.add('vxlan', { [OLD]: [FLOODING, ENTRY] }, true);
    expect(claims(host)).not.toContain(LOCATED);
    // One that is asked for now knows more.
    ask(host, 'a');
    host.add('vxlan', { [OLD]: [FLOODING, ENTRY] }, true);
    expect(claims(host)).toContain(LOCATED);
  });
});

describe('the answer to an earlier question', () => {
  test.each(['no answer', 'the link went', 'its marker was lost'])(
    '%s: it may come yet, and is confirmed',
    async (how) => {
      const host = await begin();
      ask(host, 'a');
      if (how === 'the link went') host.apply({ kind: 'link-down' });
      if (how === 'no answer') {
        const duty = { kind: 'up', ports: [portId(1)], refresh: true, ask: 'a' } as const;
        host.apply({ kind: 'duty-done', duty, outcome: { kind: 'failed', reason: 'x' } });
      }
      host.now += 1_000;
      ask(host, 'b');
      // Read before the remove that we have heard, 40 s ago.
      host.add('vxlan', { [OLD]: [FLOODING, ENTRY] }, true);
      mark(host, 'b', 'end');
      expect(network(host).sync.isSettled).toBe(false);
      confirm(host);
      expect(claims(host)).toEqual([`${OLD} * *`]);
      expect(network(host).sync.isSettled).toBe(true);
    },
  );

  test('to a VIF that was reported up while all was well: the network is asked for, twice', async () => {
    const host = await begin();
    ask(host, 'a');
    host.add('vxlan', { [OLD]: [FLOODING] }, true);
    mark(host, 'a', 'end');
    const duty = { kind: 'up', ports: [portId(1)], refresh: false, ask: 'b' } as const;
    host.apply({ kind: 'duty-started', duty });
    host.apply({ kind: 'duty-done', duty, outcome: { kind: 'failed', reason: 'x' } });
    expect([network(host).sync.status, network(host).sync.confirmAt]).toEqual(['synced', host.now + MINUTE]);
    host.now += MINUTE;
    ask(host, 'c');
    host.add('vxlan', { [OLD]: [FLOODING, ENTRY] }, true);
    mark(host, 'c', 'end');
    expect(network(host).sync.confirmAt).toBe(host.now + MINUTE);
  });

  test('a question that somebody puts before it can have come settles nothing', async () => {
    const host = await begin();
    for (const id of ['a', 'b']) ask(host, id);
    host.add('vxlan', { [OLD]: [FLOODING] }, true);
    mark(host, 'b', 'end');
    host.now += 1_000;
    ask(host, 'by hand');
    host.add('vxlan', { [OLD]: [FLOODING, ENTRY] }, true);
    mark(host, 'by hand', 'end');
    expect([network(host).sync.isSettled, network(host).sync.confirmAt]).toEqual([false, host.now + MINUTE]);
    confirm(host);
    expect(claims(host)).toEqual([`${OLD} * *`]);
    expect(network(host).sync.isSettled).toBe(true);
  });

  test.each(['while a VIF was reported up, all being well', 'while a doubted answer waited for the next'])(
    'of a predecessor that was killed %s',
    async (when) => {
      const before = await begin();
      const duty = { kind: 'up', ports: [portId(1)], refresh: false, ask: 'b' } as const;
      for (const id of when.startsWith('while a VIF') ? ['a'] : ['x', 'a']) ask(before, id);
      before.add('vxlan', { [OLD]: [FLOODING] }, true);
      mark(before, 'a', 'end');
      const journal = MemoryJournal.of(before.state, before.now);
      if (when.startsWith('while a VIF')) before.apply({ kind: 'duty-started', duty });
      journal.save(before.state, before.now);
      expect(journal.differences(before.state)).toEqual([]);
      const after = new Host(before.config, before.switch, before.now + 1_000);
      after.apply({ kind: 'restored', contents: journal.contents(), boot: HEADER.boot });
      after.connect();
      await after.settle();
      after.facts(factsOf(portId(1)));
      // It is to be asked for, and the answer is not taken for the last word.
      expect(network(after).sync.isSettled).toBe(false);
      after.now += MINUTE;
      ask(after, 'c');
      after.add('vxlan', { [OLD]: [FLOODING, ENTRY] }, true);
      mark(after, 'c', 'end');
      expect(network(after).sync.confirmAt).toBe(after.now + MINUTE);
    },
  );

  test.each([
    ['at once', 1_000, true],
    ['long after', MINUTE, false],
  ])(
    'of a predecessor that was killed when the network that it had asked for had left; it is back %s',
    async (_, later, isDoubted) => {
      const before = await begin();
      ask(before, 'a');
      before.switch.unplug('tap0001');
      await before.settle();
      const journal = MemoryJournal.of(before.state, before.now);
      journal.save(before.state, before.now);
      expect(journal.contents()).toMatchObject({ networks: [], open: [] });
      const after = new Host(before.config, before.switch, before.now + 1_000);
      after.apply({ kind: 'restored', contents: journal.contents(), boot: HEADER.boot });
      after.connect();
      await after.settle();
      after.now += later;
      after.plug(portId(1), 'tap0001');
      await after.settle();
      after.facts(factsOf(portId(1)));
      expect(network(after).sync.isLateAnswerPossible).toBe(isDoubted);
    },
  );

  test('of a call that was answered: nothing more is owed', async () => {
    const host = await begin();
    ask(host, 'a');
    host.add('vxlan', { [OLD]: [FLOODING] }, true);
    mark(host, 'a', 'end');
    const journal = MemoryJournal.of(host.state, host.now);
    const duty = { kind: 'up', ports: [portId(1)], refresh: false, ask: 'b' } as const;
    host.apply({ kind: 'duty-started', duty });
    journal.save(host.state, host.now);
    expect(journal.contents().open).toMatchObject([{ kind: 'refresh', blockedOn: 'snapshot' }]);
    host.apply({ kind: 'duty-done', duty, outcome: { kind: 'told', failed: [] } });
    journal.save(host.state, host.now);
    expect(journal.contents().open).toEqual([]);
    expect(network(host).sync.isSettled).toBe(true);
  });

  test('of a network that left meanwhile and came back', async () => {
    const host = await begin();
    ask(host, 'a');
    host.switch.unplug('tap0001');
    host.plug(portId(1), 'tap0001');
    host.facts(factsOf(portId(1)));
    await host.settle();
    ask(host, 'b');
    host.add('vxlan', { [OLD]: [FLOODING, ENTRY] }, true);
    mark(host, 'b', 'end');
    expect(network(host).sync.confirmAt).toBe(host.now + MINUTE);
  });

  test.each([0, 1])('of a predecessor that was killed while it asked, and %i after it', async (more) => {
    const before = await begin();
    ask(before, 'a');
    const journal = MemoryJournal.of(before.state, before.now);
    for (let n = 0; n < more; n++) {
      const between = new Host(before.config, before.switch, before.now);
      between.apply({ kind: 'restored', contents: journal.contents(), boot: HEADER.boot });
      journal.save(between.state, between.now);
      between.connect();
      await between.settle();
      between.facts(factsOf(portId(1)));
      journal.save(between.state, between.now);
    }
    const after = new Host(before.config, before.switch, before.now + 1_000);
    after.apply({ kind: 'restored', contents: journal.contents(), boot: HEADER.boot });
    after.connect();
    await after.settle();
    after.facts(factsOf(portId(1)));
    ask(after, 'b');
    after.add('vxlan', { [OLD]: [FLOODING] }, true);
    mark(after, 'b', 'end');
    expect(network(after).sync.confirmAt).toBe(after.now + MINUTE);
  });
});

test('by name before our first marker: it was meant for a predecessor, and brings back nothing that it took back', async () => {
  const host = await begin();
  host.state.isNameOurs = false;
  host.add('vxlan', { [OLD]: [FLOODING, ENTRY] }, true);
  expect(claims(host)).toEqual([`${OLD} * *`]);
  mark(host, 'of the predecessor', 'start');
  host.add('vxlan', { [OLD]: [FLOODING, ENTRY] }, true);
  expect(claims(host)).toEqual([`${OLD} * *`]);
  ask(host, 'a');
  host.add('vxlan', { [OLD]: [FLOODING, ENTRY] }, true);
  expect(claims(host)).toContain(LOCATED);
});

test('an answer without a snapshot counts as soon as the server has sent one for another network', async () => {
  const host = await begin();
  host.state.snapshots = 0;
  ask(host, 'a');
  mark(host, 'a', 'end');
  expect([host.state.isServerSilent, network(host).sync.isSettled]).toEqual([true, false]);
  expect(nextDuty(host.state, host.now, () => 'b')).toBeUndefined();
  host.add('gre', { [NEW]: [FLOODING] }, true);
  expect(nextDuty(host.state, host.now, () => 'b')).toMatchObject({ refresh: true });
});

describe('when a network is asked for', () => {
  test('after a gap each host at its own time; one that was just plugged, or is asked for by hand, at once', async () => {
    const host = await begin();
    // As `daemon.ts` does it, with another number on each host.
    Object.defineProperty(host.state, 'resyncDelay', { value: 7_000 });
    host.apply({ kind: 'gap', l2population: true, ports: false });
    expect(nextDuty(host.state, host.now, () => 'a')).toBeUndefined();
    expect(nextWake(host.state, host.now)).toBe(host.now + 7_000);
    host.plug(portId(2));
    host.serve(factsOf(portId(2), {}, 'gre'));
    await host.settle();
    expect(nextDuty(host.state, host.now, () => 'a')?.ports).toEqual([portId(2)]);
    host.apply({ kind: 'resync', networks: [network(host).key] });
    expect(nextDuty(host.state, host.now, () => 'a')?.ports).toEqual([portId(1), portId(2)]);
  });

  test('not while the queue of notifications is gone, but as soon as it is there again', async () => {
    for (const back of ['gap', 'link-up'] as const) {
      const host = await begin();
      host.apply({ kind: 'deaf' });
      expect([network(host).sync.status, nextDuty(host.state, host.now, () => 'a')]).toEqual(['unsynced', undefined]);
      host.apply(back === 'gap' ? { kind: 'gap', l2population: true, ports: false } : { kind: 'link-up' });
      expect(nextDuty(host.state, host.now, () => 'a')).toMatchObject({ refresh: true });
    }
  });

  test('by hand while all is well: once, and its two steps stay', async () => {
    const host = await begin();
    ask(host, 'a');
    host.add('vxlan', { [OLD]: [FLOODING] }, true);
    mark(host, 'a', 'end');
    expect(nextDuty(host.state, host.now, () => 'b')).toBeUndefined();
    host.apply({ kind: 'resync', networks: [network(host).key] });
    expect(nextDuty(host.state, host.now, () => 'b')).toMatchObject({ refresh: true, ports: [portId(1)] });
    ask(host, 'b');
    host.add('vxlan', { [NEW]: [FLOODING] }, true);
    mark(host, 'b', 'end');
    expect(nextDuty(host.state, host.now, () => 'c')).toBeUndefined();
    expect(claims(host)).toContain(`${OLD} * *`);
  });

  test('the audit: between half and the whole interval later, networks in turn; 0 is never', async () => {
    const seconds = 1_000;
    const { state } = new Host(testConfig({ own: { auditInterval: seconds } }));
    const turns = [1, 2, 3, 4].map((vlan) => state.auditAfter(vlan as never) ?? 0);
    expect(Math.min(...turns)).toBeGreaterThanOrEqual((seconds * 1000) / 2);
    expect(Math.max(...turns)).toBeLessThan(seconds * 1000);
    expect(new Set(turns.map((turn) => Math.floor(turn / 100_000))).size).toBeGreaterThan(2);
    expect(new Host().state.auditAfter(1 as never)).toBeUndefined();

    const { sync } = network(await begin());
    const fdb = (await begin()).state.fdb.get(network(await begin()).key)!;
    const touched = { macs: new Set(), ips: new Set(), vteps: new Set(), claims: new Map() } as never;
    sync.asked('a', true, 0);
    sync.marker('a', 'end', fdb, { grace: 0, confirm: MINUTE, sweep: false, audit: 5_000 }, 1_000, touched);
    expect([sync.wantsRefresh(5_999), sync.wantsRefresh(6_000), sync.nextAt(1_000)]).toEqual([false, true, 6_000]);
  });
});
