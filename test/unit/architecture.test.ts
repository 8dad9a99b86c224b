/**
 * The import rule (docs/ARCHITECTURE.md): pure files import no I/O module, clock or randomness; I/O files import types
 * and pure files, never the I/O of another folder; the parts are put together in one place.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';

const SRC = new URL('../../src/', import.meta.url);

/** Files that touch the world: sockets, processes, files, clocks, timers, randomness. Everything else is pure. */
const IO = new Set([
  'agent.ts',
  'control/server.ts',
  'ctl/ask.ts',
  'daemon.ts',
  'flows/monitor.ts',
  'flows/ofctl.ts',
  'l2popctl.ts',
  'main.ts',
  'neutron/registration.ts',
  'ovsdb/client.ts',
  'ovsdb/connection.ts',
  'ovsdb/socket.ts',
  'ovsdb/tls.ts',
  'rpc/client.ts',
  'rpc/connection.ts',
  'journal/keeper.ts',
  'journal/database.ts',
  'journal/files.ts',
  'journal/offline.ts',
  'rpc/consumer.ts',
  'rpc/decommission.ts',
  'rpc/resume.ts',
  'rpc/server.ts',
  'rpc/session.ts',
  'rpc/subscriptions.ts',
  'rpc/waiters.ts',
  'server-lane.ts',
  'switch-watch.ts',
  'systemd-notify.ts',
]);

/** Where the parts are put together: they see all sides. */
const COMPOSERS = new Set(['daemon.ts', 'main.ts', 'l2popctl.ts']);

/** What a pure file may take from outside: no effect, the same answer every time. */
const HARMLESS: Readonly<Record<string, readonly string[]>> = {
  'node:net': ['isIP', 'isIPv4', 'isIPv6'],
  'node:crypto': ['createHash'],
  'node:util': ['styleText', 'stripVTControlCharacters'],
  commander: ['Command', 'Argument', 'Option', 'InvalidArgumentError', 'CommanderError'],
};

const IMPURE: readonly (readonly [string, RegExp])[] = [
  ['a clock', /\b(?:Date\.now|performance\.now)\s*\(/],
  ['a clock', /\bnew Date\(\s*\)/],
  ['randomness', /\b(?:Math\.random|randomUUID|randomBytes)\s*\(/],
  ['a timer', /\b(?:setTimeout|setInterval|setImmediate)\s*\(/],
  ['the process', /\bprocess\.\w/],
  ['the console', /\bconsole\./],
];

interface Import {
  /** Names that exist at run time; those of `import type` and `type X` are left out. */
  readonly values: readonly string[];
  readonly from: string;
}

interface Source {
  readonly file: string;
  readonly code: string;
  readonly imports: readonly Import[];
}

function read(file: string): Source {
  const text = readFileSync(new URL(file, SRC), 'utf8');
  const code = withoutComments(text);
  const imports = [...code.matchAll(/^(?:import|export)\s+(type\s+)?([^'";]*?)\s*from\s+'([^']+)'/gm)].map(
    ([, type, what = '', from = '']) => ({ values: type === undefined ? namesOf(what) : [], from }),
  );
  const bare = [...code.matchAll(/^import\s+'([^']+)'/gm)].map(([, from = '']) => ({ values: ['*'], from }));
  const dynamic = [...code.matchAll(/\bimport\(\s*'([^']+)'/g)].map(([, from = '']) => ({ values: ['*'], from }));
  return { file, code, imports: [...imports, ...bare, ...dynamic] };
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1');
}

function namesOf(what: string): string[] {
  return what
    .replace(/[{}]/g, ',')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && !name.startsWith('type '))
    .map((name) => name.split(/\s+as\s+/)[0] ?? name);
}

/** The file of ours that an import means; `undefined`: a module from outside. */
function target(source: Source, { from }: Import): string | undefined {
  return from.startsWith('.') ? normalize(join(dirname(source.file), from)) : undefined;
}

const folderOf = (file: string) => dirname(file);

const sources = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .sort()
  .map(read);

function impurities({ file, code, imports }: Source): string[] {
  return [
    ...imports.flatMap(({ from, values }) => {
      if (from.startsWith('.')) return [];
      const bad = values.filter((name) => !HARMLESS[from]?.includes(name));
      return bad.length > 0 ? [`${file} imports ${bad.join(', ')} from ${from}`] : [];
    }),
    ...IMPURE.filter(([, pattern]) => pattern.test(code)).map(([what]) => `${file} uses ${what}`),
  ];
}

/** What it takes, at run time, from files that do I/O. */
function ioOf(source: Source): string[] {
  return source.imports
    .filter((one) => one.values.length > 0 && IO.has(target(source, one) ?? ''))
    .map((one) => `${source.file} imports ${one.values.join(', ')} from ${one.from}, which does I/O`);
}

test('every file of the list is there, and belongs on it', () => {
  for (const file of IO) {
    const source = sources.find((other) => other.file === file);
    expect(source, file).toBeDefined();
    if (source === undefined) continue;
    const touched = [...impurities(source), ...ioOf(source)];
    expect(touched, `${file} is pure: take it off the list`).not.toEqual([]);
  }
});

describe('pure files', () => {
  const pure = sources.filter(({ file }) => !IO.has(file));

  test.each(pure.map((source) => [source.file, source] as const))('%s', (_, source) => {
    expect(impurities(source)).toEqual([]);
    expect(ioOf(source)).toEqual([]);
  });
});

describe('I/O files', () => {
  const parts = sources.filter(({ file }) => IO.has(file) && !COMPOSERS.has(file));

  test.each(parts.map((source) => [source.file, source] as const))('%s', (_, source) => {
    const foreign = source.imports
      .filter((one) => {
        const file = target(source, one);
        return one.values.length > 0 && file !== undefined && IO.has(file) && folderOf(file) !== folderOf(source.file);
      })
      .map((one) => `${source.file} imports ${one.values.join(', ')} from ${one.from}, the I/O of another folder`);
    expect(foreign).toEqual([]);
  });
});

test('what does I/O is constructed in its own folder or where the parts are put together', () => {
  const classes = new Map<string, string>();
  for (const { file, code } of sources) {
    if (!IO.has(file)) continue;
    for (const [, name = ''] of code.matchAll(/^export class (\w+)/gm))
      if (!name.endsWith('Error')) classes.set(name, file);
  }
  expect(classes.size).toBeGreaterThan(5);
  const elsewhere = sources.flatMap(({ file, code }) =>
    [...code.matchAll(/\bnew (\w+)\b/g)]
      .map(([, name = '']) => name)
      .filter((name) => {
        const home = classes.get(name);
        return (
          home !== undefined && !COMPOSERS.has(file) && (folderOf(home) !== folderOf(file) || folderOf(home) === '.')
        );
      })
      .map((name) => `${file} constructs ${name} of ${classes.get(name)}`),
  );
  expect(elsewhere).toEqual([]);
});

test('every import has its extension, and names a file that is there', () => {
  const files = new Set(sources.map(({ file }) => file));
  const missing = sources.flatMap((source) =>
    source.imports
      .map((one) => target(source, one))
      .filter((file) => file !== undefined && !files.has(file))
      .map((file) => `${source.file} → ${file}`),
  );
  expect(missing).toEqual([]);
});
