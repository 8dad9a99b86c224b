import fc from 'fast-check';
import { expect, test } from 'vitest';
import { JsonStream, MAX_DEPTH, MAX_MESSAGE_BYTES } from '../../../src/ovsdb/json-stream.ts';

const bytes = (text: string): Buffer => Buffer.from(text, 'utf8');

/** Everything the stream gives when it gets these chunks one after the other. */
function read(stream: JsonStream, chunks: Iterable<Uint8Array>) {
  const documents: unknown[] = [];
  let problem: string | undefined;
  for (const chunk of chunks) {
    const received = stream.push(chunk);
    documents.push(...received.documents);
    problem = received.problem;
  }
  return { documents, problem };
}

test.each([
  ['one', '{"a":1}', [{ a: 1 }]],
  ['two in one read', '{"a":1}{"b":2}', [{ a: 1 }, { b: 2 }]],
  ['space between them', ' {"a":1}\n\t\r\n[2] ', [{ a: 1 }, [2]]],
  ['brackets and quotes inside text', '{"a":"}]{[\\"\\\\"}[]', [{ a: '}]{["\\' }, []]],
  ['an incomplete one after it', '{"a":1}{"b":', [{ a: 1 }]],
  ['nothing', '', []],
])('documents: %s', (_name, text, documents) => {
  expect(read(new JsonStream(), [bytes(text)])).toEqual({ documents, problem: undefined });
});

test('law: wherever the bytes are cut, the documents are the same', () => {
  const document = fc.oneof(
    fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()),
    fc.array(fc.jsonValue({ stringUnit: 'binary' })),
  );
  const space = fc.stringMatching(/^[ \t\r\n]{0,3}$/);
  fc.assert(
    fc.property(fc.array(fc.tuple(document, space)), fc.array(fc.nat()), (parts, cuts) => {
      const wire = bytes(parts.map(([value, gap]) => JSON.stringify(value) + gap).join(''));
      const places = [0, ...cuts.map((cut) => cut % (wire.length + 1)).sort((a, b) => a - b), wire.length];
      const chunks = places.slice(1).map((end, index) => wire.subarray(places[index], end));
      const expected = parts.map(([value]) => JSON.parse(JSON.stringify(value)) as unknown);
      expect(read(new JsonStream(), chunks)).toEqual({ documents: expected, problem: undefined });
    }),
  );
});

test('every byte on its own, multi-byte characters included', () => {
  const value = { 'Zürich 東京': '🙂 "{"' };
  const chunks = [...bytes(JSON.stringify(value))].map((byte) => Uint8Array.of(byte));
  expect(read(new JsonStream(), chunks)).toEqual({ documents: [value], problem: undefined });
});

test.each([
  ['no object or array', 'hello', /byte 0x68 where a message should begin/],
  ['a closing bracket first', ']', /byte 0x5d/],
  ['brackets that do not match', '{"a":1]', /no JSON/],
  ['no JSON between the brackets', '{a:1}', /no JSON/],
])('refused: %s', (_name, text, problem) => {
  const stream = new JsonStream();
  const { documents, problem: said } = read(stream, [bytes(`{"before":1}${text}`)]);
  expect(documents).toEqual([{ before: 1 }]);
  expect(said).toMatch(problem);
  expect(stream.push(bytes('{"after":1}'))).toEqual({ documents: [], problem: said });
});

test('refused: what is nested too deep for whoever walks through it', () => {
  const nested = (depth: number) => bytes('['.repeat(depth) + ']'.repeat(depth));
  expect(read(new JsonStream(), [nested(MAX_DEPTH)]).documents).toHaveLength(1);
  const { documents, problem } = read(new JsonStream(), [nested(MAX_DEPTH + 1)]);
  expect(documents).toEqual([]);
  expect(problem).toBe(`a message nested more than ${MAX_DEPTH} deep`);
});

test('refused: text that is no UTF-8', () => {
  const { documents, problem } = read(new JsonStream(), [bytes('{"a":"'), Uint8Array.of(0xc3, 0x28), bytes('"}')]);
  expect(documents).toEqual([]);
  expect(problem).toMatch(/no JSON/);
});

test('a message may have exactly the maximum, and not a byte more', () => {
  expect(read(new JsonStream(7), [bytes('{"a":1}{"b":2}')]).documents).toHaveLength(2);
  const { documents, problem } = read(new JsonStream(7), [bytes('{"a":1}{"b":'), bytes('22}')]);
  expect(documents).toEqual([{ a: 1 }]);
  expect(problem).toBe('a message of more than 7 bytes');
});

test('64 MiB without an end are refused as soon as they are passed', () => {
  const stream = new JsonStream();
  const mebibyte = Buffer.alloc(1024 * 1024, 0x61);
  expect(stream.push(bytes('{"a":"')).problem).toBeUndefined();
  for (let sent = 1; sent < 64; sent++) expect(stream.push(mebibyte).problem).toBeUndefined();
  expect(stream.push(mebibyte).problem).toBe(`a message of more than ${MAX_MESSAGE_BYTES} bytes`);
});

test('the cost of a long message does not grow with the number of reads (a rescan per read would take hours)', () => {
  const value = { text: 'x'.repeat(8 * 1024 * 1024) };
  const wire = bytes(JSON.stringify(value));
  const chunks = Array.from({ length: Math.ceil(wire.length / 64) }, (_, i) => wire.subarray(i * 64, i * 64 + 64));
  expect(read(new JsonStream(), chunks).documents).toEqual([value]);
});
