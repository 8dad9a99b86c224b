/** What a query's words mean: which network, which table, which bridge. A problem is a sentence for who asked. */
import type { QueryProblem } from './types.ts';

/** A prefix that fits more is no use to anybody; this many are named in the message. */
const MAX_NAMED = 5;

/** The one network that has this id or whose id begins with it. */
export function selectNetwork(text: string, networks: Iterable<string>): string | QueryProblem {
  const wanted = text.toLowerCase();
  const found = [...new Set(networks)].filter((id) => id.startsWith(wanted)).sort();
  const [first] = found;
  if (wanted === '' || first === undefined)
    return { problem: `no network with a VIF here has an id that begins with '${text}'` };
  if (found.length > 1 && first !== wanted) {
    const named = found.slice(0, MAX_NAMED).join(', ');
    const more = found.length > MAX_NAMED ? ', …' : '';
    return { problem: `'${text}' is the beginning of ${found.length} networks: ${named}${more}` };
  }
  return first;
}

/** By number, or by name in any case. `undefined`: none of these tables has the name. */
export function tableNumber(text: string, tables: Readonly<Record<string, number>>): number | undefined {
  if (/^\d{1,3}$/.test(text) && Number(text) <= 254) return Number(text);
  return Object.entries(tables).find(([name]) => name.toLowerCase() === text.toLowerCase())?.[1];
}

export function isProblem(value: object | string): value is QueryProblem {
  return typeof value === 'object' && 'problem' in value;
}
