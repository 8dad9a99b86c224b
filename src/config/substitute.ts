/**
 * oslo.config's `$name`, `${name}` and `${section.name}` inside values; `$$` and `\$` are a plain dollar sign.
 *
 * A name without a section is looked up in the section of the option that uses it, then in [DEFAULT]. A dollar sign that starts
 * nothing of this kind stays as it is (Python's `string.Template.safe_substitute`).
 */

/** The text of an option, `undefined` if there is no such option. An option that is not set is the empty text. */
export type Lookup = (section: string, name: string) => string | undefined;

export type Substituted = { readonly text: string } | { readonly unknown: string };

// oslo.config's idpattern: names may contain dots, so `$state_path.old` is the option `old` of section `state_path`.
const VARIABLE = /\$(?:(\$)|([_a-z][._a-z0-9]*)|\{([_a-z][._a-z0-9]*)\})/gi;

export function substitute(text: string, section: string, lookup: Lookup): Substituted {
  let unknown: string | undefined;
  const result = text
    .replaceAll('\\$', () => '$$')
    .replace(VARIABLE, (whole, escaped?: string, bare?: string, braced?: string) => {
      if (escaped !== undefined) return '$';
      const name = bare ?? braced ?? '';
      const dot = name.indexOf('.');
      const value =
        dot < 0 ? (lookup(section, name) ?? lookup('DEFAULT', name)) : lookup(name.slice(0, dot), name.slice(dot + 1));
      if (value === undefined) unknown ??= whole;
      return value ?? '';
    });
  return unknown === undefined ? { text: result } : { unknown };
}

/** The text that {@link substitute} turns into `value`. */
export function escapeDollars(value: string): string {
  return value.replaceAll('$', () => '$$');
}
