/** Queries of the control socket as typed values: text from outside ends here. A problem is one sentence that says what is allowed. */
import { ENTRY_STATES } from '../journal/record.ts';
import type { FlowsView, QueryProblem } from '../report/types.ts';
import { parseIp, parseMac } from '../values.ts';
import type { FdbQuery, FlowsQuery, JournalQuery, ResyncQuery } from './api.ts';

const VIEWS: readonly FlowsView[] = ['actual', 'desired', 'diff'];
/** Entries of the journal: unless told otherwise, and at most, for they are all made into one text. */
const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 10_000;

export function parseFdbQuery(params: URLSearchParams): FdbQuery | QueryProblem {
  return checkNames(params, ['network', 'mac']) ?? parseSelection(params);
}

/** `actual`, `desired` and `diff` are flags, at most one of them; without any it is `actual`. */
export function parseFlowsQuery(params: URLSearchParams): FlowsQuery | QueryProblem {
  const problem = checkNames(params, [...VIEWS, 'table', 'network', 'mac', 'bridge']);
  if (problem !== undefined) return problem;
  const views = VIEWS.filter((view) => params.has(view));
  if (views.length > 1) return { problem: `${views.join(' and ')} do not go together` };
  for (const view of views) {
    const value = params.get(view);
    if (value !== '' && value !== '1' && value !== 'true') return { problem: `${view} is a flag and takes no value` };
  }
  const selection = parseSelection(params);
  if ('problem' in selection) return selection;
  return {
    ...selection,
    view: views[0] ?? 'actual',
    table: params.get('table') ?? undefined,
    bridge: params.get('bridge') ?? undefined,
  };
}

export function parseJournalQuery(params: URLSearchParams): JournalQuery | QueryProblem {
  const problem = checkNames(params, ['state', 'network', 'key', 'limit']);
  if (problem !== undefined) return problem;
  const stateText = params.get('state');
  const state = ENTRY_STATES.find((known) => known === stateText);
  if (stateText !== null && state === undefined) {
    return { problem: `state '${stateText}' is none of ${ENTRY_STATES.join(', ')}` };
  }
  const limitText = params.get('limit') ?? String(DEFAULT_LIMIT);
  const limit = /^\d{1,6}$/.test(limitText) ? Number(limitText) : 0;
  if (limit < 1 || limit > MAX_LIMIT) return { problem: `limit '${limitText}' is no number from 1 to ${MAX_LIMIT}` };
  const network = parseNetwork(params);
  if (typeof network === 'object') return network;
  return { state, network: network?.toLowerCase(), key: params.get('key')?.toLowerCase(), limit };
}

export function parseResyncQuery(params: URLSearchParams): ResyncQuery | QueryProblem {
  const problem = checkNames(params, ['network', 'vtep']);
  if (problem !== undefined) return problem;
  if (params.has('network') && params.has('vtep')) return { problem: 'network and vtep do not go together' };
  const network = parseNetwork(params);
  if (typeof network === 'object') return network;
  const text = params.get('vtep');
  const vtep = parseIp(text);
  if (text !== null && vtep === undefined) return { problem: `vtep '${text}' is no IP address` };
  return { network, vtep };
}

export function parseNoQuery(params: URLSearchParams): QueryProblem | undefined {
  return checkNames(params, []);
}

function parseSelection(params: URLSearchParams): FdbQuery | QueryProblem {
  const network = parseNetwork(params);
  if (typeof network === 'object') return network;
  const text = params.get('mac');
  const mac = parseMac(text);
  if (text !== null && mac === undefined)
    return { problem: `mac '${text}' is no MAC address, as in fa:16:3e:00:00:01` };
  return { network, mac };
}

function parseNetwork(params: URLSearchParams): string | undefined | QueryProblem {
  const network = params.get('network') ?? undefined;
  if (network === undefined || /^[0-9a-f-]{1,36}$/i.test(network)) return network;
  return { problem: `network '${network}' is no network id and no beginning of one` };
}

function checkNames(params: URLSearchParams, allowed: readonly string[]): QueryProblem | undefined {
  for (const name of params.keys()) {
    if (!allowed.includes(name)) {
      const list = allowed.length === 0 ? 'there are none here' : `there are ${allowed.join(', ')}`;
      return { problem: `unknown parameter '${name}': ${list}` };
    }
    if (params.getAll(name).length > 1) return { problem: `parameter ${name} is given more than once` };
  }
  return undefined;
}
