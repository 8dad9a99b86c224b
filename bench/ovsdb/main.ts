/** `./dev bench ovsdb`: what OVSDB costs us and others, and whether the bars are met. */
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { arch, cpus, release, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { run as runCommand, tryRun } from '../../lab/run.ts';
import { RunDirectory, removeOrphans } from '../../lab/run-directory.ts';
import { runSession } from '../../lab/session.ts';
import { table } from '../../src/ctl/table.ts';
import { partAdd } from './add.ts';
import type { Bar } from './bars.ts';
import { partBurst } from './burst.ts';
import { partGrow } from './grow.ts';
import { partMonitors } from './monitors.ts';
import { mebibytes } from './numbers.ts';
import { type Bench, type PartResult, PLAIN } from './part.ts';
import { partStart } from './start.ts';
import { DAEMON_FLAGS } from './worker.ts';

const PARTS = {
  add: { title: 'A. One more port on a bridge', run: partAdd },
  grow: { title: 'B. VIFs one after the other', run: partGrow },
  start: { title: "C. Start of the daemon's monitors", run: partStart },
  burst: { title: 'D. VIFs plugged at once', run: partBurst },
  monitors: { title: 'E. What the monitors cost', run: partMonitors },
} as const satisfies Record<string, { title: string; run: (bench: Bench) => Promise<PartResult> }>;
type PartName = keyof typeof PARTS;

const USAGE = `usage: ./dev bench ovsdb [--json FILE] [--quick] [--check] [--part ${Object.keys(PARTS).join('|')}]…`;

interface Options {
  readonly json: string | undefined;
  readonly quick: boolean;
  /** A bar that is not met is a failure. */
  readonly check: boolean;
  readonly parts: readonly PartName[];
}

function readArguments(args: readonly string[]): Options | string {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        json: { type: 'string' },
        quick: { type: 'boolean', default: false },
        check: { type: 'boolean', default: false },
        part: { type: 'string', multiple: true },
      },
    });
    const asked = values.part ?? Object.keys(PARTS);
    const parts = asked.filter((name): name is PartName => Object.hasOwn(PARTS, name));
    const unknown = asked.find((name) => !Object.hasOwn(PARTS, name));
    if (unknown !== undefined) return `there is no part ${unknown}; ${USAGE}`;
    // Found out now and not after minutes of measuring.
    if (values.json !== undefined) closeSync(openSync(values.json, 'a'));
    return { json: values.json, quick: values.quick, check: values.check, parts };
  } catch (error) {
    const [sentence] = (error instanceof Error ? error.message : String(error)).split(/\. |\n/);
    return `${sentence}; ${USAGE}`;
  }
}

async function machine(): Promise<Record<string, string | number>> {
  const version = /\d+\.\d+\.\d+/.exec(await runCommand(['ovsdb-server', '--version']))?.[0] ?? 'unknown';
  return {
    kernel: release(),
    architecture: arch(),
    cpu: cpus()[0]?.model ?? 'unknown',
    cpus: cpus().length,
    memoryMiB: Math.round(mebibytes(totalmem())),
    openvswitch: version,
    node: [process.version, ...DAEMON_FLAGS].join(' '),
  };
}

async function work(run: RunDirectory, options: Options): Promise<boolean> {
  const progress = (text: string): void => void process.stderr.write(`==> ${text}\n`);
  const withoutOvsdbapp = (await tryRun(['/usr/bin/python3', '-c', 'import ovsdbapp'])).exitCode !== 0;
  if (withoutOvsdbapp)
    progress('PYTHON3-OVSDBAPP IS NOT INSTALLED: no figures of ovsdbapp, and no bar against it is met');
  const bench: Bench = { run, quick: options.quick, withoutOvsdbapp, progress };
  const facts = await machine();
  const bars: (Bar & { readonly part: string })[] = [];
  const parts: Record<string, object> = {};
  process.stdout.write(
    `${Object.entries(facts)
      .map(([name, value]) => `${name} ${value}`)
      .join(', ')}\n`,
  );
  for (const name of options.parts) {
    const { title, run: measure } = PARTS[name];
    const result = await measure(bench);
    process.stdout.write(`\n${title}\n${result.text}`);
    parts[name] = result.figures;
    bars.push(...result.bars.map((bar) => ({ part: name, ...bar })));
  }
  process.stdout.write(`\nBars${options.quick ? ' (a quick run proves none)' : ''}\n${showBars(bars)}`);
  if (options.json !== undefined) {
    const report = { machine: facts, quick: options.quick, parts, bars };
    writeFileSync(options.json, `${JSON.stringify(report, undefined, 2)}\n`);
  }
  return bars.every(({ met }) => met);
}

function showBars(bars: readonly Bar[]): string {
  return table(
    [
      { header: 'met', cell: ({ met }) => (met ? 'yes' : 'NO') },
      { header: 'figure', cell: ({ figure }) => figure, align: 'right' },
      { header: 'bar', cell: ({ at, limit }) => `at ${at} ${limit}` },
      { header: 'of', cell: ({ bar }) => bar },
    ],
    bars,
    PLAIN,
  );
}

const options = readArguments(process.argv.slice(2));
if (typeof options === 'string') {
  process.stderr.write(`dev: bench ovsdb: ${options}\n`);
  process.exit(2);
}
await removeOrphans();
let met = true;
const name = `bench-${process.pid}`;
const status = await runSession({ name, keep: false }, async (run) => {
  met = await work(run, options);
});
// A failure's logs stay until the next run; an interruption has nothing to tell.
if (status > 128) await RunDirectory.open(name)?.remove();
process.exit(status !== 0 ? status : options.check && !met ? 1 : 0);
