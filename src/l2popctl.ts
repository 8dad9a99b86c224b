/** l2popctl: looks into the agent of this host over its control socket, or with `flows --offline` into the switch itself. */
import { readFileSync } from 'node:fs';
import { CommanderError } from 'commander';
import type { ControlHandlers } from './control/api.ts';
import { parseFdbQuery, parseFlowsQuery } from './control/query.ts';
import { AskError, ask } from './ctl/ask.ts';
import { offlineFlows } from './ctl/offline.ts';
import { buildProgram, type Commands, type Common, type Selection } from './ctl/program.ts';
import { type CtlSettings, ctlSettings } from './ctl/settings.ts';
import { showFlows } from './ctl/show-flows.ts';
import { showFdb, showNetworks, showTunnels } from './ctl/show-lists.ts';
import { showCompare, showStatus } from './ctl/show-status.ts';
import type { Screen } from './ctl/table.ts';
import { Ofctl, OfctlError, runWithExeca } from './flows/ofctl.ts';
import { OvsdbClient } from './ovsdb/client.ts';
import { isOvsdbError } from './ovsdb/errors.ts';
import type { FdbReport, FlowsReport, FlowsView, QueryProblem } from './report/types.ts';
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
  async compare(common) {
    print(common, (await ask(settings(common).socket, 'POST', '/compare')) as Reply<'compare'>, showCompare);
  },
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
