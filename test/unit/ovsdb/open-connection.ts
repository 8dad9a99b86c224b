/** A connection to a scripted server, with everything it said, and the server's side of it. */
import { parseAddress } from '../../../src/ovsdb/address.ts';
import { Connection, type ConnectionOptions } from '../../../src/ovsdb/connection.ts';
import { openSocket } from '../../../src/ovsdb/socket.ts';
import type { FakeServer, FakeSession } from './fake-server.ts';
import { type LogLine, recordingLog } from './watched-client.ts';

export interface Opened {
  readonly connection: Connection;
  readonly notifications: (readonly [string, readonly unknown[]])[];
  readonly lines: LogLine[];
}

export async function connectTo(remote: string, options: Partial<ConnectionOptions> = {}): Promise<Opened> {
  const address = parseAddress(remote);
  if (address === undefined) throw new Error(`no address: ${remote}`);
  const socket = await openSocket(address, undefined, 30_000, new AbortController().signal);
  const notifications: [string, readonly unknown[]][] = [];
  const lines: LogLine[] = [];
  const connection = new Connection(socket, {
    remote: 'the server',
    timeoutMs: 30_000,
    probeMs: 30_000,
    log: recordingLog(lines),
    onNotification: (method, params) => notifications.push([method, params]),
    ...options,
  });
  return { connection, notifications, lines };
}

export async function openConnection(
  server: FakeServer,
  options: Partial<ConnectionOptions> = {},
): Promise<Opened & { readonly session: FakeSession }> {
  const opened = await connectTo(server.remote, options);
  return { ...opened, session: await server.accept() };
}
