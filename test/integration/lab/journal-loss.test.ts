/** Each way to lose a journal does lose it: what is opened then is another file. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { loseJournal, vifsIn } from '../../../lab/chaos/journal-loss.ts';
import { JournalDatabase } from '../../../src/journal/database.ts';
import { JOURNAL_FILE } from '../../../src/journal/schema.ts';
import type { IpAddress } from '../../../src/values.ts';

const HEADER = { host: 'host1', localIp: '172.30.0.11' as IpAddress, boot: 'b' };
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'l2pop-journal-loss-'));
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

function open(): ReturnType<typeof JournalDatabase.open> {
  const opened = JournalDatabase.open(join(directory, JOURNAL_FILE), { now: Date.now });
  opened.database.begin(HEADER);
  return opened;
}

it.each([
  ['deleted', false, undefined],
  ['overwritten', false, 'corrupt'],
  ['overwritten', true, 'corrupt'],
  ['newer', false, 'newer'],
] as const)('%s, whole: %s', (how, whole, aside) => {
  open().database.close();
  expect(vifsIn(directory)).toEqual([]);
  const again = open();
  expect(again.contents?.header).toEqual(HEADER);
  again.database.close();
  loseJournal(directory, how, whole);
  const { database, contents, setAside } = open();
  database.close();
  expect(contents).toBeUndefined();
  expect(existsSync(setAside ?? '')).toBe(aside !== undefined);
  expect(setAside ?? '').toContain(aside ?? '');
});
