/** Times in reports. */
import type { Timestamp } from './types.ts';

/** From milliseconds since the epoch. */
export function timestamp(at: number): Timestamp {
  return new Date(at).toISOString();
}

export function timestampOrNull(at: number | undefined): Timestamp | null {
  return at === undefined ? null : timestamp(at);
}
