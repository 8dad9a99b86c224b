/** The parts that `explain.ts` is made of: what an explanation holds, what it may look up, and the form of a rule. */
import type { CookieKind } from './cookie.ts';
import type { Flow } from './flow.ts';

/** `foreign`: not ours and no predecessor's. `unknown`: a predecessor's that we have no word for. */
export type FlowKind = CookieKind | 'foreign' | 'unknown';

export interface Explanation {
  readonly kind: FlowKind;
  readonly purpose: string;
  readonly vlan?: number | undefined;
  /** Network id. */
  readonly network?: string | undefined;
  readonly vtep?: string | undefined;
  readonly mac?: string | undefined;
}

/** What the numbers in flows stand for on this host. */
export interface Resolver {
  /** Local VLAN → network id. */
  networkOf(vlan: number): string | undefined;
  /** Ofport on br-tun → the tunnel behind it. */
  tunnelOf(ofport: number): { readonly type: string; readonly remoteIp: string } | undefined;
  /** The VTEP bits of a cookie → the VTEP; `undefined` also for 0. */
  vtepOf(index: number): string | undefined;
  /** Ofport on br-int → the VIF's port id, or another port's name. */
  portOf(ofport: number): string | undefined;
}

export interface Rule {
  readonly table: number;
  readonly priority: number;
  readonly match: RegExp;
  /** For flows that a learn() made, and only for them. */
  readonly learned?: boolean;
  explain(groups: readonly string[], flow: Flow, resolver: Resolver): Explanation;
}

/** A flow that is there whatever networks there are. */
export function structural(table: number, priority: number, match: RegExp, purpose: string): Rule {
  return { table, priority, match, explain: () => ({ kind: 'structural', purpose }) };
}

/** `network 9f1c…`, or the VLAN alone where no network has it. */
export function vlanText(vlan: number, resolver: Resolver): string {
  const network = resolver.networkOf(vlan);
  return network === undefined ? `VLAN ${vlan} (no network here)` : `network ${network}`;
}

export const MAC_PATTERN = '([0-9a-f]{2}(?::[0-9a-f]{2}){5})';
