/**
 * When the steady pairs may lose packets: while flows are missing through a fault, and for a stated time afterwards. The
 * repair is the daemon's, out of its memory, so the absence of either keeps a window open. Pure; times in milliseconds since the epoch.
 */
import type { Fault, HostNumber } from './steps.ts';

/**
 * Seconds after the fault is over (the process runs again, the command has ended) within which the tenants have their
 * network back. A fault that is not listed may not cost a single packet.
 */
export const WINDOWS: Readonly<Partial<Record<Fault['kind'], number>>> = {
  'vswitchd-kill': 3,
  'ovs-kill': 3,
  'ovs-restart': 3,
  reboot: 3,
  'flows-wipe': 2,
  'flow-change': 2,
  'tunnel-delete': 2,
};

/**
 * While a port is added to or taken from a switch or a link of the host goes down or comes up, and a moment after, a packet
 * that is lost alone is forgiven: Open vSwitch 3.1 on the userspace datapath loses one in some fifteen such operations on
 * ports and in some hundred on links at 200 packets a second, without any agent.
 */
export const LONE_PACKET_SECONDS = 0.5;

/** Something happens on a host from `from` on; `to` undefined: it goes on. */
export interface Span {
  readonly host: HostNumber;
  readonly from: number;
  to: number | undefined;
}

export interface Blow extends Span {
  /** As in the log: `#17 vswitchd-kill`. */
  readonly what: string;
  /** Milliseconds that are forgiven after its end. */
  readonly grace: number;
}

/** When the tenants of the blow's host must have their network back; `undefined`: not known yet. */
export function endOf(blow: Blow, absences: readonly Span[]): number | undefined {
  if (blow.to === undefined) return undefined;
  let end = blow.to + blow.grace;
  // In order of time: what delays the end may let in the next one.
  for (const absence of [...absences].sort((a, b) => a.from - b.from)) {
    if (absence.host !== blow.host || absence.from > end) continue;
    if (absence.to === undefined) return undefined;
    if (absence.to >= blow.from) end = Math.max(end, absence.to + blow.grace);
  }
  return end;
}

/** All that has happened to the hosts of a run. */
export interface Events {
  readonly blows: readonly Blow[];
  /** The daemon of a host does not run, stands still, or has lost its memory and has not been told anew. */
  readonly absences: readonly Span[];
  /** Ports are added to or taken from a host's switch, or a link of the host changes. */
  readonly churn: readonly Span[];
}

/** The last blow that explains what was seen at `at` on one of the hosts, or a packet that was sent then and lost. */
export function explain(at: number, hosts: readonly HostNumber[], { blows, absences }: Events): Blow | undefined {
  return blows.findLast((blow) => {
    if (!hosts.includes(blow.host) || at < blow.from - SLACK) return false;
    const end = endOf(blow, absences);
    return end === undefined || at <= end;
  });
}

/** Whether a packet that was lost alone may have been lost by Open vSwitch. */
export function isChurn(at: number, hosts: readonly HostNumber[], { churn }: Events): boolean {
  return churn.some(({ host, from, to }) => {
    if (!hosts.includes(host) || at < from - SLACK) return false;
    return to === undefined || at <= to + LONE_PACKET_SECONDS * 1000;
  });
}

/** Milliseconds by which the time of a packet that nobody answered may be wrong. */
const SLACK = 100;
