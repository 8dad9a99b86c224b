/**
 * Reads the FDB back from br-tun's flows, ours or a predecessor's: at a start with an empty store the switch itself is
 * the record (DESIGN, rule 5). What is read dates from before all time: the first word of the server outranks it.
 */
import type { Flow } from '../flows/flow.ts';
import { BR_TUN } from '../flows/tables.ts';
import { type IpAddress, type MacAddress, type Ofport, parseIp, parseMac } from '../values.ts';
import type { NetworkFdb, Stamp, Touched } from './fdb.ts';

export interface RecoverContext {
  /** The FDB of the network that has this local VLAN; `undefined`: no VIF is on it. */
  fdbOf(vlan: number): { readonly fdb: NetworkFdb; readonly touched: Touched } | undefined;
  /** The VTEP behind a tunnel port, if its type is the network's. */
  vtepOf(ofport: Ofport, fdb: NetworkFdb): IpAddress | undefined;
}

const BEFORE_ALL: Stamp = { sequence: 0, at: 0 };

export function recoverFdb(flows: readonly Flow[], context: RecoverContext): void {
  const owners = new Map<string, IpAddress>();
  for (const flow of flows) {
    if (flow.table === BR_TUN.FLOOD_TO_TUN) recoverFlood(flow, context);
    if (flow.table === BR_TUN.UCAST_TO_TUN && flow.priority === 2) recoverUnicast(flow, context, owners);
  }
  for (const flow of flows) if (flow.table === BR_TUN.ARP_RESPONDER) recoverArp(flow, context, owners);
}

function recoverFlood(flow: Flow, context: RecoverContext): void {
  const network = context.fdbOf(Number(/^dl_vlan=(\d+)$/.exec(flow.match)?.[1]));
  if (network === undefined) return;
  for (const [, ofport] of flow.actions.matchAll(/output:(\d+)/g)) {
    const vtep = context.vtepOf(Number(ofport) as Ofport, network.fdb);
    if (vtep !== undefined) network.fdb.addFlooding(vtep, BEFORE_ALL, network.touched);
  }
}

function recoverUnicast(flow: Flow, context: RecoverContext, owners: Map<string, IpAddress>): void {
  const [, vlan, macText] = /^dl_vlan=(\d+),dl_dst=([0-9a-f:]+)$/.exec(flow.match) ?? [];
  const [, ofport] = /output:(\d+)$/.exec(flow.actions) ?? [];
  const network = context.fdbOf(Number(vlan));
  const mac = parseMac(macText);
  const vtep = network && context.vtepOf(Number(ofport) as Ofport, network.fdb);
  if (network === undefined || mac === undefined || vtep === undefined) return;
  network.fdb.locate(vtep, mac, BEFORE_ALL, network.touched);
  owners.set(ownerKey(vlan, mac), vtep);
}

function recoverArp(flow: Flow, context: RecoverContext, owners: ReadonlyMap<string, IpAddress>): void {
  const [, vlan, ipText] = /^arp,dl_vlan=(\d+),arp_tpa=([0-9.]+)$/.exec(flow.match) ?? [];
  const mac = parseMac(/set_field:([0-9a-f:]+)->eth_src/.exec(flow.actions)?.[1]);
  const ip = parseIp(ipText);
  const network = context.fdbOf(Number(vlan));
  const vtep = mac && owners.get(ownerKey(vlan, mac));
  if (network === undefined || mac === undefined || ip === undefined || vtep === undefined) return;
  network.fdb.add(vtep, { mac, ip }, BEFORE_ALL, network.touched);
}

function ownerKey(vlan: string | undefined, mac: MacAddress): string {
  return `${vlan} ${mac}`;
}
