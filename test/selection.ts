/** What the arguments of `./dev test` ask for. Pure. */

export const PROJECTS = ['unit', 'integration', 'e2e', 'neutron'] as const;
export const PARTS = ['lint', 'types', 'unit', 'integration', 'e2e', 'drop-in', 'neutron'] as const;
/** Only when it is asked for: it takes half an hour. */
const ON_REQUEST: readonly Part[] = ['neutron'];
export type Part = (typeof PARTS)[number];
export type Project = (typeof PROJECTS)[number];

export type Selection =
  | { readonly kind: 'parts'; readonly parts: readonly Part[] }
  | {
      /** One run of vitest over these projects: those whose path has one of the words, and of these the named ones. */
      readonly kind: 'filter';
      readonly projects: readonly Project[];
      readonly paths: readonly string[];
      /** Words of the tests' names; empty: any. */
      readonly name: string;
      /** Vitest's own. */
      readonly options: readonly string[];
    };

/** Parts come first, then words, then vitest's options. `files`: of all tests, from the root. @returns an error as a sentence. */
export function select(args: readonly string[], files: readonly string[]): Selection | string {
  const firstFilter = indexOrEnd(args, (arg) => !isPart(arg));
  const parts = args.slice(0, firstFilter).filter(isPart);
  const filters = args.slice(firstFilter);
  if (filters.length === 0) {
    const asked = (part: Part) => (parts.length > 0 ? parts.includes(part) : !ON_REQUEST.includes(part));
    return { kind: 'parts', parts: PARTS.filter(asked) };
  }
  const whole = parts.find((part) => !isProject(part));
  if (whole !== undefined) return `${whole} takes no filter (${filters.join(' ')}); ${list(PROJECTS)} do`;

  const firstOption = indexOrEnd(filters, (filter) => filter.startsWith('-'));
  const words = filters.slice(0, firstOption);
  const filesOf = (project: Project) => files.filter((file) => file.startsWith(`test/${project}/`));
  const having = (project: Project, word: string) => filesOf(project).some((file) => file.includes(word));
  const isMeant = (project: Project) =>
    !ON_REQUEST.includes(project) || words.some((word) => word.includes(project) && having(project, word));
  const projects = PROJECTS.filter((project) => (parts.length === 0 ? isMeant(project) : parts.includes(project)));
  const isPath = (word: string) => projects.some((project) => having(project, word));
  for (const word of words) {
    if (isPath(word)) continue;
    const elsewhere = PROJECTS.filter((project) => having(project, word));
    if (elsewhere.length > 0) {
      const hint = elsewhere.map((project) => `./dev test ${project} ${word}`).join(' or ');
      return `no test file of ${list(projects)} has "${word}" in its path, but of ${list(elsewhere)}: ${hint} (tests with it in their name: -t ${word})`;
    }
    if (/^test\/|\.ts$|\.test$/.test(word)) return `no test file has "${word}" in its path`;
  }
  return {
    kind: 'filter',
    projects,
    paths: words.filter(isPath),
    name: words.filter((word) => !isPath(word)).join(' '),
    options: filters.slice(firstOption),
  };
}

function indexOrEnd<T>(all: readonly T[], test: (one: T) => boolean): number {
  const index = all.findIndex(test);
  return index < 0 ? all.length : index;
}

function list(names: readonly string[]): string {
  return names.length < 2 ? names.join() : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

function isPart(text: string): text is Part {
  return PARTS.some((part) => part === text);
}

function isProject(part: Part): part is Part & Project {
  return PROJECTS.some((project) => project === part);
}
