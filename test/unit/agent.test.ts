import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Agent } from '../../src/agent.ts';
import type { Event } from '../../src/events.ts';
import type { Executor, Progress } from '../../src/executor.ts';
import { OfctlError } from '../../src/flows/ofctl.ts';
import type { JournalBatch } from '../../src/journal/record.ts';
import { NetworkSync } from '../../src/l2pop/sync.ts';
import type { Delivery, JsonObject } from '../../src/rpc/types.ts';
import type { ServerLane } from '../../src/server-lane.ts';
import { State, type Vif } from '../../src/state.ts';
import type { LocalVlan } from '../../src/values.ts';
import { networkKey } from '../../src/vif/local-vlans.ts';
import { testConfig } from './config.ts';
import { FLOODING, factsOf, portId, segmentArgs, VXLAN_NET } from './host.ts';
import { testLog } from './log.ts';

const away = () => new OfctlError('unreachable', 'the switch is away');

/** An agent with a scripted executor and a journal that is watched; `log` has what happened, in order. */
class Scene {
  readonly log: string[] = [];
  readonly lines;
  readonly state = new State(testConfig());
  readonly agent: Agent;
  readonly batches: JournalBatch[] = [];
  offset = 7;
  advance: () => Progress | Promise<Progress> = () => 'done';

  constructor() {
    const { log, lines } = testLog();
    this.lines = lines;
    const executor = {
      waitingFor: 'a bridge',
      lastCompare: { at: 0, drift: { adds: 0, deletes: 0, foreign: 0 } },
      advance: async () => {
        this.log.push('advance');
        return await this.advance();
      },
    };
    this.agent = new Agent({
      state: this.state,
      journal: {
        save: (take) => {
          const batch = take('changes');
          if (batch === undefined) return;
          if (batch.messages.length > 0) this.log.push(`commit ${batch.messages.length}`);
          this.batches.push(batch);
        },
      },
      offsets: () => new Map([['a-stream', this.offset]]),
      executor: executor as unknown as Executor,
      log,
      now: () => Date.now(),
    });
    const lane = { kick: () => undefined } as unknown as ServerLane;
    // A network that is here: what is said of others is not written down.
    const { segment } = factsOf(portId(1));
    if (segment === undefined) throw new Error('no segment');
    this.state.restored.set(networkKey(VXLAN_NET, segment), { id: VXLAN_NET, segment, settled: true });
    this.state.recovered = true;
    this.agent.start(lane);
  }

  deliver(name: string, args: JsonObject = oneVtep(12), topic = 'q-agent-notifier-l2population-update'): void {
    const delivery: Delivery = {
      topic,
      source: 'fanout',
      queue: 'the-queue',
      receivedAt: new Date(),
      request: {
        method: topic.includes('l2pop') ? 'add_fdb_entries' : 'port_update',
        args,
        version: '1.0',
        namespace: undefined,
        uniqueId: name,
        requestId: undefined,
        call: undefined,
      },
      ack: () => this.log.push(`ack ${name}`),
    };
    this.agent.deliver(delivery);
  }

  async after(milliseconds = 0): Promise<string[]> {
    await vi.advanceTimersByTimeAsync(milliseconds);
    return this.log.splice(0);
  }

  /** It has a VIF, and its word is complete. */
  network(): void {
    const { segment } = factsOf(portId(1));
    if (segment === undefined) throw new Error('no segment');
    const key = networkKey(VXLAN_NET, segment);
    const sync = new NetworkSync(Date.now(), 'synced', undefined, () => this.state.markUnsaved(key));
    const more = { vlan: 1 as LocalVlan, vifs: new Set([portId(1)]), ownMacs: new Map() };
    this.state.networks.set(key, { key, id: VXLAN_NET, segment, sync, ...more });
    this.state.vifs.set(portId(1), { network: key } as Vif);
  }

  vteps(): string[] {
    const { segment } = factsOf(portId(1));
    return segment === undefined ? [] : (this.state.fdb.get(networkKey(VXLAN_NET, segment))?.vteps() ?? []);
  }

  messages(level: number): string[] {
    return this.lines.filter((line) => line.level === level).map(({ msg }) => msg);
  }
}

const oneVtep = (octet: number) => segmentArgs('vxlan', { [`172.30.0.${octet}`]: [FLOODING] }) as unknown as JsonObject;

