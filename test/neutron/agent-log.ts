/** What our agent of a host has logged, as objects; from a moment on. */
import { readFileSync } from 'node:fs';
import type { HostAgent } from '../../lab/neutron/host-agent.ts';

export interface LogLine {
  /** 30 is info, 40 warn, 50 error (pino). */
  readonly level: number;
  /** RFC 3339 or milliseconds since 1970, as the daemon writes it. */
  readonly time: string | number;
  readonly msg: string;
  readonly [key: string]: unknown;
}

export class AgentLog {
  readonly #file: string;
  #from = 0;

  constructor(agent: HostAgent) {
    this.#file = agent.log('ours');
    this.forget();
  }

  /** What has been logged so far counts no more. */
  forget(): void {
    this.#from = this.#text().length;
  }

  lines(): LogLine[] {
    const whole = this.#text().slice(this.#from).split('\n').slice(0, -1);
    // Node's own words, of a crash say, are no JSON.
    return whole.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as LogLine);
  }

  has(msg: string): boolean {
    return this.lines().some((line) => line.msg.includes(msg));
  }

  #text(): string {
    return readFileSync(this.#file, 'utf8');
  }
}
