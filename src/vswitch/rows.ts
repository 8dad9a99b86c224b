/** OVSDB rows as the rest of the program knows them: typed once, here. Columns and defaults: ovs-vswitchd.conf.db(5). */
import type { Row, Value } from '../ovsdb/notation.ts';
import {
  type IpAddress,
  type Ofport,
  type PortId,
  parseIp,
  parseOfport,
  parsePortId,
  parseTunnelType,
  type TunnelType,
} from '../values.ts';

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

export function toPort(uuid: string, row: Row): SwitchPort {
  return {
    uuid,
    name: text(row.name),
    interfaces: texts(row.interfaces),
    tag: numbers(row.tag)[0],
    vlanMode: texts(row.vlan_mode)[0],
    trunks: numbers(row.trunks),
    otherConfig: pairs(row.other_config),
  };
}

export function toInterface(uuid: string, row: Row): SwitchInterface {
  const externalIds = pairs(row.external_ids);
  const options = pairs(row.options);
  const type = parseTunnelType(row.type);
  const remoteIp = parseIp(options.get('remote_ip'));
  return {
    uuid,
    name: text(row.name),
    type: text(row.type),
    ofport: parseOfport(numbers(row.ofport)[0]),
    ifaceId: parsePortId(externalIds.get('iface-id')),
    ours: externalIds.has(OWNER_KEY),
    options,
    tunnel: type && remoteIp && { type, remoteIp },
  };
}

export function toBridge(uuid: string, row: Row): SwitchBridge {
  return {
    uuid,
    name: text(row.name),
    datapathType: text(row.datapath_type),
    failMode: texts(row.fail_mode)[0],
    protocols: texts(row.protocols),
    controllers: texts(row.controller),
  };
}

export function toController(row: Row): SwitchController {
  return { target: text(row.target), connected: row.is_connected === true };
}

export function toRoot(uuid: string, row: Row): SwitchRoot {
  return {
    uuid,
    curCfg: typeof row.cur_cfg === 'number' ? row.cur_cfg : 0,
    ovsVersion: texts(row.ovs_version)[0],
    datapathTypes: texts(row.datapath_types),
    ifaceTypes: texts(row.iface_types),
    restoring: pairs(row.other_config).get('flow-restore-wait') === 'true',
  };
}

function text(value: Value | undefined): string {
  return typeof value === 'string' ? value : '';
}

/** A set of strings; a column with exactly one value counts as a set of one. */
function texts(value: Value | undefined): readonly string[] {
  if (typeof value === 'string') return [value];
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

function numbers(value: Value | undefined): readonly number[] {
  if (typeof value === 'number') return [value];
  return Array.isArray(value) ? value.filter((item) => typeof item === 'number') : [];
}

function pairs(value: Value | undefined): ReadonlyMap<string, string> {
  return value instanceof Map ? (value as ReadonlyMap<string, string>) : new Map();
}
