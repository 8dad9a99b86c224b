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

/** `newer`: a later version of the daemon has written to it. */
export type JournalLoss = 'deleted' | 'overwritten' | 'newer';

/** `away`: milliseconds from the blow to the beginning of its end. */
export type Fault =
  | { readonly kind: 'agent-stop' | 'agent-kill'; readonly host: HostNumber; readonly away: number }
  /** `cut`: the broker closes all connections meanwhile, with deliveries unread and unacknowledged. */
  | { readonly kind: 'agent-freeze'; readonly host: HostNumber; readonly away: number; readonly cut: boolean }
  | {
      readonly kind: 'vswitchd-kill' | 'ovsdb-kill' | 'ovs-kill' | 'ovs-restart' | 'reboot' | 'partition';
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
  /** One of ours. `pick`: which of those that are there then, as a fraction. `altered`: it drops. */
  | {
      readonly kind: 'flow-change';
      readonly host: HostNumber;
      readonly bridge: Bridge;
      readonly how: 'deleted' | 'altered';
      readonly pick: number;
    }
  /** The daemon ends, and finds its journal so when it starts again. `whole`: its header is overwritten, too. */
  | {
      readonly kind: 'journal-loss';
      readonly host: HostNumber;
      readonly end: 'stop' | 'kill';
      readonly journal: JournalLoss;
      readonly whole: boolean;
      readonly away: number;
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
  /** Fanouts are streams (`rabbit_stream_fanout`). */
  readonly streams: boolean;
  readonly networks: readonly NetworkPlan[];
  /** Two of each of the first networks, never touched: they ping each other. */
  readonly steady: readonly PortPlan[];
  readonly steps: readonly Step[];
}

/** Steps of one lane are done one after the other, whatever their times. */
export function lanesOf(action: Action): readonly string[] {
  switch (action.kind) {
    case 'create':
      return [`port ${action.port.name}`];
    case 'plug':
    case 'unplug':
    case 'down':
    case 'up':
    case 'move':
    case 'migrate':
    case 'readdress':
    case 'delete':
      return [`port ${action.port}`];
    case 'agent-stop':
    case 'agent-kill':
    case 'agent-freeze':
    case 'journal-loss':
      return [`agent ${action.host}`];
    case 'vswitchd-kill':
    case 'ovsdb-kill':
    case 'ovs-kill':
    case 'flows-wipe':
    case 'flow-change':
    case 'tunnel-delete':
      return [`switch ${action.host}`];
    // What is saved and restored is not what it was if somebody else's flow is removed meanwhile.
    case 'ovs-restart':
      return [`switch ${action.host}`, `foreign ${action.host}`];
    case 'reboot':
      return [`agent ${action.host}`, `switch ${action.host}`];
    case 'foreign-flow':
      return [`foreign ${action.host}`];
    case 'partition':
      return [`link ${action.host}`];
    case 'server-stop':
      return ['server'];
    case 'broker-restart':
    case 'broker-freeze':
    case 'connections-close':
    case 'exchange-delete':
    case 'queues-delete':
      return ['broker'];
  }
}
