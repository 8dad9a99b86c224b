/**
 * The calls that the agent makes to neutron-server, typed: arguments and versions of WIRE.md, replies checked.
 * The transport is handed in. All methods reject with the transport's `RpcError`.
 */
import { type JsonObject, type JsonValue, type RpcCaller, RpcError } from '../rpc/types.ts';
import { type IpAddress, ipVersion, type PortId, parseIp, parsePortId, type TunnelType } from '../values.ts';
import { type PortAnswers, parsePorts } from '../vif/facts.ts';
import { L2POPULATION_TOPIC, MARKER_METHOD, REPORTS_TOPIC, SERVER_TOPIC } from './topics.ts';

/** What the server made of a report; `undefined`: our report is older than the server's start. */
export type ReportVerdict = 'new' | 'alive' | 'revived' | undefined;

export interface DeviceOutcome {
  /** Devices that the server could not bring up. */
  readonly failedUp: readonly PortId[];
  readonly failedDown: readonly PortId[];
}

export class NeutronServer {
  readonly #rpc: RpcCaller;
  readonly #host: string;
  /** Milliseconds, of one report. */
  readonly #reportTimeout: number;

  constructor(options: { rpc: RpcCaller; host: string; reportTimeout: number }) {
    this.#rpc = options.rpc;
    this.#host = options.host;
    this.#reportTimeout = options.reportTimeout;
  }

  /** False: a server answers and says that it is not ready. */
  async isAlive(): Promise<boolean> {
    return (await this.#rpc.call(REPORTS_TOPIC, 'has_alive_neutron_server', {}, { version: '1.2' })) === true;
  }

  /** `at`: now; the server takes naive UTC without a zone. */
  async reportState(agentState: JsonObject, at: Date): Promise<ReportVerdict> {
    const args = { agent_state: { agent_state: agentState }, time: at.toISOString().replace('Z', '000') };
    const options = { version: '1.2', timeout: this.#reportTimeout };
    const verdict = await this.#rpc.call(REPORTS_TOPIC, 'report_state', args, options);
    return verdict === 'new' || verdict === 'alive' || verdict === 'revived' ? verdict : undefined;
  }

  /** Registers our VTEP for a tunnel type. @returns all VTEPs of the type, ours included, and what could not be read. */
  async tunnelSync(type: TunnelType, localIp: IpAddress): Promise<{ vteps: IpAddress[]; problems: string[] }> {
    const args = { tunnel_ip: localIp, tunnel_type: type, host: this.#host };
    const reply = await this.#rpc.call(SERVER_TOPIC, 'tunnel_sync', args, { version: '1.4' });
    const tunnels = isObject(reply) ? reply.tunnels : undefined;
    // Not an empty set of VTEPs: that would take every tunnel away.
    if (!Array.isArray(tunnels)) throw new RpcError('bad-reply', 'tunnel_sync: the reply has no list of tunnels');
    const vteps: IpAddress[] = [];
    const problems: string[] = [];
    for (const tunnel of tunnels) {
      const vtep = parseIp(isObject(tunnel) ? tunnel.ip_address : undefined);
      if (vtep === undefined) problems.push(`tunnel_sync ${type}: ${JSON.stringify(tunnel)} has no ip_address`);
      else if (ipVersion(vtep) !== ipVersion(localIp)) {
        problems.push(`tunnel_sync ${type}: VTEP ${vtep} is not IPv${ipVersion(localIp)} as local_ip ${localIp}`);
      } else vteps.push(vtep);
    }
    return { vteps, problems };
  }

  /** The facts of ports, without side effects at the server. */
  async pullPorts(ids: readonly PortId[]): Promise<PortAnswers> {
    const args = { resource_type: 'Port', version: '1.7', filter_kwargs: { id: [...ids] } };
    const reply = await this.#rpc.call(SERVER_TOPIC, 'bulk_pull', args, { version: '1.1' });
    if (!Array.isArray(reply)) throw new RpcError('bad-reply', 'bulk_pull Port: the reply is no list');
    return parsePorts(reply, ids, this.#host);
  }

  /** Says which devices are wired and which are gone. `refreshTunnels` asks for a snapshot for each that is up. */
  async updateDevices(devices: {
    up: readonly PortId[];
    down: readonly PortId[];
    refreshTunnels: boolean;
  }): Promise<DeviceOutcome> {
    const args = {
      devices_up: [...devices.up],
      devices_down: [...devices.down],
      agent_id: `ovs-agent-${this.#host}`,
      host: this.#host,
      refresh_tunnels: devices.refreshTunnels,
    };
    const reply = await this.#rpc.call(SERVER_TOPIC, 'update_device_list', args, { version: '1.9' });
    if (!isObject(reply)) throw new RpcError('bad-reply', 'update_device_list: the reply is no object');
    return { failedUp: portIds(reply.failed_devices_up), failedDown: portIds(reply.failed_devices_down) };
  }

  /** Into our own by-name queue, behind everything that is in it now (WIRE.md, "marker"). */
  async sendMarker(id: string, edge: 'start' | 'end'): Promise<void> {
    await this.#rpc.cast(`${L2POPULATION_TOPIC}.${this.#host}`, MARKER_METHOD, { id, edge }, { version: '1.0' });
  }
}

function portIds(value: JsonValue | undefined): PortId[] {
  return Array.isArray(value) ? value.map(parsePortId).filter((id) => id !== undefined) : [];
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
