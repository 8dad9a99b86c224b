/**
 * oslo.config's file syntax (`oslo_config.iniparser`), with errors as values: one bad line is reported and the rest is still read,
 * so that an operator sees every mistake of a file in one go.
 *
 * A line is blank, a comment (`#` or `;` in the first column), `[section]`, `key = value` or `key : value` (whichever of the two
 * signs comes first), or, starting with white space, one more line of the value above it. A blank line or a comment ends a value.
 * There are no comments behind a value. One pair of equal quotes around a value's first line is taken off.
 */

/** One assignment, names as they are written. */
export interface IniEntry {
  readonly section: string;
  readonly key: string;
  /** Lines of a multi-line value are joined by `\n`. */
  readonly value: string;
  readonly file: string;
  /** Of the key, from 1. */
  readonly line: number;
}

export interface IniProblem {
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

export interface IniFile {
  /** In the order of the file; a key that is set twice is there twice. */
  readonly entries: readonly IniEntry[];
  readonly problems: readonly IniProblem[];
}

/** `DEFAULT`, or the name in lower case: the form in which sections are compared. */
export function sectionName(written: string): string {
  const lower = written.toLowerCase();
  return lower === 'default' ? 'DEFAULT' : lower;
}

/** `-` and `_` are the same in an option's name. */
export function optionName(written: string): string {
  return written.replaceAll('-', '_');
}

interface Assignment {
  readonly key: string;
  readonly line: number;
  readonly lines: string[];
}

export function parseIni(file: string, text: string): IniFile {
  const entries: IniEntry[] = [];
  const problems: IniProblem[] = [];
  let section: string | undefined;
  let open: Assignment | undefined;
  // After a line that was refused, what belongs to it is skipped without a second complaint.
  let skipContinuation = false;
  let skipSection = false;

  const flush = () => {
    if (open !== undefined && section !== undefined) {
      entries.push({ section, key: open.key, value: open.lines.join('\n'), file, line: open.line });
    }
    open = undefined;
  };

  for (const [index, raw] of text.split(/\r\n|\r|\n/).entries()) {
    const line = index + 1;
    const content = raw.trimEnd();
    const problem = (message: string) => problems.push({ file, line, message });

    if (content !== '' && /^[ \t]/.test(content)) {
      if (open !== undefined) open.lines.push(content.trimStart());
      else if (!skipContinuation) problem('this line starts with white space but continues no value');
      continue;
    }
    flush();
    skipContinuation = false;
    if (content === '' || content.startsWith('#') || content.startsWith(';')) continue;

    if (content.startsWith('[')) {
      const name = content.endsWith(']') ? content.slice(1, -1) : '';
      skipSection = name === '';
      section = skipSection ? undefined : name;
      if (!content.endsWith(']')) problem(`${content}: a section must end with ]`);
      else if (skipSection) problem('[]: a section must have a name');
      continue;
    }

    const split = splitAssignment(content);
    if (split === undefined || split.key === '' || section === undefined) {
      skipContinuation = true;
      if (split === undefined) problem(`${content}: neither a [section], nor "option = value", nor a comment`);
      else if (split.key === '') problem('there is no option name before the value');
      else if (!skipSection) problem(`${split.key}: an option must come after a [section]`);
      continue;
    }
    open = { key: split.key, line, lines: [split.value] };
  }
  flush();
  return { entries, problems };
}

function splitAssignment(content: string): { key: string; value: string } | undefined {
  const at = content.search(/[=:]/);
  if (at < 0) return undefined;
  const value = content.slice(at + 1).trim();
  const quoted = /^["']/.test(value) && value.at(-1) === value[0];
  return { key: content.slice(0, at).trim(), value: quoted ? value.slice(1, -1) : value };
}
