import fc from 'fast-check';
import { expect, test } from 'vitest';
import { JsonStream, LARGE_MESSAGE_BYTES } from '../../../src/ovsdb/json-stream.ts';
import { Unparsed, whole } from '../../../src/ovsdb/unparsed.ts';

/** Above the limit, whatever else is in the message. */
const FILLING = 'x'.repeat(LARGE_MESSAGE_BYTES);
const ROW = { initial: { name: 'é"}]', ids: ['map', [['a', '{']]] } };

/** What a stream makes of a value that comes in pieces of so many bytes. */
function receive(value: unknown, size: number): unknown {
  const wire = Buffer.from(JSON.stringify(value));
  const stream = new JsonStream();
  const documents: unknown[] = [];
  for (let at = 0; at < wire.length; at += size) documents.push(...stream.push(wire.subarray(at, at + size)).documents);
  expect(documents).toHaveLength(1);
  return documents[0];
}

test('the rows of a large message come unparsed, the rest as it is', () => {
  const received = receive({ id: 1, result: [false, FILLING, { T: { u1: ROW, u2: {} }, U: { u3: [1] } }] }, 65_536);
  expect(received).toEqual({
    id: 1,
    result: [
      false,
      FILLING,
      { T: { u1: expect.any(Unparsed), u2: expect.any(Unparsed) }, U: { u3: expect.any(Unparsed) } },
    ],
  });
  expect(whole(received)).toEqual({ id: 1, result: [false, FILLING, { T: { u1: ROW, u2: {} }, U: { u3: [1] } }] });
});

test('a small message is whole', () => {
  expect(receive({ result: [false, '', { T: { u1: ROW } }] }, 65_536)).toEqual({
    result: [false, '', { T: { u1: ROW } }],
  });
});

test('law: a large message in any pieces is what it would be in one', () => {
  const tree = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'large' },
      fc.oneof(fc.string({ unit: 'grapheme' }), fc.integer(), fc.boolean(), fc.constant(null)),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(fc.string({ maxLength: 5 }), tie('value'), { maxKeys: 3 }),
    ),
  })).value;
  fc.assert(
    fc.property(tree, fc.integer({ min: 50_000, max: 2_000_000 }), (value, size) => {
      const message = [value, { a: [{ b: value }] }, FILLING];
      expect(whole(receive(message, size))).toEqual(JSON.parse(JSON.stringify(message)));
    }),
    { numRuns: 60 },
  );
});

test('a row that is no JSON is undefined; the brackets of the message were right', () => {
  const wire = Buffer.from(`[["${FILLING}",[{"u":{"r":{nonsense}}}]]]`);
  const [received] = new JsonStream().push(wire).documents;
  expect(whole(received)).toEqual([[FILLING, [{ u: undefined }]]]);
});
