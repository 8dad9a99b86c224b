/** What `l2popctl decommission` found, did and left to do: as a report, and as text. */
import type { FoundQueue } from '../rpc/decommission.ts';
import { type Screen, table, textLine } from './table.ts';
import { plural } from './words.ts';

export interface DecommissionReport {
  /** `[DEFAULT] host`. */
  readonly host: string;
  /** `host:port`. */
  readonly broker: string;
  readonly dryRun: boolean;
  readonly queues: readonly {
    readonly name: string;
    readonly purpose: string;
    /** `found`: there, not deleted (`--dry-run`). `unreachable`: on a node of the cluster that is down. */
    readonly state: 'deleted' | 'found' | 'absent' | 'unreachable';
    /** That were in it. */
    readonly messages: number;
  }[];
  /** Queues that this host has read with all others; they stay. */
  readonly shared: readonly string[];
  /** What is the operator's to do, a sentence each. */
  readonly left: readonly string[];
}

export interface DecommissionFacts {
  readonly host: string;
  readonly broker: string;
  readonly dryRun: boolean;
  readonly found: readonly FoundQueue[];
  readonly shared: readonly string[];
  readonly integrationBridge: string;
  readonly tunnelBridge: string;
}

export function decommissionReport(facts: DecommissionFacts): DecommissionReport {
  const { host, broker, dryRun, found, shared, integrationBridge, tunnelBridge } = facts;
  const queues = found
    // It is there only after a node of the broker's cluster was down.
    .filter(({ purpose, presence }) => purpose !== 'stand-in' || presence !== 'absent')
    .map(({ name, purpose, presence, messages }) => {
      const state: DecommissionReport['queues'][number]['state'] =
        presence === 'present' ? (dryRun ? 'found' : 'deleted') : presence;
      return { name, purpose, state, messages };
    });
  const left = [
    `the agent's record: openstack network agent list --host ${host}, then openstack network agent delete ID`,
    `the bridges ${integrationBridge} and ${tunnelBridge} with their flows, tunnel ports and VIFs`,
    ...(queues.some(({ state }) => state === 'unreachable')
      ? ['the queue that is unreachable: run this again when its node of the broker is back']
      : []),
  ];
  return { host, broker, dryRun, queues, shared, left };
}

export function showDecommission(report: DecommissionReport, screen: Screen): string {
  const { host, broker, dryRun, queues, shared, left } = report;
  const there = queues.filter(({ state }) => state === 'found' || state === 'deleted').length;
  const heading =
    there === 0
      ? `${host} has no queues at ${broker}`
      : dryRun
        ? `${plural(there, 'queue')} of ${host} at ${broker} would be deleted`
        : `${plural(there, 'queue')} of ${host} at ${broker} deleted`;
  return [
    textLine(heading, screen),
    table(
      [
        {
          header: 'STATE',
          cell: ({ state }) => state,
          style: ({ state }) => (state === 'unreachable' ? 'red' : undefined),
        },
        { header: 'MESSAGES', align: 'right', cell: ({ state, messages }) => (state === 'absent' ? null : messages) },
        { header: 'FOR', cell: ({ purpose }) => purpose },
        { header: 'QUEUE', cell: ({ name }) => name },
      ],
      queues,
      screen,
    ),
    ...shared.map((name) => textLine(`${name} stays: all hosts read it`, screen)),
    textLine(dryRun ? 'What would be left to you:' : 'Left to you:', screen),
    ...left.map((sentence) => textLine(`  ${sentence}`, screen)),
  ].join('');
}
