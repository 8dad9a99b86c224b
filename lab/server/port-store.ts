/** Ports with their fixed IPs, bindings and binding levels, and the history of their status. */
import type { IpAddress, MacAddress, NetworkId, PortId } from '../../src/values.ts';
import type { Database, Row } from './database.ts';
import { dictionary, integer, text, time } from './database.ts';
import type { Binding, BindingStatus, FixedIp, Port, PortStatus, StatusChange } from './facts.ts';
import { activeBinding } from './facts.ts';
import { segmentOf } from './network-store.ts';
import type { ActivePort } from './rules.ts';

export interface NewPort {
  readonly id: PortId;
  readonly networkId: NetworkId;
  readonly name: string;
  readonly mac: MacAddress;
  readonly adminStateUp: boolean;
  readonly deviceId: string;
  readonly deviceOwner: string;
  readonly fixedIps: readonly FixedIp[];
  /** `undefined`: not bound. */
  readonly binding: Omit<Binding, 'status'> | undefined;
}

export interface PortChange {
  readonly name?: string;
  readonly adminStateUp?: boolean;
  readonly fixedIps?: readonly FixedIp[];
  /** Replaces the ACTIVE binding if its host is another, and updates its profile if not; `null`: not bound any more. */
  readonly binding?: Omit<Binding, 'status'> | null;
}

export interface PortUpdate {
  readonly before: Port;
  readonly after: Port;
}

