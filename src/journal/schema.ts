/**
 * The tables of the journal's file and how older ones become newer ones. `PRAGMA user_version` is the version of a file;
 * a step once released is never edited, a change is one more step.
 */

/** Name of the file, in `[DEFAULT] state_path`. */
export const JOURNAL_FILE = 'l2pop-agent.db';

/** `PRAGMA application_id`, "l2jn": that a file is one of ours, whatever its version. */
export const APPLICATION_ID = 0x6c326a6e;

/** The oldest version whose entries can be read as they are. */
export const ENTRIES_SINCE = 1;

/** `MIGRATIONS[n]` makes version n+1 of version n; version 0 is an empty file. */
export const MIGRATIONS: readonly string[] = [
  `
  -- One row: whose FDB it is.
  CREATE TABLE header (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    host TEXT NOT NULL,
    local_ip TEXT NOT NULL,
    boot TEXT NOT NULL,
    sequence REAL NOT NULL,
    last_id INTEGER NOT NULL,
    written_at REAL NOT NULL
  ) STRICT;

  -- AUTOINCREMENT: the number of a network that is gone is not given again while claims of it may be left.
  CREATE TABLE networks (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    settled INTEGER NOT NULL
  ) STRICT;

  -- Numbers of networks that are gone: their claims are removed in small steps.
  CREATE TABLE leftovers (number INTEGER PRIMARY KEY) STRICT;

  -- mac '': the flooding entry. ip '': that the MAC is behind the VTEP.
  CREATE TABLE claims (
    network INTEGER NOT NULL,
    vtep TEXT NOT NULL,
    mac TEXT NOT NULL,
    ip TEXT NOT NULL,
    sequence REAL NOT NULL,
    at REAL NOT NULL,
    heard REAL,
    PRIMARY KEY (network, vtep, mac, ip)
  ) STRICT, WITHOUT ROWID;

  -- queue and received_at are there or not together.
  CREATE TABLE entries (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    kind TEXT NOT NULL,
    network TEXT,
    state TEXT NOT NULL,
    blocked_on TEXT,
    attempts INTEGER NOT NULL,
    not_before REAL NOT NULL,
    last_error TEXT,
    unique_id TEXT,
    request_id TEXT,
    queue TEXT,
    received_at REAL,
    created_at REAL NOT NULL,
    updated_at REAL NOT NULL
  ) STRICT;
  CREATE INDEX entries_by_state ON entries (state, id);
  CREATE INDEX entries_completed ON entries (updated_at) WHERE state = 'completed';

  CREATE TABLE messages (position INTEGER PRIMARY KEY, unique_id TEXT NOT NULL) STRICT;

  CREATE TABLE offsets (topic TEXT PRIMARY KEY, next INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  `,
  `
  -- Ports whose VIF is plugged here, or went and the server has not been told.
  CREATE TABLE vifs (port TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
  `,
];
