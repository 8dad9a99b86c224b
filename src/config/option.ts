/** What the option table says of one option, and how the text of each type becomes a value (`oslo_config.types`). */
import { isIPv4, isIPv6 } from 'node:net';
import { parseIp } from '../values.ts';

export type OptionType =
  /** One line of text; with a pattern, `allowed` says in words what it takes. Empty is unset where that is possible. */
  | { readonly kind: 'text'; readonly pattern?: RegExp; readonly allowed?: string }
  | { readonly kind: 'integer'; readonly min: number; readonly max: number }
  /** Decimal; greater than zero. */
  | { readonly kind: 'positive'; readonly max: number }
  | { readonly kind: 'boolean' }
  /** Separated by commas. */
  | { readonly kind: 'list'; readonly items?: readonly string[] }
  | { readonly kind: 'choice'; readonly choices: readonly string[] }
  | { readonly kind: 'ip' }
  | { readonly kind: 'host' }
  /** `unix:PATH`, `tcp:HOST[:PORT]` or `ssl:HOST[:PORT]`, ovsdb(7). */
  | { readonly kind: 'connection' }
  /** Anything with a scheme; `transport-url.ts` reads it. */
  | { readonly kind: 'uri' };

/** A port number is an integer type. */
export const PORT: OptionType = { kind: 'integer', min: 1, max: 65535 };

export type OptionValue = string | number | boolean | readonly string[] | undefined;

export interface Option {
  readonly section: string;
  readonly name: string;
  /** Older names, as `section.name`. */
  readonly deprecated: readonly string[];
  readonly type: OptionType;
  /** As it would stand in a file, before substitution; `undefined`: not set. */
  readonly default: string | undefined;
  readonly secret: boolean;
  readonly doc: string;
  /** For an option whose non-default value asks for what we do not do: what would be missing. */
  readonly refused: Refusal | undefined;
}

export interface Refusal {
  /** True if the value asks for something that would be missing. */
  readonly when: (value: OptionValue) => boolean;
  readonly missing: string;
}

export type Parsed = { readonly value: OptionValue } | { readonly allowed: string };

const TRUE = ['true', '1', 'on', 'yes'];
const FALSE = ['false', '0', 'off', 'no'];
const INTEGER = /^[+-]?\d+(_\d+)*$/;
const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
// Neutron up to 2023.1 takes no underscore here, later releases do (HostDomainOpt).
const HOST_LABEL = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/i;
const CONNECTION = /^(tcp|ssl):(\[[^\]]+\]|[^:[\]]+)(?::(\d+))?$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const CONTROL = /[\u0000-\u001f\u007f]/;

/** `text` with its white space at both ends gone already, and not empty unless the type gives the empty text a meaning. */
export function parseValue(type: OptionType, text: string): Parsed {
  const refuse = { allowed: describe(type) };
  switch (type.kind) {
    case 'boolean': {
      const word = text.toLowerCase();
      if (TRUE.includes(word)) return { value: true };
      return FALSE.includes(word) ? { value: false } : refuse;
    }
    case 'integer': {
      const value = Number(text.replaceAll('_', ''));
      return INTEGER.test(text) && value >= type.min && value <= type.max ? { value } : refuse;
    }
    case 'positive': {
      const value = Number(text);
      return DECIMAL.test(text) && value > 0 && value <= type.max ? { value } : refuse;
    }
    case 'list': {
      const trimmed = text.trim().replace(/,+$/, '');
      const value = trimmed === '' ? [] : trimmed.split(',').map((item) => item.trim());
      const { items } = type;
      return items === undefined || value.every((item) => items.includes(item)) ? { value } : refuse;
    }
    case 'choice':
      return type.choices.includes(text) ? { value: text } : refuse;
    case 'ip': {
      const value = parseIp(text);
      return value === undefined ? refuse : { value };
    }
    case 'host':
      return isHost(text) ? { value: text } : refuse;
    case 'connection':
      return isConnection(text) ? { value: text } : refuse;
    case 'uri':
      return /^[a-z][a-z0-9+.-]*:\/\//i.test(text) && !CONTROL.test(text) ? { value: text } : refuse;
    case 'text':
      return CONTROL.test(text) || type.pattern?.test(text) === false ? refuse : { value: text };
  }
}

/** What a value of the type may be, to stand behind "must be". */
export function describe(type: OptionType): string {
  switch (type.kind) {
    case 'boolean':
      return 'true, 1, on, yes, false, 0, off or no';
    case 'integer':
      return `a whole number from ${type.min} to ${type.max}`;
    case 'positive':
      return `a number greater than 0, at most ${type.max}`;
    case 'list':
      return type.items === undefined
        ? 'a list separated by commas'
        : `any of ${type.items.join(', ')}, separated by commas`;
    case 'choice':
      return `one of ${type.choices.join(', ')}`;
    case 'ip':
      return 'an IPv4 or IPv6 address';
    case 'host':
      return 'a host name or an IP address';
    case 'connection':
      return 'unix:PATH, tcp:HOST:PORT or ssl:HOST:PORT';
    case 'uri':
      return 'a URL, rabbit://USER:PASSWORD@HOST:PORT/VIRTUAL_HOST';
    case 'text':
      return type.allowed ?? 'one line of text';
  }
}

/** The text that {@link parseValue} reads as `value`. */
export function formatValue(value: Exclude<OptionValue, undefined>): string {
  return typeof value === 'object' ? value.join(',') : String(value);
}

function isHost(text: string): boolean {
  if (isIPv4(text) || isIPv6(text)) return true;
  const name = text.endsWith('.') ? text.slice(0, -1) : text;
  const labels = name.split('.');
  return name.length <= 253 && labels.every((label) => HOST_LABEL.test(label)) && /[a-z_-]/i.test(labels.at(-1) ?? '');
}

function isConnection(text: string): boolean {
  if (CONTROL.test(text)) return false;
  if (text.startsWith('unix:')) return text.length > 'unix:'.length;
  const [, , host = '', port = '6640'] = CONNECTION.exec(text) ?? [];
  const bracketed = host.startsWith('[') && isIPv6(host.slice(1, -1));
  return (bracketed || isHost(host)) && Number(port) >= 1 && Number(port) <= 65535;
}
