/** Worker: adds ports with our client. Arguments: the remote, and `daemon` or `none` for the monitors that are open. */
import { bumpNextCfg } from '../../src/vswitch/transact.ts';
import type { AddRequest } from './add.ts';
import { DAEMON_MONITORS, openClient, openPlain } from './client.ts';
import { addPort, BRIDGE, uuidOf } from './fixture.ts';
import { measure, serve } from './serve.ts';

const [remote = '', monitors] = process.argv.slice(2);
const open = async () =>
  monitors === 'daemon' ? (await openClient(remote, DAEMON_MONITORS)).client : openPlain(remote);
let client: Awaited<ReturnType<typeof open>> | undefined;

await serve(async (request) => {
  const { names } = request as AddRequest;
  return await measure(async () => {
    client ??= await open();
    for (const name of names) await client.transact([...addPort(uuidOf(BRIDGE), name), ...bumpNextCfg()]);
  });
});
await client?.close();
