/**
 * What `./dev test` runs: lint, types and the vitest projects one after the other (two cores are the least that a
 * machine has), all of them even when one fails, and one closing line with the sum. Lint and types count as one test each.
 */
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { execa } from 'execa';
import { RunDirectory, removeOrphans } from '../lab/run-directory.ts';

const ROOT = resolve(import.meta.dirname, '..');
const PROJECTS = ['unit', 'integration', 'e2e', 'neutron'] as const;
const PARTS = ['lint', 'types', 'unit', 'integration', 'e2e', 'drop-in', 'neutron'] as const;
/** The heart of the scenarios with the real neutron-server: hand-over both ways, a restart, VIFs that come, go and move. */
const DROP_IN = ['handover', 'moves'].map((name) => `test/neutron/${name}.test.ts`);
/** Only when it is asked for: it takes half an hour. */
const ON_REQUEST: readonly (typeof PARTS)[number][] = ['neutron'];
type Part = (typeof PARTS)[number];

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

const reports = mkdtempSync(join(tmpdir(), 'l2pop-test-'));
const isRoot = process.getuid?.() === 0;
try {
  if (isRoot) await removeOrphans();
  const counts = await runAll(process.argv.slice(2));
  if (isRoot) await takeDownOrphans();
  process.exitCode = interrupted === undefined ? conclude(counts) : 1;
} finally {
  rmSync(reports, { recursive: true, force: true });
}

async function runAll(args: readonly string[]): Promise<Counts[]> {
  const firstFilter = args.findIndex((arg) => !isPart(arg));
  const parts = (firstFilter < 0 ? args : args.slice(0, firstFilter)).filter(isPart);
  const filters = firstFilter < 0 ? [] : args.slice(firstFilter);
  // A filter that fits the tests of one project only must not make the others fail for want of tests: one run for all.
  if (filters.length > 0) {
    const isMeant = (project: Part) => !ON_REQUEST.includes(project) || filters.some((one) => one.includes(project));
    const projects = PROJECTS.filter((project) => (parts.length === 0 ? isMeant(project) : parts.includes(project)));
    return [await vitest(projects, filters)];
  }
  const counts: Counts[] = [];
  for (const part of PARTS) {
    if (interrupted !== undefined || !(parts.length > 0 ? parts.includes(part) : !ON_REQUEST.includes(part))) continue;
    counts.push(await runPart(part));
  }
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
      return await vitest([part], []);
    case 'drop-in':
      return await vitest(['neutron'], DROP_IN);
  }
}

async function check(name: string, command: readonly string[]): Promise<Counts> {
  heading(name);
  const passed = (await execute(command)) === 0;
  return { passed: passed ? 1 : 0, failed: passed ? 0 : 1, skipped: 0 };
}

async function vitest(projects: readonly string[], filters: readonly string[]): Promise<Counts> {
  heading([...projects, ...filters].join(' '));
  const file = join(reports, `${projects.join('-')}.json`);
  const words = vitestFilters(filters);
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

/** Words that are part of a test file's path go to vitest as such, other words are a test's name; options stay as they are. */
function vitestFilters(filters: readonly string[]): string[] {
  const firstOption = filters.findIndex((filter) => filter.startsWith('-'));
  const words = firstOption < 0 ? filters : filters.slice(0, firstOption);
  const options = firstOption < 0 ? [] : filters.slice(firstOption);
  const files = globSync('test/**/*.test.ts', { cwd: ROOT });
  const isPath = (word: string): boolean => files.some((file) => file.includes(word));
  const name = words.filter((word) => !isPath(word)).join(' ');
  return [...words.filter(isPath), ...(name === '' ? [] : ['-t', name]), ...options];
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
  if (passed + failed === 0) process.stdout.write('\nno test ran\n');
  process.stdout.write(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`);
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

function isPart(text: string): text is Part {
  return PARTS.some((part) => part === text);
}
