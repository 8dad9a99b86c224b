/** Everything that can happen to the agent, as data: what the reducer takes in. */
import type { DumpedFlow } from './flows/flow.ts';
import type { JournalContents, Origin } from './journal/record.ts';
import type { FdbChange } from './l2pop/parse.ts';
import type { Notification } from './neutron/notifications.ts';
import type { IpAddress, PortId, TunnelType } from './values.ts';
import type { PortAnswers } from './vif/facts.ts';
import type { NetworkKey } from './vif/local-vlans.ts';
import type { SwitchRowChange } from './vswitch/monitors.ts';

export type Event =
  /** OVSDB rows; `initial`: the first read of a connection is complete with these. */
  | { readonly kind: 'rows'; readonly changes: readonly SwitchRowChange[]; readonly initial: boolean }
  | { readonly kind: 'membership'; readonly bridges: ReadonlyMap<string, string | undefined> }
  | { readonly kind: 'ovsdb-lost' }
  /** Complete dumps of both bridges. */
  | { readonly kind: 'dump'; readonly tun: readonly DumpedFlow[]; readonly int: readonly DumpedFlow[] }
  /** The slow timer, or somebody asked: compare with the switch. */
  | { readonly kind: 'compare' }
  /** Time to look at what has failed. */
  | { readonly kind: 'maintain' }
  | { readonly kind: 'fdb'; readonly changes: readonly FdbChange[]; readonly byName: boolean; readonly origin?: Origin }
  | { readonly kind: 'marker'; readonly id: string; readonly edge: 'start' | 'end' }
  | { readonly kind: 'notification'; readonly notification: Notification; readonly origin?: Origin }
  /** What was sent while our queues were gone is lost; `l2population`, `ports`: which kind of notification. */
  | { readonly kind: 'gap'; readonly l2population: boolean; readonly ports: boolean }
  /** The queue of FDB notifications is gone; `gap` or `link-up` says that it is there again. */
  | { readonly kind: 'deaf' }
  | { readonly kind: 'link-up' }
  /** Somebody asked for the server's whole word on these networks. */
  | { readonly kind: 'resync'; readonly networks: readonly NetworkKey[] }
  /** What the journal has kept; before everything else. `boot`: the kernel's boot id now. */
  | { readonly kind: 'restored'; readonly contents: JournalContents; readonly boot: string }
  /** The broker is away: a question that was put will not be answered. */
  | { readonly kind: 'link-down' }
  /** `tunnel_sync` is about to be called. */
  | { readonly kind: 'endpoints-asked'; readonly type: TunnelType }
  | { readonly kind: 'endpoints'; readonly type: TunnelType; readonly vteps: readonly IpAddress[] }
  | { readonly kind: 'duty-started'; readonly duty: Duty }
  | { readonly kind: 'duty-done'; readonly duty: Duty; readonly outcome: DutyOutcome }
  /** Time has come for something that waited; see `nextWake`. */
  | { readonly kind: 'wake' };

/** What is to be said to or asked from neutron-server next. */
export type Duty =
  | { readonly kind: 'pull'; readonly ports: readonly PortId[] }
  | { readonly kind: 'down'; readonly ports: readonly PortId[] }
  /** VIFs whose binding is not active yet are wired: neutron-server tells Nova, which may wait for it, and nobody else. */
  | { readonly kind: 'plugged'; readonly ports: readonly PortId[] }
  /** `ask`: id of the markers around the call. */
  | { readonly kind: 'up'; readonly ports: readonly PortId[]; readonly refresh: boolean; readonly ask: string };

export type DutyOutcome =
  | { readonly kind: 'facts'; readonly answers: PortAnswers['answers'] }
  | { readonly kind: 'told'; readonly failed: readonly PortId[] }
  /** The server answered with an error: not to be asked again at once. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** It did not answer. */
  | { readonly kind: 'failed'; readonly reason: string };
