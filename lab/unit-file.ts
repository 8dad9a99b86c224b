/** As much of systemd.service(5) as it takes to start a daemon the way its unit would. Pure. */

/** The `[Service]` section: every value of every directive, in order. */
export interface ServiceUnit {
  readonly execStart: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Relative to /run; the first where there are several. */
  readonly runtimeDirectory: string | undefined;
}

/** Throws unless the text has exactly one `ExecStart=` in its `[Service]` section. */
export function parseServiceUnit(text: string): ServiceUnit {
  const directives = serviceDirectives(text);
  const values = (key: string): string[] => directives.filter(([name]) => name === key).map(([, value]) => value);
  const words = (key: string): string[] => values(key).flatMap(splitWords);
  const [command, ...others] = values('ExecStart');
  if (command === undefined || others.length > 0) throw new Error('the unit must have exactly one ExecStart=');
  const environment = Object.fromEntries(words('Environment').map((word) => splitAt(word, '=')));
  return {
    // The prefixes of "special executable prefixes" change how it runs, not what.
    execStart: expand(splitWords(command.replace(/^[@:!+|-]+/, '')), environment),
    environment,
    runtimeDirectory: words('RuntimeDirectory')[0],
  };
}

function serviceDirectives(text: string): [key: string, value: string][] {
  const directives: [string, string][] = [];
  let section = '';
  for (const line of text
    .replace(/\\\n/g, ' ')
    .split('\n')
    .map((one) => one.trim())) {
    if (line === '' || line.startsWith('#') || line.startsWith(';')) continue;
    if (line.startsWith('[')) section = line;
    else if (section === '[Service]') directives.push(splitAt(line, '='));
  }
  return directives;
}

/** `${VAR}` stays one word, `$VAR` alone becomes as many as it holds, an unset one none. */
function expand(words: readonly string[], environment: Readonly<Record<string, string>>): string[] {
  return words.flatMap((word) => {
    const whole = /^\$(\w+)$/.exec(word);
    if (whole !== null) return splitWords(environment[whole[1] ?? ''] ?? '');
    return word.replace(/\$\{(\w+)\}/g, (_, name: string) => environment[name] ?? '').replaceAll('%%', '%');
  });
}

/** Words separated by blanks; single or double quotes keep one together. */
function splitWords(text: string): string[] {
  const words = text.match(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g) ?? [];
  return words.map((word) => word.replace(/"([^"]*)"|'([^']*)'/g, '$1$2'));
}

function splitAt(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at).trim(), text.slice(at + 1).trim()];
}
