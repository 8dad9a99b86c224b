/**
 * The maintenance pass (DESIGN, rule 10): what the switch has refused too often is compared with what is there by now, case
 * by case. What failed is the unicast flow of one MAC; all else of its network is as it should be.
 */
import { beforeEach, expect, test } from 'vitest';
import { FLOODING, factsOf, Host, type Pair, portId, tunnelName } from './host.ts';

const VIF = 'tap1';
const VTEP = '172.30.0.12';
const KNOWN: Pair = ['fa:16:3e:00:00:12', '10.0.0.12'];
const FAILED: Pair = ['fa:16:3e:00:00:13', '10.0.0.13'];
const IS_OF_IT = (line: string) => line.includes('table=20') && line.includes(FAILED[0]);

let host: Host;
/** The flow as it was refused, as a line of a bundle. */
let refused: string;
/** Bundles that were sent before the pass. */
let before: number;

beforeEach(async () => {
  host = await Host.ready();
  host.plug(portId(1), VIF);
  host.serve(factsOf(portId(1)));
  await host.settle();
  host.switch.refuses = (line) => line.startsWith('add ') && IS_OF_IT(line);
  host.add('vxlan', { [VTEP]: [FLOODING, KNOWN, FAILED] });
  await host.settle();
  await untilFailed('mac');
  expect(host.open('mac')).toMatchObject([{ state: 'failed', attempts: 5, lastError: 'no' }]);
  refused = host.switch.bundles.flatMap(({ lines }) => lines).find(IS_OF_IT) ?? '';
  expect(there()).toEqual([]);
});

async function untilFailed(kind: 'mac' | 'tunnel'): Promise<void> {
  while (host.open(kind)[0]?.state === 'pending') {
    host.now += 1000;
    await host.settle();
  }
}

/** What somebody else does to br-tun. */
async function somebody(line: string): Promise<void> {
  const { refuses } = host.switch;
  host.switch.refuses = () => false;
  await host.switch.bundle('br-tun', [line]);
  host.switch.refuses = refuses;
}

async function pass(event: 'maintain' | 'compare' = 'maintain'): Promise<void> {
  before = host.switch.bundles.length;
  host.apply({ kind: event });
  await host.settle();
}

/** What was sent for the flow since the pass began. */
function sent(): string[] {
  return host.switch.bundles.slice(before).flatMap(({ lines }) => lines.filter(IS_OF_IT));
}

/** The actions of the flow, if it is there. */
function there(): string[] {
  return host.switch.flows('br-tun').flatMap(({ table, match, actions }) => {
    return table === 20 && match.includes(FAILED[0]) ? [actions] : [];
  });
}

const right = () => refused.split('actions=')[1] ?? '';
const otherwise = () => refused.replace(/actions=.*/, 'actions=drop');
const takesAll = () => {
  host.switch.refuses = () => false;
};
/** The network's last VIF goes: what failed stays failed, and nobody wants it. */
const leaves = async () => {
  host.switch.unplug(VIF);
  await host.settle();
};

/** `sends`: for the flow, in the pass; `left`: what is open afterwards; `flow`: its actions. */
test.each<[string, { given: () => unknown; sends: () => string[]; left: object[]; flow: () => string[] }]>([
  [
    'there and wanted: completed, the flow is not touched',
    { given: () => somebody(refused), sends: () => [], left: [], flow: () => [right()] },
  ],
  [
    'there but different: put right',
    {
      given: async () => {
        await somebody(otherwise());
        takesAll();
      },
      sends: () => [refused],
      left: [],
      flow: () => [right()],
    },
  ],
  [
    'there but different, and refused again: it begins anew with its attempts',
    {
      given: () => somebody(otherwise()),
      sends: () => [refused],
      left: [{ state: 'pending', attempts: 1, lastError: 'no' }],
      flow: () => ['drop'],
    },
  ],
  ['absent and wanted: made', { given: takesAll, sends: () => [refused], left: [], flow: () => [right()] }],
  [
    'absent and wanted, and refused again: it begins anew with its attempts',
    {
      given: () => undefined,
      sends: () => [refused],
      left: [{ state: 'pending', attempts: 1, lastError: 'no' }],
      flow: () => [],
    },
  ],
  [
    'there and not wanted: removed',
    {
      given: async () => {
        await leaves();
        await somebody(otherwise());
      },
      sends: () => [expect.stringMatching(/^delete_strict /)],
      left: [],
      flow: () => [],
    },
  ],
  ['absent and not wanted: completed', { given: leaves, sends: () => [], left: [], flow: () => [] }],
])('%s', async (_, { given, sends, left, flow }) => {
  await given();
  expect(host.open('mac')).toMatchObject([{ state: 'failed' }]);
  await pass();
  expect(sent()).toEqual(sends());
  expect(host.open('mac')).toHaveLength(left.length);
  expect(host.open('mac')).toMatchObject(left);
  expect(there()).toEqual(flow());
  expect(host.switch.violations).toEqual([]);
});

test('absent and wanted, and its tunnel port is gone: first the port, the flow when that has its number', async () => {
  const name = tunnelName('vxlan', 12);
  host.switch.unplug(name);
  takesAll();
  before = host.switch.bundles.length;
  host.apply({ kind: 'maintain' });
  while ((await host.executor.advance()) === 'again');
  expect(host.tunnelPorts()).toEqual([name]);
  expect(sent()).toEqual([]);
  expect(host.open('mac')).toMatchObject([{ state: 'pending', blockedOn: expect.stringContaining(VTEP) }]);
  await host.settle();
  expect(there()).toEqual([expect.stringMatching(`output:${host.switch.ofport(name)}$`)]);
  expect([...host.open('mac'), ...host.open('tunnel')]).toEqual([]);
  expect(host.switch.violations).toEqual([]);
});

test('the server takes it back: completed without a pass', async () => {
  host.remove('vxlan', { [VTEP]: [FAILED] });
  await host.settle();
  expect(host.open('mac')).toEqual([]);
});
