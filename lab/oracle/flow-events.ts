/**
 * Which events of `ovs-ofctl monitor` do harm to a flow that was right: it is deleted, or has other actions, if only for an
 * instant. Pure.
 */

/** Table and match. Events do not tell the priority (ovs-ofctl 3.1 leaves it out of what it prints). */
const keyOf = (event: string) => withoutCookies(event).replace(/ actions=.*/, '');

/** Nothing: drop. */
const actionsOf = (event: string) => withoutCookies(/ actions=(.*)/.exec(event)?.[1] ?? '');

/** What is learned comes, changes and goes with the traffic. */
const isLearned = (event: string) => event.replace(/ actions=.*/, '').includes(' hard_timeout=');

/** Without those in front, and those of `learn` actions: who takes a flow over may give it its own. */
function withoutCookies(text: string): string {
  return text
    .replace(/^ *event=\w+( reason=\w+)? /, '')
    .replace(/ cookie=(0x)?[0-9a-f]+/, '')
    .replace(/,cookie=(0x)?[0-9a-f]+/g, '');
}

/**
 * @param initial events of the flows that were there when the watch began (`event=INITIAL`)
 * @param events those after it, in order
 * @returns deletions, and whatever gave a flow other actions than it had at first
 */
export function harmful(initial: readonly string[], events: readonly string[]): string[] {
  const known = new Map<string, Set<string>>();
  const learn = (event: string) => {
    const actions = known.get(keyOf(event)) ?? new Set();
    known.set(keyOf(event), actions.add(actionsOf(event)));
  };
  initial.forEach(learn);
  return events.filter((event) => {
    if (isLearned(event)) return false;
    if (event.includes('event=DELETED')) return true;
    const actions = known.get(keyOf(event));
    // What is new must be right at once, too.
    if (actions === undefined) learn(event);
    return actions !== undefined && !actions.has(actionsOf(event));
  });
}
