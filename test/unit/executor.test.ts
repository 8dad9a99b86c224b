import { describe, expect, test } from 'vitest';
import { Executor } from '../../src/executor.ts';
import { OfctlError, type RefusedLine } from '../../src/flows/ofctl.ts';
import type { Operation } from '../../src/ovsdb/operations.ts';
import { type ConfigChanges, testConfig } from './config.ts';
import { FakeSwitch } from './fake-switch.ts';
import { FLOODING, factsOf, Host, type Pair, portId, tunnelName } from './host.ts';
import { testLog } from './log.ts';

class Refused extends Error {
  readonly code = 'constraint violation';
}

const unreachable = () => new OfctlError('unreachable', 'ovs-ofctl: connecting to br-tun (Connection refused)');
const peer = (n: number): Pair => [`fa:16:3e:00:00:${n}`, `10.0.0.${n}`];

/** A switch that can be told to fail, and a host whose executor talks to it. */
class Scene {
  readonly fake = new FakeSwitch();
  readonly host: Host;
  readonly executor: Executor;
  readonly lines;
  /** What was done, in order. */
  readonly log: string[] = [];
  readonly refusedNames: string[] = [];
  failBundle: ((bridge: string, lines: readonly string[]) => RefusedLine[] | Error) | undefined;
  failTransact: ((operations: readonly Operation[]) => Error | undefined) | undefined;

  constructor(changes?: ConfigChanges, fake?: FakeSwitch) {
    if (fake !== undefined) this.fake = fake;
    this.host = new Host(testConfig(changes), this.fake);
    const { log, lines } = testLog();
    this.lines = lines;
    this.executor = new Executor({
      state: this.host.state,
      log,
      isRefusal: (error) => error instanceof Refused,
      now: () => this.host.now,
      onPassed: () => undefined,
      onRefusedName: (name) => this.refusedNames.push(name),
      ovsdb: {
        transact: async (operations) => {
          const writes = operations.filter(({ op }) => op !== 'select');
          if (writes.length > 0) this.log.push(`transact ${describeOperations(writes)}`);
          const failure = this.failTransact?.(operations);
          if (failure !== undefined) throw failure;
          return await this.fake.transact(operations);
        },
      },
      ofctl: {
        dump: async (bridge) => {
          this.log.push(`dump ${bridge}`);
          return await this.fake.dump(bridge);
        },
        bundle: async (bridge, lines) => {
          this.log.push(`bundle ${bridge}`);
          const failure = this.failBundle?.(bridge, lines);
          if (failure instanceof Error) throw failure;
          const refused = new Set((failure ?? []).map(({ line }) => line));
          await this.fake.bundle(
            bridge,
            lines.filter((line) => !refused.has(line)),
          );
          return failure ?? [];
        },
      },
    });
    this.host.connect();
  }

  /** One batch of the agent's. */
  async batch(): Promise<void> {
    while ((await this.executor.advance()) === 'again');
  }

  /** Until the executor rests, ovs-vswitchd working meanwhile. */
  async run(): Promise<void> {
    for (let round = 0; round < 10; round++) {
      await this.batch();
      this.host.answer();
      this.fake.vswitchd();
    }
  }

  static async ready(changes?: ConfigChanges): Promise<Scene> {
    const scene = new Scene(changes);
    await scene.run();
    scene.host.plug(portId(1), 'tap1');
    scene.host.serve(factsOf(portId(1), { status: 'DOWN' }));
    await scene.run();
    scene.log.length = 0;
    scene.lines.length = 0;
    return scene;
  }

  taken(): string[] {
    return this.log.splice(0);
  }

  messages(level: number): string[] {
    return this.lines.filter((line) => line.level === level).map(({ msg }) => msg);
  }
}

function describeOperations(operations: readonly Operation[]): string {
  return operations.map((operation) => `${operation.op} ${'table' in operation ? operation.table : ''}`).join(', ');
}

