/** One lab server put together: store, rules, messaging and admin socket, with a start and a stop. */
import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { RpcConfig } from '../../src/config/config.ts';
import { dispatchTo } from '../../src/rpc/endpoints.ts';
import { RpcServer } from '../../src/rpc/server.ts';
import type { Dispatch } from '../../src/rpc/types.ts';
import { AdminServer } from './admin.ts';
import type { Generator } from './admin-input.ts';
import { adminRoutes } from './admin-routes.ts';
import { Devices } from './devices.ts';
import { L2Population } from './l2population.ts';
import { Plugin } from './plugin.ts';
import { Publisher } from './publisher.ts';
import type { RetryPolicy } from './retry.ts';
import { PLUGIN_TOPIC, REPORTS_TOPIC, rpcMethods } from './rpc-methods.ts';
import { Store } from './store.ts';

export interface LabServerOptions {
  readonly rpc: RpcConfig;
  /** SQLite file; servers that share one are one cloud. */
  readonly database: string;
  readonly adminSocket: string;
  readonly l2population: boolean;
  /** Stand in for a server with the L3 plugin: `l2population.ts` says what it changes. */
  readonly l3Plugin: boolean;
  /** Milliseconds. */
  readonly agentDownTime: number;
  readonly log: Logger;
}

/** Half a minute before a write is given up: less than an agent waits for its reply (60 s). */
export const RETRY: RetryPolicy = {
  attempts: 60,
  base: 5,
  maximum: 400,
  random: Math.random,
  sleep: (milliseconds) => sleep(milliseconds),
};

const GENERATE: Generator = {
  uuid: () => randomUUID(),
  mac: () => `fa:16:3e:${randomBytes(3).toString('hex').match(/../g)?.join(':')}`,
};

export class LabServer {
  readonly #store: Store;
  readonly #rpc: RpcServer;
  readonly #admin: AdminServer;

  private constructor(store: Store, rpc: RpcServer, admin: AdminServer) {
    this.#store = store;
    this.#rpc = rpc;
    this.#admin = admin;
  }

  /** Resolves when agents are answered; then the admin socket answers too. Waits for the broker for ever. */
  static async start(options: LabServerOptions): Promise<LabServer> {
    const { log, agentDownTime, l2population: enabled, l3Plugin } = options;
    const now = () => new Date();
    const startedAt = now();
    // One context for all that it says, as neutron-server's notifiers have.
    const requestId = `req-${randomUUID()}`;
    const store = await Store.open(options.database, RETRY);
    const dispatch: Dispatch = (topic, request) => answer(topic, request);
    const rpc = new RpcServer({
      config: options.rpc,
      host: 'lab-server',
      log,
      topics: [REPORTS_TOPIC, PLUGIN_TOPIC],
      ids: { uniqueId: () => randomUUID().replaceAll('-', ''), requestId: () => requestId },
      now,
      dispatch,
    });
    const publisher = new Publisher(rpc);
    const l2population = new L2Population({ enabled, l3Plugin, store, publisher });
    const devices = new Devices({ store, l2population, log, now });
    const plugin = new Plugin({ store, l2population, publisher, now });
    const answer = dispatchTo(rpcMethods({ store, devices, publisher, now, startedAt, agentDownTime }));
    const status = { pid: process.pid, started_at: startedAt.toISOString(), l2population: enabled };
    const handler = adminRoutes({ store, plugin, publisher, status, generate: GENERATE, now, agentDownTime });
    const admin = new AdminServer({ path: options.adminSocket, handler, log });
    await rpc.start();
    await admin.start();
    log.info({ database: options.database, adminSocket: options.adminSocket, l2population: enabled }, 'ready');
    return new LabServer(store, rpc, admin);
  }

  async close(): Promise<void> {
    await this.#admin.close();
    await this.#rpc.close();
    this.#store.close();
  }
}
