/** l2popctl: looks into the agent of this host over its control socket, or with `flows --offline` into the switch itself. */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { CommanderError } from 'commander';
import type { Config } from './config/config.ts';
import { loadConfig } from './config/load.ts';
import type { ControlHandlers } from './control/api.ts';
import { parseFdbQuery, parseFlowsQuery, parseJournalQuery, parseResyncQuery } from './control/query.ts';
import { AskError, ask } from './ctl/ask.ts';
import { decommissionReport, showDecommission } from './ctl/decommission.ts';
import { offlineFlows } from './ctl/offline.ts';
import {
  buildProgram,
  type Commands,
  type Common,
  type JournalSelection,
  type ResyncChoice,
  type Selection,
} from './ctl/program.ts';
import { type CtlSettings, ctlSettings } from './ctl/settings.ts';
import { showFlows } from './ctl/show-flows.ts';
import { showJournal } from './ctl/show-journal.ts';
import { showFdb, showNetworks, showTunnels } from './ctl/show-lists.ts';
import { showResync } from './ctl/show-resync.ts';
import { showCompare, showStatus } from './ctl/show-status.ts';
import type { Screen } from './ctl/table.ts';
import { plural } from './ctl/words.ts';
import { Ofctl, OfctlError, runWithExeca } from './flows/ofctl.ts';
import { isBusy, JournalError } from './journal/errors.ts';
import { readJournal } from './journal/offline.ts';
import { JOURNAL_FILE } from './journal/schema.ts';
import { L2POPULATION_TOPIC, NOTIFICATION_TOPICS } from './neutron/topics.ts';
import { OvsdbClient } from './ovsdb/client.ts';
import { isOvsdbError } from './ovsdb/errors.ts';
import { journalReport } from './report/journal.ts';
import type { FdbReport, FlowsReport, FlowsView, JournalReport, QueryProblem, ResyncReport } from './report/types.ts';
import { Decommission, DecommissionError, type FoundQueue, refuseConsumed } from './rpc/decommission.ts';
import { ownQueues } from './rpc/own-queues.ts';
import { membershipQuery, readMembership, switchMonitors } from './vswitch/monitors.ts';
import { SwitchView } from './vswitch/switch-view.ts';

/** Exit status; 0 is all well. */
const FAILED = 1;
const USAGE = 2;
const UNREACHABLE = 3;

const HINT = [
  'is it running? try: systemctl status l2pop-agent',
  'or name its socket with --socket, or look into the switch itself: l2popctl flows --offline',
].join('\n');

/** Ends the program with a sentence and a status. */
class Failure extends Error {
  readonly status: number;

  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

const commands: Commands = {
  status: async (common) => print(common, await get<'status'>(common, '/status'), showStatus),
  networks: async (common) => print(common, await get<'networks'>(common, '/networks'), showNetworks),
  tunnels: async (common) => print(common, await get<'tunnels'>(common, '/tunnels'), showTunnels),
  async fdb(common, selection) {
    const params = new URLSearchParams({ ...selection });
    accept(parseFdbQuery(params));
    print(common, (await get<'fdb'>(common, `/fdb?${params}`)) as FdbReport, showFdb);
  },
  flows,
  journal,
  async compare(common) {
    print(common, (await ask(settings(common).socket, 'POST', '/compare')) as Reply<'compare'>, showCompare);
  },
  resync,
  decommission,
};

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // The reader has seen enough (`l2popctl flows | head`).
  if (error.code === 'EPIPE') process.exit();
  throw error;
});
try {
  await buildProgram(commands, readVersion()).parseAsync();
} catch (error) {
  process.exitCode = report(error);
}