describe('a start', () => {
  test('bridges first, then a comparison, then flows; nothing is programmed before ovs-vswitchd has made the bridges', async () => {
    const scene = new Scene();
    await scene.batch();
    expect(scene.taken()).toHaveLength(1);
    await scene.batch();
    expect([scene.taken(), scene.executor.waitingFor]).toEqual([[], 'ovs-vswitchd to make the bridges']);
    await scene.run();
    expect(scene.taken().slice(0, 4)).toEqual(['dump br-tun', 'dump br-int', 'bundle br-int', 'bundle br-tun']);
    expect([scene.executor.waitingFor, scene.host.state.passed]).toEqual(['', true]);
    expect(scene.executor.lastCompare).toEqual({ at: scene.host.now, drift: { adds: 24, deletes: 0, foreign: 0 } });
  });

  test('does not wait for a number of a database that was put back to an earlier day', async () => {
    const scene = await Scene.ready();
    scene.host.apply({ kind: 'ovsdb-lost' });
    scene.fake.setRoot({ next_cfg: 0, cur_cfg: 0 });
    scene.host.connect();
    await scene.batch();
    expect([scene.executor.waitingFor, scene.taken()]).toEqual(['', ['dump br-tun', 'dump br-int']]);
  });

  test('nor do its VIFs and the ports that it takes away: those not acknowledged are bound again', async () => {
    const scene = await Scene.ready();
    scene.fake.setRoot({ next_cfg: 90, cur_cfg: 90 });
    scene.host.add('vxlan', { '172.30.0.12': [FLOODING, peer(12)] });
    await scene.run();
    scene.host.remove('vxlan', { '172.30.0.12': [FLOODING, peer(12)] });
    scene.host.plug(portId(2), 'tap2');
    scene.host.serve(factsOf(portId(2), { status: 'DOWN' }));
    scene.fake.vswitchd();
    await scene.batch();
    scene.host.answer();
    await scene.batch();
    const vif = scene.host.state.vifs.get(portId(2));
    expect([vif?.configured, scene.host.state.retired.size]).toEqual([expect.any(Number), 1]);
    scene.host.apply({ kind: 'ovsdb-lost' });
    scene.fake.setRoot({ next_cfg: 0, cur_cfg: 0 });
    scene.host.connect();
    await scene.run();
    expect([vif?.configured, scene.host.state.retired.size]).toEqual([1, 0]);
  });

  test('waits without OVSDB, and while flows are being restored, and compares when that is over', async () => {
    const scene = await Scene.ready();
    scene.host.apply({ kind: 'ovsdb-lost' });
    scene.host.apply({ kind: 'compare' });
    await scene.batch();
    expect(scene.taken()).toEqual([]);
    scene.host.connect();
    scene.fake.setRoot({ other_config: new Map([['flow-restore-wait', 'true']]) });
    await scene.batch();
    await scene.batch();
    expect([scene.taken(), scene.executor.waitingFor]).toEqual([[], 'other_config:flow-restore-wait to be cleared']);
    expect(scene.messages(30).filter((line) => line.startsWith('waiting'))).toHaveLength(1);
    scene.host.state.compareWanted = false;
    await scene.batch();
    scene.host.apply({ kind: 'ovsdb-lost' });
    await scene.batch();
    expect(scene.executor.waitingFor, 'what it waited for there is not known any more').toBe('');
    scene.host.connect();
    scene.fake.loseFlows();
    scene.fake.setRoot({ other_config: new Map() });
    await scene.run();
    expect(scene.host.table(4)).toHaveLength(1);
  });

  test('not beside another agent, until it is gone; its controllers stay, for without them the flows would go', async () => {
    const fake = new FakeSwitch();
    for (const bridge of ['br-int', 'br-tun']) fake.addBridge(bridge);
    const controller = '00000000-0000-4000-8000-0000000000cc';
    fake.tables.get('Controller')?.set(controller, { target: 'tcp:127.0.0.1:6633', is_connected: true });
    fake.set('Bridge', 'br-tun', { controller: [controller] });
    const scene = new Scene({}, fake);
    await scene.run();
    expect(scene.taken()).toEqual([]);
    expect(scene.executor.waitingFor).toContain('tcp:127.0.0.1:6633');
    fake.change(() =>
      fake.tables.get('Controller')?.set(controller, { target: 'tcp:127.0.0.1:6633', is_connected: false }),
    );
    await scene.run();
    expect(scene.host.state.passed).toBe(true);
    expect([...(fake.tables.get('Bridge')?.values() ?? [])].map((row) => row.controller)).toEqual([[], [controller]]);
  });

  test('drop_flows_on_start: once', async () => {
    const scene = new Scene({ agent: { dropFlowsOnStart: true } });
    const dropped: string[] = [];
    scene.failBundle = (bridge, lines) => {
      if (lines[0] === 'delete') dropped.push(bridge);
      return [];
    };
    await scene.run();
    scene.host.apply({ kind: 'compare' });
    await scene.run();
    expect(dropped).toEqual(['br-int', 'br-tun']);
  });

  test('bridges that cannot be made now are made later', async () => {
    const scene = new Scene();
    scene.failTransact = () => Object.assign(new Error('away'), { code: 'ECONNRESET' });
    await expect(scene.batch()).rejects.toThrow('away');
    scene.failTransact = undefined;
    await scene.run();
    expect(scene.fake.portNames('br-tun')).toEqual(['br-tun', 'patch-int']);
  });
});

