/**
 * Worker: adds ports with our client. Arguments: the remote, `daemon` or `none` for the monitors that are open, and the
 * milliseconds of rest before each port, which are not measured.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { bumpNextCfg } from '../../src/vswitch/transact.ts';
import type { AddRequest } from './add.ts';
import { DAEMON_MONITORS, openClient, openPlain } from './client.ts';
import { addPort, BRIDGE, uuidOf } from './fixture.ts';
import { measure, type Spent, serve } from './serve.ts';

const [remote = '', monitors, rest = '0'] = process.argv.slice(2);
const open = async () =>
  monitors === 'daemon' ? (await openClient(remote, DAEMON_MONITORS)).client : openPlain(remote);
let client: Awaited<ReturnType<typeof open>> | undefined;

await serve(async (request) => {
  const { names } = request as AddRequest;
  if (rest === '0') return await measure(() => addAll(names));
  let sum: Spent = { cpuMs: 0, wallMs: 0 };
  for (const name of names) {
    await sleep(Number(rest));
    const { cpuMs, wallMs } = await measure(() => addAll([name]));
    sum = { cpuMs: sum.cpuMs + cpuMs, wallMs: sum.wallMs + wallMs };
  }
  return sum;
});
await client?.close();

async function addAll(names: readonly string[]): Promise<void> {
  client ??= await open();
  for (const name of names) await client.transact([...addPort(uuidOf(BRIDGE), name), ...bumpNextCfg()]);
}
