import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { FlowMonitor, type Running } from '../../../src/flows/monitor.ts';
import type { FlowEvent } from '../../../src/flows/monitor-events.ts';

const HEAD = 'NXST_FLOW_MONITOR reply (xid=0x2):\n';
const ADDED = ' event=ADDED table=20 cookie=0x1 dl_vlan=1 actions=output:2\n';

interface Child {
  readonly file: string;
  readonly args: readonly string[];
  readonly stdout: PassThrough;
  readonly stderr: PassThrough;
  killed: boolean;
  end(failure?: string): void;
}

let children: Child[];
let told: (FlowEvent | string)[];
let monitor: FlowMonitor;

beforeEach(() => {
  vi.useFakeTimers();
  children = [];
  told = [];
  monitor = new FlowMonitor({
    bridge: 'br-tun',
    runDir: '/run/ovs',
    spawn(file, args): Running {
      const { promise, resolve } = Promise.withResolvers<string | undefined>();
      const child: Child = {
        ...{ file, args, stdout: new PassThrough(), stderr: new PassThrough(), killed: false },
        end: resolve,
      };
      children.push(child);
      const kill = () => {
        child.killed = true;
        resolve(undefined);
      };
      return { stdout: child.stdout, stderr: child.stderr, ended: promise, kill };
    },
    onEvents: (events) => told.push(...events),
    onUp: () => told.push('up'),
    onDown: (reason) => told.push(`down: ${reason}`),
  });
});

afterEach(async () => {
  await monitor.stop();
  vi.useRealTimers();
});

/** Lets what is due happen, streams included. */
async function settle(milliseconds = 0): Promise<void> {
  await vi.advanceTimersByTimeAsync(milliseconds);
  await vi.advanceTimersByTimeAsync(0);
}

function last(): Child {
  const child = children.at(-1);
  if (child === undefined) throw new Error('nothing was started');
  return child;
}

test('one process, that ends with ours', async () => {
  monitor.start();
  expect(children.map(({ file, args }) => [file, ...args].join(' '))).toEqual([
    'setpriv --pdeathsig KILL ovs-ofctl -O OpenFlow14 --unixctl=none --no-names monitor unix:/run/ovs/br-tun.mgmt watch:!initial',
  ]);
  await monitor.stop();
  expect(last().killed).toBe(true);
  await settle(10_000);
  expect(children).toHaveLength(1);
  expect(told).toEqual([]);
});

test('up with the reply; events in whole lines, however they are cut', async () => {
  monitor.start();
  await settle();
  expect(told).toEqual([]);
  last().stdout.write(HEAD);
  await settle();
  expect(told).toEqual(['up']);
  last().stderr.write(HEAD + ADDED.slice(0, 30));
  await settle();
  expect(told).toEqual(['up']);
  last().stderr.write(ADDED.slice(30) + ADDED.replace('ADDED', 'DELETED'));
  await settle();
  const event = { table: 20, cookie: '0x1', match: 'dl_vlan=1', actions: 'output:2' };
  expect(told).toEqual(['up', { kind: 'added', ...event }, { kind: 'deleted', ...event }]);
});

test('when it ends it says why, and another follows at once', async () => {
  monitor.start();
  last().stdout.write(HEAD);
  await settle();
  last().stderr.write('ovs-ofctl: vconn_recv (End of file)\n');
  await settle();
  last().end();
  await settle(50);
  expect(told).toEqual(['up', 'down: ovs-ofctl: vconn_recv (End of file)']);
  expect(children).toHaveLength(2);
  last().stdout.write(HEAD);
  await settle();
  expect(told.at(-1)).toBe('up');
});

test('a switch that cannot tell it so is asked in the older way', async () => {
  const asked = () => last().args.filter((arg) => /OpenFlow|watch/.test(arg));
  monitor.start();
  last().stderr.write('ovs-ofctl: connecting to unix:/run/ovs/br-tun.mgmt (Connection refused)\n');
  await settle();
  last().end();
  await settle(500);
  expect(asked()).toEqual(['OpenFlow14', 'watch:!initial']);
  last().stderr.write('ovs-ofctl: none of the usable flow formats is among the allowed flow formats\n');
  await settle();
  last().end();
  await settle(500);
  expect(asked()).toEqual(['OpenFlow10', 'watch:!initial,!actions']);
  last().stdout.write(HEAD);
  await settle();
  last().stderr.write(ADDED.replace(' actions=output:2', ''));
  await settle();
  expect(told.slice(-2)).toEqual(['up', { ...{ kind: 'added', table: 20, cookie: '0x1' }, match: 'dl_vlan=1' }]);
  // What was right once is right again.
  last().end();
  await settle(500);
  expect(asked()).toEqual(['OpenFlow10', 'watch:!initial,!actions']);
});

test('as long as there is no switch it is tried again, at least every half second', async () => {
  monitor.start();
  for (let attempt = 1; attempt <= 20; attempt++) {
    expect(children).toHaveLength(attempt);
    last().end(attempt === 1 ? 'setpriv: not found' : undefined);
    await settle(500);
  }
  expect(told[0]).toBe('down: setpriv: not found');
  expect(told).toHaveLength(20);
  expect(told).not.toContain('up');
});
