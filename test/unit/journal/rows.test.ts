/** Rows of the journal's file ↔ records. */
import fc from 'fast-check';
import { expect, it, test } from 'vitest';
import { isBusy, journalError } from '../../../src/journal/errors.ts';
import type { SavedClaim } from '../../../src/journal/record.ts';
import { ClaimReader, claimCells, entryCells, readEntry } from '../../../src/journal/rows.ts';
import { batch, entry } from './records.ts';

test('entries and claims are read as they were written', () => {
  fc.assert(
    fc.property(entry, (one) => {
      expect(readEntry(entryCells(one))).toEqual(one);
    }),
  );
  const claims = batch.map((one) => one.claims.flatMap((write): readonly SavedClaim[] => write.claims));
  fc.assert(
    fc.property(claims, (all) => {
      // One reader for all of them: what it remembers of one is not taken for the next.
      const reader = new ClaimReader();
      expect(all.map((claim) => reader.read(claimCells(claim)))).toEqual(all);
    }),
  );
});

const VTEP = '172.30.0.12';
const MAC = 'fa:16:3e:00:00:01';

it.each([
  ['a VTEP that is none', ['172.30.0', MAC, '', 1, 1, null]],
  ['no VTEP', ['', MAC, '', 1, 1, null]],
  ['a MAC that is none', [VTEP, 'fa:16', '', 1, 1, null]],
  ['another spelling of a MAC', [VTEP, MAC.toUpperCase(), '', 1, 1, null]],
  ['an IP that is none', [VTEP, MAC, '10.0.0', 1, 1, null]],
  ['an IP of the flooding entry', [VTEP, '', '10.0.0.1', 1, 1, null]],
  ['no sequence', [VTEP, MAC, '', null, 1, null]],
  ['an infinite sequence', [VTEP, MAC, '', Number.POSITIVE_INFINITY, 1, null]],
  ['a time before the epoch', [VTEP, MAC, '', 1, -1, null]],
  ['text for a time', [VTEP, MAC, '', 1, '1', null]],
  ['heard before the epoch', [VTEP, MAC, '', 1, 1, -1]],
  ['too few columns', [VTEP, MAC]],
  ['none', []],
])('a claim with %s cannot be read', (_, row) => {
  expect(new ClaimReader().read(row)).toBeUndefined();
});

const of = (code: object) => journalError('/j', Object.assign(new Error('why'), code));

it.each([
  ['SQLITE_FULL', { errcode: 13 }, 'full', 'unwritable'],
  ['SQLITE_IOERR_FSYNC', { errcode: 10 | (4 << 8) }, 'io-error', 'unwritable'],
  ['SQLITE_READONLY_DBMOVED', { errcode: 8 | (4 << 8) }, 'readonly', 'unwritable'],
  ['SQLITE_BUSY', { errcode: 5 }, 'busy', 'unwritable'],
  ['SQLITE_BUSY_RECOVERY', { errcode: 5 | (1 << 8) }, 'busy', 'unwritable'],
  ['SQLITE_CANTOPEN', { errcode: 14 }, 'unusable', 'unwritable'],
  ['SQLITE_CORRUPT_VTAB', { errcode: 11 | (1 << 8) }, 'corrupt', 'corrupt'],
  ['SQLITE_NOTADB', { errcode: 26 }, 'corrupt', 'corrupt'],
  ['SQLITE_ERROR, a table that is missing', { errcode: 1 }, 'corrupt', 'corrupt'],
  ['SQLITE_CONSTRAINT', { errcode: 19 }, 'corrupt', 'corrupt'],
  ['a number that is none of ours', { code: 'ERR_OUT_OF_RANGE' }, 'corrupt', 'corrupt'],
  ['ENOSPC', { code: 'ENOSPC', syscall: 'open' }, 'full', 'unwritable'],
  ['EROFS', { code: 'EROFS', syscall: 'open' }, 'readonly', 'unwritable'],
  ['ENOTDIR', { code: 'ENOTDIR', syscall: 'mkdir' }, 'unusable', 'unwritable'],
])('%s', (_, code, fault, word) => {
  expect(of(code)).toMatchObject({ name: 'JournalError', fault, code: word, cause: expect.any(Error) });
  expect(of(code)).toHaveProperty('message', expect.stringMatching(/^journal \/j: .* \(why\)$/));
  expect(isBusy(of(code))).toBe(fault === 'busy');
});

it.each([
  new TypeError('a mistake'),
  Object.assign(new TypeError('wrong'), { code: 'ERR_INVALID_ARG_TYPE' }),
  'thrown',
])('a mistake in the program stays what it is: %s', (error) => {
  expect(journalError('/j', error)).toBe(error);
});
