/** Everything the lab server remembers, on one database. */
import { AgentStore } from './agent-store.ts';
import { Database } from './database.ts';
import { EndpointStore } from './endpoint-store.ts';
import { NetworkStore } from './network-store.ts';
import { PortStore } from './port-store.ts';
import type { RetryPolicy } from './retry.ts';

export class Store {
  readonly networks: NetworkStore;
  readonly ports: PortStore;
  readonly agents: AgentStore;
  readonly endpoints: EndpointStore;
  readonly #database: Database;

  private constructor(database: Database) {
    this.#database = database;
    this.networks = new NetworkStore(database);
    this.ports = new PortStore(database);
    this.agents = new AgentStore(database);
    this.endpoints = new EndpointStore(database);
  }

  /** @param file a path, or `:memory:`. */
  static async open(file: string, retry: RetryPolicy): Promise<Store> {
    return new Store(await Database.open(file, retry));
  }

  close(): void {
    this.#database.close();
  }
}
