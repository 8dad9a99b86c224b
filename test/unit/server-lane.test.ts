import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Event } from '../../src/events.ts';
import { RpcError } from '../../src/rpc/types.ts';
import { ServerLane, type ServerLaneParts } from '../../src/server-lane.ts';
import type { PortId } from '../../src/values.ts';
import type { PortFacts } from '../../src/vif/facts.ts';
import { factsOf, Host, portId } from './host.ts';
import { testLog } from './log.ts';

type Answers = ReadonlyMap<PortId, PortFacts | 'absent'>;

/** The lane of a host, and a scripted server; `log` has what the server was told, in order. */
class Scene {
  readonly log: string[] = [];
  readonly lines;
  readonly events: Event[] = [];
  readonly lane: ServerLane;
  readonly host: Host;
  fail: ((what: string) => Error | undefined) | undefined;
  failed: readonly PortId[] = [];
  answers: (ids: readonly PortId[]) => Answers;
  #ids = 0;

  constructor(host: Host) {
    this.host = host;
    this.answers = (ids) => new Map(ids.map((id) => [id, host.server.get(id) ?? 'absent']));
    const { log, lines } = testLog();
    this.lines = lines;
    const note = async <T>(what: string, answer: () => T): Promise<T> => {
      this.log.push(what);
      await Promise.resolve();
      const failure = this.fail?.(what);
      if (failure !== undefined) throw failure;
      return answer();
    };
    const short = (ids: readonly PortId[]) => ids.map((id) => Number(id.slice(-4))).join(',');
    const server: ServerLaneParts['server'] = {
      pullPorts: (ids) => note(`pull ${short(ids)}`, () => ({ answers: this.answers(ids), problems: [] })),
      updateDevices: ({ up, down, refreshTunnels }) =>
        note(`${up.length > 0 ? `up ${short(up)}` : `down ${short(down)}`}${refreshTunnels ? ' refresh' : ''}`, () => ({
          failedUp: up.filter((id) => this.failed.includes(id)),
          failedDown: down.filter((id) => this.failed.includes(id)),
        })),
      sendMarker: (id, edge) =>
        note(`${edge} ${id}`, () => {
          this.apply({ kind: 'marker', id, edge });
        }),
    };
    this.lane = new ServerLane({
      state: host.state,
      server,
      log,
      now: () => host.now,
      newId: () => String(++this.#ids),
      apply: (event) => this.apply(event),
    });
  }

  apply(event: Event): void {
    this.events.push(event);
    this.host.apply(event);
  }

  async after(milliseconds = 0): Promise<string[]> {
    await vi.advanceTimersByTimeAsync(milliseconds);
    return this.log.splice(0);
  }

  static async with(...facts: readonly Partial<PortFacts>[]): Promise<Scene> {
    const host = await Host.ready();
    for (const [index, more] of facts.entries()) {
      host.plug(portId(index + 1));
      host.serve(factsOf(portId(index + 1), more));
    }
    await host.settle();
    return new Scene(host);
  }
}

const timeout = () => new RpcError('timeout', 'no reply in 60 s');

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('duties', () => {
  test('one after the other, until nothing is owed; markers around what may bring a snapshot', async () => {
    const scene = await Scene.with({ status: 'DOWN' });
    scene.host.serve(factsOf(portId(1), { status: 'DOWN' }));
    scene.lane.kick();
    expect(await scene.after(), 'closed').toEqual([]);
    scene.lane.setOpen(true);
    expect(await scene.after()).toEqual(['pull 1', 'start 1', 'up 1', 'end 1', 'start 2', 'up 1 refresh', 'end 2']);
    expect([...scene.host.state.networks.values()].map(({ sync }) => sync.status)).toEqual(['synced']);
    scene.lane.kick();
    expect(await scene.after()).toEqual([]);
  });

  test('a kick while one is under way starts no second', async () => {
    const scene = await Scene.with({}, {});
    scene.lane.setOpen(true);
    scene.lane.kick();
    scene.lane.kick();
    expect(await scene.after()).toEqual(['start 1', 'up 1 refresh', 'end 1']);
  });

  test('what comes up while one is under way is done next', async () => {
    const scene = await Scene.with({});
    scene.lane.setOpen(true);
    scene.host.serve(factsOf(portId(1)));
    expect(await scene.after()).toEqual(['start 1', 'up 1 refresh', 'end 1', 'pull 1']);
  });

  test('closed while one is under way: it is finished, nothing follows until it is open again', async () => {
    const scene = await Scene.with({ status: 'DOWN' });
    scene.host.serve(factsOf(portId(1), { status: 'DOWN' }));
    scene.lane.setOpen(true);
    scene.lane.setOpen(false);
    expect(await scene.after(60_000)).toEqual(['pull 1']);
    scene.lane.setOpen(true);
    const told = await scene.after();
    expect(told.map((what) => what.replace(/^(start|end) \d+/, '$1'))).toEqual([
      ...['start', 'up 1', 'end'],
      ...['start', 'up 1 refresh', 'end'],
    ]);
  });
});

describe('a call that fails', () => {
  test('is tried again, later each time; said once, and the state knows', async () => {
    const scene = await Scene.with({});
    scene.fail = timeout;
    scene.lane.setOpen(true);
    expect(await scene.after()).toEqual(['start 1']);
    expect([...scene.host.state.networks.values()].map(({ sync }) => sync.status)).toEqual(['unsynced']);
    scene.lane.kick();
    expect(await scene.after(999), 'a kick does not shorten it').toEqual([]);
    // What the server did of the call it did not answer, the facts tell: they are asked for first.
    expect(await scene.after(1)).toEqual(['pull 1']);
    expect(await scene.after(2000)).toEqual(['pull 1']);
    await scene.after(60_000);
    expect(await scene.after(30_000)).toHaveLength(1);
    expect(scene.lines.filter(({ level }) => level >= 40).map(({ msg }) => msg)).toEqual([
      'call failed, to be tried again',
    ]);
    scene.fail = undefined;
    expect(await scene.after(30_000)).toHaveLength(4);
    scene.host.apply({ kind: 'gap', l2population: true, ports: false });
    scene.fail = timeout;
    scene.lane.kick();
    await scene.after();
    expect(await scene.after(1000), 'from the beginning again').toHaveLength(1);
  });

  test('the end marker that cannot be sent: the snapshot counts for nothing', async () => {
    const scene = await Scene.with({});
    scene.fail = (what) => (what.startsWith('end') ? timeout() : undefined);
    scene.lane.setOpen(true);
    expect(await scene.after()).toEqual(['start 1', 'up 1 refresh', 'end 1']);
    expect([...scene.host.state.networks.values()].map(({ sync }) => sync.status)).toEqual(['unsynced']);
  });

  test('opened anew: tried at once', async () => {
    const scene = await Scene.with({});
    scene.fail = timeout;
    scene.lane.setOpen(true);
    await scene.after();
    scene.fail = undefined;
    scene.lane.setOpen(false);
    scene.lane.setOpen(true);
    expect(await scene.after()).toEqual(['pull 1', 'start 2', 'up 1 refresh', 'end 2']);
    expect(await scene.after(60_000), 'and not once more').toEqual([]);
  });

  test('closed: not tried again', async () => {
    const scene = await Scene.with({});
    scene.fail = timeout;
    scene.lane.setOpen(true);
    await scene.after();
    scene.lane.setOpen(false);
    expect(await scene.after(60_000)).toEqual([]);
  });
});

describe('a port that the server cannot do', () => {
  test('is not asked for without end, and no end marker follows: its missing snapshot proves nothing', async () => {
    const scene = await Scene.with({ status: 'DOWN' }, {});
    scene.failed = [portId(1)];
    scene.lane.setOpen(true);
    expect(await scene.after(10_000)).toEqual(['start 1', 'up 1', 'start 2', 'up 2 refresh', 'end 2']);
    expect(scene.lines.filter(({ level }) => level === 40).map(({ msg }) => msg)).toEqual([
      'neutron-server could not do it for these ports',
    ]);
    scene.failed = [];
    scene.host.now += 30_000;
    scene.lane.kick();
    expect(await scene.after()).toEqual(['start 3', 'up 1', 'end 3']);
  });
});

describe('a call that the server answers with an error', () => {
  const remote = () => new RpcError('remote', 'KeyError: port');

  test('is made in halves: one port does not hold up the others, and is asked for again later', async () => {
    const scene = await Scene.with({}, {}, {}, {});
    for (const n of [1, 2, 3, 4]) scene.host.serve(factsOf(portId(n)));
    scene.fail = (what) => (/^pull .*3/.test(what) ? remote() : undefined);
    scene.lane.setOpen(true);
    expect((await scene.after()).filter((what) => what.startsWith('pull'))).toEqual([
      'pull 1,2,3,4',
      'pull 1,2',
      'pull 3,4',
      'pull 3',
      'pull 4',
    ]);
    expect([...scene.host.state.vifs.values()].map(({ asking }) => asking)).toEqual(['done', 'done', 'wanted', 'done']);
    scene.lane.kick();
    expect(await scene.after(10_000), 'not at once').toEqual([]);
    scene.fail = undefined;
    scene.host.now += 30_000;
    scene.lane.kick();
    expect(await scene.after()).toEqual(['pull 3']);
  });

  test('halves have markers of their own; the half that failed has no end', async () => {
    const scene = await Scene.with({ status: 'DOWN' }, { status: 'DOWN' });
    scene.fail = (what) => (/^up .*2$/.test(what) ? remote() : undefined);
    scene.lane.setOpen(true);
    const told = (await scene.after()).filter((what) => !what.includes('pull'));
    const ids = told.filter((what) => what.startsWith('start')).map((what) => what.slice('start '.length));
    expect(new Set(ids).size).toBe(ids.length);
    expect(told.slice(0, 7).map((what) => what.replace(/^(start|end) \d+/, '$1'))).toEqual([
      ...['start', 'up 1,2'],
      ...['start', 'up 1', 'end'],
      ...['start', 'up 2'],
    ]);
  });

  test('the broker goes while it is made in halves: the rest waits', async () => {
    const scene = await Scene.with({}, {}, {}, {});
    for (const n of [1, 2, 3, 4]) scene.host.serve(factsOf(portId(n)));
    scene.fail = (what) => (what === 'pull 1,2,3,4' ? remote() : timeout());
    scene.lane.setOpen(true);
    expect(await scene.after()).toEqual(['pull 1,2,3,4', 'pull 1,2']);
    scene.fail = undefined;
    expect((await scene.after(1000))[0]).toBe('pull 1,2,3,4');
  });
});

test('a mistake of ours is no failed call', async () => {
  const scene = await Scene.with({});
  scene.fail = () => new TypeError('x is undefined');
  const crash = new Promise((resolve) => process.once('unhandledRejection', resolve));
  scene.lane.setOpen(true);
  await scene.after();
  vi.useRealTimers();
  expect(await crash).toBeInstanceOf(TypeError);
  expect(scene.events.map(({ kind }) => kind)).toEqual(['duty-started']);
});

test('a server that refuses whatever is asked is not asked port by port', async () => {
  const scene = await Scene.with(...Array.from({ length: 64 }, () => ({})));
  for (let n = 1; n <= 64; n++) scene.host.serve(factsOf(portId(n)));
  scene.fail = () => new RpcError('remote', 'DBConnectionError');
  scene.lane.setOpen(true);
  expect((await scene.after()).length).toBeLessThanOrEqual(11);
});
