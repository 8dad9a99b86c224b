/** Agents as they reported themselves. */
import type { JsonObject } from '../../src/rpc/types.ts';
import type { Database, Row } from './database.ts';
import { dictionary, text, time } from './database.ts';
import type { Agent } from './facts.ts';
import type { HostFacts } from './rules.ts';

export interface AgentReport {
  readonly host: string;
  readonly agentType: string;
  readonly binary: string;
  readonly topic: string;
  readonly configurations: JsonObject;
  /** `start_flag`: the agent has just started. */
  readonly started: boolean;
}

export class AgentStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Records a report; returns the agent as it was before, `undefined` if it is new. */
  report(report: AgentReport, now: Date): Promise<Agent | undefined> {
    return this.#database.write(() => {
      const row = this.#database.get(
        'SELECT * FROM agents WHERE agent_type = ? AND host = ?',
        report.agentType,
        report.host,
      );
      const before = row === undefined ? undefined : agentOf(row);
      const at = now.getTime();
      this.#database.run(
        `INSERT INTO agents (agent_type, host, binary, topic, configurations, created_at, started_at, heartbeat_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (agent_type, host) DO UPDATE SET binary = excluded.binary, topic = excluded.topic,
           configurations = excluded.configurations, started_at = excluded.started_at, heartbeat_at = excluded.heartbeat_at`,
        report.agentType,
        report.host,
        report.binary,
        report.topic,
        JSON.stringify(report.configurations),
        at,
        before === undefined || report.started ? at : before.startedAt.getTime(),
        at,
      );
      return before;
    });
  }

  all(): Agent[] {
    return this.#database.all('SELECT * FROM agents ORDER BY host, agent_type').map(agentOf);
  }

  /** The agent of a host that has a VTEP. */
  withVtep(host: string): Agent | undefined {
    const row = this.#database.get(
      "SELECT * FROM agents WHERE host = ? AND json_extract(configurations, '$.tunneling_ip') IS NOT NULL",
      host,
    );
    return row === undefined ? undefined : agentOf(row);
  }

  hostFacts(host: string): HostFacts | undefined {
    const configurations = this.withVtep(host)?.configurations;
    const vtep = configurations?.tunneling_ip;
    if (typeof vtep !== 'string' || vtep === '') return undefined;
    return { host, vtep, tunnelTypes: strings(configurations?.tunnel_types) };
  }
}

export function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

function agentOf(row: Row): Agent {
  return {
    host: text(row, 'host'),
    agentType: text(row, 'agent_type'),
    binary: text(row, 'binary'),
    topic: text(row, 'topic'),
    configurations: dictionary(row, 'configurations'),
    createdAt: time(row, 'created_at'),
    startedAt: time(row, 'started_at'),
    heartbeatAt: time(row, 'heartbeat_at'),
  };
}
