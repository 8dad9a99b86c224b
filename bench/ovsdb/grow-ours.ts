/**
 * Worker: VIFs come one after the other, as the daemon sees it. Each is plugged (one transaction, in Nova's place), seen
 * by the monitors, asked for its bridge, and bound.
 */

import type { PortId } from '../../src/values.ts';
import { membershipQuery, readMembership } from '../../src/vswitch/monitors.ts';
import { SwitchView } from '../../src/vswitch/switch-view.ts';
import { bumpNextCfg, setPort } from '../../src/vswitch/transact.ts';
import { DAEMON_MONITORS, openClient } from './client.ts';
import { addPort, BRIDGE, bindRecord, plugColumns, uuidOf, vif } from './fixture.ts';
import type { GrowRequest } from './grow.ts';
import { measure, serve } from './serve.ts';

const [remote = ''] = process.argv.slice(2);
const view = new SwitchView({ integrationBridge: BRIDGE, tunnelBridge: 'br-tun' });
const { client, changes } = await openClient(remote, DAEMON_MONITORS, (updates) => void view.applyRows(updates));
view.applyRows(changes);
const bridge = uuidOf(BRIDGE);

await serve(async (request) => {
  const { from, to } = request as GrowRequest;
  return await measure(async () => {
    for (let index = from; index < to; index++) await addVif(index);
  });
});
await client.close();

async function addVif(index: number): Promise<void> {
  const one = vif(index);
  await client.transact([...addPort(bridge, one.name, { interface: plugColumns(one) }), ...bumpNextCfg()]);
  const ports = view.portsWithoutBridge();
  view.applyMembership(readMembership(ports, await client.transact(membershipQuery(ports))));
  const attached = view.vif(one.ifaceId as PortId);
  if (attached === undefined) throw new Error(`VIF ${one.ifaceId} was plugged and is not seen`);
  await client.transact([setPort(attached.port, { tag: one.tag, otherConfig: bindRecord(one) }), ...bumpNextCfg()]);
}
