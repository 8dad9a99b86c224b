/** Which events are our own doing: the ledger and its doubts together, on bundles as they happen. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Flow } from '../../../src/flows/flow.ts';
import { flowKey } from '../../../src/flows/flow.ts';
import { FlowLedger } from '../../../src/flows/ledger.ts';
import { Doubts } from '../../../src/flows/monitor-doubts.ts';
import type { FlowEvent } from '../../../src/flows/monitor-events.ts';

const OURS = '0x6c32400100000000';
const LEARNED = '0x6c32700000000000';
const THEIRS = '0xfeed';

const flow = (match: string, cookie = OURS, priority = 2): Flow => ({
  table: 20,
  priority,
  match,
  actions: 'drop',
  cookie,
});
const event = (kind: FlowEvent['kind'], match: string, cookie = OURS, actions = 'drop'): FlowEvent => ({
  ...{ kind, table: 20, match, cookie, actions },
});

/** A ledger that wants these, with a bridge that has them, and some of others. */
function settled(wanted: readonly Flow[], foreign: readonly Flow[] = []): { ledger: FlowLedger; doubts: Doubts } {
  const ledger = new FlowLedger();
  ledger.want('all', wanted);
  ledger.setActual([...wanted, ...foreign], ({ cookie }) => cookie !== THEIRS);
  return { ledger, doubts: new Doubts(ledger) };
}

describe('one event', () => {
  test.each<[string, FlowEvent, boolean]>([
    ['a wanted flow added', event('added', 'dl_vlan=1'), true],
    ['a wanted flow deleted', event('deleted', 'dl_vlan=1'), false],
    ['a wanted flow altered', event('modified', 'dl_vlan=1', OURS, 'output:1'), false],
    ['a wanted flow added and altered', event('added', 'dl_vlan=1', OURS, 'output:1'), false],
    ['a wanted flow altered to what it is to be', event('modified', 'dl_vlan=1'), true],
    ['a flow of ours that is not wanted added', event('added', 'dl_vlan=9'), false],
    ['a flow of ours that is not wanted deleted', event('deleted', 'dl_vlan=9'), true],
    ['a wanted flow under another cookie of ours', event('added', 'dl_vlan=1', '0x6c32400200000000'), false],
    ['a foreign flow added', event('added', 'dl_vlan=9', THEIRS), false],
    ['a foreign flow in place of a wanted one', event('added', 'dl_vlan=1', THEIRS), false],
    ['a known foreign flow added again', event('added', 'dl_vlan=7', THEIRS), true],
    ['a known foreign flow altered', event('modified', 'dl_vlan=7', THEIRS, 'output:1'), false],
    ['a known foreign flow deleted', event('deleted', 'dl_vlan=7', THEIRS), false],
    ['an unknown foreign flow deleted', event('deleted', 'dl_vlan=8', THEIRS), true],
    ['a flow learned', event('added', 'dl_vlan=9', LEARNED), true],
    ['a flow learned anew', event('modified', 'dl_vlan=9', LEARNED), true],
    ['a learned flow gone', event('deleted', 'dl_vlan=9', LEARNED), true],
  ])('%s', (_, one, expected) => {
    const { ledger, doubts } = settled([flow('dl_vlan=1'), flow('', OURS, 0)], [flow('dl_vlan=7', THEIRS)]);
    expect(ledger.expects(one)).toBe(expected);
    doubts.note(one);
    expect(doubts.isEmpty).toBe(expected);
    expect(doubts.standing()).toEqual(expected ? [] : [one]);
  });

  test('without actions an add is believed, an alteration not', () => {
    const { ledger } = settled([flow('dl_vlan=1')]);
    const untold = { ...event('added', 'dl_vlan=1'), actions: undefined };
    expect(ledger.expects(untold)).toBe(true);
    expect(ledger.expects({ ...untold, match: 'dl_vlan=2' })).toBe(false);
    expect(ledger.expects({ ...untold, kind: 'modified' })).toBe(false);
    expect(ledger.expects({ ...untold, kind: 'deleted' })).toBe(false);
  });

  test('a flow without a match is found whatever its priority', () => {
    const { ledger } = settled([flow('', OURS, 0), flow('dl_vlan=1')]);
    expect(ledger.expects(event('added', ''))).toBe(true);
    expect(ledger.expects(event('deleted', ''))).toBe(false);
  });
});

