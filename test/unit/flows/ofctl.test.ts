import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Ofctl, type Run, type RunResult } from '../../../src/flows/ofctl.ts';

interface Call {
  readonly file: string;
  readonly args: readonly string[];
  readonly input: string;
  readonly timeout: number;
}

const GOOD: RunResult = { exitCode: 0, stdout: '', stderr: '', timedOut: false };
const failed = (stderr: string): RunResult => ({ exitCode: 1, stdout: '', stderr, timedOut: false });

/** An ovs-ofctl that answers from a script and remembers what it was asked. */
function scripted(answer: (call: Call) => RunResult | Error): { ofctl: Ofctl; calls: Call[] } {
  const calls: Call[] = [];
  const run: Run = (file, args, options) => {
    const call = { file, args, ...options };
    calls.push(call);
    const result = answer(call);
    return result instanceof Error ? Promise.reject(result) : Promise.resolve(result);
  };
  return { ofctl: new Ofctl({ runDir: '/run/ovs', timeout: 1234, run }), calls };
}

describe('dump', () => {
  test.each([
    [true, ['-O', 'OpenFlow14', '--no-names', 'dump-flows', 'unix:/run/ovs/br-tun.mgmt']],
    [false, ['-O', 'OpenFlow14', '--no-names', '--no-stats', 'dump-flows', 'unix:/run/ovs/br-tun.mgmt']],
  ])('statistics %s', async (stats, args) => {
    const stdout = 'OFPST_FLOW reply (OF1.4) (xid=0x2):\n cookie=0x1, priority=0 actions=drop\n';
    const { ofctl, calls } = scripted(() => ({ ...GOOD, stdout }));
    const flows = await ofctl.dump('br-tun', { stats });
    expect(calls).toEqual([{ file: 'ovs-ofctl', args, input: '', timeout: 1234 }]);
    expect(flows).toEqual([{ table: 0, priority: 0, match: '', actions: 'drop', cookie: '0x1' }]);
  });
});

describe('bundle', () => {
  test('one process, all lines on stdin in their order', async () => {
    const { ofctl, calls } = scripted(() => GOOD);
    expect(await ofctl.bundle('br-tun', ['delete table=20,out_port=3', 'add table=0,actions=drop'])).toEqual([]);
    expect(calls).toEqual([
      {
        file: 'ovs-ofctl',
        args: ['-O', 'OpenFlow14', '--bundle', 'add-flows', 'unix:/run/ovs/br-tun.mgmt', '-'],
        input: 'delete table=20,out_port=3\nadd table=0,actions=drop\n',
        timeout: 1234,
      },
    ]);
  });

  test('no lines, no process', async () => {
    const { ofctl, calls } = scripted(() => GOOD);
    expect(await ofctl.bundle('br-tun', [])).toEqual([]);
    expect(calls).toEqual([]);
  });

  test('more than 20,000 lines are split, and nothing is lost or turned round', async () => {
    const lines = Array.from({ length: 45_000 }, (_, index) => `add table=20,priority=2,dl_vlan=${index},actions=drop`);
    const { ofctl, calls } = scripted(() => GOOD);
    await ofctl.bundle('br-tun', lines);
    expect(calls.map(({ input }) => input.split('\n').length - 1)).toEqual([20_000, 20_000, 5000]);
    expect(calls.map(({ input }) => input).join('')).toBe(`${lines.join('\n')}\n`);
  });
});

describe('lines that the switch refuses', () => {
  /** Refuses a bundle with a bad line in it, as ovs-ofctl does: all of it, naming the first. */
  function picky(bad: ReadonlySet<string>) {
    const taken: string[] = [];
    const { ofctl, calls } = scripted(({ input }) => {
      const lines = input.trimEnd().split('\n');
      const index = lines.findIndex((line) => bad.has(line));
      if (index >= 0) return failed(`ovs-ofctl: -:${index + 1}: unknown action ${lines[index]}\n`);
      taken.push(...lines);
      return GOOD;
    });
    return { ofctl, taken, calls };
  }

  test('exactly the bad ones are left out, the others applied once and in order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 40 }), fc.uniqueArray(fc.nat(39)), async (count, positions) => {
        const lines = Array.from({ length: count }, (_, index) => `add table=${index}`);
        const bad = new Set(positions.map((index) => lines[index]).filter((line) => line !== undefined));
        const { ofctl, taken } = picky(bad);
        const refused = await ofctl.bundle('br-tun', lines);
        expect(refused.map(({ line }) => line)).toEqual(lines.filter((line) => bad.has(line)));
        expect(taken).toEqual(lines.filter((line) => !bad.has(line)));
      }),
    );
  });

  test("with the switch's own words", async () => {
    const { ofctl } = picky(new Set(['b']));
    const [refused] = await ofctl.bundle('br-tun', ['a', 'b', 'c']);
    expect(refused?.line).toBe('b');
    expect(refused?.reason).toContain('unknown action b');
  });

  test('one bad line among 20,000 costs some thirty processes', async () => {
    const lines = Array.from({ length: 20_000 }, (_, index) => `add table=${index}`);
    const { ofctl, calls } = picky(new Set(['add table=12345']));
    expect(await ofctl.bundle('br-tun', lines)).toHaveLength(1);
    expect(calls.length).toBeLessThan(35);
  });

  test('a full table: adds are given up together, deletes go through', async () => {
    const adds = Array.from({ length: 10_000 }, (_, index) => `add table=20,dl_vlan=${index}`);
    const deletes = Array.from({ length: 100 }, (_, index) => `delete_strict table=20,dl_vlan=${index}`);
    const { ofctl, calls, taken } = picky(new Set(adds));
    const refused = await ofctl.bundle('br-tun', [...adds, ...deletes]);
    expect(refused.map(({ line }) => line)).toEqual(adds);
    expect(taken).toEqual(deletes);
    expect(calls.length).toBeLessThan(100);
  });
});

