/** Worker: adds ports with our client. Arguments: the remote, and `daemon` or `none` for the monitors that are open. */
import type { OvsdbClient } from '../../src/ovsdb/client.ts';
import { switchMonitors } from '../../src/vswitch/monitors.ts';
import { bumpNextCfg } from '../../src/vswitch/transact.ts';
import type { AddRequest } from './add.ts';
import { openClient } from './client.ts';
import { addPort, BRIDGE, uuidOf } from './fixture.ts';
import { measure, serve } from './serve.ts';

const [remote = '', monitors] = process.argv.slice(2);
let client: OvsdbClient | undefined;

await serve(async (request) => {
  const { names } = request as AddRequest;
  return await measure(async () => {
    client ??= (await openClient(remote, monitors === 'daemon' ? switchMonitors(['patch-tun', 'patch-int']) : {})).client;
    for (const name of names) await client.transact([...addPort(uuidOf(BRIDGE), name), ...bumpNextCfg()]);
  });
});
await client?.close();