let scene: Scene;
beforeEach(async () => {
  vi.useFakeTimers({ now: 1_000_000 });
  scene = new Scene();
  await scene.after();
});
afterEach(async () => {
  scene.advance = () => 'done';
  await scene.agent.stop();
  vi.useRealTimers();
});

describe('deliveries', () => {
  test('of the FDB wait until it was read back from the switch; others do not, and the order stays', async () => {
    scene.state.recovered = false;
    for (const name of ['a', 'b']) scene.deliver(name);
    scene.deliver('c', { port: { id: portId(1) } }, 'q-agent-notifier-port-update');
    expect(await scene.after()).toEqual(['advance', 'ack c', 'advance']);
    scene.advance = () => {
      scene.state.recovered = true;
      return 'done';
    };
    scene.agent.apply({ kind: 'wake' });
    expect(await scene.after()).toEqual(['advance', 'commit 2', 'ack a', 'ack b', 'advance']);
  });

  test('committed, then acknowledged in their order, then the switch', async () => {
    for (const name of ['a', 'b', 'c']) scene.deliver(name);
    // The first begins at once; what comes while it runs is one batch.
    expect(await scene.after()).toEqual([
      ...['commit 1', 'ack a', 'advance'],
      ...['commit 2', 'ack b', 'ack c', 'advance'],
    ]);
    expect(scene.vteps()).toEqual(['172.30.0.12']);
    expect(scene.batches.flatMap(({ messages }) => messages)).toEqual(['a', 'b', 'c']);
    expect(scene.batches.at(-1)?.offsets).toEqual(new Map([['a-stream', 7]]));
    expect(scene.agent.counters.notifications).toBe(3);
  });

  test('offsets that news of networks elsewhere have moved are written after a while, and at the stop', async () => {
    const written = () => scene.batches.splice(0).map(({ offsets }) => offsets.get('a-stream'));
    const elsewhere = segmentArgs('gre', { '172.30.0.12': [FLOODING] }) as unknown as JsonObject;
    const hear = async (offset: number) => {
      scene.offset = offset;
      scene.deliver('a', elsewhere);
      await scene.after();
      return written();
    };
    await scene.after(10_000);
    written();
    expect(await hear(8)).toEqual([8]);
    expect(await hear(9)).toEqual([]);
    await scene.after(10_000);
    expect(await hear(10)).toEqual([10]);
    expect(await hear(11)).toEqual([]);
    await scene.agent.stop();
    expect(written()).toEqual([11]);
  });

  test('what the switch has refused in a batch is tried again when it is due, however long the rest of the batch took', async () => {
    scene.advance = async (): Promise<Progress> => {
      scene.advance = () => 'done';
      scene.state.journal.rejected('mac a', 'bad', Date.now());
      await new Promise((resolve) => setTimeout(resolve, 60_000));
      return 'done';
    };
    scene.agent.apply({ kind: 'wake' });
    await scene.after(60_000);
    // The end of the long batch, and the attempt that is due.
    expect(await scene.after(1)).toEqual(['advance']);
  });

  test('what comes while a batch runs is one batch afterwards', async () => {
    let finish: (progress: Progress) => void = () => undefined;
    scene.advance = () => new Promise((resolve) => (finish = resolve));
    scene.deliver('a');
    expect(await scene.after()).toEqual(['commit 1', 'ack a', 'advance']);
    for (const name of ['b', 'c', 'd']) scene.deliver(name, oneVtep(13));
    scene.agent.apply({ kind: 'wake' });
    expect(await scene.after()).toEqual([]);
    scene.advance = () => 'done';
    finish('done');
    expect(await scene.after()).toEqual(['commit 3', 'ack b', 'ack c', 'ack d', 'advance']);
  });

  test('what is said of a network that is not here is not written down', async () => {
    scene.state.restored.clear();
    scene.deliver('a');
    expect(await scene.after()).toEqual(['ack a', 'advance']);
    expect(scene.batches.flatMap(({ messages, claims, entries }) => [...messages, ...claims, ...entries])).toEqual([]);
    expect(scene.vteps()).toEqual(['172.30.0.12']);
  });

  test('a gap is written down before the queue is there again', async () => {
    scene.deliver('a');
    await scene.after();
    scene.batches.length = 0;
    scene.agent.missing('q-agent-notifier-port-update');
    expect(scene.batches).toEqual([]);
    scene.agent.missing('q-agent-notifier-l2population-update');
    expect(scene.batches).toMatchObject([{ networks: [{ id: VXLAN_NET, settled: false }] }]);
  });

  test.each<[string, Event]>([
    ['a gap', { kind: 'gap', l2population: true, ports: false }],
    ['a question', { kind: 'duty-started', duty: { kind: 'up', ports: [portId(1)], refresh: true, ask: 'a' } }],
  ])('%s is written down at once, though a batch runs', async (_, event) => {
    scene.network();
    scene.agent.apply({ kind: 'wake' });
    await scene.after();
    let finish: (progress: Progress) => void = () => undefined;
    scene.advance = () => new Promise((resolve) => (finish = resolve));
    scene.agent.apply({ kind: 'wake' });
    await scene.after();
    scene.batches.length = 0;
    scene.agent.apply(event);
    const written = [...scene.batches];
    scene.advance = () => 'done';
    finish('done');
    expect(written).toMatchObject([{ networks: [{ id: VXLAN_NET, settled: false }] }]);
  });

  test('bad ones: a line each, acknowledged all the same, the rest of the batch is fine', async () => {
    scene.agent.apply({ kind: 'wake' });
    scene.deliver('bad', { fdb_entries: 7 });
    scene.deliver('worse', {}, 'q-agent-notifier-port-update');
    scene.deliver('good');
    expect(await scene.after()).toEqual(['advance', ...['commit 1', 'ack bad', 'ack worse', 'ack good', 'advance']]);
    expect(scene.messages(50)).toEqual([
      'bad notification: add_fdb_entries: fdb_entries must be an object, it is 7',
      'bad notification: port_update: port id undefined is no UUID',
    ]);
    expect(scene.agent.counters.badEntries).toBe(2);
    expect(scene.vteps()).toEqual(['172.30.0.12']);
  });

  test('a thousand bad entries in one message: one line', async () => {
    const args = segmentArgs('vxlan', Object.fromEntries(Array.from({ length: 1000 }, (_, n) => [`bad${n}`, []])));
    scene.deliver('a', args as unknown as JsonObject);
    await scene.after();
    expect(scene.messages(50)).toHaveLength(1);
    expect(scene.messages(50)[0]).toContain('(and 999 more)');
  });
});

