/** The recordings of the reference, as `test/fixtures/golden` has them: read, and nothing else. */
import { readFileSync } from 'node:fs';
import type { Bridge, OvsdbRows } from '../../../lab/oracle/normal-flows.ts';
import type { JsonObject } from '../../../src/rpc/types.ts';

export type HostName = 'host1' | 'host2';

/** A message that an agent or the server published, as the broker saw it. */
export interface Message {
  readonly exchange: string;
  readonly routingKey: string;
  readonly properties: Readonly<Record<string, unknown>>;
  /** The body, as the sender wrote it: the inner document is a string again. */
  readonly body: string;
  /** The inner document. */
  readonly inner: Readonly<Record<string, unknown>> & { readonly method?: string; readonly args?: JsonObject };
  /** Who published: an agent's host or the server. */
  readonly from: string;
}

interface Line {
  readonly exchange: string;
  readonly routing_keys: readonly [string];
  readonly connection: string;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly payload: { readonly 'oslo.version': string; readonly 'oslo.message': Message['inner'] };
}

/** `172.30.1.1N:PORT -> …` is the agent of hostN, `172.30.1.1:PORT` the server. */
const AGENT = /^172\.30\.1\.1(\d):/;

export function readMessages(scenario: string): Message[] {
  return read(scenario, 'amqp.jsonl')
    .trimEnd()
    .split('\n')
    .map((text) => toMessage(JSON.parse(text) as Line));
}

export function readFlows(scenario: string, host: HostName, bridge: Bridge): string[] {
  return read(scenario, `${host}.${bridge}.norm`).trimEnd().split('\n');
}

export function readOvsdb(scenario: string, host: HostName): OvsdbRows {
  return JSON.parse(read(scenario, `${host}.ovsdb.json`)) as OvsdbRows;
}

function toMessage({ exchange, routing_keys, connection, properties, payload }: Line): Message {
  const inner = payload['oslo.message'];
  const agent = AGENT.exec(connection);
  return {
    exchange,
    routingKey: routing_keys[0],
    properties,
    body: JSON.stringify({ 'oslo.version': payload['oslo.version'], 'oslo.message': JSON.stringify(inner) }),
    inner,
    from: agent === null ? 'server' : `host${agent[1]}`,
  };
}

function read(scenario: string, file: string): string {
  return readFileSync(new URL(`../../fixtures/golden/${scenario}/${file}`, import.meta.url), 'utf8');
}

export type { Bridge, OvsdbRows };
