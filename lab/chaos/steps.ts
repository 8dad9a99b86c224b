/** What a chaos run is made of, as data: what is done to ports, and what happens to the parts. Pure. */
import type { TunnelType } from '../../src/values.ts';
import type { Bridge } from '../oracle/normal-flows.ts';

/** 1, 2 or 3, as in the host's name. */
export type HostNumber = number;

export interface NetworkPlan {
  readonly name: string;
  readonly id: string;
  readonly type: TunnelType;
  readonly segmentationId: number;
}

/** A port as it is created. */
export interface PortPlan {
  readonly name: string;
  readonly id: string;
  readonly mac: string;
  readonly network: string;
  readonly host: HostNumber;
  /** Without prefix lengths (24 and 64). */
  readonly ipv4: string;
  readonly ipv6: string;
}

export type PortAction = { readonly kind: 'create'; readonly port: PortPlan } | PortChange;

export type PortChange =
  | { readonly kind: 'plug' | 'unplug' | 'down' | 'up'; readonly port: string }
  /** To another host. `bind-first`, the server knows it there while it is still plugged here. */
  | {
      readonly kind: 'move';
      readonly port: string;
      readonly to: HostNumber;
      readonly order: 'unplug-first' | 'bind-first';
    }
  /** To another host, live, with two bindings. Milliseconds from the VIF there to the switch-over or its being called off, and from that to the end. */
  | {
      readonly kind: 'migrate';
      readonly port: string;
      readonly to: HostNumber;
      readonly end: 'completed' | 'aborted';
      readonly copying: number;
      readonly closing: number;
    }
  | { readonly kind: 'readdress'; readonly port: string; readonly ipv4: string; readonly ipv6: string }
  /** `vm`: as Nova ends a VM; `port`: a user deletes the port of a VM that runs. */
  | { readonly kind: 'delete'; readonly port: string; readonly first: 'vm' | 'port' };

/** `away`: milliseconds from the blow to the beginning of its end. */
export type Fault =
  | { readonly kind: 'agent-stop' | 'agent-kill'; readonly host: HostNumber; readonly away: number }
  /** `cut`: the broker closes all connections meanwhile, with deliveries unread and unacknowledged. */
  | { readonly kind: 'agent-freeze'; readonly host: HostNumber; readonly away: number; readonly cut: boolean }
  | {
      readonly kind: 'vswitchd-kill' | 'ovsdb-kill' | 'ovs-kill' | 'partition';
      readonly host: HostNumber;
      readonly away: number;
    }
  /** `table` undefined: all. */
  | {
      readonly kind: 'flows-wipe';
      readonly host: HostNumber;
      readonly bridge: Bridge;
      readonly table: number | undefined;
    }
  /** `pick`: which of the tunnel ports that are there then, as a fraction. */
  | { readonly kind: 'tunnel-delete'; readonly host: HostNumber; readonly pick: number }
  | { readonly kind: 'foreign-flow'; readonly host: HostNumber; readonly bridge: Bridge; readonly away: number }
  | {
      readonly kind: 'broker-restart';
      readonly how: 'stop' | 'kill';
      readonly data: 'kept' | 'empty';
      readonly away: number;
    }
  | { readonly kind: 'broker-freeze' | 'server-stop'; readonly away: number }
  | { readonly kind: 'connections-close' | 'exchange-delete' }
  /** As when they have expired. `all`: all six fanouts, or l2population's alone. */
  | { readonly kind: 'queues-delete'; readonly host: HostNumber; readonly all: boolean };

export type Action = PortAction | Fault;

export interface Step {
  /** From 1. */
  readonly number: number;
  /** Milliseconds from the start of the schedule. */
  readonly at: number;
  readonly action: Action;
}

export interface Schedule {
  readonly seed: number;
  readonly seconds: number;
  readonly networks: readonly NetworkPlan[];
  /** Two of each of the first networks, never touched: they ping each other. */
  readonly steady: readonly PortPlan[];
  readonly steps: readonly Step[];
}