describe('order', () => {
  test('a batch: what is made, both bundles, what is bound and deleted', async () => {
    const scene = await Scene.ready();
    scene.host.add('vxlan', { '172.30.0.12': [FLOODING, peer(12)] });
    await scene.batch();
    expect(scene.taken()).toEqual(['transact insert Interface, insert Port, mutate Bridge', 'bundle br-tun']);
    await scene.run();
    scene.taken();
    scene.host.remove('vxlan', { '172.30.0.12': [FLOODING, peer(12)] });
    await scene.batch();
    expect(scene.taken()).toEqual(['bundle br-tun', 'transact mutate Bridge, mutate Open_vSwitch']);
    // Only when ovs-vswitchd has taken the port away nothing more can be learned through it.
    await scene.batch();
    expect(scene.taken()).toEqual([]);
    await scene.run();
    expect(scene.taken()).toEqual(['bundle br-tun']);
    await scene.run();
    expect(scene.taken()).toEqual([]);
  });

  test('nothing to do: nothing is run', async () => {
    const scene = await Scene.ready();
    await scene.batch();
    expect(scene.taken()).toEqual([]);
  });
});

describe('the switch is away', () => {
  test.each(['create', 'bundle', 'finish', 'dump'])(
    'at %s: it is said, and all of it is planned again',
    async (where) => {
      const scene = await Scene.ready();
      if (where === 'finish') scene.host.serve(factsOf(portId(1), { status: 'DOWN' }, 'gre'));
      if (where === 'finish') scene.host.answer();
      else scene.host.add('vxlan', { '172.30.0.12': [FLOODING, peer(12)] });
      if (where === 'bundle') scene.failBundle = unreachable;
      else scene.failTransact = () => Object.assign(new Error('gone'), { code: 'ECONNRESET' });
      if (where === 'dump') {
        scene.failTransact = undefined;
        scene.host.apply({ kind: 'compare' });
        scene.failBundle = unreachable;
      }
      await expect(scene.batch()).rejects.toMatchObject({ code: expect.any(String) });
      await expect(scene.batch()).rejects.toMatchObject({ code: expect.any(String) });
      scene.failBundle = undefined;
      scene.failTransact = undefined;
      await scene.run();
      const expected = await Scene.ready();
      if (where === 'finish') expected.host.serve(factsOf(portId(1), { status: 'DOWN' }, 'gre'));
      else expected.host.add('vxlan', { '172.30.0.12': [FLOODING, peer(12)] });
      await expected.run();
      expect(scene.host.picture()).toEqual(expected.host.picture());
      expect(scene.host.plan()).toEqual({ operations: 0, lines: 0 });
      expect(scene.fake.violations).toEqual([]);
    },
  );
});

test('a VIF that moves while it is being bound is not taken for bound', async () => {
  const scene = await Scene.ready();
  scene.host.plug(portId(2), 'tap2');
  await scene.batch();
  scene.host.facts(factsOf(portId(2), { status: 'DOWN' }));
  scene.failTransact = (operations) => {
    if (operations.some(({ op }) => op === 'update')) scene.host.facts(factsOf(portId(2), { status: 'DOWN' }, 'gre'));
    return undefined;
  };
  await scene.batch();
  scene.failTransact = undefined;
  expect(scene.host.state.vifs.get(portId(2))).toMatchObject({ configured: undefined });
  await scene.run();
  expect(scene.host.state.vifs.get(portId(2))?.configured).toBeGreaterThan(0);
  expect(scene.host.tag('tap2')).toBe(scene.host.state.networks.get(networkKeyOfGre(scene))?.vlan);
});

function networkKeyOfGre(scene: Scene) {
  return scene.host.state.vifs.get(portId(2))?.network ?? ('' as never);
}

