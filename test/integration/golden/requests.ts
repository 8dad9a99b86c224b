/** The requests of the reference as shapes: topic, method, version, and the arguments' keys and types. */
import type { JsonValue } from '../../../src/rpc/types.ts';
import { readMessages } from './recording.ts';
import { SCENARIOS } from './scenarios.ts';

export interface RequestShape {
  readonly topic: string;
  readonly method: string;
  readonly version: unknown;
  readonly shape: unknown;
}

/** The first report after a start also has the versions of the objects whose pushes are consumed; we consume none (WIRE.md). */
const NOT_OURS = ['resource_versions'];

export function recordedRequests(): RequestShape[] {
  const shapes = new Map<string, RequestShape>();
  for (const { inner, routingKey } of SCENARIOS.flatMap(({ name }) => readMessages(name))) {
    const { method, version, args } = inner;
    if (method === undefined || args === undefined || inner._msg_id === undefined) continue;
    const shape = { topic: routingKey, method, version, shape: shapeOf(args) };
    shapes.set(JSON.stringify(shape), shape);
  }
  return [...shapes.values()];
}

/** Keys and types; of a list whether there may be something in it is not told. Text that is a time is told apart. */
export function shapeOf(value: JsonValue): unknown {
  if (Array.isArray(value)) return 'list';
  if (typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/.test(value)) return 'naive time';
  if (typeof value !== 'object' || value === null) return typeof value;
  const entries = Object.entries(value).filter(([key]) => !NOT_OURS.includes(key));
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, item]) => [key, shapeOf(item)]));
}
