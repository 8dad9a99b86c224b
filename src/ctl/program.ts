/** The command line of l2popctl: commands and options, as data for whoever carries them out. */
import { Command } from 'commander';
import type { FlowsView } from '../report/types.ts';

export interface Common {
  readonly socket: string | undefined;
  readonly configFile: readonly string[];
  readonly json: boolean;
}

/** What `GET /flows` and `GET /fdb` take, as it was typed. */
export interface Selection {
  readonly network?: string;
  readonly mac?: string;
  readonly table?: string;
  readonly bridge?: string;
}

/** What `GET /journal` takes, as it was typed. */
export interface JournalSelection {
  readonly state?: string;
  readonly network?: string;
  readonly key?: string;
  readonly limit?: string;
}

/** What to ask the server for, as it was typed. */
export interface ResyncChoice {
  readonly network?: string;
  readonly vtep?: string;
  readonly all?: true;
}

export interface Commands {
  status(common: Common): Promise<void>;
  networks(common: Common): Promise<void>;
  tunnels(common: Common): Promise<void>;
  fdb(common: Common, selection: Selection): Promise<void>;
  flows(common: Common, selection: Selection, views: readonly FlowsView[], offline: boolean): Promise<void>;
  journal(common: Common, selection: JournalSelection, offline: boolean): Promise<void>;
  compare(common: Common): Promise<void>;
  resync(common: Common, choice: ResyncChoice): Promise<void>;
  decommission(common: Common, choice: { readonly dryRun: boolean; readonly yes: boolean }): Promise<void>;
}

const VIEWS: readonly FlowsView[] = ['actual', 'desired', 'diff'];

const EXIT_STATUS = `
Exit status: 0 answered, be it with bad news; 1 the daemon said an error, there is a difference (flows --diff), or an
agent of this host still runs (decommission); 2 wrong arguments or configuration, or a question answered with no; 3 the
daemon, the switch (flows --offline) or the broker (decommission) does not answer.`;

export function buildProgram(commands: Commands, version: string): Command {
  const program = new Command('l2popctl')
    .description('Looks into the l2pop-agent of this host')
    .version(version)
    .option('--socket <path>', "the daemon's control socket; also $L2POP_AGENT_SOCKET")
    .option('--config-file <path>', 'a configuration file of the daemon; repeatable', list)
    .option('--json', 'print the report as JSON')
    .addHelpText('after', EXIT_STATUS)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'l2popctl: ')) })
    .exitOverride();
  const common = (): Common => {
    const { socket, configFile, json } = program.opts<{ socket?: string; configFile?: string[]; json?: true }>();
    return { socket, configFile: configFile ?? [], json: json === true };
  };
  const add = (name: string, description: string) =>
    program
      .command(name)
      .description(description)
      .allowExcessArguments(false)
      .configureHelp({ showGlobalOptions: true });

  add('status', 'links, switch, counts, what is blocked and what failed').action(() => commands.status(common()));
  add('networks', 'networks with a VIF here, their VIFs, VTEPs and state of sync').action(() =>
    commands.networks(common()),
  );
  add('tunnels', 'tunnel ports: wanted, there, and who uses them').action(() => commands.tunnels(common()));
  add('fdb', 'what the server said of remote MACs, and which claim is used')
    .option('--network <id>', 'of this network: its id or the beginning of it')
    .option('--mac <mac>', 'of this MAC')
    .action((options: Selection) => commands.fdb(common(), options));
  add('flows', 'the programmed flows of br-tun, each with table, network, VTEP and purpose')
    .option('--actual', 'what the switch has (default)')
    .option('--desired', 'what it should have')
    .option('--diff', 'what is not as it should be, on both bridges; nothing when all is; status 1 when not')
    .option('--table <table>', 'of this table, by number or name')
    .option('--network <id>', 'of this network: its id or the beginning of it')
    .option('--mac <mac>', 'about this MAC')
    .option('--bridge <name>', 'of this bridge, br-tun or br-int by their names here')
    .option('--offline', 'from the switch alone, without the daemon')
    .action(
      ({ offline, actual, desired, diff, ...selection }: Selection & Partial<Record<FlowsView | 'offline', true>>) => {
        const flags = { actual, desired, diff };
        const views = VIEWS.filter((view) => flags[view] === true);
        return commands.flows(common(), selection, views, offline === true);
      },
    );
  add('journal', 'what was meant to become of the switch, newest first: done, under way, waiting and failed')
    .option('--state <state>', 'in this state: pending, processing, completed or failed')
    .option('--network <id>', 'of this network: its id or the beginning of it')
    .option('--key <text>', 'about this: a MAC, a VTEP or any other part of what is shown')
    .option('--limit <count>', 'so many at most (default 100)')
    .option('--offline', 'from its file, while the daemon does not run')
    .action(({ offline, ...selection }: JournalSelection & { offline?: true }) =>
      commands.journal(common(), selection, offline === true),
    );
  add('decommission', "delete this host's queues at the broker, for a host that is taken out of the cloud")
    .option('--dry-run', 'only say what would be deleted')
    .option('--yes', 'do not ask')
    .addHelpText(
      'after',
      `
The names follow from the configuration: the daemon's own files, or those named with --config-file. The daemon must have
been stopped. Nothing else is touched: not the flows, not the bridges, not the agent's record at neutron-server.`,
    )
    .action(({ dryRun, yes }: { dryRun?: true; yes?: true }) =>
      commands.decommission(common(), { dryRun: dryRun === true, yes: yes === true }),
    );
  add('compare', 'compare all flows with the switch now, and repair').action(() => commands.compare(common()));
  add('resync', 'ask neutron-server for all it knows of a network')
    .option('--network <id>', 'of this network: its id or the beginning of it')
    .option('--vtep <ip>', 'of all networks in which this VTEP has entries')
    .option('--all', 'of all networks with a VIF here')
    .action((choice: ResyncChoice) => commands.resync(common(), choice));
  return program;
}

function list(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}
