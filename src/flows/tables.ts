/** The tables of both bridges by name, in the order a packet meets them (Neutron's `constants.py`; OVS.md). */
import type { TunnelType } from '../values.ts';

export const BR_TUN = {
  CLASSIFIER: 0,
  PATCH_LV_TO_TUN: 2,
  GRE_TUN_TO_LV: 3,
  VXLAN_TUN_TO_LV: 4,
  GENEVE_TUN_TO_LV: 6,
  LEARN_FROM_TUN: 10,
  UCAST_TO_TUN: 20,
  ARP_RESPONDER: 21,
  FLOOD_TO_TUN: 22,
} as const;

export const BR_INT = {
  LOCAL_SWITCHING: 0,
  CANARY_TABLE: 23,
  ARP_SPOOF_TABLE: 24,
  MAC_SPOOF_TABLE: 25,
  LOCAL_MAC_DIRECT: 30,
  LOCAL_EGRESS: 31,
  PACKET_RATE_LIMIT: 59,
  TRANSIENT_TABLE: 60,
  /** A predecessor's from 2025.1 on; ours has none. */
  BANDWIDTH_RATE_LIMIT: 61,
  TRANSIENT_EGRESS_TABLE: 62,
} as const;

/** Tables 3, 4 and 6 keep equal segmentation ids of different types apart. */
export const TUN_TO_LV: Readonly<Record<TunnelType, number>> = {
  gre: BR_TUN.GRE_TUN_TO_LV,
  vxlan: BR_TUN.VXLAN_TUN_TO_LV,
  geneve: BR_TUN.GENEVE_TUN_TO_LV,
};

/** `20` → `UCAST_TO_TUN`; a number that is no table of ours → the number. */
export function tableName(tables: Readonly<Record<string, number>>, table: number): string {
  return Object.entries(tables).find(([, number]) => number === table)?.[0] ?? String(table);
}
