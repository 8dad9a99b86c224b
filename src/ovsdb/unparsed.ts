/**
 * Large messages in little memory: a parsed tree takes some ten times its text, so the rows in a large message stay
 * text until each is looked at.
 *
 * Rows are the containers at depth 5: `{result: [_, _, {table: {uuid: {row}}}]}` of a monitor's first read, the params of
 * an update, `{result: [{rows: [{row}]}]}` of a select.
 */

/** The depth of brackets at which a row begins. */
export const ROW_DEPTH = 5;

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A row of a large message: some bytes of a piece of it. */
export class Unparsed {
  readonly #piece: Uint8Array;
  readonly #start: number;
  readonly #end: number;

  constructor(piece: Uint8Array, start: number, end: number) {
    this.#piece = piece;
    this.#start = start;
    this.#end = end;
  }

  /** `undefined`: no JSON. */
  parse(): unknown {
    try {
      return JSON.parse(decoder.decode(this.#piece.subarray(this.#start, this.#end)));
    } catch {
      return undefined;
    }
  }
}

/** For values that may be a row of a large message. */
export function parsed(value: unknown): unknown {
  return value instanceof Unparsed ? value.parse() : value;
}

/** A message without anything unparsed in it. */
export function whole(value: unknown): unknown {
  if (value instanceof Unparsed) return value.parse();
  if (Array.isArray(value)) return value.map(whole);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, whole(child)]));
}

/**
 * The message that `pieces` are when put together, with its rows unparsed.
 * `marks`: where each row begins and where it ends, in turn, as offsets into the message. Throws SyntaxError or TypeError: no JSON.
 */
export function parseLarge(pieces: readonly Uint8Array[], marks: readonly number[]): unknown {
  const rows: Unparsed[] = [];
  // The message without its rows, each of which leaves its number: `{"T":{"uuid":[0],…`.
  const frame = Buffer.allocUnsafe(frameLength(pieces, marks));
  let length = 0;
  let mark = 0;
  /** What there is of a row that began in an earlier piece. */
  let begun: Uint8Array[] = [];
  let start = 0;
  for (const piece of pieces) {
    let at = 0;
    while (at < piece.length) {
      const boundary = (marks[mark] ?? Number.POSITIVE_INFINITY) - start;
      const end = Math.min(boundary, piece.length);
      if (mark % 2 === 0) {
        frame.set(piece.subarray(at, end), length);
        length += end - at;
        if (end === boundary) length += frame.write(`[${rows.length}]`, length);
      } else if (end < boundary) {
        begun.push(piece.subarray(at, end));
      } else {
        rows.push(begun.length === 0 ? new Unparsed(piece, at, end) : joined([...begun, piece.subarray(at, end)]));
        begun = [];
      }
      if (end === boundary) mark++;
      at = end;
    }
    start += piece.length;
  }
  return withRows(JSON.parse(decoder.decode(frame.subarray(0, length))), 1, rows);
}

/** At most so many bytes; a row's number has less than 16. */
function frameLength(pieces: readonly Uint8Array[], marks: readonly number[]): number {
  let length = 0;
  for (const piece of pieces) length += piece.length;
  for (let mark = 0; mark + 1 < marks.length; mark += 2) length -= (marks[mark + 1] ?? 0) - (marks[mark] ?? 0) - 16;
  return length;
}

function joined(parts: readonly Uint8Array[]): Unparsed {
  const bytes = Buffer.concat(parts);
  return new Unparsed(bytes, 0, bytes.length);
}

/** Puts the rows where their numbers stand. */
function withRows(value: unknown, depth: number, rows: readonly Unparsed[]): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (depth === ROW_DEPTH) return Array.isArray(value) ? rows[value[0]] : value;
  const parent = value as Record<string, unknown>;
  for (const key of Object.keys(parent)) parent[key] = withRows(parent[key], depth + 1, rows);
  return value;
}
