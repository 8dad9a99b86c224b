/** Worker: opens the daemon's monitors and learns the bridge of each port, as the daemon does at its start. Needs --expose-gc. */
import { setTimeout as sleep } from 'node:timers/promises';
import { membershipQuery, readMembership } from '../../src/vswitch/monitors.ts';
import { SwitchView } from '../../src/vswitch/switch-view.ts';
import { DAEMON_MONITORS, openClient } from './client.ts';
import { measure, serve } from './serve.ts';
import type { Started, StartRequest } from './start.ts';

let client: Awaited<ReturnType<typeof openClient<typeof DAEMON_MONITORS>>>['client'] | undefined;
/** Kept, so that it counts as memory in use. */
let view: SwitchView | undefined;

await serve(async (request) => {
  const { remote } = request as StartRequest;
  await client?.close();
  const fresh = new SwitchView({ integrationBridge: 'br-int', tunnelBridge: 'br-tun' });
  view = fresh;
  const initial = await measure(async () => {
    const opened = await openClient(remote, DAEMON_MONITORS);
    client = opened.client;
    fresh.applyRows(opened.changes);
  });
  const placed = await measure(async () => {
    const ports = fresh.portsWithoutBridge();
    if (client === undefined || ports.length === 0) return;
    fresh.applyMembership(readMembership(ports, await client.transact(membershipQuery(ports))));
  });
  return { initial, placed, vifs: view.vifIds().length, ...(await memory()) } satisfies Started;
});
await client?.close();

/** What stays when everything that can go has gone. */
async function memory(): Promise<{ rss: number; heap: number; peakRss: number }> {
  for (let i = 0; i < 4; i++) {
    globalThis.gc?.();
    await sleep(50);
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, heap: heapUsed + external, peakRss: process.resourceUsage().maxRSS * 1024 };
}
