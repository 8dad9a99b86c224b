import { describe, expect, test } from 'vitest';
import { nextDuty, nextWake } from '../../src/duties.ts';
import type { Duty } from '../../src/events.ts';
import type { NetworkId, SegmentationId } from '../../src/values.ts';
import type { PortFacts } from '../../src/vif/facts.ts';
import { testConfig } from './config.ts';
import { FLOODING, factsOf, Host, portId } from './host.ts';

const duty = (host: Host) => nextDuty(host.state, host.now, () => 'ask');
const start = (host: Host, duty: Duty) => host.apply({ kind: 'duty-started', duty });
const told = (host: Host, duty: Duty, ...failed: readonly number[]) =>
  host.apply({ kind: 'duty-done', duty, outcome: { kind: 'told', failed: failed.map(portId) } });

/** VIFs 1…n on br-int with these facts, at rest. */
async function withVifs(...facts: readonly (Partial<PortFacts> | undefined)[]): Promise<Host> {
  const host = await Host.ready();
  for (const [index, more] of facts.entries()) {
    host.plug(portId(index + 1));
    if (more !== undefined) host.serve(factsOf(portId(index + 1), more));
  }
  await host.settle();
  return host;
}

/** Asked for and answered: the network is in sync. */
function synced(host: Host): void {
  for (const { sync } of host.state.networks.values()) sync.asked('x', true, host.now);
  host.apply({ kind: 'marker', id: 'x', edge: 'start' });
  host.apply({ kind: 'marker', id: 'x', edge: 'end' });
}

describe('what comes first', () => {
  test('down, then facts, then up, then refresh; each is owed once', async () => {
    const host = await withVifs({}, { status: 'DOWN' }, undefined);
    host.plug(portId(4));
    host.serve(factsOf(portId(4)));
    await host.settle();
    host.switch.unplug('tap0004');
    const order: (readonly [string, unknown, unknown])[] = [];
    for (let next = duty(host); next !== undefined && order.length < 10; next = duty(host)) {
      order.push([next.kind, next.ports, next.kind === 'up' && next.refresh]);
      start(host, next);
      if (next.kind === 'pull') host.facts(portId(3));
      else told(host, next);
      if (next.kind === 'up') host.apply({ kind: 'marker', id: 'ask', edge: 'start' });
      if (next.kind === 'up') host.apply({ kind: 'marker', id: 'ask', edge: 'end' });
    }
    expect(order).toEqual([
      ['down', [portId(4)], false],
      ['pull', [portId(3)], false],
      ['up', [portId(2)], false],
      // No snapshot came with it.
      ['up', [portId(1)], true],
    ]);
  });

  test('nothing while OVSDB is away', async () => {
    const host = await withVifs({ status: 'DOWN' });
    host.apply({ kind: 'ovsdb-lost' });
    expect(duty(host)).toBeUndefined();
  });
});

describe('limits', () => {
  test('100 ports a call', async () => {
    const host = await Host.ready();
    for (let n = 1; n <= 150; n++) host.plug(portId(n));
    await host.settle();
    const first = duty(host);
    expect([first?.kind, first?.ports.length]).toEqual(['pull', 100]);
    if (first !== undefined) start(host, first);
    expect(duty(host)?.ports).toHaveLength(50);
  });

  test('20 networks a refresh, one ACTIVE port of each', async () => {
    const host = await Host.ready();
    for (let n = 1; n <= 60; n++) {
      const network = n % 30;
      host.plug(portId(n));
      host.serve(
        factsOf(portId(n), {
          networkId: `00000000-0000-4000-8000-${String(network).padStart(12, '0')}` as NetworkId,
          segment: { type: 'vxlan', segmentationId: network as SegmentationId },
        }),
      );
    }
    await host.settle();
    const first = duty(host);
    expect([first?.kind, first?.ports.length]).toEqual(['up', 20]);
    const networks = first?.ports.map((id) => host.state.vifs.get(id)?.network);
    expect(new Set(networks).size).toBe(20);
    if (first !== undefined) start(host, first);
    expect(duty(host), 'no more are under way at a time').toBeUndefined();
    if (first !== undefined) told(host, first);
    host.apply({ kind: 'marker', id: 'ask', edge: 'end' });
    expect(duty(host)?.ports).toHaveLength(10);
  });
});