describe('a row that went meanwhile is no error to OVSDB', () => {
  test('br-tun: its new tunnel port vanished with it, and is made again', async () => {
    const scene = await Scene.ready();
    scene.host.add('vxlan', { '172.30.0.12': [FLOODING, peer(12)] });
    scene.failTransact = () => {
      scene.failTransact = undefined;
      scene.fake.deleteBridge('br-tun');
      return undefined;
    };
    scene.failBundle = () => unreachable();
    await expect(scene.batch()).rejects.toThrow('Connection refused');
    scene.failBundle = undefined;
    expect(scene.messages(40)).toEqual(['tunnel port made: no, its row in OVSDB is gone']);
    await scene.run();
    await scene.run();
    expect(scene.fake.portNames('br-tun')).toEqual(['br-tun', 'patch-int', tunnelName('vxlan', 12)]);
    expect(scene.host.table(20)).toHaveLength(1);
  });

  test('a VIF replugged while it is bound is reported up only when the new port is bound', async () => {
    const scene = await Scene.ready();
    scene.host.plug(portId(2), 'tap2');
    await scene.run();
    scene.failTransact = (operations) => {
      if (!operations.some(({ op }) => op === 'update')) return undefined;
      scene.failTransact = undefined;
      scene.fake.unplug('tap2');
      scene.host.plug(portId(2), 'tap2');
      scene.fake.vswitchd();
      return undefined;
    };
    scene.host.serve(factsOf(portId(2), { status: 'DOWN' }));
    scene.host.answer();
    await scene.batch();
    expect(scene.messages(40)).toEqual(['VIF bound: no, its row in OVSDB is gone']);
    expect(scene.host.state.vifs.get(portId(2))?.configured).toBeUndefined();
    await scene.run();
    expect([scene.host.tag('tap2'), scene.host.state.vifs.get(portId(2))?.configured]).toEqual([1, expect.any(Number)]);
  });
});

test('64 VIFs plugged at once: their bridge asked for, isolated, bound, and told that ovs-vswitchd has it: four transactions', async () => {
  const scene = await Scene.ready();
  const ids = Array.from({ length: 64 }, (_, index) => portId(index + 100));
  scene.fake.change(() => {
    for (const id of ids) scene.fake.plug('br-int', `tap${id.slice(-4)}`, { externalIds: { 'iface-id': id } });
  });
  for (const id of ids) scene.host.serve(factsOf(id, { status: 'DOWN' }));
  const before = scene.fake.transactions.length;
  await scene.run();
  expect(ids.map((id) => scene.host.state.vifs.get(id)?.configured)).not.toContain(undefined);
  expect(scene.fake.transactions.length - before).toBeLessThanOrEqual(4);
});

