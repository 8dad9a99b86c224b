/** The text of `l2pop-agent --check`: a valid configuration file that says the same as all files read, and what was noticed. */
import type { OptionValue } from './option.ts';
import { formatValue } from './option.ts';
import type { ConfigProblem, Effective, EffectiveOptions, Note } from './resolve.ts';
import { formatSource } from './resolve.ts';
import { escapeDollars } from './substitute.ts';
import { maskTransportUrl } from './transport-url.ts';

/**
 * Effective options by section, each below a comment with where it is from; passwords are masked. Comments, notes included, start
 * with `#`, so the text can be read again.
 */
export function formatCheck(options: EffectiveOptions, notes: readonly Note[]): string {
  const sections = Map.groupBy(options.values(), ({ option }) => option.section);
  const blocks = [...sections].map(([section, list]) => [`[${section}]`, ...list.flatMap(formatOption)].join('\n'));
  const remarks = notes.map(({ kind, message }) => `# ${kind}: ${message}`);
  return `${[...blocks, ...(remarks.length > 0 ? [remarks.join('\n')] : [])].join('\n\n')}\n`;
}

/** One line each. */
export function formatProblems(problems: readonly ConfigProblem[]): string {
  return problems.map(({ message }) => `${message}\n`).join('');
}

function formatOption({ option, value, source }: Effective): string[] {
  const from = `# ${formatSource(source)}`;
  if (value === undefined) return [from, `# ${option.name} is not set`];
  const text = escapeDollars(option.secret ? mask(value) : formatValue(value));
  return [from, `${option.name} = ${quote(text)}`.trimEnd()];
}

function mask(value: Exclude<OptionValue, undefined>): string {
  return maskTransportUrl(formatValue(value));
}

/** Quotes where the parser would otherwise take white space or quotes off. */
function quote(text: string): string {
  return text.trim() !== text || /^(["']).*\1$/.test(text) || text === '"' || text === "'" ? `"${text}"` : text;
}
