/**
 * From the entries of all files to one value per option: later files first, in a file the option's own name before its older
 * ones, the last of several; `OS_SECTION__OPTION` in the environment before any file, all as oslo.config does it.
 */
import { harmless } from './harmless.ts';
import type { IniEntry } from './ini.ts';
import { optionName, sectionName } from './ini.ts';
import type { Option, OptionValue } from './option.ts';
import { describe, parseValue } from './option.ts';
import { OPTIONS } from './options.ts';
import { escapeDollars, substitute } from './substitute.ts';

/** Where a value is from. */
export type Source =
  | { readonly kind: 'default' }
  | { readonly kind: 'file'; readonly file: string; readonly line: number }
  | { readonly kind: 'environment'; readonly variable: string }
  /** The query of `transport_url`, which overrides [oslo_messaging_rabbit]. */
  | { readonly kind: 'transport-url' };

export interface Effective {
  readonly option: Option;
  readonly value: OptionValue;
  readonly source: Source;
}

/** By `section.name`. */
export type EffectiveOptions = ReadonlyMap<string, Effective>;

/** One mistake; `message` is complete, with file, line, section, option, value and what is allowed. */
export interface ConfigProblem {
  readonly message: string;
}

/** One thing that the operator should know and that stops nothing. */
export interface Note {
  readonly kind: 'deprecated' | 'spelling' | 'harmless' | 'unknown' | 'accepted' | 'effect';
  readonly message: string;
}

export interface Resolved {
  readonly options: Map<string, Effective>;
  readonly problems: ConfigProblem[];
  readonly notes: Note[];
}

