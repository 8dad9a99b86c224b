import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Flow, flowKey } from '../../../src/flows/flow.ts';
import { FlowLedger } from '../../../src/flows/ledger.ts';

const OURS = '0x6c32400100000000';
const THEIRS = '0xfeed';

function flow(match: string, actions: string, cookie = OURS): Flow {
  return { table: 20, priority: 2, match, actions, cookie };
}

const isMine = ({ cookie }: Flow) => cookie !== THEIRS;

/** The bridge, as far as bundles go. */
class Switch {
  readonly flows = new Map<string, Flow>();

  take({ adds, deletes }: ReturnType<FlowLedger['changes']>): void {
    for (const key of deletes) this.flows.delete(key);
    for (const added of adds) this.flows.set(flowKey(added), added);
  }

  dump(): Flow[] {
    return [...this.flows.values()];
  }
}

function settle(ledger: FlowLedger, bridge: Switch): void {
  const changes = ledger.changes();
  bridge.take(changes);
  ledger.applied(changes);
}

const sorted = (flows: readonly Flow[]) => flows.map((one) => `${flowKey(one)} ${one.actions} ${one.cookie}`).sort();

const anyFlow = fc
  .tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 2 }), fc.constantFrom(OURS, '0x6c32400200000000'))
  .map(([key, actions, cookie]) => flow(`dl_vlan=${key}`, `output:${actions}`, cookie));

describe('one subject after another', () => {
  test('adds what is wanted, then nothing', () => {
    const ledger = new FlowLedger();
    ledger.want('a', [flow('dl_vlan=1', 'output:1'), flow('dl_vlan=2', 'output:1')]);
    const changes = ledger.changes();
    expect(changes).toEqual({ adds: [flow('dl_vlan=1', 'output:1'), flow('dl_vlan=2', 'output:1')], deletes: [] });
    expect(ledger.changes()).toEqual(changes);
    ledger.applied(changes);
    expect(ledger.changes()).toEqual({ adds: [], deletes: [] });
    expect(ledger.actual()).toEqual(ledger.wanted());
    expect(ledger.size).toBe(2);
  });

  test('what a subject wanted before and does not now is deleted, what stays is not touched', () => {
    const ledger = new FlowLedger();
    const kept = flow('dl_vlan=1', 'output:1');
    ledger.want('a', [kept, flow('dl_vlan=2', 'output:1')]);
    ledger.applied(ledger.changes());
    ledger.want('a', [kept]);
    expect(ledger.changes()).toEqual({ adds: [], deletes: ['table=20,priority=2,dl_vlan=2'] });
    ledger.applied(ledger.changes());
    ledger.want('a', []);
    expect(ledger.changes().deletes).toEqual(['table=20,priority=2,dl_vlan=1']);
    expect(ledger.size).toBe(0);
  });

  test('wanted and unwanted before it was there: nothing to do', () => {
    const ledger = new FlowLedger();
    ledger.want('a', [flow('dl_vlan=1', 'output:1')]);
    ledger.want('a', []);
    expect(ledger.changes()).toEqual({ adds: [], deletes: [] });
  });

  test('other actions or another cookie: added over, never deleted first', () => {
    for (const other of [flow('dl_vlan=1', 'output:2'), flow('dl_vlan=1', 'output:1', '0x6c32400200000000')]) {
      const ledger = new FlowLedger();
      ledger.want('a', [flow('dl_vlan=1', 'output:1')]);
      ledger.applied(ledger.changes());
      ledger.want('a', [other]);
      expect(ledger.changes()).toEqual({ adds: [other], deletes: [] });
    }
  });

  test('changed while a bundle is on its way: the rest of the way is still to go', () => {
    const ledger = new FlowLedger();
    ledger.want('a', [flow('dl_vlan=1', 'output:1')]);
    const sent = ledger.changes();
    ledger.want('a', [flow('dl_vlan=1', 'output:2')]);
    ledger.applied(sent);
    expect(ledger.changes().adds).toEqual([flow('dl_vlan=1', 'output:2')]);
    ledger.want('a', []);
    expect(ledger.changes().deletes).toEqual(['table=20,priority=2,dl_vlan=1']);
  });
});

describe('two subjects and one key', () => {
  const one = flow('dl_vlan=1', 'output:1');
  const two = flow('dl_vlan=1', 'output:2');

  test('the last one counts, and the first may go without taking it along', () => {
    const ledger = new FlowLedger();
    ledger.want('a', [one]);
    ledger.want('b', [two]);
    expect(ledger.changes().adds).toEqual([two]);
    ledger.applied(ledger.changes());
    ledger.want('a', []);
    expect(ledger.changes()).toEqual({ adds: [], deletes: [] });
    ledger.want('b', []);
    expect(ledger.changes().deletes).toEqual([flowKey(two)]);
  });

  test('a key moves from one to the other in either order of rendering', () => {
    for (const order of ['ab', 'ba']) {
      const ledger = new FlowLedger();
      ledger.want('a', [one]);
      ledger.applied(ledger.changes());
      for (const subject of order) ledger.want(subject, subject === 'a' ? [] : [two]);
      expect(ledger.changes(), order).toEqual({ adds: [two], deletes: [] });
    }
  });
});

