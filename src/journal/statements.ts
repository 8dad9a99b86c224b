/** The statements of the journal, each prepared once. */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { COLUMNS } from './rows.ts';

const ENTRY_UPDATES = COLUMNS.entry
  .split(', ')
  .filter((column) => column !== 'id')
  .map((column) => `${column} = excluded.${column}`)
  .join(', ');
const ENTRY_FILTER =
  "(?2 = '' OR substr(network, 1, length(?2)) = ?2) AND instr(key, ?3) > 0 ORDER BY id DESC LIMIT ?4";

const SQL = {
  begin: 'BEGIN IMMEDIATE',
  commit: 'COMMIT',
  rollback: 'ROLLBACK',

  header: `SELECT ${COLUMNS.header} FROM header`,
  writeHeader: `INSERT INTO header (one, host, local_ip, boot, sequence, last_id, written_at) VALUES (1, ?, ?, ?, 0, 0, 0)
    ON CONFLICT (one) DO UPDATE SET host = excluded.host, local_ip = excluded.local_ip, boot = excluded.boot`,
  forgetHeader: 'DELETE FROM header',
  updateHeader: 'UPDATE header SET sequence = ?, last_id = ?, written_at = ?',

  networks: `SELECT ${COLUMNS.network} FROM networks ORDER BY number`,
  networkNumber: 'SELECT number FROM networks WHERE key = ?',
  writeNetwork: `INSERT INTO networks (key, settled) VALUES (?, ?)
    ON CONFLICT (key) DO UPDATE SET settled = excluded.settled`,
  unsettleNetworks: 'UPDATE networks SET settled = 0',
  dropNetwork: 'INSERT INTO leftovers (number) SELECT number FROM networks WHERE key = ?',
  forgetNetwork: 'DELETE FROM networks WHERE key = ?',
  dropNetworks: 'INSERT INTO leftovers (number) SELECT number FROM networks',
  forgetNetworks: 'DELETE FROM networks',

  claims: `SELECT ${COLUMNS.claim} FROM claims WHERE network = ? ORDER BY vtep, mac, ip`,
  forgetClaims: 'DELETE FROM claims WHERE network = ? AND vtep = ? AND mac = ?',
  writeClaim: `INSERT INTO claims (network, ${COLUMNS.claim}) VALUES (?, ?, ?, ?, ?, ?, ?)`,
  leftover: 'SELECT number FROM leftovers LIMIT 1',
  forgetLeftover: 'DELETE FROM leftovers WHERE number = ?',
  trimClaims: `DELETE FROM claims WHERE network = ?1 AND (vtep, mac, ip) IN
    (SELECT vtep, mac, ip FROM claims WHERE network = ?1 ORDER BY vtep, mac, ip LIMIT ?2)`,

  vifs: 'SELECT port FROM vifs ORDER BY port',
  writeVif: 'INSERT INTO vifs (port) VALUES (?) ON CONFLICT (port) DO NOTHING',
  forgetVif: 'DELETE FROM vifs WHERE port = ?',
  forgetVifs: 'DELETE FROM vifs',

  tally: 'SELECT state, count(*) FROM entries GROUP BY state',
  entryState: 'SELECT state FROM entries WHERE id = ?',
  writeEntry: `INSERT INTO entries (${COLUMNS.entry}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET ${ENTRY_UPDATES}`,
  openEntries: `SELECT ${COLUMNS.entry} FROM entries WHERE state IN ('pending', 'processing', 'failed') ORDER BY id`,
  closeEntries: "UPDATE entries SET state = 'completed', blocked_on = NULL, last_error = ? WHERE state != 'completed'",
  // Below 0 and whatever is there, in their order: ids begin again, and these are older than all to come.
  moveEntries: 'UPDATE entries SET id = id - (SELECT 1 + max(id) - min(0, min(id)) FROM entries)',
  // Without a state; `?1` is there so that both take the same.
  allEntries: `SELECT ${COLUMNS.entry} FROM entries WHERE ?1 IS NULL AND ${ENTRY_FILTER}`,
  entriesOfState: `SELECT ${COLUMNS.entry} FROM entries WHERE state = ?1 AND ${ENTRY_FILTER}`,
  // Left to itself SQLite takes the index by state, and sorts all that are completed for each step.
  trimByAge: `DELETE FROM entries WHERE id IN (SELECT id FROM entries INDEXED BY entries_completed
    WHERE state = 'completed' AND updated_at < ? ORDER BY updated_at LIMIT ?)`,
  trimByCount: `DELETE FROM entries WHERE id IN (SELECT id FROM entries INDEXED BY entries_completed
    WHERE state = 'completed' ORDER BY updated_at LIMIT ?)`,

  messages: 'SELECT unique_id FROM messages ORDER BY position',
  writeMessage: 'INSERT INTO messages (unique_id) VALUES (?)',
  forgetMessages: 'DELETE FROM messages',
  trimMessages: `DELETE FROM messages WHERE position IN (SELECT position FROM messages
    WHERE position <= (SELECT max(position) FROM messages) - ? ORDER BY position LIMIT ?)`,

  offsets: 'SELECT topic, next FROM offsets ORDER BY topic',
  writeOffset: 'INSERT INTO offsets (topic, next) VALUES (?, ?)',
  forgetOffsets: 'DELETE FROM offsets',
} as const;

export type Statements = Readonly<Record<keyof typeof SQL, StatementSync>>;
/** What reads entries: all that is prepared of a file that may be of an older version. */
export type EntryStatements = Pick<Statements, (typeof OF_ENTRIES)[number]>;

const OF_ENTRIES = ['tally', 'allEntries', 'entriesOfState'] as const;

/** Rows come as arrays, columns in the order of the query. Throws SQLite's error: the tables are not as `schema.ts` makes them. */
export function prepareAll(database: DatabaseSync): Statements {
  return prepare(database, Object.keys(SQL) as (keyof typeof SQL)[]);
}

/** As {@link prepareAll}. */
export function prepareForEntries(database: DatabaseSync): EntryStatements {
  return prepare(database, OF_ENTRIES);
}

function prepare<Name extends keyof typeof SQL>(
  database: DatabaseSync,
  names: readonly Name[],
): Pick<Statements, Name> {
  const statements = {} as Record<Name, StatementSync>;
  for (const name of names) {
    const statement = database.prepare(SQL[name]);
    statement.setReturnArrays(true);
    statements[name] = statement;
  }
  return statements;
}