async function flows(
  common: Common,
  selection: Selection,
  views: readonly FlowsView[],
  offline: boolean,
): Promise<void> {
  const params = new URLSearchParams({ ...selection, ...Object.fromEntries(views.map((view) => [view, '1'])) });
  const query = accept(parseFlowsQuery(params));
  if (offline && query.view !== 'actual') {
    throw new Failure(USAGE, `--offline and --${query.view} do not go together: only the daemon knows what is wanted`);
  }
  let found: FlowsReport;
  if (offline) {
    const where = settings(common);
    const ofctl = new Ofctl({ runDir: where.runDir, timeout: where.ofctlTimeout, run: runWithExeca });
    const dump = (bridge: string) => ofctl.dump(bridge, { stats: true });
    const answer = await offlineFlows(query, where, { view: () => readView(where), dump }, Date.now());
    if ('problem' in answer) throw new Failure(FAILED, answer.problem);
    found = answer;
  } else found = (await get<'flows'>(common, `/flows?${params}`)) as FlowsReport;
  print(common, found, showFlows);
  if (query.view === 'diff' && found.flows.length > 0) process.exitCode = FAILED;
}

async function journal(common: Common, selection: JournalSelection, offline: boolean): Promise<void> {
  const params = new URLSearchParams({ ...selection });
  const query = accept(parseJournalQuery(params));
  let found: JournalReport;
  if (offline) {
    const path = join(settings(common).statePath, JOURNAL_FILE);
    const { counts, entries } = readJournal(path, query);
    const source = { counts, entries: () => entries };
    found = journalReport({ path, since: undefined, reason: undefined, source }, query, Date.now());
  } else found = await get<'journal'>(common, `/journal?${params}`);
  print(common, found, showJournal);
}

async function resync(common: Common, { network, vtep, all }: ResyncChoice): Promise<void> {
  const chosen = [network, vtep, all].filter((choice) => choice !== undefined).length;
  if (chosen !== 1)
    throw new Failure(USAGE, `${chosen === 0 ? 'say' : 'only one of'} --network <id>, --vtep <ip> or --all`);
  const params = new URLSearchParams({
    ...(network !== undefined && { network }),
    ...(vtep !== undefined && { vtep }),
  });
  accept(parseResyncQuery(params));
  const report = await ask(settings(common).socket, 'POST', `/resync?${params}`);
  print(common, report as ResyncReport, showResync);
}

async function decommission(common: Common, { dryRun, yes }: { dryRun: boolean; yes: boolean }): Promise<void> {
  if (dryRun && yes) throw new Failure(USAGE, '--dry-run and --yes do not go together');
  const mayAsk = process.stdin.isTTY && process.stderr.isTTY && !common.json;
  if (!dryRun && !yes && !mayAsk) {
    throw new Failure(USAGE, 'nobody can be asked here: say --yes, or --dry-run to see what would be deleted');
  }
  const { host, rpc, ovs } = configuration(common);
  await refuseRunning(common);
  const { queues, shared, witnesses } = ownQueues(rpc, {
    host,
    topics: NOTIFICATION_TOPICS,
    byName: [L2POPULATION_TOPIC],
  });
  const broker = await Decommission.connect(rpc, `l2popctl:${process.pid}:${host}`);
  const report = (found: readonly FoundQueue[]) =>
    decommissionReport({ host, broker: broker.broker, dryRun, found, shared, ...ovs });
  try {
    let found = await broker.look(queues);
    refuseConsumed(found);
    const there = found.filter(({ presence }) => presence === 'present').length;
    if (there > 0 && !dryRun) {
      const question = `Delete the ${plural(there, 'queue')} of ${host} at ${broker.broker}, with what is in them?`;
      if (!yes && !(await confirmed(question))) throw new Failure(USAGE, 'nothing deleted');
      found = await broker.delete({ queues, witnesses });
    }
    print(common, report(found), showDecommission);
  } finally {
    await broker.close();
  }
}

/** The daemon's whole configuration: a mistake anywhere in it could be a mistake in the host's name. */
function configuration({ configFile }: Common): Config {
  const loaded = loadConfig(
    { files: configFile, dirs: [] },
    {
      hostname: hostname(),
      env: process.env,
      readFile: (path) => readFileSync(path, 'utf8'),
      listDirectory: () => [],
      addresses: undefined,
    },
  );
  if ('errors' in loaded) throw new Failure(USAGE, loaded.errors.map(({ message }) => message).join('\n'));
  return loaded.config;
}

