/** What must hold throughout a chaos run, as questions to what was seen. Each gives what is wrong, in words: none, and it holds. Pure. */
import type { Loss } from './losses.ts';
import type { HostNumber } from './steps.ts';
import { type Events, explain, isChurn } from './windows.ts';

/** What br-tun of a host had at a moment. */
export interface TunSample {
  readonly host: HostNumber;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Names by ofport, as ovs-vswitchd has them just before and just after the flows were read. */
  readonly ports: ReadonlyMap<number, string>;
  readonly flows: readonly string[];
}

export interface ProcessSample {
  readonly pid: number;
  readonly parent: number;
  readonly host: HostNumber;
  /** `command`: an ovs-ofctl or another tool of Open vSwitch that ends by itself. */
  readonly kind: 'daemon' | 'monitor' | 'command';
}

/** Monitors of a daemon, one a bridge, and commands that it runs at a time at most: one a bridge too. */
const MONITORS = 2;
const COMMANDS = 2;

/** `vxlan-ac1e000c`: as Neutron names tunnel ports. */
export function isTunnelName(name: string): boolean {
  return /^(vxlan|gre|geneve)-[0-9a-f]{8}$/.test(name);
}

/**
 * No flow outputs to a port that is neither a tunnel of br-tun nor the patch port. A port that was deleted by hand is one for its
 * window, and so is any port while others restore flows that they had saved.
 */
export function outputsToNowhere({ host, at, ports, flows }: TunSample, events: Events): string[] {
  const isLive = (ofport: number) => {
    const name = ports.get(ofport);
    return name !== undefined && (isTunnelName(name) || name === 'patch-int');
  };
  const others = events.blows.filter(({ what }) => /(tunnel-delete|ovs-restart)$/.test(what));
  if (explain(at, [host], { ...events, blows: others }) !== undefined) return [];
  return flows.flatMap((flow) => {
    const dead = [...flow.matchAll(/output:(\d+)/g)].map(([, ofport]) => Number(ofport)).filter((one) => !isLive(one));
    return dead.length === 0
      ? []
      : [`host${host}: a flow outputs to port ${dead.join(', ')}, which is not there: ${flow.trim()}`];
  });
}

/** A steady pair loses nothing but what a blow explains, and single packets while ports come and go. */
export function unexplainedLosses(
  pair: { readonly name: string; readonly hosts: readonly HostNumber[] },
  lost: readonly Loss[],
  events: Events,
): string[] {
  const unexplained = lost.filter(
    ({ at, run }) => explain(at, pair.hosts, events) === undefined && !(run === 1 && isChurn(at, pair.hosts, events)),
  );
  const [first] = unexplained;
  const last = unexplained.at(-1);
  if (first === undefined || last === undefined) return [];
  const before = events.blows.filter(({ host, from }) => pair.hosts.includes(host) && from <= first.at).at(-1);
  const window =
    before?.to === undefined
      ? 'nothing had happened to either switch'
      : `${before.what} on host${before.host} was over ${((first.at - before.to) / 1000).toFixed(2)} s before, ${before.grace / 1000} s are forgiven`;
  return [
    `${pair.name} (host${pair.hosts.join(', host')}): ${unexplained.length} of its packets lost, ` +
      `from ${clock(first.at)} (icmp_seq ${first.seq}) to ${clock(last.at)} (${last.seq}); ${window}`,
  ];
}

/** One daemon a host, its monitors and commands; those of a daemon that was killed may take a moment to end, but not for ever. */
export function surplusProcesses(
  processes: readonly ProcessSample[],
  hosts: readonly HostNumber[],
  atRest: boolean,
): string[] {
  return hosts.flatMap((host) => {
    const here = processes.filter((one) => one.host === host);
    // What a daemon starts looks like it for a moment, between fork(2) and execve(2).
    const isFork = ({ parent }: ProcessSample) => here.some(({ pid, kind }) => pid === parent && kind === 'daemon');
    const daemons = here.filter((one) => one.kind === 'daemon' && !isFork(one));
    const monitors = here.filter(({ kind }) => kind === 'monitor');
    const most = atRest ? MONITORS : 2 * MONITORS;
    const commands = here.filter(({ kind }) => kind === 'command');
    const orphans = [...monitors, ...commands].filter(({ parent }) => !daemons.some(({ pid }) => pid === parent));
    return [
      ...(daemons.length > 1 ? [`host${host}: ${daemons.length} daemons run: ${pids(daemons)}`] : []),
      ...(monitors.length > most ? [`host${host}: ${monitors.length} ovs-ofctl monitors run: ${pids(monitors)}`] : []),
      ...(atRest && commands.length > COMMANDS
        ? [`host${host}: ${commands.length} commands run at a time: ${pids(commands)}`]
        : []),
      ...(atRest && orphans.length > 0
        ? [`host${host}: monitors or commands without their daemon: ${pids(orphans)}`]
        : []),
    ];
  });
}

