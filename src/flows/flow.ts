/**
 * A flow as text in the switch's own spelling, so that equal flows are equal strings: what we render is what
 * `ovs-ofctl -O OpenFlow14 --no-names dump-flows` prints after it was added (OVS.md, "ovs-ofctl").
 */
import type { Cookie } from './cookie.ts';

export interface Flow {
  /** 0–254. */
  readonly table: number;
  /** 0–65535. */
  readonly priority: number;
  /** The switch's spelling; empty: every packet. */
  readonly match: string;
  readonly actions: string;
  readonly cookie: Cookie;
}

/** A flow read from the switch. */
export interface DumpedFlow extends Flow {
  /** Seconds; set on learned flows. */
  readonly hardTimeout?: number;
  readonly idleTimeout?: number;
  /** Only when the dump was made with statistics. */
  readonly packets?: number;
  readonly bytes?: number;
}

/** Table, priority and match: what OpenFlow takes for the identity of a flow (OpenFlow 1.4, 6.4). */
export type FlowKey = string;

export function flowKey(flow: Pick<Flow, 'table' | 'priority' | 'match'>): FlowKey {
  return `table=${flow.table},priority=${flow.priority}${flow.match === '' ? '' : `,${flow.match}`}`;
}

/** Equal but for counters. */
export function sameFlow(a: Flow, b: Flow): boolean {
  return a.actions === b.actions && a.cookie === b.cookie;
}

/** A line for `ovs-ofctl add-flows`. `add` over an existing match replaces actions and cookie and keeps counters. */
export function addLine(flow: Flow): string {
  return `add cookie=${flow.cookie},${flowKey(flow)},actions=${flow.actions}`;
}

/** Deletes exactly one flow; without a cookie, which is 17 times cheaper in a large table (OVS.md). */
export function deleteLine(key: FlowKey): string {
  return `delete_strict ${key}`;
}

const DEFAULT_PRIORITY = 32768;
/** Words that stand between the attributes and the match (ovs-ofctl(8), "Flow Syntax"). */
const FLAGS = new Set(['send_flow_rem', 'check_overlap', 'reset_counts', 'no_packet_counts', 'no_byte_counts']);

/**
 * One line of a dump, with or without statistics; `undefined` for lines that are no flow (the reply's head line).
 * Unknown attributes before the match are passed over: they do not make it another flow.
 */
export function parseFlow(line: string): DumpedFlow | undefined {
  const split = line.indexOf('actions=');
  if (split < 0) return undefined;
  const actions = line.slice(split + 'actions='.length).trim();
  const fields: Record<string, string> = {};
  let match = '';
  let priority = DEFAULT_PRIORITY;
  // Attributes and flags are separated by spaces, the match has none: it is the last word, unless there is no match.
  const words = line.slice(0, split).trim().split(/\s+/);
  for (const [index, word] of words.entries()) {
    if (word.endsWith(',')) {
      const equals = word.indexOf('=');
      if (equals > 0) fields[word.slice(0, equals)] = word.slice(equals + 1, -1);
    } else if (index === words.length - 1 && !FLAGS.has(word)) {
      const withPriority = /^priority=(\d+)(?:,(.*))?$/.exec(word);
      if (withPriority) priority = Number(withPriority[1]);
      match = withPriority ? (withPriority[2] ?? '') : word;
    }
  }
  return {
    table: Number(fields.table ?? 0),
    priority,
    match,
    actions,
    cookie: fields.cookie ?? '0x0',
    ...optionalNumber('hardTimeout', fields.hard_timeout),
    ...optionalNumber('idleTimeout', fields.idle_timeout),
    ...optionalNumber('packets', fields.n_packets),
    ...optionalNumber('bytes', fields.n_bytes),
  };
}

/** All flows of a dump. */
export function parseDump(text: string): DumpedFlow[] {
  return text
    .split('\n')
    .map(parseFlow)
    .filter((flow) => flow !== undefined);
}

/** A number as OVS prints it with `%#x`: `0x1cfb`, but plain `0`. */
export function hex(value: number): string {
  return value === 0 ? '0' : `0x${value.toString(16)}`;
}

function optionalNumber<Name extends string>(name: Name, text: string | undefined): { [key in Name]?: number } {
  return (text === undefined ? {} : { [name]: Number(text) }) as { [key in Name]?: number };
}
