/** `bench/ovsdb` at a smoke run's size: every part works, the report has its shape, and an interruption leaves nothing. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pidsWithEnvironment } from '../../../lab/proc.ts';
import { RUN_VARIABLE } from '../../../lab/processes.ts';
import { DEV_DIRECTORY } from '../../../lab/run-directory.ts';
import { waitFor } from '../../../lab/wait.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const MAIN = join(ROOT, 'bench/ovsdb/main.ts');

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'l2pop-bench-'));
});

afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

interface Report {
  readonly machine: Readonly<Record<string, string | number>>;
  readonly quick: boolean;
  readonly parts: Readonly<Record<string, unknown>>;
  readonly bars: readonly Readonly<Record<string, unknown>>[];
}

describe('a quick run', () => {
  let report: Report;
  let text: string;
  let stdout: string;

  beforeAll(async () => {
    const file = join(directory, 'report.json');
    stdout = (await execa(process.execPath, [MAIN, '--quick', '--json', file])).stdout;
    text = readFileSync(file, 'utf8');
    report = JSON.parse(text) as Report;
  });

  it('says on what machine, and nothing of whose it is', () => {
    expect(Object.keys(report.machine).sort()).toEqual(
      ['architecture', 'cpu', 'cpus', 'kernel', 'memoryMiB', 'node', 'openvswitch'].sort(),
    );
    expect(text).not.toContain(ROOT);
    expect(report.quick).toBe(true);
  });

  it('has the cost of a port for whoever adds one, at each size, with the bytes each way', () => {
    const figures = report.parts.add as Readonly<Record<string, unknown>>[];
    const whos = ['ours', 'ours-bare', 'ovs-vsctl'];
    for (const who of whos) {
      const own = figures.filter((figure) => figure.who === who && figure.kind === 'each');
      expect(own, who).toHaveLength(2);
      for (const figure of own) {
        for (const of of ['clientCpuMs', 'serverCpuMs', 'wallMs', 'bytesToServer', 'bytesToClient'] as const) {
          expect(figure[of], `${who} ${of}`).toBeGreaterThan(0);
        }
      }
    }
    const bytes = (who: string, ports: unknown) =>
      Number(figures.find((figure) => figure.who === who && figure.ports === ports)?.bytesToServer);
    const sizes = [...new Set(figures.map(({ ports }) => ports))];
    // The one figure that no machine can disturb.
    expect(bytes('ours', sizes[0])).toBe(bytes('ours', sizes[1]));
    expect(bytes('ovs-vsctl', sizes[1])).toBeGreaterThan(5 * bytes('ovs-vsctl', sizes[0]));
  });

  it('has growth, start, burst and monitors', () => {
    expect(report.parts).toMatchObject({
      grow: {
        ports: 80,
        rounds: 1,
        exponent: expect.any(Number),
        bins: expect.any(Array),
        vswitchd: expect.any(Array),
      },
      start: { vifs: 200, initialMs: expect.any(Number), placedMs: expect.any(Number), rssMiB: expect.any(Number) },
      burst: { burst: 8, once: { transactions: expect.any(Number) }, each: { transactions: expect.any(Number) } },
    });
    const { told } = report.parts.monitors as { told: { event: string; bytes: Record<string, number> }[] };
    const plugged = told.find(({ event }) => event.startsWith('a VIF is plugged'))?.bytes ?? {};
    expect(plugged["the daemon's"]).toBeLessThan(1_000);
    expect(plugged['monitor, ports']).toBeGreaterThan(10 * plugged["the daemon's"]!);
    const moving = told.find(({ event }) => event.startsWith('statistics'))?.bytes ?? {};
    expect(moving["the daemon's"]).toBe(0);
    expect(moving['all columns']).toBeGreaterThan(0);
  });

  it('holds the figures against the bars', () => {
    expect(new Set(report.bars.map(({ part }) => part))).toEqual(new Set(['add', 'grow', 'start', 'burst']));
    for (const bar of report.bars) {
      expect(bar).toEqual({
        part: expect.any(String),
        bar: expect.any(String),
        limit: expect.any(Number),
        at: expect.stringMatching(/^(most|least)$/),
        figure: bar.figure === null ? null : expect.any(Number),
        met: expect.any(Boolean),
      });
      expect(stdout).toContain(String(bar.bar));
    }
  });
});

it('leaves nothing when it is interrupted', async () => {
  const bench = execa(process.execPath, [MAIN, '--quick', '--part', 'burst'], { reject: false });
  const run = join(DEV_DIRECTORY, `bench-${bench.pid}`);
  await waitFor('the agent of the bench to run', () => pidsWithEnvironment(RUN_VARIABLE, run).length >= 3);
  bench.kill('SIGINT');
  expect((await bench).exitCode).toBe(130);
  expect(pidsWithEnvironment(RUN_VARIABLE, run)).toEqual([]);
  expect(existsSync(run)).toBe(false);
});

it.each([
  [['--nonsense'], /^dev: bench ovsdb: Unknown option '--nonsense'; usage: .*\n?$/],
  [['--part', 'nonsense'], /^dev: bench ovsdb: there is no part nonsense; usage: .*\n?$/],
  [['--json', '/nonexistent/report.json'], /^dev: bench ovsdb: ENOENT: .*\n?$/],
])('refuses %j in one line', async (args, message) => {
  const { exitCode, stderr } = await execa(process.execPath, [MAIN, ...args], { reject: false });
  expect(exitCode).toBe(2);
  expect(stderr).toMatch(message);
});