describe('up', () => {
  test('only when ovs-vswitchd has done it', async () => {
    const host = await Host.ready();
    host.plug(portId(1), 'tap1');
    host.serve(factsOf(portId(1), { status: 'DOWN' }));
    while ((await host.executor.advance()) === 'again');
    host.switch.vswitchd();
    host.answer();
    await host.executor.advance();
    expect([host.tag('tap1'), duty(host)]).toEqual([1, undefined]);
    host.switch.vswitchd();
    expect(duty(host)).toEqual({ kind: 'up', ports: [portId(1)], refresh: false, ask: 'ask' });
  });

  test.each([
    ['DOWN', { status: 'DOWN' }, true],
    ['BUILD', { status: 'BUILD' }, true],
    ['ACTIVE already', {}, false],
    ['not ours yet: migrating here', { status: 'ACTIVE', binding: 'migrating' }, false],
    ['not ours yet: inactive binding', { status: 'DOWN', binding: 'inactive' }, false],
    ['bound elsewhere', { status: 'DOWN', binding: 'elsewhere' }, false],
    ['administratively down', { status: 'DOWN', adminStateUp: false }, false],
  ] as [string, Partial<PortFacts>, boolean][])('%s', async (_, facts, isOwed) => {
    const host = await withVifs(facts);
    synced(host);
    expect(duty(host)?.kind).toBe(isOwed ? 'up' : undefined);
  });

  test('once; what the server says afterwards counts', async () => {
    const host = await withVifs({ status: 'DOWN' });
    synced(host);
    const up = duty(host);
    if (up === undefined) throw new Error('nothing is owed');
    start(host, up);
    told(host, up);
    expect(duty(host)).toBeUndefined();
    host.serve(factsOf(portId(1), { status: 'DOWN' }));
    host.answer();
    expect(duty(host)?.kind).toBe('up');
  });

  test('a VIF that was moved while it was bound is not up before it is bound anew', async () => {
    const host = await withVifs({ status: 'DOWN' });
    host.serve(factsOf(portId(1), { status: 'DOWN' }, 'gre'));
    host.answer();
    expect(duty(host)).toBeUndefined();
    await host.settle();
    expect(duty(host)?.kind).toBe('up');
  });
});

describe('down', () => {
  test('administratively down, once it is isolated', async () => {
    const host = await withVifs({});
    host.serve(factsOf(portId(1), { adminStateUp: false }));
    host.answer();
    expect(duty(host), 'on its VLAN still').toBeUndefined();
    await host.settle();
    expect(duty(host)).toEqual({ kind: 'down', ports: [portId(1)] });
  });

  test.each([
    ['the server knows', { adminStateUp: false, status: 'DOWN' }],
    ['not bound here', { adminStateUp: false, binding: 'elsewhere' }],
  ] as [string, Partial<PortFacts>][])('not if %s', async (_, facts) => {
    expect(duty(await withVifs(facts))).toBeUndefined();
  });

  test('a call that failed is made again, also for a port that is gone', async () => {
    const host = await withVifs({});
    host.switch.unplug('tap0001');
    const down = duty(host);
    if (down === undefined) throw new Error('nothing is owed');
    start(host, down);
    expect(duty(host)).toBeUndefined();
    host.apply({ kind: 'duty-done', duty: down, outcome: { kind: 'failed', reason: 'x' } });
    expect(duty(host)).toEqual(down);
  });
});