describe('a dump', () => {
  test('what is there and not wanted goes, what is wanted and not there comes, what is right stays', () => {
    const ledger = new FlowLedger();
    const right = flow('dl_vlan=1', 'output:1');
    ledger.want('a', [right, flow('dl_vlan=2', 'output:1')]);
    ledger.setActual([right, flow('dl_vlan=3', 'output:1')], isMine);
    expect(ledger.changes()).toEqual({
      adds: [flow('dl_vlan=2', 'output:1')],
      deletes: ['table=20,priority=2,dl_vlan=3'],
    });
  });

  test('flows that vanished from the switch come back', () => {
    const ledger = new FlowLedger();
    ledger.want('a', [flow('dl_vlan=1', 'output:1')]);
    ledger.applied(ledger.changes());
    ledger.setActual([], isMine);
    expect(ledger.changes().adds).toHaveLength(1);
  });

  test('foreign flows are kept apart and never deleted', () => {
    const ledger = new FlowLedger();
    const foreign = flow('dl_vlan=9', 'output:9', THEIRS);
    ledger.setActual([foreign], isMine);
    expect(ledger.changes()).toEqual({ adds: [], deletes: [] });
    expect(ledger.foreign()).toEqual([foreign]);
    expect(ledger.actual()).toEqual([]);
  });

  test('a foreign flow in the place of one of ours is replaced, then it is no longer there', () => {
    const ledger = new FlowLedger();
    const ours = flow('dl_vlan=1', 'output:1');
    ledger.want('a', [ours]);
    ledger.setActual([flow('dl_vlan=1', 'drop', THEIRS)], isMine);
    const changes = ledger.changes();
    expect(changes.adds).toEqual([ours]);
    ledger.applied(changes);
    expect(ledger.foreign()).toEqual([]);
    expect(ledger.changes()).toEqual({ adds: [], deletes: [] });
  });
});

describe('refused', () => {
  test('left alone until the subject is set otherwise or admitted again, also after a dump', () => {
    const ledger = new FlowLedger();
    const bad = flow('dl_vlan=1', 'output:1');
    ledger.want('a', [bad]);
    expect(ledger.refused(ledger.changes())).toEqual(new Set(['a']));
    expect(ledger.changes()).toEqual({ adds: [], deletes: [] });
    ledger.want('b', [flow('dl_vlan=2', 'output:1')]);
    ledger.want('a', [bad]);
    expect(ledger.changes().adds).toHaveLength(1);
    ledger.setActual([], isMine);
    expect(ledger.changes().adds).toHaveLength(1);
    ledger.readmit('b');
    expect(ledger.changes().adds).toHaveLength(1);
    ledger.readmit('a');
    expect(ledger.changes().adds).toContainEqual(bad);
    ledger.refused({ adds: [bad], deletes: [] });
    const good = flow('dl_vlan=1', 'output:2');
    ledger.want('a', [good]);
    expect(ledger.changes().adds).toContainEqual(good);
    ledger.want('a', [bad]);
    expect(ledger.changes().adds).toContainEqual(bad);
  });

  test('put there by somebody else while nobody tries it: that is seen, so that it goes when it is wanted no more', () => {
    const ledger = new FlowLedger();
    const bad = flow('dl_vlan=1', 'output:1');
    const added = { kind: 'added', ...bad } as const;
    ledger.want('a', [bad]);
    ledger.refused(ledger.changes());
    expect(ledger.expects(added)).toBe(false);
    ledger.setActual([bad], isMine);
    expect(ledger.changes()).toEqual({ adds: [], deletes: [] });
    expect(ledger.expects({ ...added, kind: 'deleted' }), 'or it would be taken for there when it is tried again').toBe(
      false,
    );
    ledger.want('a', []);
    expect(ledger.changes().deletes).toEqual([flowKey(bad)]);
    ledger.want('a', [bad]);
    ledger.readmit('a');
    expect(ledger.expects(added)).toBe(true);
  });

  test('to be deleted: left alone until its subject is admitted again, it is wanted again or gone; what nobody wanted, until the next dump', () => {
    const ledger = new FlowLedger();
    const [mine, stale] = [flow('dl_vlan=1', 'output:1'), flow('dl_vlan=9', 'output:9')];
    const there = [mine, stale];
    ledger.want('a', [mine]);
    ledger.setActual(there, isMine);
    ledger.want('a', []);
    const [mineKey, staleKey] = there.map(flowKey);
    expect(new Set(ledger.changes().deletes)).toEqual(new Set([mineKey, staleKey]));
    expect(ledger.refused(ledger.changes())).toEqual(new Set(['a']));
    expect(ledger.changes().deletes).toEqual([]);
    ledger.setActual(there, isMine);
    expect(ledger.changes().deletes).toEqual([staleKey]);
    ledger.readmit('b');
    expect(ledger.changes().deletes).toEqual([staleKey]);
    ledger.readmit('a');
    expect(ledger.changes().deletes).toEqual([staleKey, mineKey]);
    ledger.refused(ledger.changes());
    ledger.want('a', [mine]);
    ledger.want('a', []);
    expect(ledger.changes().deletes).toEqual([]);
    ledger.want('a', [mine]);
    ledger.changes();
    ledger.want('a', []);
    expect(ledger.changes().deletes).toEqual([mineKey]);
    ledger.refused(ledger.changes());
    ledger.setActual([], isMine);
    expect(ledger.changes()).toEqual({ adds: [], deletes: [] });
    ledger.setActual([mine], isMine);
    expect(ledger.changes().deletes, 'somebody put it back').toEqual([mineKey]);
    expect(ledger.refused(ledger.changes())).toEqual(new Set());
  });
});

