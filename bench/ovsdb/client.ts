/** Our client as the bench uses it: connected, or an error. */
import { OvsdbClient } from '../../src/ovsdb/client.ts';
import type { MonitoredChange, MonitorRequests } from '../../src/ovsdb/monitor.ts';
import type { IpAddress } from '../../src/values.ts';
import { switchMonitors } from '../../src/vswitch/monitors.ts';

/** What the daemon has open on a switch with the usual patch ports. */
export const PATCH_PORTS = ['patch-tun', 'patch-int'];
export const LOCAL_IP = '192.0.2.1' as IpAddress;
export const DAEMON_MONITORS = switchMonitors(PATCH_PORTS);

/** The bench's own, which looks at nothing. */
export type PlainClient = OvsdbClient<MonitorRequests>;

const silent = { debug() {}, info() {}, warn() {}, error() {} };

export interface Opened<Requests extends MonitorRequests> {
  readonly client: OvsdbClient<Requests>;
  /** What the first read brought. */
  readonly changes: readonly MonitoredChange<Requests>[];
}

/** Resolves when the first read of the monitors is complete; rejects when the server cannot be reached. */
export async function openClient<const Requests extends MonitorRequests>(
  remote: string,
  monitors: Requests,
  onUpdate: (changes: readonly MonitoredChange<Requests>[]) => void = () => undefined,
): Promise<Opened<Requests>> {
  const { promise, resolve, reject } = Promise.withResolvers<readonly MonitoredChange<Requests>[]>();
  const client = new OvsdbClient<Requests>({
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

export async function openPlain(remote: string): Promise<PlainClient> {
  return (await openClient<MonitorRequests>(remote, {})).client;
}
