/** Where a server listens, as ovsdb(7) "Connection Methods" writes it. */

/** IANA's port for OVSDB, used where none is written. */
const DEFAULT_PORT = 6640;

export type Address =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp' | 'ssl'; readonly host: string; readonly port: number };

const FORMS = 'unix:PATH, tcp:HOST[:PORT] or ssl:HOST[:PORT], an IPv6 HOST in brackets';

/** For the message about an address that `parseAddress` does not take. */
export function describeBadAddress(text: string): string {
  return `OVSDB address '${text}': allowed is ${FORMS}`;
}

export function parseAddress(text: string): Address | undefined {
  const [, kind, rest] = /^(unix|tcp|ssl):(.+)$/.exec(text) ?? [];
  if (kind === undefined || rest === undefined) return undefined;
  if (kind === 'unix') return { kind, path: rest };
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]/\s]+))(?::(\d{1,5}))?$/.exec(rest);
  const host = match?.[1] ?? match?.[2];
  const port = match?.[3] === undefined ? DEFAULT_PORT : Number(match[3]);
  if (host === undefined || port < 1 || port > 65535) return undefined;
  return { kind: kind === 'ssl' ? 'ssl' : 'tcp', host, port };
}
