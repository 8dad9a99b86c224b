/** From a request to an answer: paths, methods and status codes. No sockets here. */
import type { QueryProblem } from '../report/types.ts';
import type { ControlHandlers } from './api.ts';
import { parseFdbQuery, parseFlowsQuery, parseJournalQuery, parseNoQuery, parseResyncQuery } from './query.ts';

export interface Answer {
  readonly status: number;
  /** Methods that the path takes, where the status is 405. */
  readonly allow?: string;
  /** JSON. Of an error: `{ "error": <sentence> }`. */
  readonly body: object;
}

interface Route {
  readonly method: 'GET' | 'POST';
  answer(handlers: ControlHandlers, params: URLSearchParams): Promise<object> | object;
}

const ROUTES: Readonly<Record<string, Route>> = {
  '/status': { method: 'GET', answer: (handlers, params) => parseNoQuery(params) ?? handlers.status() },
  '/networks': { method: 'GET', answer: (handlers, params) => parseNoQuery(params) ?? handlers.networks() },
  '/tunnels': { method: 'GET', answer: (handlers, params) => parseNoQuery(params) ?? handlers.tunnels() },
  '/fdb': {
    method: 'GET',
    answer(handlers, params) {
      const query = parseFdbQuery(params);
      return 'problem' in query ? query : handlers.fdb(query);
    },
  },
  '/flows': {
    method: 'GET',
    answer(handlers, params) {
      const query = parseFlowsQuery(params);
      return 'problem' in query ? query : handlers.flows(query);
    },
  },
  '/journal': {
    method: 'GET',
    answer(handlers, params) {
      const query = parseJournalQuery(params);
      return 'problem' in query ? query : handlers.journal(query);
    },
  },
  '/compare': { method: 'POST', answer: (handlers, params) => parseNoQuery(params) ?? handlers.compare() },
  '/resync': {
    method: 'POST',
    answer(handlers, params) {
      const query = parseResyncQuery(params);
      return 'problem' in query ? query : handlers.resync(query);
    },
  },
};

/** `target`: path and query as they stand in the request line. Rejects with what a handler rejects with, except I/O errors. */
export async function answer(handlers: ControlHandlers, method: string, target: string): Promise<Answer> {
  const url = URL.parse(target, 'http://l2pop-agent');
  if (url === null || !target.startsWith('/')) return failure(400, 'the request target is no path');
  const route = Object.hasOwn(ROUTES, url.pathname) ? ROUTES[url.pathname] : undefined;
  if (route === undefined)
    return failure(404, `nothing at ${url.pathname}: there are ${Object.keys(ROUTES).join(', ')}`);
  if (route.method !== method) {
    return { ...failure(405, `${url.pathname} takes ${route.method}, not ${method}`), allow: route.method };
  }
  try {
    const body = await route.answer(handlers, url.searchParams);
    return isProblem(body) ? failure(400, body.problem) : { status: 200, body };
  } catch (error) {
    // An I/O error has a code: something that the answer needs is away (STYLE).
    if (error instanceof Error && 'code' in error) return failure(503, error.message);
    throw error;
  }
}

export function failure(status: number, error: string): Answer {
  return { status, body: { error } };
}

function isProblem(body: object): body is QueryProblem {
  return 'problem' in body;
}
