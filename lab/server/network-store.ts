/** Networks, their segments and their subnets. */
import type { NetworkId, TunnelType } from '../../src/values.ts';
import type { Database, Row } from './database.ts';
import { integer, text, time } from './database.ts';
import type { Network, Segment, Subnet } from './facts.ts';

export interface NewNetwork {
  readonly id: NetworkId;
  readonly name: string;
  readonly mtu: number;
  readonly segments: readonly {
    readonly id: string;
    readonly networkType: TunnelType;
    readonly segmentationId: number;
  }[];
  readonly subnets: readonly Subnet[];
}

export interface NetworkChange {
  readonly name?: string;
  readonly mtu?: number;
  readonly adminStateUp?: boolean;
}

export class NetworkStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** @throws a constraint error if an id or a segment is taken (`isDuplicate`). */
  create(network: NewNetwork, now: Date): Promise<void> {
    const at = now.getTime();
    return this.#database.write(() => {
      this.#database.run(
        'INSERT INTO networks (id, name, mtu, admin_state_up, revision, created_at, updated_at) VALUES (?, ?, ?, 1, ?, ?, ?)',
        network.id,
        network.name,
        network.mtu,
        1 + network.subnets.length,
        at,
        at,
      );
      for (const [position, segment] of network.segments.entries()) {
        this.#database.run(
          'INSERT INTO segments (id, network_id, network_type, segmentation_id, position, created_at) VALUES (?, ?, ?, ?, ?, ?)',
          segment.id,
          network.id,
          segment.networkType,
          segment.segmentationId,
          position,
          at,
        );
      }
      for (const [position, subnet] of network.subnets.entries()) {
        this.#database.run(
          'INSERT INTO subnets (id, network_id, cidr, position) VALUES (?, ?, ?, ?)',
          subnet.id,
          network.id,
          subnet.cidr,
          position,
        );
      }
    });
  }

  /** False: no such network. */
  update(id: NetworkId, change: NetworkChange, now: Date): Promise<boolean> {
    return this.#database.write(() => {
      const before = this.get(id);
      if (before === undefined) return false;
      const after = { ...before, ...change };
      this.#database.run(
        'UPDATE networks SET name = ?, mtu = ?, admin_state_up = ?, revision = revision + 1, updated_at = ? WHERE id = ?',
        after.name,
        after.mtu,
        Number(after.adminStateUp),
        now.getTime(),
        id,
      );
      return true;
    });
  }

  delete(id: NetworkId): Promise<'deleted' | 'unknown' | 'in use'> {
    return this.#database.write(() => {
      if (this.#database.get('SELECT 1 FROM ports WHERE network_id = ?', id) !== undefined) return 'in use';
      return this.#database.run('DELETE FROM networks WHERE id = ?', id) > 0 ? 'deleted' : 'unknown';
    });
  }

  get(id: NetworkId): Network | undefined {
    const row = this.#database.get('SELECT * FROM networks WHERE id = ?', id);
    return row === undefined ? undefined : this.#network(row);
  }

  /** In the order of creation. */
  all(): Network[] {
    return this.#database.all('SELECT * FROM networks ORDER BY seq').map((row) => this.#network(row));
  }

  #network(row: Row): Network {
    const id = text(row, 'id') as NetworkId;
    return {
      id,
      standardAttrId: integer(row, 'seq'),
      name: text(row, 'name'),
      mtu: integer(row, 'mtu'),
      adminStateUp: integer(row, 'admin_state_up') === 1,
      revision: integer(row, 'revision'),
      createdAt: time(row, 'created_at'),
      updatedAt: time(row, 'updated_at'),
      segments: this.#database.all('SELECT * FROM segments WHERE network_id = ? ORDER BY position', id).map(segmentOf),
      subnets: this.#database
        .all('SELECT * FROM subnets WHERE network_id = ? ORDER BY position', id)
        .map((subnet) => ({ id: text(subnet, 'id'), cidr: text(subnet, 'cidr') })),
    };
  }
}

export function segmentOf(row: Row): Segment {
  return {
    id: text(row, 'id'),
    networkId: text(row, 'network_id') as NetworkId,
    networkType: text(row, 'network_type') as TunnelType,
    segmentationId: integer(row, 'segmentation_id'),
    index: integer(row, 'position'),
    createdAt: time(row, 'created_at'),
  };
}
