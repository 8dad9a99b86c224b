/** A database with columns of all shapes and constraints of all kinds, and three rows: a, b and c. */
import type { Connection } from '../../../src/ovsdb/connection.ts';
import { map, type Row, set, uuid } from '../../../src/ovsdb/notation.ts';
import * as ops from '../../../src/ovsdb/operations.ts';
import { getSchema, transact } from '../../../src/ovsdb/requests.ts';
import type { DatabaseSchema } from '../../../src/ovsdb/schema.ts';
import type { OperationResult } from '../../../src/ovsdb/transaction.ts';
import { connectTo } from '../../unit/ovsdb/open-connection.ts';
import { OvsdbServer } from './ovsdb-server.ts';

const UNLIMITED = { min: 0, max: 'unlimited' };
export const SCHEMA = {
  name: 'Ops',
  version: '1.0.0',
  tables: {
    T: {
      isRoot: true,
      indexes: [['name']],
      columns: {
        name: { type: 'string' },
        integer: { type: 'integer' },
        real: { type: 'real' },
        boolean: { type: 'boolean' },
        uuid: { type: 'uuid' },
        maybe_integer: { type: { key: 'integer', min: 0, max: 1 } },
        maybe_real: { type: { key: 'real', min: 0, max: 1 } },
        maybe_string: { type: { key: 'string', min: 0, max: 1 } },
        integers: { type: { key: 'integer', ...UNLIMITED } },
        reals: { type: { key: 'real', ...UNLIMITED } },
        map: { type: { key: 'string', value: 'integer', ...UNLIMITED } },
        one_or_two: { type: { key: 'string', min: 1, max: 2 } },
        percent: { type: { key: { type: 'integer', minInteger: 0, maxInteger: 100 } } },
        colour: { type: { key: { type: 'string', enum: ['set', ['red', 'blue']] }, min: 0, max: 1 } },
        short: { type: { key: { type: 'string', maxLength: 3 } } },
        constant: { type: 'string', mutable: false },
        children: { type: { key: { type: 'uuid', refTable: 'Child' }, ...UNLIMITED } },
        weak: { type: { key: { type: 'uuid', refTable: 'Child', refType: 'weak' }, ...UNLIMITED } },
      },
    },
    Child: { columns: { name: { type: 'string' } } },
    Single: { isRoot: true, maxRows: 1, columns: { name: { type: 'string' } } },
  },
};
/** Of row a. */
export const ID = '10000000-0000-4000-8000-000000000000';
export const WHERE_A: ops.Where = [['name', '==', 'a']];

export class Rig {
  readonly #server: OvsdbServer;
  readonly #connection: Connection;
  readonly #schema: DatabaseSchema;

  static async start(): Promise<Rig> {
    const server = await OvsdbServer.start({ schema: SCHEMA });
    const { connection } = await connectTo(server.remote);
    return new Rig(server, connection, await getSchema(connection, 'Ops'));
  }

  private constructor(server: OvsdbServer, connection: Connection, schema: DatabaseSchema) {
    this.#server = server;
    this.#connection = connection;
    this.#schema = schema;
  }

  async remove(): Promise<void> {
    this.#connection.end('ECLOSED', 'closed');
    await this.#server.remove();
  }

  run(...operations: ops.Operation[]): Promise<readonly OperationResult[]> {
    return transact(this.#connection, this.#schema, operations);
  }

  /** The three rows as they were at first, and nothing else. */
  async fill(): Promise<void> {
    // In one transaction a uuid cannot be deleted and come back.
    await this.run(ops.remove('T', []), ops.remove('Single', []));
    await this.run(
      ops.insert('T', { name: 'a', integer: 1, real: 1.5, boolean: true, uuid: uuid(ID) }, { uuid: ID }),
      ops.insert('T', {
        name: 'b',
        integer: 2,
        real: 2.5,
        maybe_integer: 5,
        maybe_real: 0.5,
        maybe_string: 'x',
        integers: set([1, 2]),
        reals: set([0.5, 1]),
        map: map({ k: 1 }),
        one_or_two: set(['x', 'y']),
      }),
      ops.insert('T', {
        name: 'c',
        integer: 3,
        real: -1,
        boolean: true,
        maybe_integer: 7,
        integers: set([2, 3]),
        map: map({ k: 1, l: 2 }),
      }),
    );
  }

  async rowA(...columns: string[]): Promise<Row> {
    const [result] = await this.run(ops.select('T', WHERE_A, columns));
    return result?.rows?.[0] ?? {};
  }

  /** The names of the rows for which all of these hold. */
  async names(...where: ops.Condition[]): Promise<string> {
    const [result] = await this.run(ops.select('T', where, ['name']));
    return (result?.rows ?? [])
      .map(({ name }) => `${name}`)
      .sort()
      .join('');
  }
}