/** One that does not answer may run all the same: the consumers at the broker tell. */
async function refuseRunning(common: Common): Promise<void> {
  let status: Reply<'status'>;
  try {
    status = await get<'status'>(common, '/status');
  } catch (error) {
    if (error instanceof AskError && error.code === 'unreachable') return;
    throw error;
  }
  throw new Failure(FAILED, `l2pop-agent runs, pid ${status.pid}: systemctl disable --now l2pop-agent, then again`);
}

async function confirmed(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim());
  } finally {
    terminal.close();
  }
}

/** One look at OVSDB: connects, reads, disconnects. */
async function readView(where: CtlSettings): Promise<SwitchView> {
  const view = new SwitchView(where);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const silent = () => undefined;
  const client = new OvsdbClient({
    remote: where.ovsdbConnection,
    fallback: where.ovsdbFallback,
    tls: where.tls,
    database: 'Open_vSwitch',
    monitors: switchMonitors([where.tunPeerPatchPort]),
    timeoutMs: where.ovsdbTimeout,
    log: { debug: silent, info: silent, warn: silent },
    onChanges: (changes) => {
      view.applyRows(changes);
      resolve();
    },
    onState: (state, reason) => {
      if (state === 'disconnected') reject(reason);
    },
  });
  client.start();
  try {
    await promise;
    const ports = view.portsWithoutBridge();
    if (ports.length > 0) view.applyMembership(readMembership(ports, await client.transact(membershipQuery(ports))));
    return view;
  } finally {
    await client.close();
  }
}

type Reply<Name extends keyof ControlHandlers> = Awaited<ReturnType<ControlHandlers[Name]>>;

/** The daemon answers with what it has handlers for, or with an error. */
async function get<Name extends keyof ControlHandlers>(common: Common, path: string): Promise<Reply<Name>> {
  return (await ask(settings(common).socket, 'GET', path)) as Reply<Name>;
}

function settings({ socket, configFile }: Common): CtlSettings {
  const found = ctlSettings(
    { socket, files: configFile },
    { env: process.env, readFile: (path) => readFileSync(path, 'utf8') },
  );
  if (typeof found === 'string') throw new Failure(USAGE, found);
  return found;
}

function accept<Query extends object>(query: Query | QueryProblem): Query {
  if ('problem' in query) throw new Failure(USAGE, query.problem);
  return query;
}

function print<Report extends object>(
  { json }: Common,
  report: Report,
  show: (report: Report, screen: Screen) => string,
): void {
  process.stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : show(report, screen()));
}

/** Colours on a terminal only, and not where https://no-color.org or a dumb terminal asks for none. */
function screen(): Screen {
  const { isTTY, columns } = process.stdout;
  const { NO_COLOR, TERM } = process.env;
  return { width: isTTY ? columns : undefined, color: isTTY && !NO_COLOR && TERM !== 'dumb' };
}

/** Says what went wrong. @returns the exit status. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE;
  const [status, hint] =
    error instanceof Failure
      ? [error.status]
      : error instanceof AskError
        ? error.code === 'unreachable'
          ? [UNREACHABLE, HINT]
          : [FAILED]
        : error instanceof OfctlError
          ? [error.code === 'rejected' ? FAILED : UNREACHABLE]
          : isOvsdbError(error)
            ? [UNREACHABLE]
            : error instanceof DecommissionError
              ? [error.code === 'unreachable' ? UNREACHABLE : FAILED]
              : error instanceof JournalError
                ? [FAILED, isBusy(error) ? 'the daemon has it: ask without --offline' : undefined]
                : [];
  if (status === undefined) throw error;
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`l2popctl: ${message}\n${hint === undefined ? '' : `${hint}\n`}`);
  return status;
}

function readVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return version;
}
