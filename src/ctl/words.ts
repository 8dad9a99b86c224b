/** Times and ids as people read them. */

/** Beginning of an id that is shown on a terminal when no other id shares it. */
const SHORT = 8;

/** The time from one ISO timestamp to another: `12s`, `3m 5s`, `2h 40m`, `5d 1h`. */
export function span(from: string, to: string): string {
  return seconds(Math.max(0, Math.floor((Date.parse(to) - Date.parse(from)) / 1000)));
}

export function ago(from: string | null, to: string): string {
  return from === null ? '' : `${span(from, to)} ago`;
}

export function seconds(total: number): string {
  const units: [number, string][] = [
    [Math.floor(total / 86_400), 'd'],
    [Math.floor(total / 3600) % 24, 'h'],
    [Math.floor(total / 60) % 60, 'm'],
    [total % 60, 's'],
  ];
  const first = units.findIndex(([count]) => count > 0);
  if (first < 0) return '0s';
  const shown = units.slice(first, first + 2).filter(([count]) => count > 0);
  return shown.map(([count, unit]) => `${count}${unit}`).join(' ');
}

/** Ids by their shortest unique beginning, eight characters at least: what the options that take an id understand. */
export function shortener(ids: Iterable<string>): (id: string) => string {
  const known = [...new Set(ids)].sort();
  const short = new Map<string, string>();
  for (const [index, id] of known.entries()) {
    const shared = Math.max(common(id, known[index - 1] ?? ''), common(id, known[index + 1] ?? ''));
    short.set(id, id.slice(0, Math.max(SHORT, shared + 1)));
  }
  return (id) => short.get(id) ?? id;
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

function common(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}
