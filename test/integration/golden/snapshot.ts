/** Both switches in the same form, without the listed differences, which are remembered as seen. */
import type { Host } from '../../../lab/host.ts';
import { namesOf, normalFlows } from '../../../lab/oracle/normal-flows.ts';
import { dump, readRows } from '../../../lab/oracle/read-switch.ts';
import { DIFFERENCES, type Difference, KEY_DIFFERENCES, type KeyDifference } from './differences.ts';
import { normalOvsdb } from './normal.ts';
import { type Bridge, type HostName, type OvsdbRows, readFlows, readOvsdb } from './recording.ts';

type Side = Difference['side'];

export type Snapshot = ReturnType<typeof normalOvsdb> & Record<Bridge, string[]>;

export class Snapshots {
  readonly #seen = new Set<Difference | KeyDifference>();

  /** Differences that no snapshot had. */
  get unseen(): (Difference | KeyDifference)[] {
    return [...DIFFERENCES, ...KEY_DIFFERENCES].filter((difference) => !this.#seen.has(difference));
  }

  recorded(scenario: string, host: HostName): Snapshot {
    const dump = (bridge: Bridge) => readFlows(scenario, host, bridge);
    return this.#normal('reference', readOvsdb(scenario, host), { 'br-tun': dump('br-tun'), 'br-int': dump('br-int') });
  }

  async taken(host: Host): Promise<Snapshot> {
    const ovsdb = await readRows(host);
    return this.#normal('ours', ovsdb, { 'br-tun': await dump(host, 'br-tun'), 'br-int': await dump(host, 'br-int') });
  }

  #normal(side: Side, ovsdb: OvsdbRows, dumps: Record<Bridge, string[]>): Snapshot {
    const flows = (bridge: Bridge) => this.#without(side, bridge, normalFlows(dumps[bridge], namesOf(ovsdb, bridge)));
    return {
      ...normalOvsdb(ovsdb, (row, column, key) => this.#isDifferent(side, row, column, key)),
      'br-tun': flows('br-tun'),
      'br-int': flows('br-int'),
    };
  }

  #without(side: Side, bridge: Bridge, flows: readonly string[]): string[] {
    return flows.filter((flow) => {
      const difference = DIFFERENCES.find((one) => one.side === side && one.bridge === bridge && one.flows.test(flow));
      if (difference !== undefined) this.#seen.add(difference);
      return difference === undefined;
    });
  }

  #isDifferent(side: Side, row: string, column: string, key: string): boolean {
    const difference = KEY_DIFFERENCES.find(
      (one) => one.side === side && one.column === column && one.rows.test(row) && one.keys.includes(key),
    );
    if (difference !== undefined) this.#seen.add(difference);
    // Nova's ids of a VIF are neither side's doing, but which ports are VIFs is.
    return difference !== undefined || (column === 'external_ids' && key !== 'l2pop-agent');
  }
}
