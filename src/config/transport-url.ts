/**
 * oslo.messaging's `transport_url` (`oslo_messaging.transport.TransportURL`):
 * `rabbit://[user:password@]host[:port][,[user:password@]host[:port]…]/[virtual host][?option=value&…]`.
 *
 * User, password and virtual host are percent-decoded; a host may be an IPv6 address in brackets. Without a host: `localhost`,
 * user and password `guest`, port 5672, virtual host `/`.
 */
import { isIPv6 } from 'node:net';
import type { Broker } from './config.ts';

export interface TransportUrl {
  /** Never empty. */
  readonly brokers: readonly Broker[];
  readonly virtualHost: string;
  /** Options of [oslo_messaging_rabbit] that override the files. */
  readonly query: ReadonlyMap<string, string>;
  /** Hosts that had no credentials while another one had, and use that one's. */
  readonly borrowed: readonly string[];
}

const DEFAULT_PORT = 5672;
const GUEST = { username: 'guest', password: 'guest' };

/** The complaint never holds any part of the URL that may be a password. */
export type ParsedTransportUrl = TransportUrl | { readonly complaint: string };

export function parseTransportUrl(text: string): ParsedTransportUrl {
  const parts = split(text);
  if (parts === undefined) return { complaint: 'must be a URL, rabbit://USER:PASSWORD@HOST:PORT/VIRTUAL_HOST' };
  const { scheme, authority, path, query, fragment } = parts;
  if (scheme !== 'rabbit') return { complaint: `the driver is ${scheme}; only rabbit:// is supported` };
  if (!authority.includes('@') && `${path}${query}${fragment}`.includes('@')) {
    return { complaint: 'a / ? or # in a user name or password must be percent-encoded (%2F, %3F, %23)' };
  }

  const hosts: { host: string; port: number; credentials: typeof GUEST | undefined }[] = [];
  for (const [index, item] of authority.split(',').entries()) {
    if (item === '') continue;
    const parsed = parseHost(item);
    if (parsed === undefined) {
      return {
        complaint: `host ${index + 1} must be [USER:PASSWORD@]HOST[:PORT], the port from 1 to 65535, an IPv6 address in []`,
      };
    }
    hosts.push(parsed);
  }
  if (hosts.length === 0) hosts.push({ host: 'localhost', port: DEFAULT_PORT, credentials: undefined });

  const first = hosts.find((host) => host.credentials !== undefined)?.credentials;
  return {
    brokers: hosts.map(({ host, port, credentials }) => ({ host, port, ...(credentials ?? first ?? GUEST) })),
    virtualHost: percentDecode(path.slice(1)) || '/',
    query: parseQuery(query),
    borrowed:
      first === undefined ? [] : hosts.filter((host) => host.credentials === undefined).map((host) => host.host),
  };
}

/** The URL with every password replaced by `***`. Only for one that {@link parseTransportUrl} accepts. */
export function maskTransportUrl(text: string): string {
  const parts = split(text);
  if (parts === undefined) return '***';
  const masked = parts.authority
    .split(',')
    .map((item) => item.replace(/^([^:]*):.*@/s, '$1:***@'))
    .join(',');
  const start = text.indexOf('://') + '://'.length;
  return text.slice(0, start) + masked + text.slice(start + parts.authority.length);
}

function split(text: string) {
  const match = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/is.exec(text);
  if (match === null) return undefined;
  const [, scheme = '', authority = '', path = '', query = '', fragment = ''] = match;
  return { scheme: scheme.toLowerCase(), authority, path, query, fragment };
}

function parseHost(item: string) {
  const at = item.lastIndexOf('@');
  const address = item.slice(at + 1);
  const bracketed = /^\[([^\]]*)\](?::(\d*))?$/.exec(address);
  const plain = /^([^:[\]]*)(?::(\d*))?$/.exec(address);
  const [, host = '', port = ''] = bracketed ?? plain ?? [];
  const number = port === '' ? DEFAULT_PORT : Number(port);
  if ((bracketed === null && plain === null) || number < 1 || number > 65535) return undefined;
  if (bracketed !== null && !isIPv6(host)) return undefined;
  if (bracketed === null && /\s/.test(host)) return undefined;
  return { host: host || 'localhost', port: number, credentials: parseCredentials(item.slice(0, Math.max(at, 0))) };
}

/** A user name alone is not enough: as in oslo.messaging, such a host has no credentials. */
function parseCredentials(text: string): typeof GUEST | undefined {
  const colon = text.indexOf(':');
  if (colon < 0) return undefined;
  return { username: percentDecode(text.slice(0, colon)), password: percentDecode(text.slice(colon + 1)) };
}

/** As Python does it: empty values are dropped, a repeated name's values are joined by commas. */
function parseQuery(query: string): ReadonlyMap<string, string> {
  const options = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(`?${query}`)) {
    if (value === '') continue;
    const before = options.get(name);
    options.set(name, before === undefined ? value : `${before},${value}`);
  }
  return options;
}

/** Python's `urllib.parse.unquote`: what is no escape stays as it is. */
function percentDecode(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (run) => Buffer.from(run.replaceAll('%', ''), 'hex').toString('utf8'));
}
