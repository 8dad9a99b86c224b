/** What `./dev neutron` calls, once everything is installed. */
import { RunDirectory, removeOrphans } from '../run-directory.ts';
import { runSession } from '../session.ts';
import { openShell } from '../shell.ts';
import { type AgentAction, type NeutronCommand, parseArguments, UsageError } from './arguments.ts';
import { NeutronCloud } from './cloud.ts';
import { type AgentKind, HostAgent } from './host-agent.ts';

const RUN = 'neutron';
const LOOK_AROUND = `
Everything stays up. Look around, then take it away:
  ./dev neutron status                       where its parts are, the agents as the server sees them
  ./dev neutron agent restart host2 reference    the other agent on the same configuration files
  ./dev neutron shell host1                  a shell on host1, OVS tools and l2popctl pointed at its switch and agent
  ./dev neutron down`;

try {
  process.exitCode = await main(parseArguments(process.argv.slice(2)));
} catch (error) {
  process.stderr.write(`dev: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
// Nothing is to be waited for any more, whatever is still open.
process.exit();

async function main(command: NeutronCommand): Promise<number> {
  switch (command.do) {
    case 'up':
      return await up(command.hosts, command.agents);
    case 'agent':
      return await agent(command.action, command.host, command.kind);
    case 'status':
      return await status();
    case 'shell':
      return await openShell(cloud().run, command.args);
    case 'down':
      return await down();
  }
}

async function up(hosts: number, agents: Readonly<Record<number, AgentKind>>): Promise<number> {
  const existing = RunDirectory.open(RUN);
  if (existing?.kept === true && NeutronCloud.of(existing) !== undefined) {
    throw new Error('a cloud is up already; ./dev neutron status shows it, ./dev neutron down takes it away');
  }
  await removeOrphans();
  return await runSession({ name: RUN, keep: true }, async (run) => {
    try {
      await NeutronCloud.up(run, { hosts, agents, onProgress: (what) => print(what) });
    } catch (error) {
      print(`logs: ${run.directory('log')}`);
      throw error;
    }
    print(LOOK_AROUND);
  });
}

async function agent(action: AgentAction, index: number, kind: AgentKind | undefined): Promise<number> {
  const neutron = cloud();
  const one = neutron.agent(index);
  const before = one.kind;
  switch (action) {
    case 'start':
      await one.start(kind ?? one.lastKind ?? 'ours');
      break;
    case 'restart':
      await one.restart(kind);
      break;
    case 'stop':
    case 'kill':
      if (before === undefined) throw new Error(`no agent runs on host${index}`);
      await one[action]();
      print(`host${index}: ${before} ${action === 'stop' ? 'stopped' : 'killed'}`);
      return 0;
  }
  await neutron.waitAlive(index);
  print(`host${index}: ${one.kind} runs, pid ${one.pid}, alive at the server; log ${one.log(one.kind ?? 'ours')}`);
  return 0;
}

async function status(): Promise<number> {
  const neutron = cloud();
  print(`neutron-server  ${neutron.rest.url}`);
  print(`MariaDB         ${neutron.database.socket}`);
  print(`RabbitMQ        ${neutron.brokerUrl}`);
  print(`logs            ${neutron.run.directory('log')}`);
  for (const host of neutron.hosts) {
    const one = new HostAgent(host);
    const record = (await neutron.rest.agents({ host: host.name }))[0];
    const seen =
      record === undefined
        ? 'never heard of'
        : `${record.alive ? 'alive' : 'down'}, last heard ${record.heartbeat_timestamp}`;
    const running = one.kind === undefined ? 'no agent runs' : `${one.kind}, pid ${one.pid}`;
    print(`${host.name}           ${neutron.vtep(host)}  ${running}; at the server: ${seen}`);
  }
  return 0;
}

async function down(): Promise<number> {
  const run = RunDirectory.open(RUN);
  await run?.remove();
  print(run === undefined ? 'nothing was up' : 'taken down');
  return 0;
}

function cloud(): NeutronCloud {
  const run = RunDirectory.open(RUN);
  const neutron = run === undefined ? undefined : NeutronCloud.of(run);
  if (neutron === undefined) throw new Error('no cloud is up; ./dev neutron up brings one up');
  return neutron;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