describe('the switch', () => {
  test('again: at once, as long as there is more to do', async () => {
    let left = 3;
    scene.advance = () => (--left > 0 ? 'again' : 'done');
    scene.agent.apply({ kind: 'wake' });
    expect(await scene.after()).toEqual(['advance', 'advance', 'advance']);
  });

  test('away: tried again, later each time; deliveries go on; said once, and once when it is back', async () => {
    scene.advance = () => {
      throw away();
    };
    scene.agent.apply({ kind: 'wake' });
    expect(await scene.after()).toEqual(['advance']);
    expect(scene.agent.failure?.message).toBe('the switch is away');
    scene.deliver('a');
    expect(await scene.after(499)).toEqual(['commit 1', 'ack a']);
    expect(await scene.after(1)).toEqual(['advance']);
    expect(await scene.after(1000)).toEqual(['advance']);
    await scene.after(60_000);
    expect(await scene.after(15_000)).toEqual(['advance']);
    expect(scene.messages(40)).toEqual(['the switch cannot be programmed now, to be tried again']);
    scene.advance = () => 'done';
    expect(await scene.after(15_000)).toEqual(['advance']);
    expect([scene.agent.failure, scene.messages(30)]).toEqual([undefined, ['the switch can be programmed again']]);
    scene.advance = () => {
      throw away();
    };
    scene.agent.apply({ kind: 'wake' });
    await scene.after();
    expect(await scene.after(500), 'from the beginning again').toEqual(['advance']);
  });

  test('what could not be done is no news while something else is waited for, and the outage is not over', async () => {
    scene.advance = () => {
      throw away();
    };
    scene.agent.apply({ kind: 'wake' });
    await scene.after();
    expect(scene.agent.problem).toBe('the switch is away');
    scene.advance = () => 'waiting';
    await scene.after(500);
    expect([scene.agent.problem, scene.agent.failure?.message]).toEqual([undefined, 'the switch is away']);
    await expect(scene.agent.compare()).rejects.toThrow('waiting for a bridge');
    scene.advance = () => {
      throw away();
    };
    scene.agent.apply({ kind: 'wake' });
    await scene.after();
    expect(scene.agent.problem).toBe('the switch is away');
    scene.advance = () => 'done';
    await scene.after(15_000);
    expect(scene.messages(40)).toEqual(['the switch cannot be programmed now, to be tried again']);
    expect(scene.messages(30)).toEqual(['the switch can be programmed again']);
  });

  test('the slow comparison', async () => {
    expect(scene.state.compareWanted).toBe(true);
    scene.state.compareWanted = false;
    await scene.after(299_000);
    expect(scene.state.compareWanted).toBe(false);
    expect(await scene.after(1000)).toEqual(['advance']);
    expect(scene.state.compareWanted).toBe(true);
  });
});