test('a flow that came back leaves no doubt', () => {
  const { doubts } = settled([flow('dl_vlan=1')]);
  doubts.note(event('deleted', 'dl_vlan=1'));
  doubts.note(event('added', 'dl_vlan=1'));
  expect(doubts.isEmpty).toBe(true);
});

test('what is wanted by the time of the look leaves no doubt', () => {
  const { ledger, doubts } = settled([]);
  doubts.note(event('added', 'dl_vlan=1'));
  expect(doubts.isEmpty).toBe(false);
  ledger.want('late', [flow('dl_vlan=1')]);
  expect(doubts.standing()).toEqual([]);
  expect(doubts.isEmpty).toBe(true);
});

test('a foreign flow that our bundle replaced is new if it comes again', () => {
  const { ledger } = settled([], [flow('dl_vlan=1', THEIRS)]);
  expect(ledger.expects(event('added', 'dl_vlan=1', THEIRS))).toBe(true);
  ledger.want('a', [flow('dl_vlan=1')]);
  ledger.applied(ledger.changes());
  expect(ledger.expects(event('added', 'dl_vlan=1', THEIRS))).toBe(false);
});

test('of very many not each is kept, but that there are more is not forgotten', () => {
  const { ledger, doubts } = settled([]);
  const many = Array.from({ length: 5_000 }, (_, i) => flow(`dl_vlan=${i}`));
  for (const { match } of many) doubts.note(event('added', match));
  expect(doubts.standing().length).toBeLessThan(1_100);
  // The ones that were kept turn out to be right, or go.
  ledger.want('late', many.slice(0, 500));
  for (const { match } of many.slice(500, 1_500)) doubts.note(event('deleted', match));
  expect(doubts.standing()).not.toEqual([]);
  expect(doubts.isEmpty).toBe(false);
  doubts.clear();
  expect(doubts.isEmpty).toBe(true);
  expect(doubts.standing()).toEqual([]);
});

test('our own bundles leave no doubt, however late their events come; what somebody else does last always does', () => {
  const one = fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 3 }));
  const wants = fc.uniqueArray(one, { maxLength: 6, selector: ([vlan]) => vlan });
  const bundles = fc.array(wants, { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(bundles, fc.integer({ min: 0, max: 40 }), fc.boolean(), (rounds, lag, meddled) => {
      const ledger = new FlowLedger();
      const doubts = new Doubts(ledger);
      const bridge = new Map<string, Flow>();
      const told: FlowEvent[] = [];
      for (const vlans of rounds) {
        ledger.want(
          'a',
          // What leads elsewhere has another cookie, too.
          vlans.map(([vlan, port]) => ({
            ...flow(`dl_vlan=${vlan}`, `0x6c3240010000000${port % 2}`),
            actions: `output:${port}`,
          })),
        );
        // Events of earlier bundles are read when later ones are under way.
        for (const one of told.splice(0, Math.max(0, told.length - lag))) doubts.note(one);
        const changes = ledger.changes();
        for (const added of changes.adds) {
          bridge.set(flowKey(added), added);
          told.push(event('added', added.match, added.cookie, added.actions));
        }
        for (const key of changes.deletes) {
          const gone = bridge.get(key);
          told.push(event('deleted', gone?.match ?? '', gone?.cookie));
          bridge.delete(key);
        }
        ledger.applied(changes);
      }
      const [victim] = bridge.values();
      const isMeddled = meddled && victim !== undefined;
      if (isMeddled) told.push(event('deleted', victim.match, victim.cookie));
      for (const one of told) doubts.note(one);
      expect(doubts.standing().map(({ match }) => match)).toEqual(isMeddled ? [victim.match] : []);
    }),
  );
});
