/** The networks that have a VIF here, with their VIFs and VTEPs, and the VIFs that are on no network. */
import type { LocalNetwork, State, Vif } from '../state.ts';
import { tunnelKey } from '../tunnel/ports.ts';
import { syncReport } from './sync.ts';
import { timestamp } from './time.ts';
import type { NetworkReport, NetworksReport, VifReport } from './types.ts';

export function networksReport(state: State, now: number): NetworksReport {
  return {
    at: timestamp(now),
    networks: [...state.networks.values()]
      .sort((a, b) => a.vlan - b.vlan)
      .map((network) => networkReport(state, network, now)),
    unwired: [...state.vifs.values()]
      .filter(({ network }) => network === undefined)
      .map((vif) => vifReport(state, vif)),
  };
}

function networkReport(state: State, network: LocalNetwork, now: number): NetworkReport {
  const { id, segment, vlan, key } = network;
  const vifs = [...network.vifs].map((port) => state.vifs.get(port)).filter((vif) => vif !== undefined);
  return {
    id,
    type: segment.type,
    segmentationId: segment.segmentationId,
    vlan,
    vifs: vifs.map((vif) => vifReport(state, vif)),
    vteps: [...state.vtepsOf(network)]
      .map((ip) => ({ ip, ofport: state.view.tunnel(tunnelKey(segment.type, ip))?.interface.ofport ?? null }))
      .sort((a, b) => a.ip.localeCompare(b.ip, 'en', { numeric: true })),
    macs: state.fdb.get(key)?.size ?? 0,
    sync: syncReport(network, now),
  };
}

function vifReport(state: State, vif: Vif): VifReport {
  const there = state.view.vif(vif.id);
  const { facts, wiring } = vif;
  const status = facts === 'pending' ? 'awaited' : facts === 'absent' ? 'absent' : facts.status;
  return {
    port: vif.id,
    name: there?.port.name ?? null,
    ofport: there?.interface.ofport ?? null,
    wiring: wiring.kind,
    reason: wiring.kind === 'dead' ? wiring.reason : null,
    mac: typeof facts === 'object' ? (facts.mac ?? null) : null,
    status,
  };
}