type Step =
  | { readonly kind: 'want'; readonly subject: string; readonly flows: readonly Flow[] }
  | { readonly kind: 'settle' | 'lose' | 'compare' };

const steps = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constant('want' as const),
      subject: fc.constantFrom('a', 'b', 'c'),
      flows: fc.uniqueArray(anyFlow, { maxLength: 3, selector: flowKey }),
    }),
    fc.record({ kind: fc.constantFrom('settle' as const, 'lose' as const, 'compare' as const) }),
  ),
  { maxLength: 30 },
);

/** Each subject its own keys, as the renderer does it: the subject is part of the match. */
function own(subject: string, flows: readonly Flow[]): Flow[] {
  return flows.map((one) => ({ ...one, match: `${one.match},dl_dst=${subject}` }));
}

function run(list: readonly Step[], bridge: Switch): { ledger: FlowLedger; last: Map<string, readonly Flow[]> } {
  const ledger = new FlowLedger();
  const last = new Map<string, readonly Flow[]>();
  ledger.setActual(bridge.dump(), isMine);
  for (const step of list) {
    if (step.kind === 'want') {
      ledger.want(step.subject, own(step.subject, step.flows));
      last.set(step.subject, own(step.subject, step.flows));
    } else if (step.kind === 'settle') settle(ledger, bridge);
    else if (step.kind === 'lose') {
      const [first] = bridge.flows.keys();
      if (first !== undefined) bridge.flows.delete(first);
    } else ledger.setActual(bridge.dump(), isMine);
  }
  return { ledger, last };
}

describe('laws', () => {
  test('after applied(changes()) there is nothing to do, and the ledger knows the switch', () => {
    fc.assert(
      fc.property(steps, (list) => {
        const bridge = new Switch();
        const { ledger } = run(
          list.filter(({ kind }) => kind !== 'lose'),
          bridge,
        );
        settle(ledger, bridge);
        expect(ledger.changes()).toEqual({ adds: [], deletes: [] });
        expect(sorted(bridge.dump())).toEqual(sorted(ledger.wanted()));
        expect(sorted(ledger.actual())).toEqual(sorted(bridge.dump()));
      }),
    );
  });

  test('whatever was there and got lost: a dump and its changes end in what the subjects want, foreign flows aside', () => {
    fc.assert(
      fc.property(steps, fc.array(anyFlow), fc.array(anyFlow), (list, there, foreign) => {
        const bridge = new Switch();
        for (const one of there) bridge.flows.set(flowKey(one), one);
        const others = foreign.map((one) => ({ ...one, match: `foreign ${one.match}`, cookie: THEIRS }));
        for (const one of others) bridge.flows.set(flowKey(one), one);
        const { ledger, last } = run(list, bridge);
        ledger.setActual(bridge.dump(), isMine);
        settle(ledger, bridge);
        const expected = [...[...last.values()].flat(), ...others];
        const byKey = new Map(expected.map((one) => [flowKey(one), one]));
        expect(sorted(bridge.dump()).filter((line) => !line.startsWith('table=20,priority=2,foreign'))).toEqual(
          sorted([...byKey.values()]).filter((line) => !line.startsWith('table=20,priority=2,foreign')),
        );
        const left = bridge.dump().filter(({ cookie }) => cookie === THEIRS);
        expect(ledger.foreign()).toHaveLength(left.length);
      }),
    );
  });

  test('the order in which subjects are set does not matter', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.uniqueArray(anyFlow, { selector: flowKey })), {
          selector: ([subject]) => subject,
        }),
        (subjects) => {
          const wanted = [subjects, subjects.toReversed()].map((list) => {
            const ledger = new FlowLedger();
            for (const [subject, flows] of list) ledger.want(subject, own(subject, flows));
            return sorted(ledger.changes().adds);
          });
          expect(wanted[0]).toEqual(wanted[1]);
        },
      ),
    );
  });
});