describe('the switch refuses', () => {
  test('a flow: the rest goes through, it is named, and tried again after a while, and once it has failed when it is looked after', async () => {
    const scene = await Scene.ready();
    scene.failBundle = (_, lines) =>
      lines.filter((line) => line.includes('00:13')).map((line) => ({ line, reason: 'bad' }));
    scene.host.add('vxlan', { '172.30.0.12': [FLOODING, peer(12), peer(13)] });
    await scene.run();
    expect(scene.host.table(20).map((line) => line.includes('00:12'))).toEqual([true]);
    expect(scene.executor.refused.map(({ bridge, reason }) => [bridge, reason])).toEqual([
      ['br-tun', 'bad'],
      ['br-tun', 'bad'],
    ]);
    expect(scene.messages(50)).toHaveLength(2);
    scene.taken();
    await scene.run();
    expect(scene.taken(), 'not again and again').toEqual([]);
    const attempts = () => scene.host.open('mac').map(({ state, attempts }) => `${state} ${attempts}`);
    expect(attempts()).toEqual(['pending 1']);
    scene.host.apply({ kind: 'compare' });
    await scene.run();
    expect(attempts(), 'a compare is no attempt').toEqual(['pending 1']);
    for (let seconds = 2; seconds <= 32; seconds *= 2) {
      scene.host.now += seconds * 1000;
      await scene.run();
    }
    expect(attempts()).toEqual(['failed 5']);
    expect(scene.messages(50)).toHaveLength(10);
    scene.failBundle = undefined;
    scene.host.now += 3_600_000;
    await scene.run();
    expect(scene.host.table(20)).toHaveLength(1);
    scene.host.apply({ kind: 'maintain' });
    await scene.run();
    expect(scene.host.table(20)).toHaveLength(2);
    expect([...scene.host.state.journal.open].filter(({ kind }) => kind !== 'refresh')).toEqual([]);
  });

  test('to delete a flow: that is not done until it is gone', async () => {
    const scene = await Scene.ready();
    scene.host.add('vxlan', { '172.30.0.12': [FLOODING, peer(12), peer(13)] });
    await scene.run();
    scene.failBundle = (_, lines) =>
      lines
        .filter((line) => line.startsWith('delete_strict') && line.includes('00:13'))
        .map((line) => ({ line, reason: 'bad' }));
    scene.host.remove('vxlan', { '172.30.0.12': [peer(13)] });
    await scene.run();
    expect(scene.host.table(20)).toHaveLength(2);
    const open = () =>
      scene.host.open('mac').map(({ state, attempts, lastError }) => `${state} ${attempts} ${lastError}`);
    expect(open()).toEqual(['pending 1 bad']);
    scene.host.apply({ kind: 'compare' });
    await scene.run();
    expect(open(), 'a compare is no attempt').toEqual(['pending 1 bad']);
    scene.host.now += 2000;
    await scene.run();
    expect(open()).toEqual(['pending 2 bad']);
    scene.failBundle = undefined;
    scene.host.now += 4000;
    await scene.run();
    expect([scene.host.table(20).length, open()]).toEqual([1, []]);
  });

  test('to delete a flow that is wanted again by then: there is nothing left to do', async () => {
    const scene = await Scene.ready();
    scene.host.add('vxlan', { '172.30.0.12': [FLOODING, peer(12)] });
    await scene.run();
    scene.failBundle = (_, lines) =>
      lines.filter((line) => line.startsWith('delete_strict')).map((line) => ({ line, reason: 'bad' }));
    scene.host.remove('vxlan', { '172.30.0.12': [peer(12)] });
    await scene.run();
    scene.host.add('vxlan', { '172.30.0.12': [peer(12)] });
    scene.taken();
    await scene.run();
    expect(scene.host.table(20)).toHaveLength(1);
    expect([scene.taken(), scene.host.open('mac')]).toEqual([[], []]);
    scene.failBundle = undefined;
    scene.host.remove('vxlan', { '172.30.0.12': [peer(12)] });
    await scene.run();
    expect([scene.host.table(20), scene.host.open('mac')]).toEqual([[], []]);
  });

  test('a tunnel port: each of the others is made by itself', async () => {
    const scene = await Scene.ready();
    const isBad = (operations: readonly Operation[]) => JSON.stringify(operations).includes('ac1e000d');
    scene.failTransact = (operations) => (isBad(operations) ? new Refused('no such port') : undefined);
    scene.host.add('vxlan', Object.fromEntries([12, 13, 14].map((n) => [`172.30.0.${n}`, [FLOODING, peer(n)]])));
    await scene.run();
    expect(scene.host.tunnelPorts()).toEqual([tunnelName('vxlan', 12), tunnelName('vxlan', 14)]);
    expect(scene.host.table(20)).toHaveLength(2);
    expect(scene.executor.failures).toMatchObject([
      { what: 'tunnel port made: vxlan 172.30.0.13', reason: 'no such port' },
    ]);
    expect(scene.refusedNames, 'whoever has it may not be known of').toEqual([tunnelName('vxlan', 13)]);
    scene.taken();
    await scene.run();
    expect(scene.taken()).toEqual([]);
    scene.failTransact = undefined;
    expect(scene.host.open('tunnel')).toMatchObject([
      { state: 'pending', attempts: 1, lastError: 'no such port', origin: undefined },
    ]);
    scene.host.now += 2000;
    await scene.run();
    expect(scene.host.tunnelPorts()).toHaveLength(3);
    expect(scene.host.open('tunnel')).toEqual([]);
  });

  test('a VIF: it is not reported up, the others are', async () => {
    const scene = await Scene.ready();
    for (const n of [2, 3]) {
      scene.host.plug(portId(n), `tap${n}`);
      scene.host.serve(factsOf(portId(n), { status: 'DOWN' }));
    }
    await scene.batch();
    const uuid = [...(scene.fake.tables.get('Port') ?? [])].find(([, { name }]) => name === 'tap2')?.[0] ?? '';
    scene.failTransact = (operations) =>
      operations.some((one) => one.op === 'update' && JSON.stringify(one).includes(uuid))
        ? new Refused('no')
        : undefined;
    await scene.run();
    expect([2, 3].map((n) => scene.host.state.vifs.get(portId(n))?.configured !== undefined)).toEqual([false, true]);
    expect(scene.host.tag('tap3')).toBe(1);
  });

  test('a mistake of ours is not taken for a refusal', async () => {
    const scene = await Scene.ready();
    scene.failTransact = () => new TypeError('x is undefined');
    scene.host.add('vxlan', { '172.30.0.12': [FLOODING] });
    await expect(scene.batch()).rejects.toThrow(TypeError);
  });
});

describe('what is remembered', () => {
  test('fifty refusals, the newest', async () => {
    const scene = await Scene.ready();
    scene.failBundle = (_, lines) => lines.map((line) => ({ line, reason: 'bad' }));
    for (let n = 10; n < 80; n++) {
      scene.host.add('vxlan', { '172.30.0.12': [[`fa:16:3e:00:01:${n}`, 'fd00::1']] });
      await scene.batch();
    }
    expect(scene.executor.refused.length).toBeLessThanOrEqual(50);
  });
});
