/** `./dev bench reliability`: what each fault costs the tenants, with ours and with the reference, in one cloud. */
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { AGENT_KINDS, type AgentKind } from '../../lab/neutron/host-agent.ts';
import { type RunDirectory, RunDirectory as Runs, removeOrphans } from '../../lab/run-directory.ts';
import { runSession } from '../../lab/session.ts';
import { FAULTS, type Fault, type FaultName } from './faults.ts';
import { Ward } from './measure.ts';
import { markdown, merge, type Result } from './report.ts';
import { Stage } from './stage.ts';

const USAGE = `usage: ./dev bench reliability [--faults ${Object.keys(FAULTS).join(',')}]
         [--agents ours|reference|both] [--entries N] [--json FILE] [--markdown FILE]`;
const DEFAULT_ENTRIES = 10_000;
const MOST_ENTRIES = 60_000;

interface Options {
  readonly faults: readonly FaultName[];
  readonly agents: readonly AgentKind[];
  readonly entries: number;
  /** Figures of this run take the place of those in the file, which are {@link before}. */
  readonly json: string | undefined;
  readonly before: readonly Result[];
  readonly markdown: string | undefined;
}

function readArguments(args: readonly string[]): Options | string {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        faults: { type: 'string', default: Object.keys(FAULTS).join(',') },
        agents: { type: 'string', default: 'both' },
        entries: { type: 'string', default: String(DEFAULT_ENTRIES) },
        json: { type: 'string' },
        markdown: { type: 'string' },
      },
    });
    const names = values.faults.split(',');
    const unknown = names.find((name) => !Object.hasOwn(FAULTS, name));
    if (unknown !== undefined) return `there is no fault "${unknown}"; ${USAGE}`;
    const agents = AGENT_KINDS.filter((kind) => values.agents === kind || values.agents === 'both');
    if (agents.length === 0) return `--agents is ours, reference or both, not "${values.agents}"`;
    const entries = Number(values.entries);
    if (!/^\d+$/.test(values.entries) || entries > MOST_ENTRIES)
      return `--entries is a number up to ${MOST_ENTRIES}, not "${values.entries}"`;
    // Found out now and not after a cloud has been brought up.
    for (const file of [values.json, values.markdown]) if (file !== undefined) closeSync(openSync(file, 'a'));
    const before = values.json === undefined ? [] : readFigures(values.json);
    if (before === undefined) return `--json ${values.json}: it is there and has no figures of this bench`;
    return { faults: names as FaultName[], agents, entries, json: values.json, before, markdown: values.markdown };
  } catch (error) {
    const [sentence] = (error instanceof Error ? error.message : String(error)).split(/\. |\n/);
    return `${sentence}; ${USAGE}`;
  }
}

/** None of a file that is empty; `undefined`: it is another one's. */
function readFigures(file: string): Result[] | undefined {
  const text = readFileSync(file, 'utf8');
  if (text === '') return [];
  try {
    const figures: unknown = JSON.parse(text);
    return Array.isArray(figures) ? (figures as Result[]) : undefined;
  } catch {
    return undefined;
  }
}

async function work(run: RunDirectory, options: Options): Promise<void> {
  const begin = performance.now();
  const say = (text: string): void =>
    void process.stderr.write(`==> ${((performance.now() - begin) / 1000).toFixed(0).padStart(3)} s  ${text}\n`);
  const stage = await Stage.up(run, options.entries, say);
  const ward = new Ward(stage, say);
  for (const name of options.faults) {
    const fault: Fault = FAULTS[name];
    const targets = stage.targets.filter(({ kind }) => options.agents.includes(kind));
    const rounds = fault.scope === 'host' ? targets.map((target) => [target]) : [targets];
    for (const round of rounds) {
      say(`${fault.title}: ${round.map(({ kind }) => kind).join(' and ')}`);
      const figures = await ward.measure(fault, round);
      keep(
        options,
        figures.map((figure) => ({ fault: name, entries: options.entries, ...figure })),
      );
    }
  }
}

const measured: Result[] = [];

/** Written after each fault: what is measured is measured, whatever comes next. */
function keep({ json, before, markdown: file }: Options, results: readonly Result[]): void {
  measured.push(...results);
  for (const result of results) process.stderr.write(`    ${JSON.stringify(result)}\n`);
  const all = merge(before, measured);
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(all, undefined, 2)}\n`);
  if (file !== undefined) writeFileSync(file, markdown(all));
}

const options = readArguments(process.argv.slice(2));
if (typeof options === 'string') {
  process.stderr.write(`dev: bench reliability: ${options}\n`);
  process.exit(2);
}
await removeOrphans();
const name = `bench-${process.pid}`;
const status = await runSession({ name, keep: false }, async (run) => await work(run, options));
if (status > 128) await Runs.open(name)?.remove();
process.stdout.write(markdown(measured));
process.exit(status);
