/** A lab server without messaging: an in-memory store, a sender that records, a clock that is set by hand. */
import { pino } from 'pino';
import { Devices } from '../../../../lab/server/devices.ts';
import { L2Population } from '../../../../lab/server/l2population.ts';
import { Plugin } from '../../../../lab/server/plugin.ts';
import { Publisher } from '../../../../lab/server/publisher.ts';
import type { RetryPolicy } from '../../../../lab/server/retry.ts';
import { rpcMethods } from '../../../../lab/server/rpc-methods.ts';
import { Store } from '../../../../lab/server/store.ts';
import { dispatchTo } from '../../../../src/rpc/endpoints.ts';
import type { JsonObject, JsonValue, RpcSender } from '../../../../src/rpc/types.ts';

/** As the recordings write it: `neutron` routing key or `<topic>_fanout`. */
export interface Sent {
  readonly topic: string;
  readonly method: string;
  readonly version: string;
  readonly args: JsonObject;
}

export const NO_RETRY: RetryPolicy = {
  attempts: 1,
  base: 0,
  maximum: 0,
  random: () => 0,
  sleep: () => Promise.resolve(),
};

export class Recorder implements RpcSender {
  readonly sent: Sent[] = [];

  cast(topic: string, method: string, args: JsonObject, { version }: { version: string }): Promise<void> {
    this.sent.push({ topic, method, version, args });
    return Promise.resolve();
  }

  fanout(topic: string, method: string, args: JsonObject, options: { version: string }): Promise<void> {
    return this.cast(`${topic}_fanout`, method, args, options);
  }

  take(): Sent[] {
    return this.sent.splice(0);
  }
}

export interface CloudOptions {
  readonly l2population?: boolean;
  readonly l3Plugin?: boolean;
  readonly startedAt?: Date;
}

export type Cloud = Awaited<ReturnType<typeof cloud>>;

export async function cloud(options: CloudOptions = {}) {
  const { l2population = true, l3Plugin = false, startedAt = new Date(0) } = options;
  const clock = { time: new Date('2026-11-20T20:56:28Z') };
  const now = () => clock.time;
  const store = await Store.open(':memory:', NO_RETRY);
  const recorder = new Recorder();
  const publisher = new Publisher(recorder);
  const population = new L2Population({ enabled: l2population, l3Plugin, store, publisher });
  const log = pino({ level: 'silent' });
  const devices = new Devices({ store, l2population: population, log, now });
  const plugin = new Plugin({ store, l2population: population, publisher, now });
  const dispatch = dispatchTo(rpcMethods({ store, devices, publisher, now, startedAt, agentDownTime: 75_000 }));
  return {
    clock,
    store,
    recorder,
    publisher,
    plugin,
    /** Calls a method as an agent would; rejects with `RpcFailure`. */
    async call(topic: string, method: string, version: string, args: JsonObject): Promise<JsonValue> {
      const namespace = undefined;
      return await dispatch(topic, {
        method,
        version,
        args,
        namespace,
        uniqueId: undefined,
        requestId: undefined,
        call: undefined,
      });
    },
  };
}
