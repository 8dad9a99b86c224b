import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Journal } from '../../../src/journal/journal.ts';
import type { Entry, Origin } from '../../../src/journal/record.ts';

const NETWORK = '00f2d01f-cb41-490d-bb30-f7e4e515e5d6';
const MAC = `mac ${NETWORK} vxlan 7 fa:16:3e:00:00:01`;
const IP = `ip ${NETWORK} vxlan 7 10.0.0.1`;
const REFRESH = `refresh ${NETWORK} vxlan 7`;
const free = () => undefined;
const on = (reason: string) => () => reason;

const origin = (uniqueId: string): Origin => ({ uniqueId, requestId: 'req-1', queue: 'q', receivedAt: 1 });
const fresh = () => new Journal({ attempts: 3, retry: 1000 });
const told = (journal: Journal) =>
  [...journal.open].map(({ key, state, blockedOn }) => `${key}: ${blockedOn ?? state}`);
const saved = (journal: Journal) =>
  journal.takeUnsaved().map(({ id, state, attempts }) => `${id} ${state} ${attempts}`);

describe('the life of an intent', () => {
  test('recorded, planned, carried out; completed ones are written and forgotten', () => {
    const journal = fresh();
    journal.record(MAC, origin('a'), 10);
    expect(journal.takeUnsaved()).toEqual([
      {
        ...{ id: 1, key: MAC, kind: 'mac', network: NETWORK, state: 'pending', blockedOn: undefined },
        ...{ attempts: 0, notBefore: 0, lastError: undefined, origin: origin('a'), createdAt: 10, updatedAt: 10 },
      },
    ]);
    journal.begin(free, 11);
    expect(told(journal)).toEqual([`${MAC}: processing`]);
    journal.done(12);
    expect(told(journal)).toEqual([]);
    expect(journal.takeUnsaved()).toMatchObject([{ id: 1, state: 'completed', createdAt: 10, updatedAt: 12 }]);
    expect(journal.takeUnsaved()).toEqual([]);
  });

  test('several changes of one thing are one entry, the last one’s', () => {
    const journal = fresh();
    journal.record(MAC, origin('a'), 10);
    journal.record(IP, origin('a'), 10);
    journal.record(MAC, origin('b'), 20);
    expect(journal.takeUnsaved()).toMatchObject([
      { id: 1, key: MAC, origin: { uniqueId: 'b' }, createdAt: 10, updatedAt: 20 },
      { id: 2, key: IP },
    ]);
    // What follows from something else than a message keeps the message that it began with.
    journal.record(MAC, undefined, 30);
    expect(journal.get(MAC)?.origin?.uniqueId).toBe('b');
  });

  test('what was refused and is recorded again is to be tried again, not taken for done', () => {
    const journal = fresh();
    journal.rejected(MAC, 'no', 10);
    journal.record(MAC, undefined, 11);
    // Taken away and added in one batch.
    journal.record(MAC, undefined, 11);
    expect(journal.takeDue(11)).toEqual([MAC]);
    expect(journal.takeDue(11)).toEqual([]);
  });

  test('what changes while a plan is carried out is not completed by it', () => {
    const journal = fresh();
    journal.record(MAC, undefined, 1);
    journal.begin(free, 2);
    journal.record(MAC, undefined, 3);
    journal.done(4);
    expect(told(journal)).toEqual([`${MAC}: pending`]);
  });

  test('what waits says for what, and is not in the plan until it is there', () => {
    const journal = fresh();
    journal.record(MAC, undefined, 1);
    journal.block(on('ofport of tunnel vxlan 172.30.0.12'), 1);
    expect(journal.takeUnsaved()).toMatchObject([{ blockedOn: 'ofport of tunnel vxlan 172.30.0.12' }]);
    journal.begin(on('ofport of tunnel vxlan 172.30.0.12'), 2);
    journal.done(3);
    expect(told(journal)).toEqual([`${MAC}: ofport of tunnel vxlan 172.30.0.12`]);
    expect(journal.takeUnsaved()).toEqual([]);
    journal.recheck(MAC);
    journal.begin(free, 4);
    journal.done(5);
    expect(told(journal)).toEqual([]);
  });

  test('looks only at those that may wait for something else by now', () => {
    const journal = fresh();
    const asked: string[] = [];
    const blockedOn = (key: string) => {
      asked.push(key);
      return 'an ofport';
    };
    const looks = (change: () => void) => {
      change();
      journal.block(blockedOn, 0);
      return asked.splice(0);
    };
    for (const key of [MAC, IP]) journal.record(key, undefined, 0);
    journal.refresh(REFRESH, 'snapshot', 0);
    expect(looks(() => undefined)).toEqual([MAC, IP]);
    expect(looks(() => undefined)).toEqual([]);
    expect(looks(() => journal.recheck(IP))).toEqual([IP]);
    expect(looks(() => journal.recheck('mac of nobody'))).toEqual([]);
    expect(looks(() => journal.recheck())).toEqual([MAC, IP]);
    expect(looks(() => journal.record(MAC, undefined, 0))).toEqual([MAC]);
  });

  test('“not now” is no attempt', () => {
    const journal = fresh();
    journal.record(MAC, undefined, 1);
    for (let time = 2; time < 20; time++) {
      journal.begin(free, time);
      journal.notNow('ovs-vswitchd is away', time);
    }
    expect(journal.get(MAC)).toMatchObject({ state: 'pending', attempts: 0, lastError: 'ovs-vswitchd is away' });
  });

  test('what waits for something says no more that it was not the time; that it was refused, it does', () => {
    const journal = fresh();
    for (const key of [MAC, IP]) journal.record(key, undefined, 1);
    journal.begin(free, 2);
    journal.rejected(IP, 'bad', 2);
    journal.notNow('ovs-vswitchd is away', 2);
    journal.begin(on('an ofport'), 3);
    expect([...journal.open].map(({ blockedOn, lastError }) => [blockedOn, lastError])).toEqual([
      ['an ofport', undefined],
      ['an ofport', 'bad'],
    ]);
  });

  test('“not this” is tried again, ever later, and then has failed; maintenance begins anew', () => {
    const journal = fresh();
    journal.record(MAC, undefined, 0);
    journal.record(IP, undefined, 0);
    journal.begin(free, 0);
    journal.rejected(MAC, 'bad', 0);
    journal.done(0);
    expect(told(journal)).toEqual([`${MAC}: pending`]);
    expect([journal.nextDue(0), journal.takeDue(999)]).toEqual([1000, []]);
    journal.begin(free, 999);
    expect(told(journal), 'before its time').toEqual([`${MAC}: pending`]);
    expect(journal.takeDue(1000)).toEqual([MAC]);
    expect([journal.nextDue(1000), journal.takeDue(1000)]).toEqual([undefined, []]);
    journal.begin(free, 1000);
    journal.rejected(MAC, 'bad', 1000);
    expect(journal.nextDue(1000)).toBe(3000);
    expect(journal.takeDue(3000)).toEqual([MAC]);
    journal.begin(free, 3000);
    journal.rejected(MAC, 'still bad', 3000);
    expect(journal.get(MAC)).toMatchObject({ state: 'failed', attempts: 3, lastError: 'still bad' });
    expect(journal.nextDue(3000)).toBeUndefined();
    journal.begin(free, 1e9);
    expect(told(journal)).toEqual([`${MAC}: failed`]);
    expect(journal.reopen(1e9)).toBe(true);
    expect([journal.takeDue(1e9), journal.get(MAC)?.attempts]).toEqual([[MAC], 0]);
    journal.begin(free, 1e9);
    journal.done(1e9);
    expect([told(journal), journal.reopen(1e9)]).toEqual([[], false]);
  });

  test('a new change of what has failed is a new chance', () => {
    const journal = fresh();
    for (let time = 0; time < 3; time++) journal.rejected(MAC, 'bad', time);
    expect(journal.get(MAC)?.state).toBe('failed');
    journal.record(MAC, origin('a'), 5);
    journal.begin(free, 5);
    journal.done(5);
    expect(told(journal), 'its flow is left out of every plan still').toEqual([`${MAC}: pending`]);
    expect(journal.takeDue(5)).toEqual([MAC]);
    journal.begin(free, 5);
    journal.done(5);
    expect(told(journal)).toEqual([]);
  });

  test('the server’s word is an intent, completed when it is there', () => {
    const journal = fresh();
    journal.refresh(REFRESH, undefined, 0);
    expect(saved(journal)).toEqual([]);
    journal.refresh(REFRESH, 'an ACTIVE port to ask with', 1);
    journal.refresh(REFRESH, 'snapshot', 2);
    journal.refresh(REFRESH, 'snapshot', 3);
    journal.begin(free, 4);
    journal.done(4);
    expect(told(journal)).toEqual([`${REFRESH}: snapshot`]);
    expect(journal.takeUnsaved()).toMatchObject([{ id: 1, updatedAt: 2, blockedOn: 'snapshot' }]);
    journal.refresh(REFRESH, undefined, 5);
    expect(saved(journal)).toEqual(['1 completed 0']);
  });
});

