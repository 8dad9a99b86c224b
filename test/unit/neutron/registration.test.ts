import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Registration } from '../../../src/neutron/registration.ts';
import type { ReportVerdict } from '../../../src/neutron/server.ts';
import type { JsonObject } from '../../../src/rpc/types.ts';
import { RpcError } from '../../../src/rpc/types.ts';
import type { IpAddress, TunnelType } from '../../../src/values.ts';

const SECOND = 1000;
const away = () => new RpcError('timeout', 'no reply');

/** A registration beside a scripted server; `log` has what was called and told, in order. */
class Scene {
  readonly log: string[] = [];
  readonly lines: string[] = [];
  alive: () => boolean = () => true;
  verdict: () => ReportVerdict = () => 'alive';
  vteps: (type: TunnelType) => IpAddress[] = () => [];
  state: JsonObject | undefined = {};
  hasMemory = false;
  readonly registration: Registration;

  constructor() {
    const note = <T>(what: string, answer: () => T): Promise<T> => {
      this.log.push(what);
      return Promise.resolve().then(answer);
    };
    this.registration = new Registration({
      server: {
        isAlive: () => note('alive?', this.alive),
        reportState: () => note('report', this.verdict),
        tunnelSync: (type) => note(`sync ${type}`, () => ({ vteps: this.vteps(type), problems: [] })),
      },
      log: pino({ level: 'info' }, { write: (line) => this.lines.push((JSON.parse(line) as { msg: string }).msg) }),
      localIp: '172.30.0.11' as IpAddress,
      tunnelTypes: ['vxlan', 'gre'],
      reportInterval: 30 * SECOND,
      now: () => new Date(),
      agentState: () => this.state,
      onAskEndpoints: () => undefined,
      onEndpoints: (type, vteps) => this.log.push(`endpoints ${type} ${vteps.length}`),
      onReady: (ready) => this.log.push(ready ? 'ready' : 'not ready'),
      onRevived: () => this.log.push('revived'),
      hasMemory: () => this.hasMemory,
    });
  }

  /** Time passes; what was noted since the last look. */
  async after(milliseconds: number): Promise<string[]> {
    await vi.advanceTimersByTimeAsync(milliseconds);
    return this.log.splice(0);
  }
}

const REGISTERED = ['alive?', 'report', 'sync vxlan', 'endpoints vxlan 0', 'sync gre', 'endpoints gre 0', 'ready'];

let scene: Scene;
beforeEach(() => {
  vi.useFakeTimers();
  scene = new Scene();
  scene.registration.start();
});
afterEach(() => {
  scene.registration.stop();
  vi.useRealTimers();
});

describe('a server that answers', () => {
  test('nothing before the link is up; then alive, report, one tunnel_sync a type, ready', async () => {
    expect(await scene.after(100 * SECOND)).toEqual([]);
    scene.registration.setLink(true);
    expect(await scene.after(0)).toEqual(REGISTERED);
    expect([scene.registration.isReady, scene.registration.lastReport?.verdict]).toEqual([true, 'alive']);
  });

  test('a report every interval, and no more', async () => {
    scene.registration.setLink(true);
    await scene.after(0);
    expect(await scene.after(29 * SECOND)).toEqual([]);
    expect(await scene.after(1 * SECOND)).toEqual(['report', 'ready']);
    expect(await scene.after(60 * SECOND)).toEqual(['report', 'ready', 'report', 'ready']);
  });

  test('revived: everything is asked anew', async () => {
    scene.registration.setLink(true);
    await scene.after(0);
    scene.verdict = () => 'revived';
    const synced = ['sync vxlan', 'endpoints vxlan 0', 'sync gre', 'endpoints gre 0'];
    expect(await scene.after(30 * SECOND)).toEqual(['report', 'revived', ...synced, 'ready']);
    // `new` to a server that knew us: somebody deleted the agent there.
    scene.verdict = () => 'new';
    expect(await scene.after(30 * SECOND)).toEqual(['report', 'revived', ...synced, 'ready']);
  });

  test.each([
    ['revived', false, true],
    ['revived', true, false],
    ['new', false, false],
    ['new', true, true],
    ['alive', false, false],
    ['alive', true, false],
  ] as const)(
    'the first word is %s, with a memory %s: everything asked anew %s',
    async (verdict, hasMemory, isNews) => {
      scene.verdict = () => verdict;
      scene.hasMemory = hasMemory;
      scene.registration.setLink(true);
      expect((await scene.after(0)).includes('revived')).toBe(isNews);
    },
  );

  test('resync: tunnel_sync again at once', async () => {
    scene.registration.setLink(true);
    await scene.after(0);
    scene.registration.resync();
    expect(await scene.after(0)).toEqual([
      'report',
      'sync vxlan',
      'endpoints vxlan 0',
      'sync gre',
      'endpoints gre 0',
      'ready',
    ]);
  });
});

