/** A file as the first version of the schema left it: made by that step alone, its rows written by hand. */
import { DatabaseSync } from 'node:sqlite';
import { APPLICATION_ID, MIGRATIONS } from '../../../src/journal/schema.ts';

export const FORMER_NETWORK = '00000000-0000-4000-8000-000000000001';

/** One settled network with a flooding entry and a MAC, one open entry, one message, one offset. */
export function makeFormerFile(path: string): void {
  const raw = new DatabaseSync(path);
  raw.exec(MIGRATIONS[0] ?? '');
  raw.exec(`
    INSERT INTO header VALUES (1, 'host1', '172.30.0.11', 'boot1', 7.5, 41, 1000);
    INSERT INTO networks VALUES (3, '${FORMER_NETWORK} vxlan 7', 1);
    INSERT INTO claims VALUES (3, '172.30.0.12', '', '', 5, 900, NULL);
    INSERT INTO claims VALUES (3, '172.30.0.12', 'fa:16:3e:00:00:01', '', 7.5, 950, 960);
    INSERT INTO entries VALUES (41, 'refresh ${FORMER_NETWORK} vxlan 7', 'refresh', '${FORMER_NETWORK}', 'pending',
      'snapshot', 0, 0, NULL, NULL, NULL, NULL, NULL, 990, 995);
    INSERT INTO messages VALUES (1, 'message 1');
    INSERT INTO offsets VALUES ('topic', 12);
    PRAGMA application_id = ${APPLICATION_ID};
    PRAGMA user_version = 1;
  `);
  raw.close();
}
