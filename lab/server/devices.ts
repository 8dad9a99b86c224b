/**
 * What an agent says about its devices, and what that does to the ports: the status machine of ML2's `RpcCallbacks`
 * (neutron, plugins/ml2/rpc.py).
 *
 *              details call                    up
 *     DOWN ───────────────────▶ BUILD ───────────────────▶ ACTIVE
 *      ▲  └──────────────────────── up ──────────────────▶ │ │
 *      │                          ▲                        │ │
 *      │                          └───── details call ─────┘ │
 *      └───────────────────────── down, other host ──────────┘
 */
import type { Logger } from 'pino';
import type { JsonObject } from '../../src/rpc/types.ts';
import type { PortId } from '../../src/values.ts';
import { parsePortId } from '../../src/values.ts';
import type { Binding, Port } from './facts.ts';
import { activeBinding } from './facts.ts';
import type { L2Population } from './l2population.ts';
import { deviceDetails } from './objects.ts';
import type { Store } from './store.ts';

export interface DeviceListUpdate {
  readonly devicesUp: readonly string[];
  readonly devicesDown: readonly string[];
  readonly host: string;
  readonly refreshTunnels: boolean;
}

export class Devices {
  readonly #store: Store;
  readonly #l2population: L2Population;
  readonly #log: Logger;
  readonly #now: () => Date;

  constructor(options: { store: Store; l2population: L2Population; log: Logger; now: () => Date }) {
    this.#store = options.store;
    this.#l2population = options.l2population;
    this.#log = options.log;
    this.#now = options.now;
  }

  /**
   * The port becomes ACTIVE if it is bound to this host and administratively up. A port that becomes ACTIVE is told of
   * twice: once by its change of status, once because it was reported (reference/05, 07, 13).
   */
  async up(device: string, host: string, refreshTunnels: boolean): Promise<void> {
    const id = parsePortId(device);
    const reported = id === undefined ? undefined : this.#store.ports.get(id);
    if (id === undefined || reported === undefined || !boundTo(reported, host)) return;
    const allowed = (port: Port) => boundTo(port, host) && port.adminStateUp && bound(port);
    const update = await this.#store.ports.setStatus(id, 'ACTIVE', allowed, `up, ${host}`, this.#now());
    if (update !== undefined) await this.#l2population.portUp(update.after, false);
    const port = this.#store.ports.get(id);
    if (port !== undefined && boundTo(port, host)) await this.#l2population.portUp(port, refreshTunnels);
  }

  /** The port goes DOWN if it is bound to this host; its entries of this host go in any case if the L3 plugin is there. */
  async down(device: string, host: string): Promise<JsonObject> {
    const id = parsePortId(device);
    if (id !== undefined) {
      const allowed = (port: Port) => boundTo(port, host);
      const update = await this.#store.ports.setStatus(id, 'DOWN', allowed, `down, ${host}`, this.#now());
      if (update !== undefined) await this.#l2population.portGone(update.after);
      const port = this.#store.ports.get(id);
      if (port !== undefined) await this.#l2population.unwired(port, host);
    }
    // The real server says so even of a port that it does not know (reference/18).
    return { device, exists: true };
  }

  /** One after the other, ups first; a device whose update fails is listed as failed and the rest goes on. */
  async updateList(update: DeviceListUpdate): Promise<JsonObject> {
    const devicesUp: string[] = [];
    const failedUp: string[] = [];
    for (const device of update.devicesUp) {
      try {
        await this.up(device, update.host, update.refreshTunnels);
        devicesUp.push(device);
      } catch (error) {
        this.#log.error({ err: error, device, host: update.host }, 'device could not be set up');
        failedUp.push(device);
      }
    }
    const devicesDown: JsonObject[] = [];
    const failedDown: string[] = [];
    for (const device of update.devicesDown) {
      try {
        devicesDown.push(await this.down(device, update.host));
      } catch (error) {
        this.#log.error({ err: error, device, host: update.host }, 'device could not be set down');
        failedDown.push(device);
      }
    }
    return {
      devices_up: devicesUp,
      failed_devices_up: failedUp,
      devices_down: devicesDown,
      failed_devices_down: failedDown,
    };
  }

  /** The details, and the side effect that comes with them: a port of this host that is not in BUILD is put there. */
  async details(devices: readonly string[], host: string): Promise<JsonObject> {
    const details: JsonObject[] = [];
    const failed: string[] = [];
    for (const device of devices) {
      try {
        details.push(await this.#detailsOf(device, host));
      } catch (error) {
        this.#log.error({ err: error, device, host }, 'no details of the device');
        failed.push(device);
      }
    }
    return { devices: details, failed_devices: failed };
  }

  async #detailsOf(device: string, host: string): Promise<JsonObject> {
    const id = parsePortId(device);
    const port = id === undefined ? undefined : this.#store.ports.get(id);
    const network = port === undefined ? undefined : this.#store.networks.get(port.networkId);
    if (port === undefined || network === undefined) return { device };
    const binding = activeBinding(port);
    if (binding?.host === host) await this.#startBuild(port.id, port.adminStateUp, host);
    if (binding?.segment === undefined) return { device };
    if (binding.host !== host && port.deviceOwner.startsWith('compute:')) return { device, no_active_binding: true };
    return deviceDetails(device, port, network.mtu, binding, binding.segment);
  }

  async #startBuild(id: PortId, adminStateUp: boolean, host: string): Promise<void> {
    const status = adminStateUp ? 'BUILD' : 'DOWN';
    const allowed = (port: Port) => boundTo(port, host);
    const update = await this.#store.ports.setStatus(id, status, allowed, `details call, ${host}`, this.#now());
    if (update?.after.status === 'DOWN') await this.#l2population.portGone(update.after);
  }
}

function boundTo(port: Port, host: string): boolean {
  return activeBinding(port)?.host === host;
}

function bound(port: Port): boolean {
  const vifType: Binding['vifType'] | undefined = activeBinding(port)?.vifType;
  return vifType === 'ovs';
}