describe('a server that does not', () => {
  test('away at the start: waited for, longer each time, said once', async () => {
    scene.alive = () => {
      throw away();
    };
    scene.registration.setLink(true);
    expect(await scene.after(0)).toEqual(['alive?', 'not ready']);
    expect(await scene.after(499)).toEqual([]);
    expect(await scene.after(1)).toEqual(['alive?', 'not ready']);
    expect(await scene.after(1000)).toEqual(['alive?', 'not ready']);
    await scene.after(60 * SECOND);
    expect(await scene.after(20 * SECOND), 'ten seconds at most').toEqual([
      'alive?',
      'not ready',
      'alive?',
      'not ready',
    ]);
    scene.alive = () => true;
    expect(await scene.after(10 * SECOND)).toEqual(REGISTERED);
    expect(scene.lines).toEqual([
      'waiting for neutron-server',
      'registered with neutron-server',
      'neutron-server answers again',
    ]);
  });

  test('one that says it is not ready', async () => {
    scene.alive = () => false;
    scene.registration.setLink(true);
    expect(await scene.after(0)).toEqual(['alive?', 'not ready']);
  });

  test('away later: asked whether it is alive before the next report; tunnels are not registered again', async () => {
    scene.registration.setLink(true);
    await scene.after(0);
    scene.verdict = () => {
      throw away();
    };
    expect(await scene.after(30 * SECOND)).toEqual(['report', 'not ready']);
    scene.verdict = () => 'alive';
    expect(await scene.after(500)).toEqual(['alive?', 'report', 'ready']);
  });

  test('a tunnel_sync that failed is made again, all types', async () => {
    scene.vteps = (type) => {
      if (type === 'gre') throw away();
      return [];
    };
    scene.registration.setLink(true);
    expect(await scene.after(0)).toEqual([
      'alive?',
      'report',
      'sync vxlan',
      'endpoints vxlan 0',
      'sync gre',
      'not ready',
    ]);
    scene.vteps = () => [];
    expect(await scene.after(500)).toEqual(REGISTERED);
  });

  test('the link goes: not ready at once, nothing is sent; it comes: a report at once', async () => {
    scene.registration.setLink(true);
    await scene.after(0);
    scene.registration.setLink(false);
    expect(await scene.after(100 * SECOND)).toEqual(['not ready']);
    scene.registration.setLink(true);
    expect(await scene.after(0)).toEqual(['report', 'ready']);
  });

  test('the link goes while a call is on its way: not ready afterwards either', async () => {
    let reply: (value: ReportVerdict) => void = () => undefined;
    scene.verdict = () => new Promise((resolve) => (reply = resolve)) as unknown as ReportVerdict;
    scene.registration.setLink(true);
    await scene.after(0);
    scene.registration.setLink(false);
    reply('alive');
    expect(await scene.after(0)).not.toContain('ready');
    expect(scene.registration.isReady).toBe(false);
  });
});

describe('Open vSwitch away', () => {
  test('at the start: nothing is reported, nothing registered, the server is told of nothing', async () => {
    scene.state = undefined;
    scene.registration.setLink(true);
    expect(await scene.after(0)).toEqual(['alive?', 'not ready']);
    scene.state = {};
    expect(await scene.after(500), 'soon after it is there').toEqual(REGISTERED);
    // Whoever waits for Open vSwitch says so; the server was not waited for.
    expect(scene.lines).toEqual(['registered with neutron-server']);
  });

  test('a report that was withheld is sent as soon as there is one, and no other before its time', async () => {
    scene.state = undefined;
    scene.registration.setLink(true);
    await scene.after(0);
    scene.registration.retry();
    expect(await scene.after(0), 'still nothing').toEqual(['alive?', 'not ready']);
    scene.state = {};
    scene.registration.retry();
    expect(await scene.after(0)).toEqual(REGISTERED);
    scene.registration.retry();
    expect(await scene.after(29 * SECOND)).toEqual([]);
  });

  test('later: no report, so that the server learns of it', async () => {
    scene.registration.setLink(true);
    await scene.after(0);
    scene.state = undefined;
    expect(await scene.after(60 * SECOND)).not.toContain('report');
    expect(scene.registration.lastReport).toBeDefined();
  });
});

test('stopped: no report any more', async () => {
  scene.registration.setLink(true);
  await scene.after(0);
  scene.registration.stop();
  expect(await scene.after(300 * SECOND)).toEqual([]);
});