describe('waking', () => {
  test('when something that waits is due, however far ahead', async () => {
    const due = Date.now() + 3_000_000_000;
    scene.state.deferred.set(portId(1), due);
    scene.agent.apply({ kind: 'wake' });
    await scene.after();
    scene.state.deferred.set(portId(2), Date.now() + 5000);
    scene.agent.apply({ kind: 'wake' });
    await scene.after();
    expect(await scene.after(4999)).toEqual([]);
    expect(await scene.after(1)).toEqual(['advance']);
  });
});

describe('asked to compare', () => {
  test('does so at once, also while it waits to try again', async () => {
    scene.advance = () => {
      throw away();
    };
    scene.agent.apply({ kind: 'wake' });
    await scene.after();
    scene.advance = () => {
      scene.state.compareWanted = false;
      return 'done';
    };
    expect(await scene.agent.compare()).toMatchObject({ drift: { adds: 0, deletes: 0, foreign: 0 } });
  });

  test('says why it cannot', async () => {
    scene.advance = () => {
      throw away();
    };
    await expect(scene.agent.compare()).rejects.toThrow('the switch is away');
    scene.advance = () => 'done';
    await scene.after(15_000);
    await expect(scene.agent.compare()).rejects.toMatchObject({ code: 'not-ready' });
  });
});

describe('stopping', () => {
  test('who asks to compare afterwards makes it take in nothing: the journal may be closed', async () => {
    await scene.agent.stop();
    await scene.after();
    scene.deliver('late');
    await expect(scene.agent.compare()).rejects.toMatchObject({ code: 'not-ready' });
    expect(await scene.after()).toEqual([]);
  });

  test('finishes the batch that runs, and begins no other', async () => {
    let finish: (progress: Progress) => void = () => undefined;
    scene.advance = () => new Promise((resolve) => (finish = resolve));
    scene.deliver('a');
    await scene.after();
    scene.log.length = 0;
    let isStopped = false;
    const stopped = scene.agent.stop().then(() => {
      isStopped = true;
    });
    await scene.after(10_000);
    expect(isStopped).toBe(false);
    scene.deliver('late');
    finish('done');
    await stopped;
    expect(await scene.after(600_000), 'what came late is left to our successor').toEqual([]);
  });

  test('while the switch is away: nothing is tried any more', async () => {
    scene.advance = () => {
      throw away();
    };
    scene.agent.apply({ kind: 'wake' });
    await scene.after();
    await scene.agent.stop();
    expect(await scene.after(600_000)).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('a batch that fails while the agent stops leaves no timer behind', async () => {
    let fail: (error: Error) => void = () => undefined;
    scene.advance = () => new Promise((_, reject) => (fail = reject));
    scene.agent.apply({ kind: 'wake' });
    await scene.after();
    const stopped = scene.agent.stop();
    fail(away());
    await stopped;
    expect(vi.getTimerCount()).toBe(0);
  });
});

test.each([
  [['q-agent-notifier-l2population-update'], { l2population: true, ports: false }],
  [['q-agent-notifier-port-update'], { l2population: false, ports: true }],
  [['q-agent-notifier-port-delete', 'q-agent-notifier-tunnel-delete'], { l2population: false, ports: true }],
  [['q-agent-notifier-binding-activate'], { l2population: false, ports: true }],
  [['q-agent-notifier-tunnel-update'], { l2population: false, ports: false }],
])('a gap in %j', async (topics, { l2population, ports }) => {
  const lost = vi.fn();
  const vif = { asking: 'done' };
  scene.state.networks.set('n' as never, { sync: { gap: lost } } as never);
  scene.state.vifs.set(portId(1), vif as never);
  scene.agent.gap(topics);
  expect([lost.mock.calls.length, vif.asking]).toEqual([l2population ? 1 : 0, ports ? 'wanted' : 'done']);
  expect(scene.messages(40)).toEqual(['notifications were lost, asking for what they said']);
  scene.state.networks.clear();
  await scene.after();
});
