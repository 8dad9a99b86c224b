/** Our client as the bench uses it: connected, or an error. */
import { OvsdbClient } from '../../src/ovsdb/client.ts';
import type { MonitorRequests } from '../../src/ovsdb/monitor.ts';
import type { RowChange } from '../../src/ovsdb/replica.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };

export interface Opened {
  readonly client: OvsdbClient;
  /** What the first read brought. */
  readonly changes: readonly RowChange[];
}

/** Resolves when the first read of the monitors is complete; rejects when the server cannot be reached. */
export async function openClient(
  remote: string,
  monitors: MonitorRequests = {},
  onUpdate: (changes: readonly RowChange[]) => void = () => undefined,
): Promise<Opened> {
  const { promise, resolve, reject } = Promise.withResolvers<readonly RowChange[]>();
  const client = new OvsdbClient({
    remote,
    database: 'Open_vSwitch',
    monitors,
    timeoutMs: 120_000,
    log: silent,
    onChanges: (changes, kind) => (kind === 'initial' ? resolve(changes) : onUpdate(changes)),
    onState: (state, reason) => {
      if (state === 'disconnected') reject(reason ?? new Error('disconnected'));
    },
  });
  client.start();
  return { client, changes: await promise };
}