test('a successor goes on with what was open, and numbers on', () => {
  const journal = fresh();
  journal.record(MAC, origin('a'), 0);
  journal.begin(free, 0);
  journal.refresh(REFRESH, 'snapshot', 0);
  const next = fresh();
  next.restore([...journal.open], 7);
  expect(saved(next)).toEqual([]);
  expect(told(next)).toEqual([`${MAC}: pending`, `${REFRESH}: snapshot`]);
  next.record(IP, undefined, 1);
  expect(next.get(IP)?.id).toBe(8);
  next.begin(free, 2);
  next.done(2);
  next.refresh(REFRESH, undefined, 3);
  expect(saved(next)).toEqual(['8 completed 0', '1 completed 0', '2 completed 0']);
});

test('a new file gets all that is open', () => {
  const journal = fresh();
  journal.record(MAC, undefined, 0);
  journal.takeUnsaved();
  journal.forgetSaved();
  expect(saved(journal)).toEqual(['1 pending 0']);
});

type Step = readonly [(typeof STEPS)[number], number];
const STEPS = ['record', 'rejected', 'begin', 'done', 'notNow', 'block', 'waits', 'reopen', 'due'] as const;

test('in any order: one open entry a key, what is written is what is there, nothing is lost on the way', () => {
  const step: fc.Arbitrary<Step> = fc.tuple(fc.constantFrom(...STEPS), fc.nat(1));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
      const journal = fresh();
      const file = new Map<number, Entry>();
      const waiting = new Set<string>();
      /** Refused, and in no plan until it was due. */
      const leftOut = new Set<string>();
      const blockedOn = (subject: string) => (waiting.has(subject) ? 'a tunnel' : undefined);
      let now = 0;
      for (const [what, n] of steps) {
        now += 700;
        const key = `mac ${NETWORK} vxlan 7 fa:16:3e:00:00:0${n}`;
        if (what === 'record') journal.record(key, undefined, now);
        else if (what === 'rejected') {
          journal.rejected(key, 'bad', now);
          leftOut.add(key);
        } else if (what === 'begin') journal.begin(blockedOn, now);
        else if (what === 'done') journal.done(now);
        else if (what === 'notNow') journal.notNow('away', now);
        else if (what === 'block') journal.block(blockedOn, now);
        else if (what === 'waits') {
          if (!waiting.delete(key)) waiting.add(key);
          journal.recheck(key);
        } else if (what === 'reopen') journal.reopen(now);
        else for (const due of journal.takeDue(now)) leftOut.delete(due);
        for (const entry of journal.takeUnsaved()) file.set(entry.id, entry);
        const open = [...file.values()].filter(({ state }) => state !== 'completed');
        const here = [...journal.open];
        expect(open.map(({ id }) => id).sort()).toEqual(here.map(({ id }) => id).sort());
        expect(new Set(here.map((entry) => entry.key)).size).toBe(here.length);
        for (const entry of here) if (entry.state === 'processing') expect(leftOut.has(entry.key)).toBe(false);
        const pending = here.filter(({ state }) => state === 'pending');
        if (what !== 'begin' && what !== 'block') continue;
        for (const entry of pending) expect(entry.blockedOn).toBe(blockedOn(entry.key));
        if (what === 'begin') for (const entry of pending) expect(entry.blockedOn ?? entry.notBefore).not.toBe(0);
      }
      // Whatever happened: given time and a switch that takes everything, all of it gets there.
      waiting.clear();
      journal.recheck();
      journal.notNow('away', now);
      journal.reopen(now);
      journal.takeDue(Number.MAX_SAFE_INTEGER);
      journal.begin(free, Number.MAX_SAFE_INTEGER);
      journal.done(now);
      expect(told(journal)).toEqual([]);
    }),
  );
});
