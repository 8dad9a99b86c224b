/** What happens to a host's Open vSwitch: its processes die, or somebody with root changes what is ours. */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseCookie } from '../../src/flows/cookie.ts';
import type { Cloud } from '../cloud.ts';
import type { Host } from '../host.ts';
import type { Bridge } from '../oracle/normal-flows.ts';
import { ovsCtlRestart } from '../ovs-ctl.ts';
import { GiveUp, waitFor } from '../wait.ts';
import { isTunnelName } from './invariants.ts';

/** In no use: nobody sends such packets. */
const FOREIGN = { cookie: '0xf0e1', match: 'table=0,priority=7,ip,nw_dst=192.0.2.77,nw_proto=201' };

/** The database first comes back, as in `ovs-ctl`. */
export async function killSwitch(
  cloud: Cloud,
  host: Host,
  programs: readonly ('ovsdb-server' | 'ovs-vswitchd')[],
  away: number,
): Promise<void> {
  await Promise.all(programs.map((program) => host.daemon(program).kill()));
  await sleep(away);
  if (programs.includes('ovsdb-server')) await host.startOvsdbServer();
  if (!programs.includes('ovs-vswitchd')) return;
  await host.startVswitchd();
  await meetOthers(cloud, host);
}

/** After all of it has been killed. */
export async function startSwitch(cloud: Cloud, host: Host): Promise<void> {
  await host.startOvsdbServer();
  await host.startVswitchd();
  await meetOthers(cloud, host);
}

/** Whatever flows it had are restored after `held` milliseconds; until then ovs-vswitchd waits for them. */
export async function restartSwitch(cloud: Cloud, host: Host, held: number): Promise<void> {
  await ovsCtlRestart(host, () => sleep(held));
  await meetOthers(cloud, host);
}

/**
 * A new ovs-vswitchd knows no MAC of a VTEP, and on the userspace datapath it asks for one with the first packet of a flow
 * only: if nobody answers just then (the other one was killed too) the flow leads nowhere for seconds. The kernel's datapath
 * leaves that to the kernel; here the hosts ping each other, as when they came up.
 */
async function meetOthers({ hosts }: Cloud, host: Host): Promise<void> {
  const others = hosts.filter((other) => other !== host);
  const meet = async (from: Host, to: Host) => {
    // Who does not answer is away, and will ping when it is back.
    await from.tryExec(['ping', '-q', '-c', '1', '-W', '1', to.vtep.ipv4]);
  };
  await Promise.all(others.flatMap((other) => [meet(host, other), meet(other, host)]));
}

export async function wipeFlows(host: Host, bridge: Bridge, table: number | undefined): Promise<void> {
  await host.ofctl('del-flows', bridge, ...(table === undefined ? [] : [`table=${table}`]));
}

/** Does nothing when there is none. What was learned is left: it is nobody's to repair. */
export async function changeFlow(host: Host, bridge: Bridge, how: 'deleted' | 'altered', pick: number): Promise<void> {
  const dump = await host.ofctl('--no-names', '--no-stats', 'dump-flows', bridge);
  const flows = ownFlows(dump);
  const flow = flows[Math.floor(pick * flows.length)];
  if (flow === undefined) return;
  // A flow that has gone meanwhile is not made by either.
  if (how === 'deleted') await host.ofctl('--strict', 'del-flows', bridge, flow);
  else await host.ofctl('--strict', 'mod-flows', bridge, `${flow},actions=drop`);
}

/** Table, priority and match of what the daemon itself has put there, sorted, from `ovs-ofctl dump-flows --no-stats`. */
export function ownFlows(dump: string): string[] {
  return dump
    .split('\n')
    .flatMap((line) => {
      const [, cookie = '', table = '0', key = ''] =
        /^ cookie=(\w+), (?:table=(\d+), )?(\S+) actions=/.exec(line) ?? [];
      const kind = cookie === '' ? undefined : parseCookie(cookie)?.kind;
      return kind !== undefined && kind !== 'learned' ? [`table=${table},${key}`] : [];
    })
    .sort();
}

/** Does nothing when there is none. */
export async function deleteTunnelPort(host: Host, pick: number): Promise<void> {
  const ports = (await host.vsctl('list-ports', 'br-tun')).split('\n').filter(isTunnelName).sort();
  const port = ports[Math.floor(pick * ports.length)];
  if (port !== undefined) await host.vsctl('--if-exists', 'del-port', 'br-tun', port);
}

/** `wasWiped`: whether the switch has been emptied since, by us. @throws when the flow has gone otherwise */
export async function foreignFlow(
  host: Host,
  bridge: Bridge,
  away: number,
  wasWiped: (since: number) => boolean,
): Promise<void> {
  const { cookie, match } = FOREIGN;
  // ovs-vswitchd may be away.
  await waitFor('a foreign flow to be taken', async () => {
    await host.ofctl('add-flow', bridge, `cookie=${cookie},${match},actions=drop`);
    return true;
  });
  const since = Date.now();
  await sleep(away);
  await waitFor('a foreign flow to be removed', async () => {
    const there = await host.ofctl('dump-flows', bridge, `cookie=${cookie}/-1`);
    if (!there.includes('nw_proto=201') && !wasWiped(since)) {
      throw new GiveUp(
        `the foreign flow on ${bridge} of ${host.name} is gone, and nobody but the daemon can have deleted it`,
      );
    }
    await host.ofctl('del-flows', bridge, `cookie=${cookie}/-1`);
    return true;
  });
}