describe('a port that the server cannot bring up or down', () => {
  test.each(['up', 'down'])('%s: not again before half a minute, and nothing else waits for it', async (kind) => {
    const host = await withVifs({ status: 'DOWN' }, {});
    if (kind === 'down') host.switch.unplug('tap0001');
    const first = duty(host);
    if (first === undefined) throw new Error('nothing is owed');
    expect([first.kind, first.ports]).toEqual([kind, [portId(1)]]);
    start(host, first);
    told(host, first, 1);
    expect(duty(host)).toEqual({ kind: 'up', ports: [portId(2)], refresh: true, ask: 'ask' });
    synced(host);
    expect([duty(host), nextWake(host.state, host.now)]).toEqual([undefined, host.now + 30_000]);
    host.now += 30_000;
    expect(duty(host)).toEqual(first);
    start(host, first);
    told(host, first);
    expect([duty(host), host.state.deferred.size]).toEqual([undefined, 0]);
  });

  test('unplugged, plugged again or deleted: forgotten', async () => {
    for (const how of ['unplug', 'delete']) {
      const host = await withVifs({ status: 'DOWN' });
      const up = duty(host);
      if (up === undefined) throw new Error('nothing is owed');
      start(host, up);
      told(host, up, 1);
      expect(host.state.deferred.size).toBe(1);
      if (how === 'unplug') host.switch.unplug('tap0001');
      else host.apply({ kind: 'notification', notification: { kind: 'port-delete', port: portId(1) } });
      expect(host.state.deferred.size, how).toBe(0);
    }
  });
});

describe('refresh', () => {
  test('of each network that is not in sync; none without l2population', async () => {
    const host = await withVifs({});
    expect(duty(host)).toEqual({ kind: 'up', ports: [portId(1)], refresh: true, ask: 'ask' });
    const mesh = await Host.ready(testConfig({ agent: { l2Population: false } }));
    mesh.plug(portId(1));
    mesh.serve(factsOf(portId(1)));
    await mesh.settle();
    expect(duty(mesh)).toBeUndefined();
  });

  test('not while a network has no ACTIVE port', async () => {
    const host = await withVifs({ binding: 'migrating', status: 'ACTIVE' });
    expect(duty(host)).toBeUndefined();
  });

  test('again for the suspects, and the state says when', async () => {
    const host = await withVifs({});
    host.add('vxlan', { '172.30.0.12': [FLOODING] });
    await host.settle();
    host.now += 100_000;
    expect(nextWake(host.state, host.now)).toBeUndefined();
    // The server has l2population: it has sent a snapshot, of whatever network.
    host.state.snapshots = 1;
    synced(host);
    expect([duty(host), nextWake(host.state, host.now)]).toEqual([undefined, host.now + 60_000]);
    host.now += 60_000;
    expect(duty(host)?.kind).toBe('up');
    expect(nextWake(host.state, host.now)).toBeUndefined();
  });
});

describe('a VIF that migrates to us', () => {
  const awaited: Partial<PortFacts> = { binding: 'migrating', isAwaited: true };

  test('is said to be plugged once it is wired: no markers, the network is not asked for', async () => {
    const host = await withVifs(awaited);
    expect(duty(host)).toEqual({ kind: 'plugged', ports: [portId(1)] });
    start(host, { kind: 'plugged', ports: [portId(1)] });
    expect([...host.state.networks.values()].map(({ sync }) => sync.status)).toEqual(['unsynced']);
    told(host, { kind: 'plugged', ports: [portId(1)] });
    expect(duty(host)).toBeUndefined();
  });

  test('with an inactive binding too; without anybody who waits nothing is said', async () => {
    expect(duty(await withVifs({ binding: 'inactive', isAwaited: true }))?.kind).toBe('plugged');
    expect(duty(await withVifs({ binding: 'inactive' }))).toBeUndefined();
  });

  test('is reported up when its binding is active', async () => {
    const host = await withVifs(awaited);
    told(host, { kind: 'plugged', ports: [portId(1)] });
    host.serve(factsOf(portId(1), { status: 'DOWN' }));
    await host.settle();
    expect(duty(host)).toMatchObject({ kind: 'up', ports: [portId(1)] });
  });

  test('that the server could not take it is tried again later; a VIF plugged again is said again', async () => {
    const host = await withVifs(awaited);
    const plugged = { kind: 'plugged', ports: [portId(1)] } as const;
    told(host, plugged, 1);
    expect(duty(host)).toBeUndefined();
    host.now += 60_000;
    expect(duty(host)).toEqual(plugged);
    told(host, plugged);
    host.switch.unplug('tap0001');
    await host.settle();
    const down = { kind: 'down', ports: [portId(1)] } as const;
    expect(duty(host), 'snapshots had it here while its binding was inactive').toEqual(down);
    told(host, down);
    host.plug(portId(1));
    host.serve(factsOf(portId(1), awaited));
    await host.settle();
    expect(duty(host)).toEqual(plugged);
  });
});
