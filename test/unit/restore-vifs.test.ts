/** VIFs that went while nobody could say so: what a start makes of those that the journal has. */
import { describe, expect, test } from 'vitest';
import { nextDuty, nextWake } from '../../src/duties.ts';
import type { Duty } from '../../src/events.ts';
import { forgetSaved } from '../../src/save.ts';
import type { PortId } from '../../src/values.ts';
import { factsOf, Host, portId } from './host.ts';
import { HEADER, MemoryJournal } from './memory-journal.ts';

const ONE = portId(1);
const TWO = portId(2);

async function plugged(): Promise<{ readonly host: Host; readonly journal: MemoryJournal }> {
  const host = await Host.ready();
  host.plug(ONE, 'tap1');
  host.plug(TWO, 'tap2');
  for (const id of [ONE, TWO]) host.serve(factsOf(id));
  await host.settle();
  return { host, journal: MemoryJournal.of(host.state, host.now) };
}

/** Another process with the same switch; nothing of the switch has been seen. */
function successor(before: Host, journal: MemoryJournal, boot = HEADER.boot): Host {
  const after = new Host(before.config, before.switch, before.now + 1000);
  for (const [id, facts] of before.server) after.server.set(id, facts);
  after.apply({ kind: 'restored', contents: journal.contents(), boot });
  return after;
}

const duty = (host: Host) => nextDuty(host.state, host.now, () => 'id');
const owed = (host: Host) => [...host.state.gone].sort();
const down = (...ports: readonly PortId[]): Duty => ({ kind: 'down', ports });

/** Everything of what is written is as the state is. */
function save(host: Host, journal: MemoryJournal): readonly PortId[] {
  journal.save(host.state, host.now);
  expect(journal.differences(host.state).filter((text) => text.startsWith('VIF'))).toEqual([]);
  return [...journal.vifs].sort();
}

test.each([HEADER.boot, 'another boot'])(
  'one that is unplugged while no daemon runs is reported down; boot: %s',
  async (boot) => {
    const { host, journal } = await plugged();
    host.switch.unplug('tap1');
    const after = successor(host, journal, boot);
    expect([owed(after), duty(after)]).toEqual([[], undefined]);
    after.connect();
    await after.settle();
    expect(owed(after)).toEqual([ONE]);
    expect(duty(after)).toEqual(down(ONE));
    expect(save(after, journal)).toEqual([ONE, TWO]);
  },
);

test('one that went, and whose word was owed at the end, is reported down by the next process or the one after', async () => {
  const { host, journal } = await plugged();
  host.switch.unplug('tap1');
  await host.settle();
  expect(duty(host)).toEqual(down(ONE));
  save(host, journal);
  const between = successor(host, journal);
  save(between, journal);
  const after = successor(between, journal);
  after.connect();
  await after.settle();
  expect(duty(after)).toEqual(down(ONE));
});

describe('it stays written until the server has answered', () => {
  test.each([
    ['told', { kind: 'told', failed: [] }, [TWO]],
    ['told, and it could not', { kind: 'told', failed: [ONE] }, [ONE, TWO]],
    ['refused', { kind: 'refused', reason: 'no' }, [ONE, TWO]],
    ['not answered', { kind: 'failed', reason: 'timeout' }, [ONE, TWO]],
  ] as const)('%s', async (_, outcome, kept) => {
    const { host, journal } = await plugged();
    host.switch.unplug('tap1');
    await host.settle();
    host.apply({ kind: 'duty-started', duty: down(ONE) });
    expect(save(host, journal)).toEqual([ONE, TWO]);
    host.apply({ kind: 'duty-done', duty: down(ONE), outcome });
    expect(save(host, journal)).toEqual(kept);
    expect(nextWake(host.state, host.now) !== undefined || outcome.kind !== 'refused').toBe(true);
  });
});

test('plugged again before the next process looks: nothing is owed', async () => {
  const { host, journal } = await plugged();
  host.switch.unplug('tap1');
  await host.settle();
  save(host, journal);
  host.plug(ONE, 'tap1b');
  const after = successor(host, journal);
  after.connect();
  await after.settle();
  expect(owed(after)).toEqual([]);
  expect(duty(after)?.kind).not.toBe('down');
  expect(save(after, journal)).toEqual([ONE, TWO]);
});

test('plugged again after the look and before the word: nothing is owed', async () => {
  const { host, journal } = await plugged();
  host.switch.unplug('tap1');
  const after = successor(host, journal);
  after.connect();
  await after.settle();
  expect(owed(after)).toEqual([ONE]);
  after.plug(ONE, 'tap1b');
  await after.settle();
  expect(owed(after)).toEqual([]);
});

test('rows without the word on which bridge they are on are no complete view', async () => {
  const { host, journal } = await plugged();
  const after = successor(host, journal);
  after.connect();
  expect(after.state.view.portsWithoutBridge().length).toBeGreaterThan(0);
  expect([after.state.vifs.size, owed(after)]).toEqual([0, []]);
  await after.settle();
  expect([after.state.vifs.size, owed(after)]).toEqual([2, []]);
});

test.each(['before', 'after'] as const)(
  'deleted at the server, heard %s the VIFs are seen: nothing is owed',
  async (when) => {
    const { host, journal } = await plugged();
    host.switch.unplug('tap1');
    const after = successor(host, journal);
    const hear = () => after.apply({ kind: 'notification', notification: { kind: 'port-delete', port: ONE } });
    if (when === 'before') hear();
    after.connect();
    await after.settle();
    if (when === 'after') hear();
    expect(owed(after)).toEqual([]);
    expect(save(after, journal)).toEqual([TWO]);
  },
);

test('one that was never wired, bound elsewhere, is written and reported like any other', async () => {
  const { host, journal } = await plugged();
  host.plug(portId(3), 'tap3');
  host.serve(factsOf(portId(3), { binding: 'elsewhere' }));
  await host.settle();
  expect(save(host, journal)).toEqual([ONE, TWO, portId(3)]);
  host.switch.unplug('tap3');
  const after = successor(host, journal);
  after.connect();
  await after.settle();
  expect(duty(after)).toEqual(down(portId(3)));
});

test('a journal that is begun anew gets them all: those here, those owed, those being told, those not seen yet', async () => {
  const { host, journal } = await plugged();
  host.switch.unplug('tap1');
  await host.settle();
  const anew = () => [...MemoryJournal.of(host.state, host.now).vifs].sort();
  expect(anew()).toEqual([ONE, TWO]);
  host.apply({ kind: 'duty-started', duty: down(ONE) });
  expect(anew()).toEqual([ONE, TWO]);
  const after = successor(host, journal);
  forgetSaved(after.state);
  expect(save(after, new MemoryJournal())).toEqual([ONE, TWO]);
});

test('only what has changed is written', async () => {
  const { host, journal } = await plugged();
  host.plug(portId(3), 'tap3');
  await host.settle();
  journal.save(host.state, host.now);
  expect(journal.batches.at(-1)).toMatchObject({ vifs: [portId(3)], vifsGone: [] });
  journal.save(host.state, host.now);
  expect(journal.batches.at(-1)).toMatchObject({ vifs: [], vifsGone: [] });
});