// The texts are those of ovs-ofctl 3.1.0, paths aside.
describe('errors', () => {
  test.each([
    ['unreachable', 'ovs-ofctl: connecting to unix:/run/ovs/br-tun.mgmt (No such file or directory)\n'],
    ['unreachable', 'ovs-ofctl: br-tun is not a bridge or a socket\n'],
    ['unreachable', 'ovs-ofctl: unix:/run/ovs/br-tun.mgmt: failed to connect to socket (Connection refused)\n'],
    ['unreachable', 'ovs-ofctl: talking to unix:/run/ovs/br-tun.mgmt (End of file)\n'],
    ['unreachable', 'ovs-ofctl: talking to unix:/run/ovs/br-tun.mgmt (Connection reset by peer)\n'],
    [
      'unreachable',
      '2026-11-21T03:28:11Z|00001|vconn|WARN|unix:/run/ovs/br-tun.mgmt: version negotiation failed (we support version 0x05, peer supports versions 0x01, 0x04)\novs-ofctl: unix:/run/ovs/br-tun.mgmt: failed to connect to socket (Broken pipe)\n',
    ],
    ['rejected', 'ovs-ofctl: -:1: unknown keyword foo\n'],
    ['rejected', 'ovs-ofctl: -:2: unknown action frobnicate\n'],
    ['rejected', 'ovs-ofctl: -:2: 70000: output to unknown port\n'],
    ['rejected', 'ovs-ofctl: -:2: actions are invalid with specified match (OFPBIC_BAD_TABLE_ID)\n'],
    [
      'rejected',
      'Error OFPBAC_BAD_OUT_GROUP for: OFPT_FLOW_MOD (OF1.4) (xid=0x7): ADD table:5 priority=2 actions=group:77\nError OFPBFC_MSG_FAILED for: OFPT_BUNDLE_CONTROL (OF1.4) (xid=0xa):\n bundle_id=0 type=COMMIT_REQUEST flags=atomic ordered\novs-ofctl: talking to unix:/run/ovs/br-tun.mgmt (Protocol error)\n',
    ],
  ])('%s: %s', async (code, stderr) => {
    const { ofctl, calls } = scripted(() => failed(stderr));
    await expect(ofctl.dump('br-tun', { stats: false })).rejects.toMatchObject({
      name: 'OfctlError',
      code,
      message: expect.stringContaining(stderr.trim()),
    });
    if (code === 'rejected') return;
    await expect(ofctl.bundle('br-tun', ['a', 'b', 'c'])).rejects.toMatchObject({ code });
    expect(calls, 'nothing is halved').toHaveLength(2);
  });

  test('no answer in time', async () => {
    const { ofctl, calls } = scripted(() => ({ exitCode: undefined, stdout: '', stderr: '', timedOut: true }));
    await expect(ofctl.bundle('br-tun', ['a', 'b'])).rejects.toMatchObject({
      code: 'timeout',
      message: expect.stringContaining('1234 ms'),
    });
    expect(calls).toHaveLength(1);
  });

  test('ended by a signal: says nothing of the lines', async () => {
    const { ofctl, calls } = scripted(() => ({ exitCode: undefined, stdout: '', stderr: '', timedOut: false }));
    await expect(ofctl.bundle('br-tun', ['a', 'b'])).rejects.toMatchObject({ code: 'unreachable' });
    expect(calls).toHaveLength(1);
  });

  test('not installed', async () => {
    const cause = Object.assign(new Error('spawn ovs-ofctl ENOENT'), { code: 'ENOENT' });
    const { ofctl } = scripted(() => cause);
    await expect(ofctl.dump('br-tun', { stats: false })).rejects.toMatchObject({ code: 'unreachable', cause });
  });

  test('the switch goes away while lines are being halved: that is said, not that the rest was refused', async () => {
    let runs = 0;
    const { ofctl } = scripted(() => {
      runs++;
      return failed(runs === 1 ? 'ovs-ofctl: -:2: bad' : 'ovs-ofctl: connecting to unix:/x (Connection refused)');
    });
    await expect(ofctl.bundle('br-tun', ['a', 'b', 'c'])).rejects.toMatchObject({ code: 'unreachable' });
  });
});
