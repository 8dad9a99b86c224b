/** The tunnel endpoints: one set per tunnel type, one row per address, one per host. */
import type { IpAddress, TunnelType } from '../../src/values.ts';
import type { Database, Row } from './database.ts';
import { integer, text } from './database.ts';
import type { EndpointRow } from './endpoints.ts';
import { endpointUdpPort, registerEndpoint } from './endpoints.ts';
import type { Endpoint } from './facts.ts';
import { isDuplicate } from './retry.ts';

export interface Registration {
  /** All endpoints of the type, the registered one among them, as they were when it was written. */
  readonly endpoints: readonly Endpoint[];
  /** The address that the host had before and that nobody has now. */
  readonly forget: IpAddress | undefined;
}

export class EndpointStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * Registers an endpoint, idempotently. Decision, change and answer are one transaction that holds the write lock from
   * its start; should a constraint fail all the same, the attempt is made anew from what is there then.
   */
  register(type: TunnelType, ip: IpAddress, host: string | undefined): Promise<Registration> {
    return this.#database.write(() => {
      const byIp = this.#find('SELECT * FROM endpoints WHERE tunnel_type = ? AND ip = ?', type, ip);
      const byHost =
        host === undefined
          ? undefined
          : this.#find('SELECT * FROM endpoints WHERE tunnel_type = ? AND host = ?', type, host);
      const change = registerEndpoint(host, byIp, byHost);
      for (const old of change.remove) {
        this.#database.run('DELETE FROM endpoints WHERE tunnel_type = ? AND ip = ?', type, old);
      }
      if (change.insert) {
        this.#database.run(
          'INSERT INTO endpoints (tunnel_type, ip, host, udp_port) VALUES (?, ?, ?, ?)',
          type,
          ip,
          host ?? null,
          endpointUdpPort(type) ?? null,
        );
      }
      return { endpoints: this.of(type), forget: change.forget };
    }, isDuplicate);
  }

  of(type: TunnelType): Endpoint[] {
    return this.#database.all('SELECT * FROM endpoints WHERE tunnel_type = ? ORDER BY ip', type).map(endpointOf);
  }

  all(): Endpoint[] {
    return this.#database.all('SELECT * FROM endpoints ORDER BY tunnel_type, ip').map(endpointOf);
  }

  #find(sql: string, type: TunnelType, key: string): EndpointRow | undefined {
    const row = this.#database.get(sql, type, key);
    return row === undefined ? undefined : endpointOf(row);
  }
}

function endpointOf(row: Row): Endpoint {
  return {
    tunnelType: text(row, 'tunnel_type') as TunnelType,
    ip: text(row, 'ip') as IpAddress,
    host: row.host === null ? undefined : text(row, 'host'),
    udpPort: row.udp_port === null ? undefined : integer(row, 'udp_port'),
  };
}
