/** Opens the byte stream to a server: unix, tcp or TLS. */
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import type { Address } from './address.ts';
import { OvsdbConnectionError } from './errors.ts';
import { describeSocketError, startTls, type TlsFiles } from './tls.ts';

export type { TlsFiles } from './tls.ts';

/** The socket to `address`, or if that refuses, to `fallback`. Rejects with OvsdbConnectionError. */
export async function openFirst(
  address: Address,
  fallback: Address | undefined,
  tls: TlsFiles | undefined,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<{ socket: Socket; remote: string }> {
  try {
    return { socket: await openSocket(address, tls, timeoutMs, signal), remote: formatAddress(address) };
  } catch (error) {
    if (fallback === undefined || !isRefused(error)) throw error;
  }
  return { socket: await openSocket(fallback, tls, timeoutMs, signal), remote: formatAddress(fallback) };
}

function isRefused(error: unknown): boolean {
  return error instanceof OvsdbConnectionError && error.code === 'ECONNREFUSED';
}

/** Rejects with OvsdbConnectionError: refused, no answer in `timeoutMs`, or the signal (ECLOSED). */
export async function openSocket(
  address: Address,
  tls: TlsFiles | undefined,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Socket> {
  const remote = formatAddress(address);
  const socket = address.kind === 'ssl' ? await startTls(address.host, address.port, tls) : startPlain(address);
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const fail = (code: string, reason: string, cause?: unknown): void => {
    reject(new OvsdbConnectionError(`cannot connect to ${remote}: ${reason}`, { code, outcome: 'not sent', cause }));
  };
  const onError = (error: NodeJS.ErrnoException): void => {
    fail(error.code ?? 'EPROTO', describeSocketError(error), error);
  };
  const onAbort = (): void => fail('ECLOSED', 'closed');
  const onReady = (): void => resolve(socket);
  const readyEvent = address.kind === 'ssl' ? 'secureConnect' : 'connect';
  const timer = setTimeout(() => fail('ETIMEDOUT', `no answer in ${timeoutMs} ms`), timeoutMs);
  socket.once(readyEvent, onReady);
  socket.once('error', onError);
  signal.addEventListener('abort', onAbort);
  if (signal.aborted) onAbort();
  try {
    return await promise;
  } catch (error) {
    // An error that comes after ours has no one left to tell.
    socket.on('error', () => undefined);
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
    socket.off('error', onError);
  }
}

export function formatAddress(address: Address): string {
  if (address.kind === 'unix') return `unix:${address.path}`;
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return `${address.kind}:${host}:${address.port}`;
}

function startPlain(address: Address): Socket {
  if (address.kind === 'unix') return connect({ path: address.path });
  return connect({ host: address.host, port: address.port, noDelay: true });
}