export interface ResolveInput {
  /** The entries of each file, in the order in which the files were named. */
  readonly files: readonly (readonly IniEntry[])[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Defaults that depend on the host, by `section.name`. */
  readonly defaults: ReadonlyMap<string, string>;
}

interface Raw {
  readonly text: string;
  readonly source: Source;
  readonly entry: IniEntry | undefined;
}

const BY_KEY: ReadonlyMap<string, Option> = new Map(OPTIONS.map((option) => [key(option), option]));
/** Every name, old and new, to the option's key. */
const BY_ANY_NAME: ReadonlyMap<string, Option> = new Map(
  OPTIONS.flatMap((option) => [key(option), ...option.deprecated].map((name) => [name, option] as const)),
);

export function key(option: { readonly section: string; readonly name: string }): string {
  return `${option.section}.${option.name}`;
}

export function resolve({ files, env, defaults }: ResolveInput): Resolved {
  const options = new Map<string, Effective>();
  const problems: ConfigProblem[] = [];
  const notes: Note[] = [];
  const indexes = files.map(indexLast).reverse();
  const pending = new Set<string>();

  const raw = (option: Option): Raw | undefined => {
    const variable = `OS_${option.section}__${option.name}`.toUpperCase();
    const fromEnv = env[variable];
    if (fromEnv !== undefined) return { text: fromEnv, source: { kind: 'environment', variable }, entry: undefined };
    for (const index of indexes) {
      for (const name of [key(option), ...option.deprecated]) {
        const entry = index.get(name);
        if (entry !== undefined) {
          return { text: entry.value, source: { kind: 'file', file: entry.file, line: entry.line }, entry };
        }
      }
    }
    const computed = defaults.get(key(option));
    const text = computed === undefined ? option.default : escapeDollars(computed);
    return text === undefined ? undefined : { text, source: { kind: 'default' }, entry: undefined };
  };

  const lookup = (section: string, name: string): string | undefined => {
    const id = `${sectionName(section)}.${optionName(name)}`;
    const option = BY_ANY_NAME.get(id);
    const text = option === undefined ? harmlessText(indexes, id) : (raw(option)?.text ?? '');
    // A value that refers to itself has no value; the option that started it reports the name as unknown.
    if (text === undefined || pending.has(id)) return undefined;
    pending.add(id);
    const result = substitute(text, section, lookup);
    pending.delete(id);
    return 'text' in result ? result.text : undefined;
  };

  for (const option of OPTIONS) {
    const found = raw(option);
    const outcome = found === undefined ? { value: undefined } : evaluate(option, found, lookup);
    const source = found?.source ?? ({ kind: 'default' } as const);
    if ('problem' in outcome) problems.push({ message: outcome.problem });
    else options.set(key(option), { option, value: outcome.value, source });
    if (found?.entry !== undefined) noteSpelling(option, found.entry, notes);
  }
  noteUnread(files.flat(), notes);
  return { options, problems, notes };
}

/** `oslo_messaging_rabbit` options in the query of `transport_url` override the files. */
export function override(resolved: Resolved, name: string, text: string): string | undefined {
  const option = BY_KEY.get(`oslo_messaging_rabbit.${name}`);
  if (option === undefined) {
    return harmless('oslo_messaging_rabbit', name) === undefined
      ? `"${name}" in the query is not an option of [oslo_messaging_rabbit]`
      : undefined;
  }
  const parsed = parseValue(option.type, text);
  if ('allowed' in parsed) return `${name}=${text} in the query: must be ${parsed.allowed}`;
  resolved.options.set(key(option), { option, value: parsed.value, source: { kind: 'transport-url' } });
  return undefined;
}

export function formatSource(source: Source): string {
  switch (source.kind) {
    case 'default':
      return 'default';
    case 'file':
      return `${source.file}:${source.line}`;
    case 'environment':
      return `environment variable ${source.variable}`;
    case 'transport-url':
      return 'query of transport_url';
  }
}

/** The one form of a problem with an option's value. A secret is not shown. */
export function valueProblem(option: Option, text: string, source: Source, complaint: string): string {
  const shown = option.secret ? '***' : text.replaceAll('\n', '\\n');
  return `${formatSource(source)}: [${option.section}] ${option.name} = ${shown}: ${complaint}`;
}

function evaluate(
  option: Option,
  { text, source }: Raw,
  lookup: (section: string, name: string) => string | undefined,
): { value: OptionValue } | { problem: string } {
  const complain = (shown: string, complaint: string) => ({ problem: valueProblem(option, shown, source, complaint) });
  const result = substitute(text, option.section, lookup);
  if ('unknown' in result) {
    const name = option.secret ? 'a $name in it' : result.unknown;
    return complain(text, `${name} is no option that has a value; a plain dollar sign is written $$`);
  }
  // Numbers and texts without a default may be set to nothing, which is the same as not setting them.
  const emptyMeansUnset = option.type.kind === 'integer' || option.type.kind === 'text';
  if (result.text === '' && emptyMeansUnset) {
    return option.default === undefined ? { value: undefined } : complain('', `must be ${describe(option.type)}`);
  }
  const parsed = parseValue(option.type, result.text);
  return 'value' in parsed ? parsed : complain(result.text, `must be ${parsed.allowed}`);
}

/** The last entry of each name in one file. */
function indexLast(entries: readonly IniEntry[]): ReadonlyMap<string, IniEntry> {
  return new Map(entries.map((entry) => [entryKey(entry), entry]));
}

function entryKey(entry: IniEntry): string {
  return `${sectionName(entry.section)}.${optionName(entry.key)}`;
}

/** An option that we ignore can still be referred to. Its default is not known here, so it must be set, or it has no value. */
function harmlessText(indexes: readonly ReadonlyMap<string, IniEntry>[], id: string): string | undefined {
  return indexes.map((index) => index.get(id)?.value).find((text) => text !== undefined);
}

function noteSpelling(option: Option, entry: IniEntry, notes: Note[]): void {
  const where = `${entry.file}:${entry.line}`;
  const current = `[${option.section}] ${option.name}`;
  if (entryKey(entry) !== key(option)) {
    notes.push({ kind: 'deprecated', message: `${where}: [${entry.section}] ${entry.key} is now called ${current}` });
  } else if (entry.key !== option.name || (option.section === 'DEFAULT' && entry.section !== 'DEFAULT')) {
    const message = `${where}: [${entry.section}] ${entry.key} is read as ${current}; neutron-openvswitch-agent ignores this spelling`;
    notes.push({ kind: 'spelling', message });
  }
}

/** Harmless options are said in one line per file and reason, an unknown one in its own line. */
function noteUnread(entries: readonly IniEntry[], notes: Note[]): void {
  const ignored = new Map<string, { file: string; why: string; names: Set<string> }>();
  for (const entry of entries) {
    const id = entryKey(entry);
    if (BY_ANY_NAME.has(id)) continue;
    const reason = harmless(entry.section, entry.key);
    if (reason === undefined) {
      const elsewhere = OPTIONS.filter((option) => option.name === optionName(entry.key)).map((o) => `[${o.section}]`);
      const hint = elsewhere.length === 0 ? '' : `; there is one in ${elsewhere.join(' and ')}`;
      const message = `${entry.file}:${entry.line}: unknown option [${entry.section}] ${entry.key} ignored${hint}`;
      notes.push({ kind: 'unknown', message });
      continue;
    }
    const groupId = `${entry.file}\n${reason.why}`;
    const group = ignored.get(groupId) ?? { file: entry.file, why: reason.why, names: new Set() };
    group.names.add(reason.wholeSection ? `[${entry.section}]` : `[${entry.section}] ${entry.key}`);
    ignored.set(groupId, group);
  }
  for (const { file, why, names } of ignored.values()) {
    notes.push({ kind: 'harmless', message: `${file}: ignored, ${why}: ${[...names].join(', ')}` });
  }
}
