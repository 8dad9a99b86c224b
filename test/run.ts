/**
 * What `./dev test` runs: lint, types and the vitest projects one after the other (two cores are the least that a
 * machine has), all of them even when one fails, and one closing line with the sum. Lint and types count as one test each.
 */
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { execa } from 'execa';
import { RunDirectory, removeOrphans } from '../lab/run-directory.ts';
import { type Part, type Selection, select } from './selection.ts';

const ROOT = resolve(import.meta.dirname, '..');
/** The heart of the scenarios with the real neutron-server: hand-over both ways, a restart, VIFs that come, go and move. */
const DROP_IN = ['handover', 'moves'].map((name) => `test/neutron/${name}.test.ts`);

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** What vitest's JSON reporter writes, as far as it is read here. */
interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly { readonly status: string; readonly assertionResults: readonly unknown[] }[];
}

let current: { kill(signal: NodeJS.Signals): unknown } | undefined;
let interrupted: NodeJS.Signals | undefined;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    interrupted = signal;
    current?.kill('SIGTERM');
  });
}

const args = process.argv.slice(2);
const selection = select(args, globSync('test/**/*.test.ts', { cwd: ROOT }));
if (typeof selection === 'string') {
  process.stderr.write(`dev: test: ${selection}\n`);
  process.exit(2);
}
const reports = mkdtempSync(join(tmpdir(), 'l2pop-test-'));
const isRoot = process.getuid?.() === 0;
try {
  if (isRoot) await removeOrphans();
  const counts = await runAll(selection);
  if (isRoot) await takeDownOrphans();
  process.exitCode = interrupted === undefined ? conclude(counts) : 1;
} finally {
  rmSync(reports, { recursive: true, force: true });
}

async function runAll(asked: Selection): Promise<Counts[]> {
  if (asked.kind === 'filter') {
    const { projects, paths, name, options } = asked;
    // A filter that fits the tests of one project only must not make the others fail for want of tests: one run for all.
    return [await vitest(projects, paths, name, options)];
  }
  const counts: Counts[] = [];
  for (const part of asked.parts) if (interrupted === undefined) counts.push(await runPart(part));
  return counts;
}

async function runPart(part: Part): Promise<Counts> {
  switch (part) {
    case 'lint':
      return await check('lint', ['biome', 'check', '--error-on-warnings', '.']);
    case 'types':
      return await check('types', ['tsc', '-p', 'tsconfig.json']);
    case 'unit':
    case 'integration':
    case 'e2e':
    case 'neutron':
      return await vitest([part]);
    case 'drop-in':
      return await vitest(['neutron'], DROP_IN);
  }
}

async function check(name: string, command: readonly string[]): Promise<Counts> {
  heading(name);
  const passed = (await execute(command)) === 0;
  return { passed: passed ? 1 : 0, failed: passed ? 0 : 1, skipped: 0 };
}

/** `name`: words of the tests' names; empty: any. */
async function vitest(
  projects: readonly string[],
  paths: readonly string[] = [],
  name = '',
  options: readonly string[] = [],
): Promise<Counts> {
  heading([...projects, ...paths, ...(name === '' ? [] : [`tests named "${name}"`]), ...options].join(' '));
  if (name !== '' && paths.length === 0) process.stdout.write('no path has it: all files are loaded to look for it\n');
  const file = join(reports, `${projects.join('-')}.json`);
  const words = [...paths, ...(name === '' ? [] : ['-t', name]), ...options];
  const status = await execute([
    ...['vitest', 'run', ...projects.map((project) => `--project=${project}`)],
    ...['--reporter=default', '--reporter=json', `--outputFile.json=${file}`],
    ...words,
  ]);
  const report = readReport(file);
  if (report === undefined) return { passed: 0, failed: 1, skipped: 0 };
  // A file that cannot be loaded has no tests to fail, and an error outside of any test fails none.
  const broken = report.testResults.filter((one) => one.status === 'failed' && one.assertionResults.length === 0);
  const failed = report.numFailedTests + broken.length;
  return {
    passed: report.numPassedTests,
    failed: failed === 0 && status !== 0 ? 1 : failed,
    // With a test's name, "skipped" is everything that was not asked for.
    skipped: words.some((word) => word.startsWith('-')) ? 0 : report.numPendingTests + report.numTodoTests,
  };
}

/** Exit status of one of the project's tools, run by this Node, its output on ours. */
async function execute(command: readonly string[]): Promise<number> {
  const [file = '', ...args] = command;
  const bin = join(ROOT, 'node_modules', '.bin');
  const tool = execa(join(bin, file), args, {
    cwd: ROOT,
    env: { PATH: `${bin}${delimiter}${process.env.PATH ?? ''}` },
    stdio: ['ignore', 'inherit', 'inherit'],
    reject: false,
  });
  current = tool;
  const { exitCode } = await tool;
  return exitCode ?? 1;
}

function conclude(counts: readonly Counts[]): number {
  const sum = (key: keyof Counts): number => counts.reduce((total, one) => total + one[key], 0);
  const [passed, failed, skipped] = [sum('passed'), sum('failed'), sum('skipped')];
  process.stdout.write(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`);
  if (passed + failed === 0) process.stdout.write(`no test ran: none fits ${args.join(' ')}\n`);
  return failed > 0 || passed === 0 ? 1 : 0;
}

/** A test that was ended from outside could not clean up after itself. Its logs stay until the next run. */
async function takeDownOrphans(): Promise<void> {
  for (const run of RunDirectory.all()) {
    if (run.liveOwner !== undefined || run.kept) continue;
    await run.takeDown();
    process.stdout.write(`logs of an unfinished or failed test: ${run.path}\n`);
  }
}

function readReport(file: string): VitestReport | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as VitestReport;
  } catch {
    return undefined;
  }
}

function heading(text: string): void {
  process.stdout.write(`\n==> ${text}\n`);
}
