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

/** A row of a large message. */
export class Unparsed {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** `undefined`: no JSON. */
  parse(): unknown {
    try {
      return JSON.parse(decoder.decode(this.#bytes));
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
  const rest: Uint8Array[] = [];
  const cursor = new Cursor(pieces);
  for (let mark = 0; mark + 1 < marks.length; mark += 2) {
    rest.push(join(cursor.take(marks[mark] ?? 0)), Buffer.from(`[${rows.length}]`));
    rows.push(new Unparsed(join(cursor.take(marks[mark + 1] ?? 0))));
  }
  rest.push(join(cursor.take(Number.POSITIVE_INFINITY)));
  return withRows(JSON.parse(decoder.decode(Buffer.concat(rest))), 1, rows);
}

/** Puts the rows where their numbers stand. */
function withRows(value: unknown, depth: number, rows: readonly Unparsed[]): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (depth === ROW_DEPTH) return Array.isArray(value) ? rows[value[0]] : value;
  const parent = value as Record<string, unknown>;
  for (const key of Object.keys(parent)) parent[key] = withRows(parent[key], depth + 1, rows);
  return value;
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const [first] = parts;
  return parts.length === 1 && first !== undefined ? first : Buffer.concat(parts);
}

/** Reads through the pieces once. */
class Cursor {
  readonly #pieces: readonly Uint8Array[];
  #piece = 0;
  /** Offset of that piece in the message, and how much of the message has been taken. */
  #start = 0;
  #taken = 0;

  constructor(pieces: readonly Uint8Array[]) {
    this.#pieces = pieces;
  }

  /** What has not been taken yet, up to `offset` in the message. */
  take(offset: number): Uint8Array[] {
    const parts: Uint8Array[] = [];
    while (this.#taken < offset) {
      const piece = this.#pieces[this.#piece];
      if (piece === undefined) break;
      const end = Math.min(offset, this.#start + piece.length);
      if (end > this.#taken) parts.push(piece.subarray(this.#taken - this.#start, end - this.#start));
      this.#taken = end;
      if (end === this.#start + piece.length) {
        this.#start = end;
        this.#piece++;
      }
    }
    return parts;
  }
}
