/** A logger whose lines a test can read. */
import { type Logger, pino } from 'pino';

export interface Line {
  readonly level: number;
  readonly msg: string;
  readonly [field: string]: unknown;
}

export function testLog(): { log: Logger; lines: Line[] } {
  const lines: Line[] = [];
  return { log: pino({ level: 'debug' }, { write: (line) => lines.push(JSON.parse(line) as Line) }), lines };
}
