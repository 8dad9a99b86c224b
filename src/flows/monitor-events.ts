/** What `ovs-ofctl monitor` prints of a bridge's flows, as data. */
import type { Cookie } from './cookie.ts';

/** A flow came, went or was altered. The priority is not printed: this is a reason to look, not the truth. */
export interface FlowEvent {
  /**
   * `added`: also in place of one with the same table, priority and match. `modified`: by a `mod-flows`, or by a learn()
   * with other actions than before. One that was added and altered while the switch had too much to tell is `added`.
   */
  readonly kind: 'added' | 'deleted' | 'modified';
  readonly table: number;
  /** In the spelling of a dump. */
  readonly match: string;
  readonly cookie: Cookie;
  /** As it is now; of a deleted one, as it was. In the spelling of a dump. `undefined`: not asked for. */
  readonly actions: string | undefined;
}

/** Where the cookie ends the attributes: `reason=`, `hard_timeout=` and others may stand before it (OVS, ofp-monitor.c). */
const EVENT =
  /^ event=(ADDED|DELETED|MODIFIED) (?:\S+ )*?table=(\d+) (?:\S+ )*?cookie=(\w+)(?: (?!actions=)(\S*))?(?: ?actions=(.*))?/;
const KINDS = { ADDED: 'added', DELETED: 'deleted', MODIFIED: 'modified' } as const;

/** `undefined`: the line tells of no flow (the head of a message, another message). `withActions`: they were asked for. */
export function parseFlowEvent(line: string, withActions: boolean): FlowEvent | undefined {
  const [, kind, table, cookie = '', match = '', actions = 'drop'] = EVENT.exec(line) ?? [];
  if (kind === undefined) return undefined;
  return {
    kind: KINDS[kind as keyof typeof KINDS],
    table: Number(table),
    match,
    // A dump writes it so.
    cookie: cookie === '0' ? '0x0' : cookie,
    actions: withActions ? actions : undefined,
  };
}
