/**
 * A child of `registrations.test.ts`: opens the store, waits for the parent's word, makes the registrations it is given as
 * fast as it can, several at a time, and reports each answer.
 */
import { RETRY } from '../../../lab/server/server.ts';
import { Store } from '../../../lab/server/store.ts';
import type { TunnelType } from '../../../src/values.ts';
import { parseIp } from '../../../src/values.ts';

export interface Registration {
  readonly type: TunnelType;
  readonly ip: string;
  readonly host: string;
}

export interface Result extends Registration {
  /** The answer had this very endpoint. */
  readonly found: boolean;
  readonly forget: string | undefined;
  readonly error?: string;
}

const AT_ONCE = 8;

const [, , file = ''] = process.argv;
const store = await Store.open(file, RETRY);
process.send?.('ready');
const work = await new Promise<Registration[]>((resolve) => {
  process.once('message', (message) => resolve(message as Registration[]));
});
const results: Result[] = [];
await Promise.all(Array.from({ length: AT_ONCE }, () => registerRest()));
store.close();
process.send?.(results, () => process.disconnect?.());

async function registerRest(): Promise<void> {
  for (let next = work.shift(); next !== undefined; next = work.shift()) {
    const { type, ip, host } = next;
    try {
      const address = parseIp(ip);
      if (address === undefined) throw new Error(`${ip} is no address`);
      const { endpoints, forget } = await store.endpoints.register(type, address, host);
      const found = endpoints.some((endpoint) => endpoint.ip === address && endpoint.host === host);
      results.push({ ...next, found, forget });
    } catch (error) {
      results.push({ ...next, found: false, forget: undefined, error: String(error) });
    }
  }
}