/** Steps of one lane are done one after the other, whatever their times. */
export function laneOf(action: Action): string {
  switch (action.kind) {
    case 'create':
      return `port ${action.port.name}`;
    case 'plug':
    case 'unplug':
    case 'down':
    case 'up':
    case 'move':
    case 'migrate':
    case 'readdress':
    case 'delete':
      return `port ${action.port}`;
    case 'agent-stop':
    case 'agent-kill':
    case 'agent-freeze':
      return `agent ${action.host}`;
    case 'vswitchd-kill':
    case 'ovsdb-kill':
    case 'ovs-kill':
    case 'flows-wipe':
    case 'tunnel-delete':
      return `switch ${action.host}`;
    case 'foreign-flow':
      return `foreign ${action.host}`;
    case 'partition':
      return `link ${action.host}`;
    case 'server-stop':
      return 'server';
    case 'broker-restart':
    case 'broker-freeze':
    case 'connections-close':
    case 'exchange-delete':
    case 'queues-delete':
      return 'broker';
  }
}

/** ` 12.34 s  #17  host2: the daemon is killed, back after 1.2 s`. */
export function describeStep({ number, at, action }: Step): string {
  return `${(at / 1000).toFixed(2).padStart(7)} s  #${String(number).padEnd(4)} ${describe(action)}`;
}

export function describe(action: Action): string {
  switch (action.kind) {
    case 'create':
      return `${action.port.name}: created on host${action.port.host}, ${action.port.network}, ${action.port.ipv4}, and plugged`;
    case 'plug':
      return `${action.port}: plugged`;
    case 'unplug':
      return `${action.port}: unplugged`;
    case 'down':
    case 'up':
      return `${action.port}: administratively ${action.kind}`;
    case 'move':
      return `${action.port}: moved to host${action.to}, ${action.order === 'bind-first' ? 'bound there' : 'unplugged here'} first`;
    case 'migrate': {
      const end = action.end === 'completed' ? 'switched over' : 'called off';
      return `${action.port}: migrates live to host${action.to}, ${end} after ${seconds(action.copying)}`;
    }
    case 'readdress':
      return `${action.port}: its addresses are ${action.ipv4} and ${action.ipv6} now`;
    case 'delete':
      return `${action.port}: deleted, the ${action.first === 'vm' ? 'VM' : 'port'} first`;
    case 'agent-stop':
      return `host${action.host}: the daemon is stopped (SIGTERM), ${back(action.away)}`;
    case 'agent-kill':
      return `host${action.host}: the daemon is killed (SIGKILL), ${back(action.away)}`;
    case 'agent-freeze': {
      const cut = action.cut ? ', and the broker closes all connections meanwhile' : '';
      return `host${action.host}: the daemon stands still (SIGSTOP), ${back(action.away)}${cut}`;
    }
    case 'vswitchd-kill':
      return `host${action.host}: ovs-vswitchd is killed, ${back(action.away)}`;
    case 'ovsdb-kill':
      return `host${action.host}: ovsdb-server is killed, ${back(action.away)}`;
    case 'ovs-kill':
      return `host${action.host}: ovs-vswitchd and ovsdb-server are killed, ${back(action.away)}`;
    case 'partition':
      return `host${action.host}: no way to the broker, ${back(action.away)}`;
    case 'flows-wipe':
      return `host${action.host}: ${action.table === undefined ? 'all flows' : `the flows of table ${action.table}`} of ${action.bridge} are deleted by hand`;
    case 'tunnel-delete':
      return `host${action.host}: a tunnel port is deleted by hand (at ${action.pick.toFixed(2)} of the list)`;
    case 'foreign-flow':
      return `host${action.host}: somebody else's flow on ${action.bridge}, removed after ${seconds(action.away)}`;
    case 'broker-restart': {
      const how = action.how === 'kill' ? 'killed' : 'stopped';
      return `the broker is ${how}, ${back(action.away)}${action.data === 'empty' ? ', with nothing in memory or on disk' : ''}`;
    }
    case 'broker-freeze':
      return `the broker stands still (SIGSTOP), ${back(action.away)}`;
    case 'server-stop':
      return `the server is stopped, ${back(action.away)}`;
    case 'connections-close':
      return 'the broker closes all connections';
    case 'exchange-delete':
      return "l2population's fanout exchange is deleted";
    case 'queues-delete':
      return `host${action.host}: ${action.all ? 'its fanout queues are' : "l2population's fanout queue is"} deleted at the broker`;
  }
}

function back(away: number): string {
  return `back after ${seconds(away)}`;
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