export class PortStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** A new port is DOWN. @throws a constraint error if its id, MAC or an address is taken (`isDuplicate`). */
  create(port: NewPort, now: Date): Promise<void> {
    return this.#database.write(() => {
      this.#database.run(
        `INSERT INTO ports (id, network_id, name, mac, admin_state_up, status, device_id, device_owner, revision, created_at, updated_at)
         VALUES (?, ?, ?, ?, ?, 'DOWN', ?, ?, 1, ?, ?)`,
        port.id,
        port.networkId,
        port.name,
        port.mac,
        Number(port.adminStateUp),
        port.deviceId,
        port.deviceOwner,
        now.getTime(),
        now.getTime(),
      );
      this.#insertFixedIps(port.id, port.fixedIps);
      if (port.binding !== undefined) this.#insertBinding(port.id, port.binding, 'ACTIVE');
    });
  }

  /**
   * A port that gets another host, or none, goes DOWN (ML2's `_process_port_binding`).
   *
   * @returns the port before and after, `undefined` if there is none.
   */
  update(id: PortId, change: PortChange, cause: string, now: Date): Promise<PortUpdate | undefined> {
    return this.#database.write(() => {
      const before = this.get(id);
      if (before === undefined) return undefined;
      this.#database.run(
        'UPDATE ports SET name = ?, admin_state_up = ?, revision = revision + 1, updated_at = ? WHERE id = ?',
        change.name ?? before.name,
        Number(change.adminStateUp ?? before.adminStateUp),
        now.getTime(),
        id,
      );
      if (change.fixedIps !== undefined) {
        this.#database.run('DELETE FROM fixed_ips WHERE port_id = ?', id);
        this.#insertFixedIps(id, change.fixedIps);
      }
      if (change.binding !== undefined) {
        const host = activeBinding(before)?.host;
        this.#database.run("DELETE FROM bindings WHERE port_id = ? AND status = 'ACTIVE'", id);
        if (change.binding !== null) {
          this.#database.run('DELETE FROM bindings WHERE port_id = ? AND host = ?', id, change.binding.host);
          this.#insertBinding(id, change.binding, 'ACTIVE');
        }
        if (host !== undefined && host !== change.binding?.host) this.#changeStatus(before, 'DOWN', cause, now);
      }
      const after = this.get(id);
      return after === undefined ? undefined : { before, after };
    });
  }

  /** The port that was, `undefined` if there was none. */
  delete(id: PortId): Promise<Port | undefined> {
    return this.#database.write(() => {
      const before = this.get(id);
      this.#database.run('DELETE FROM ports WHERE id = ?', id);
      return before;
    });
  }

  /** @throws a constraint error if the port has a binding for this host (`isDuplicate`). */
  addInactiveBinding(id: PortId, binding: Omit<Binding, 'status'>): Promise<void> {
    return this.#database.write(() => this.#insertBinding(id, binding, 'INACTIVE'));
  }

  /** False: the port has no INACTIVE binding for this host. */
  activateBinding(id: PortId, host: string, now: Date): Promise<boolean> {
    return this.#database.write(() => {
      const before = this.get(id);
      if (!before?.bindings.some((binding) => binding.host === host && binding.status === 'INACTIVE')) return false;
      this.#database.run(
        'DELETE FROM binding_levels WHERE port_id = ? AND host = ?',
        id,
        activeBinding(before)?.host ?? '',
      );
      this.#database.run(
        "UPDATE bindings SET status = 'INACTIVE', vif_type = 'unbound' WHERE port_id = ? AND status = 'ACTIVE'",
        id,
      );
      this.#database.run("UPDATE bindings SET status = 'ACTIVE' WHERE port_id = ? AND host = ?", id, host);
      this.#database.run('UPDATE ports SET revision = revision + 1, updated_at = ? WHERE id = ?', now.getTime(), id);
      this.#changeStatus(before, 'DOWN', 'admin, binding activated', now);
      return true;
    });
  }

  /** False: the port has no INACTIVE binding for this host. */
  removeInactiveBinding(id: PortId, host: string): Promise<boolean> {
    return this.#database.write(
      () =>
        this.#database.run("DELETE FROM bindings WHERE port_id = ? AND host = ? AND status = 'INACTIVE'", id, host) > 0,
    );
  }

  /**
   * @param allowed decides on the port as it is inside the transaction.
   * @returns the port before and after; `undefined`: no port, not allowed, or the status was that already.
   */
  setStatus(
    id: PortId,
    status: PortStatus,
    allowed: (port: Port) => boolean,
    cause: string,
    now: Date,
  ): Promise<PortUpdate | undefined> {
    return this.#database.write(() => {
      const before = this.get(id);
      if (before === undefined || before.status === status || !allowed(before)) return undefined;
      this.#changeStatus(before, status, cause, now);
      const after = this.get(id);
      return after === undefined ? undefined : { before, after };
    });
  }

  get(id: PortId): Port | undefined {
    const row = this.#database.get('SELECT * FROM ports WHERE id = ?', id);
    return row === undefined ? undefined : this.#port(row);
  }

  /** In the order of creation. */
  all(): Port[] {
    return this.#database.all('SELECT * FROM ports ORDER BY seq').map((row) => this.#port(row));
  }

  /**
   * The ACTIVE ports of a network, once for each of their bindings on a host with a VTEP. INACTIVE bindings count too, as
   * in neutron's `l2pop/db.py`: during a live migration a port is in the table for both hosts.
   */
  activeOn(network: NetworkId): ActivePort[] {
    const rows = this.#database.all(
      `SELECT ports.mac, bindings.host, json_extract(agents.configurations, '$.tunneling_ip') AS vtep,
         (SELECT json_group_array(ip) FROM (SELECT ip FROM fixed_ips WHERE port_id = ports.id ORDER BY position)) AS ips
       FROM ports JOIN bindings ON bindings.port_id = ports.id JOIN agents ON agents.host = bindings.host
       WHERE ports.network_id = ? AND ports.status = 'ACTIVE' AND vtep IS NOT NULL
       ORDER BY ports.seq, bindings.host`,
      network,
    );
    return rows.map((row) => ({
      host: text(row, 'host'),
      vtep: text(row, 'vtep'),
      mac: text(row, 'mac'),
      ips: JSON.parse(text(row, 'ips')) as string[],
    }));
  }

  /** Oldest first; of one port, or of all. */
  history(id?: PortId): StatusChange[] {
    const rows =
      id === undefined
        ? this.#database.all('SELECT * FROM status_history ORDER BY seq')
        : this.#database.all('SELECT * FROM status_history WHERE port_id = ? ORDER BY seq', id);
    return rows.map((row) => ({
      portId: text(row, 'port_id') as PortId,
      at: time(row, 'at'),
      from: text(row, 'from_status') as PortStatus,
      to: text(row, 'to_status') as PortStatus,
      cause: text(row, 'cause'),
    }));
  }

  #changeStatus(port: Port, status: PortStatus, cause: string, now: Date): void {
    if (port.status === status) return;
    this.#database.run(
      'UPDATE ports SET status = ?, revision = revision + 1, updated_at = ? WHERE id = ?',
      status,
      now.getTime(),
      port.id,
    );
    this.#database.run(
      'INSERT INTO status_history (port_id, at, from_status, to_status, cause) VALUES (?, ?, ?, ?, ?)',
      port.id,
      now.getTime(),
      port.status,
      status,
      cause,
    );
  }

  #insertFixedIps(id: PortId, fixedIps: readonly FixedIp[]): void {
    for (const [position, fixed] of fixedIps.entries()) {
      this.#database.run(
        'INSERT INTO fixed_ips (port_id, subnet_id, ip, position) VALUES (?, ?, ?, ?)',
        id,
        fixed.subnetId,
        fixed.ip,
        position,
      );
    }
  }

  #insertBinding(id: PortId, binding: Omit<Binding, 'status'>, status: BindingStatus): void {
    this.#database.run(
      'INSERT INTO bindings (port_id, host, status, vif_type, profile, datapath_type, bridge_name) VALUES (?, ?, ?, ?, ?, ?, ?)',
      id,
      binding.host,
      status,
      binding.vifType,
      JSON.stringify(binding.profile),
      binding.datapathType,
      binding.bridgeName,
    );
    if (binding.segment === undefined) return;
    this.#database.run(
      'INSERT INTO binding_levels (port_id, host, level, segment_id) VALUES (?, ?, 0, ?)',
      id,
      binding.host,
      binding.segment.id,
    );
  }

  #port(row: Row): Port {
    const id = text(row, 'id') as PortId;
    return {
      id,
      standardAttrId: integer(row, 'seq'),
      networkId: text(row, 'network_id') as NetworkId,
      name: text(row, 'name'),
      mac: text(row, 'mac') as MacAddress,
      adminStateUp: integer(row, 'admin_state_up') === 1,
      status: text(row, 'status') as PortStatus,
      deviceId: text(row, 'device_id'),
      deviceOwner: text(row, 'device_owner'),
      revision: integer(row, 'revision'),
      createdAt: time(row, 'created_at'),
      updatedAt: time(row, 'updated_at'),
      fixedIps: this.#database
        .all('SELECT subnet_id, ip FROM fixed_ips WHERE port_id = ? ORDER BY position', id)
        .map((fixed) => ({ subnetId: text(fixed, 'subnet_id'), ip: text(fixed, 'ip') as IpAddress })),
      bindings: this.#database
        .all('SELECT * FROM bindings WHERE port_id = ? ORDER BY status, host', id)
        .map((binding) => this.#binding(id, binding)),
    };
  }

  #binding(id: PortId, row: Row): Binding {
    const segment = this.#database.get(
      `SELECT segments.* FROM binding_levels JOIN segments ON segments.id = binding_levels.segment_id
       WHERE port_id = ? AND host = ? AND level = 0`,
      id,
      text(row, 'host'),
    );
    return {
      host: text(row, 'host'),
      status: text(row, 'status') as BindingStatus,
      vifType: text(row, 'vif_type') as Binding['vifType'],
      profile: dictionary(row, 'profile'),
      datapathType: text(row, 'datapath_type'),
      bridgeName: text(row, 'bridge_name'),
      segment: segment === undefined ? undefined : segmentOf(segment),
    };
  }
}
