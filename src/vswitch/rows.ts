/** OVSDB rows as the rest of the program knows them: typed once, here. Columns and defaults: ovs-vswitchd.conf.db(5). */
import { tunnelTypeOf } from '../tunnel/ports.ts';
import {
  type IpAddress,
  type Ofport,
  type PortId,
  parseIp,
  parseOfport,
  parsePortId,
  type TunnelType,
} from '../values.ts';
import type { SwitchRow } from './monitors.ts';

/** Marks a tunnel port as ours (DESIGN, rule 8), in `Interface.external_ids`. */
export const OWNER_KEY = 'l2pop-agent';

export interface SwitchPort {
  readonly uuid: string;
  readonly name: string;
  readonly interfaces: readonly string[];
  readonly tag: number | undefined;
  readonly vlanMode: string | undefined;
  readonly trunks: readonly number[];
  readonly otherConfig: ReadonlyMap<string, string>;
}

export interface SwitchInterface {
  readonly uuid: string;
  readonly name: string;
  readonly type: string;
  readonly ofport: Ofport | undefined;
  /** Nova's and the plug code's mark of a VIF; `undefined` if absent or no UUID. */
  readonly ifaceId: PortId | undefined;
  readonly ours: boolean;
  readonly options: ReadonlyMap<string, string>;
  /** For tunnel ports with one remote. */
  readonly tunnel: { readonly type: TunnelType; readonly remoteIp: IpAddress } | undefined;
}

export interface SwitchBridge {
  readonly uuid: string;
  readonly name: string;
  readonly datapathType: string;
  readonly failMode: string | undefined;
  readonly protocols: readonly string[];
  /** Rows of table Controller. */
  readonly controllers: readonly string[];
}

/** Whoever programs a bridge over OpenFlow; we do it through the management socket and have none. */
export interface SwitchController {
  readonly target: string;
  readonly connected: boolean;
}

/** The one row of table Open_vSwitch. */
export interface SwitchRoot {
  readonly uuid: string;
  readonly curCfg: number;
  readonly ovsVersion: string | undefined;
  readonly datapathTypes: readonly string[];
  readonly ifaceTypes: readonly string[];
  /** `other_config:flow-restore-wait`: nothing is to be programmed yet. */
  readonly restoring: boolean;
}

export function toPort(uuid: string, row: SwitchRow<'Port'>): SwitchPort {
  return {
    uuid,
    name: row.name,
    interfaces: row.interfaces,
    tag: row.tag[0],
    vlanMode: row.vlan_mode[0],
    trunks: row.trunks,
    otherConfig: row.other_config,
  };
}

export function toInterface(uuid: string, row: SwitchRow<'Interface'>): SwitchInterface {
  const type = tunnelTypeOf(row.type);
  const remoteIp = parseIp(row.options.get('remote_ip'));
  return {
    uuid,
    name: row.name,
    type: row.type,
    ofport: parseOfport(row.ofport[0]),
    ifaceId: parsePortId(row.external_ids.get('iface-id')),
    ours: row.external_ids.has(OWNER_KEY),
    options: row.options,
    tunnel: type && remoteIp && { type, remoteIp },
  };
}

export function toBridge(uuid: string, row: SwitchRow<'Bridge'>): SwitchBridge {
  return {
    uuid,
    name: row.name,
    datapathType: row.datapath_type,
    failMode: row.fail_mode[0],
    protocols: row.protocols,
    controllers: row.controller,
  };
}

export function toController(row: SwitchRow<'Controller'>): SwitchController {
  return { target: row.target, connected: row.is_connected };
}

export function toRoot(uuid: string, row: SwitchRow<'Open_vSwitch'>): SwitchRoot {
  return {
    uuid,
    curCfg: row.cur_cfg,
    ovsVersion: row.ovs_version[0],
    datapathTypes: row.datapath_types,
    ifaceTypes: row.iface_types,
    restoring: row.other_config.get('flow-restore-wait') === 'true',
  };
}
