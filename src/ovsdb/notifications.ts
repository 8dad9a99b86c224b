/** What the server says without being asked, as types (RFC 7047 §4.1.6–4.1.10; ovsdb-server(7) 4.1.7, 4.1.14, 4.1.16). */
import { isObject } from './schema.ts';

/** By table, then by row's uuid. Rows are judged where the columns' types are known (updates.ts, replica.ts). */
export type WireUpdates = Readonly<Record<string, unknown>>;

export type Notification =
  /** `<table-updates>`, after a `monitor`. */
  | { readonly kind: 'update'; readonly monitor: string; readonly updates: WireUpdates }
  /** `<table-updates2>`, after a `monitor_cond`. */
  | { readonly kind: 'update2'; readonly monitor: string; readonly updates: WireUpdates }
  /** `<table-updates2>`, after a `monitor_cond_since`. `lastTransaction` is the zero uuid where the server keeps no history. */
  | {
      readonly kind: 'update3';
      readonly monitor: string;
      readonly lastTransaction: string;
      readonly updates: WireUpdates;
    }
  /** The lock that this session waited for is its own now. */
  | { readonly kind: 'locked'; readonly lock: string }
  /** Another session has taken the lock; this one waits for it again. */
  | { readonly kind: 'stolen'; readonly lock: string }
  /** The database has gone or was converted: no update of this monitor will come. */
  | { readonly kind: 'monitor_canceled'; readonly monitor: string }
  | { readonly kind: 'unknown'; readonly method: string };

/** A text says what is wrong with it. Monitors are named with texts here: any other name is none of ours. */
export function parseNotification(method: string, params: readonly unknown[]): Notification | string {
  const [first, second, third] = params;
  switch (method) {
    case 'update':
    case 'update2':
      if (typeof first === 'string' && isObject(second)) return { kind: method, monitor: first, updates: second };
      return malformed(method, '[monitor, updates]', params);
    case 'update3':
      if (typeof first === 'string' && typeof second === 'string' && isObject(third)) {
        return { kind: method, monitor: first, lastTransaction: second, updates: third };
      }
      return malformed(method, '[monitor, last transaction, updates]', params);
    case 'locked':
    case 'stolen':
      if (typeof first === 'string') return { kind: method, lock: first };
      return malformed(method, '[lock]', params);
    case 'monitor_canceled':
      if (typeof first === 'string') return { kind: method, monitor: first };
      return malformed(method, '[monitor]', params);
    default:
      return { kind: 'unknown', method };
  }
}

function malformed(method: string, expected: string, params: readonly unknown[]): string {
  return `notification ${method}: expected ${expected}, not ${JSON.stringify(params).slice(0, 200)}`;
}
