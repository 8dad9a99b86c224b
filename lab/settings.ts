/** oslo.config files of the lab: option values by section, and their text. Pure. */

/** Option values by section, as they stand in the file. `undefined` leaves a default out. */
export type Settings = Readonly<Record<string, Readonly<Record<string, string | undefined>>>>;

/** The text of a file with these sections. */
export function renderSettings(settings: Settings): string {
  return Object.entries(settings)
    .map(([name, options]) => section(name, options))
    .join('');
}

/** Later settings win, option by option. */
export function mergeSettings(...all: readonly Settings[]): Settings {
  const names = new Set(all.flatMap((settings) => Object.keys(settings)));
  return Object.fromEntries([...names].map((name) => [name, Object.assign({}, ...all.map((one) => one[name] ?? {}))]));
}

function section(name: string, options: Settings[string]): string {
  const lines = Object.entries(options).flatMap(([key, value]) => (value === undefined ? [] : `${key} = ${value}`));
  return `[${name}]\n${lines.join('\n')}\n\n`;
}