/** What a daemon takes. */
export interface Resources {
  readonly descriptors: number;
  /** MiB */
  readonly resident: number;
}

/** Above what it had; a garbage collector takes its time, hence so much. */
const MORE_DESCRIPTORS = 4;
const MORE_MEMORY = 96;

/** @param before of the host's daemon, or of one before it: all take the same */
export function growth(host: HostNumber, before: Resources, after: Resources): string[] {
  const [files, memory] = [after.descriptors - before.descriptors, after.resident - before.resident];
  return [
    ...(files > MORE_DESCRIPTORS
      ? [`host${host}: the daemon has ${after.descriptors} file descriptors open, ${files} more than at the start`]
      : []),
    ...(memory > MORE_MEMORY
      ? [`host${host}: the daemon takes ${after.resident} MiB, ${memory} more than at the start`]
      : []),
  ];
}

export interface QueueSample {
  readonly name: string;
  readonly messages: number;
  readonly consumers: number;
}

/**
 * Eight a host: six fanouts, one by name, one for replies. Replies of daemons that were killed expire in their time.
 * @param streams the six fanouts are all hosts' together, and keep what was read
 */
export function queueProblems(queues: readonly QueueSample[], hosts: number, streams: boolean): string[] {
  const used = (pattern: RegExp) => queues.filter(({ name, consumers }) => pattern.test(name) && consumers > 0);
  const fanout = streams ? /^q-agent-notifier-.*_fanout$/ : /_fanout_[0-9a-f]{32}$/;
  const fanouts = queues.filter(({ name }) => fanout.test(name));
  const byName = queues.filter(({ name }) => /^q-agent-notifier-.*\.host\d+$/.test(name));
  const replies = used(/^reply_[0-9a-f]{32}$/);
  const counts = [
    ['fanout queues', fanouts.length, streams ? 6 : 6 * hosts],
    ['queues by a host’s name', byName.length, hosts],
    ['reply queues in use', replies.length, hosts],
  ] as const;
  return [
    ...counts.flatMap(([what, there, wanted]) => (there === wanted ? [] : [`${there} ${what}, not ${wanted}`])),
    ...queues.filter(({ name }) => name.endsWith('_stand-in')).map(({ name }) => `a stand-in is left: ${name}`),
    ...[...fanouts, ...byName, ...replies].flatMap(({ name, messages, consumers }) => {
      const isStream = streams && fanout.test(name);
      return [
        ...(consumers === (isStream ? hosts : 1) ? [] : [`${name} has ${consumers} consumers`]),
        ...(messages === 0 || isStream ? [] : [`${name} has ${messages} messages that nobody takes`]),
      ];
    }),
  ];
}

/** Lines of one that the other lacks, both ways. */
export function differences(what: string, expected: readonly string[], actual: readonly string[]): string[] {
  return [
    ...minus(expected, actual).map((line) => `${what}: missing: ${line}`),
    ...minus(actual, expected).map((line) => `${what}: must not be there: ${line}`),
  ];
}

function minus(a: readonly string[], b: readonly string[]): string[] {
  const rest = [...b];
  return a.filter((line) => {
    const at = rest.indexOf(line);
    if (at >= 0) rest.splice(at, 1);
    return at < 0;
  });
}

function pids(processes: readonly ProcessSample[]): string {
  return processes.map(({ pid }) => pid).join(', ');
}

function clock(at: number): string {
  return new Date(at).toISOString().slice(11, 23);
}
