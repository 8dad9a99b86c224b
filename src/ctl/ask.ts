/** Asks the daemon over its control socket. */
import { request } from 'node:http';
import { text } from 'node:stream/consumers';

/** `unreachable`: nobody answered. `refused`: the daemon answered with an error; the message is its sentence. */
export class AskError extends Error {
  override readonly name = 'AskError';
  readonly code: 'unreachable' | 'refused';

  constructor(code: AskError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Milliseconds. A dump of 100,000 flows takes a few seconds. */
const TIMEOUT = 60_000;

/** The JSON of the answer. Rejects with {@link AskError}. */
export async function ask(socketPath: string, method: 'GET' | 'POST', path: string): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string }>();
  const outgoing = request({ socketPath, method, path, timeout: TIMEOUT }, (response) => {
    text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject);
  });
  outgoing.once('timeout', () => outgoing.destroy(new Error(`no answer in ${TIMEOUT / 1000} s`)));
  outgoing.once('error', reject);
  outgoing.end();
  let answer: { status: number; body: string };
  try {
    answer = await promise;
  } catch (cause) {
    throw new AskError('unreachable', reason(socketPath, cause), { cause });
  }
  const value = parse(answer.body);
  if (answer.status === 200 && value !== undefined) return value;
  const said = typeof value === 'object' && value !== null && 'error' in value ? String(value.error) : undefined;
  throw new AskError('refused', said ?? `${socketPath} answered with status ${answer.status} and no sentence`);
}

function reason(socketPath: string, error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'ENOENT':
      return `l2pop-agent does not answer: there is no socket ${socketPath}`;
    case 'ECONNREFUSED':
      return `l2pop-agent does not answer: nobody listens on ${socketPath}`;
    case 'EACCES':
      return `l2pop-agent cannot be asked: permission denied on ${socketPath}; try as root`;
    default:
      return `l2pop-agent does not answer on ${socketPath}: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
