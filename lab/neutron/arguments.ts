/** The command line of `./dev neutron`, read into what is to be done, or one line that says what is wrong with it. Pure. */
import type { AgentKind } from './host-agent.ts';

export type NeutronCommand =
  | { readonly do: 'up'; readonly hosts: number; readonly agents: Readonly<Record<number, AgentKind>> }
  | { readonly do: 'agent'; readonly action: AgentAction; readonly host: number; readonly kind: AgentKind | undefined }
  | { readonly do: 'status' | 'down' }
  | { readonly do: 'shell'; readonly args: readonly string[] };

export const AGENT_ACTIONS = ['start', 'stop', 'kill', 'restart'] as const;
export type AgentAction = (typeof AGENT_ACTIONS)[number];

/** What a person has typed wrong. */
export class UsageError extends Error {
  readonly code = 'USAGE';
  override readonly name = 'UsageError';
}

/** Each agent and its switch take memory and CPU: more hosts than this are no help on a workstation. */
const MOST_HOSTS = 9;
const KINDS: readonly AgentKind[] = ['ours', 'reference'];

/** Throws {@link UsageError}. */
export function parseArguments(args: readonly string[]): NeutronCommand {
  const [command, ...rest] = args;
  switch (command) {
    case 'up':
      return up(rest);
    case 'agent':
      return agent(rest);
    case 'status':
    case 'down':
      if (rest.length > 0) throw new UsageError(`neutron ${command} takes no arguments`);
      return { do: command };
    case 'shell':
      if (rest.length === 0) throw new UsageError('neutron shell needs a host: ./dev neutron shell host1');
      return { do: 'shell', args: rest };
    default:
      throw new UsageError(
        `neutron ${command === undefined ? 'needs a command' : `does not know "${command}"`}; it has: up, agent, status, shell, down`,
      );
  }
}

function up(args: readonly string[]): NeutronCommand {
  let hosts = 2;
  const agents = new Map<number, AgentKind>();
  for (let i = 0; i < args.length; i += 2) {
    const [option, value] = [args[i], args[i + 1]];
    if (option === '--hosts') {
      hosts = Number(value);
      if (!/^[1-9]$/.test(value ?? ''))
        throw new UsageError(`--hosts needs a number from 1 to ${MOST_HOSTS}, not "${value ?? ''}"`);
    } else if (option === '--agent') {
      for (const word of (value ?? '').split(',')) {
        const match = /^(.+)=(.+)$/.exec(word);
        if (match === null) throw new UsageError(`--agent needs HOST=ours or HOST=reference, not "${word}"`);
        agents.set(hostNumber(match[1] ?? ''), kindOf(match[2] ?? ''));
      }
    } else {
      throw new UsageError(`neutron up does not know "${option}"; it takes --hosts N and --agent HOST=ours|reference`);
    }
  }
  const outside = [...agents.keys()].find((host) => host > hosts);
  if (outside !== undefined) throw new UsageError(`--agent host${outside}: there will be ${hosts} host(s)`);
  const all = Array.from({ length: hosts }, (_, i): [number, AgentKind] => [i + 1, agents.get(i + 1) ?? 'ours']);
  return { do: 'up', hosts, agents: Object.fromEntries(all) };
}

function agent([action, host, kind, ...more]: readonly string[]): NeutronCommand {
  const known = AGENT_ACTIONS.find((one) => one === action);
  if (known === undefined || host === undefined || more.length > 0) {
    throw new UsageError('neutron agent takes start|stop|kill|restart HOST [ours|reference]');
  }
  if (kind !== undefined && (known === 'stop' || known === 'kill')) {
    throw new UsageError(`neutron agent ${known} takes a host and nothing else: it ends whichever agent runs`);
  }
  return { do: 'agent', action: known, host: hostNumber(host), kind: kind === undefined ? undefined : kindOf(kind) };
}

function hostNumber(name: string): number {
  const match = /^host([1-9])$/.exec(name);
  if (match === null) throw new UsageError(`"${name}" is no host; hosts are host1, host2, …`);
  return Number(match[1]);
}

function kindOf(word: string): AgentKind {
  const kind = KINDS.find((one) => one === word);
  if (kind === undefined) throw new UsageError(`"${word}" is no agent; it is ours or reference`);
  return kind;
}
