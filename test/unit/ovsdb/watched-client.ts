/** A client with everything it said to its user and to the log. */
import { vi } from 'vitest';
import { OvsdbClient, type OvsdbClientOptions } from '../../../src/ovsdb/client.ts';
import type { Log } from '../../../src/ovsdb/log.ts';
import type { RowChange } from '../../../src/ovsdb/replica.ts';

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn';
  readonly message: string;
  readonly fields: object;
}

export function recordingLog(lines: LogLine[]): Log {
  return {
    debug: (fields, message) => void lines.push({ level: 'debug', message, fields }),
    info: (fields, message) => void lines.push({ level: 'info', message, fields }),
    warn: (fields, message) => void lines.push({ level: 'warn', message, fields }),
  };
}

export class WatchedClient {
  readonly client: OvsdbClient;
  /** In the order they came: `connected`, `disconnected`, `initial`, `update`. */
  readonly events: string[] = [];
  readonly reasons: Error[] = [];
  readonly initials: (readonly RowChange[])[] = [];
  readonly updates: (readonly RowChange[])[] = [];
  readonly lines: LogLine[] = [];

  constructor(options: Pick<OvsdbClientOptions, 'remote' | 'database' | 'monitors'> & Partial<OvsdbClientOptions>) {
    this.client = new OvsdbClient({
      timeoutMs: 30_000,
      probeMs: 30_000,
      log: recordingLog(this.lines),
      onChanges: (changes, kind) => {
        this.events.push(kind);
        (kind === 'initial' ? this.initials : this.updates).push(changes);
      },
      onState: (state, reason) => {
        this.events.push(state);
        if (reason !== undefined) this.reasons.push(reason);
      },
      ...options,
    });
  }

  /** Log lines above debug. */
  get said(): string[] {
    return this.lines.filter(({ level }) => level !== 'debug').map(({ level, message }) => `${level}: ${message}`);
  }

  /** Waits until it has seen so many first reads. */
  async read(times: number): Promise<void> {
    await until(`first read ${times}`, () => this.initials.length >= times);
  }
}

export async function until(what: string, condition: () => boolean): Promise<void> {
  await vi.waitFor(
    () => {
      if (!condition()) throw new Error(`still waiting for: ${what}`);
    },
    { timeout: 30_000, interval: 5 },
  );
}

/** What a promise is rejected with. */
export function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => {
      throw new Error(`not rejected but: ${JSON.stringify(value)}`);
    },
    (error: unknown) => error,
  );
}
