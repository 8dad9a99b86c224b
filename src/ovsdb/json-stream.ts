/**
 * Framing: OVSDB's JSON documents follow one another with no delimiter (RFC 7047 §4.1), and a read from the socket ends anywhere.
 *
 * The scanner looks at each byte once. It only counts brackets outside strings; JSON.parse judges the rest.
 * Bytes of a multi-byte UTF-8 character are all above 0x7f, so no bracket or quote can be mistaken inside one.
 */
import { parseLarge, ROW_DEPTH } from './unparsed.ts';

/** One message may have this many bytes, unless told otherwise: what ovsdb-server itself would hardly send, and less than a daemon's memory. */
export const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

/** ovsdb-server's own limit for what it is sent. Much deeper, and whoever walks through it would overflow the stack. */
export const MAX_DEPTH = 1000;

/** Above this the rows of a message come unparsed (unparsed.ts). */
export const LARGE_MESSAGE_BYTES = 1024 * 1024;

export interface Received {
  /** The documents completed by this chunk, in order. */
  readonly documents: readonly unknown[];
  /** Why the stream cannot be read any further; from then on every push says so again. */
  readonly problem: string | undefined;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

export class JsonStream {
  readonly #maxBytes: number;
  readonly #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  /** The pieces of the document that is not complete yet. */
  #pieces: Uint8Array[] = [];
  #bytes = 0;
  /** Where each row of it begins and ends, in turn. */
  #marks: number[] = [];
  #depth = 0;
  #inString = false;
  #escaped = false;
  #problem: string | undefined;

  constructor(maxBytes: number = MAX_MESSAGE_BYTES) {
    this.#maxBytes = maxBytes;
  }

  push(chunk: Uint8Array): Received {
    const documents: unknown[] = [];
    let start = 0;
    while (this.#problem === undefined && start < chunk.length) {
      if (this.#depth === 0) {
        start = skipSpace(chunk, start);
        if (start === chunk.length) break;
      }
      const end = this.#scan(chunk, start);
      if (this.#problem !== undefined) break;
      this.#bytes += end - start;
      if (this.#bytes > this.#maxBytes) {
        this.#refuse(`a message of more than ${this.#maxBytes} bytes`);
        break;
      }
      this.#pieces.push(chunk.subarray(start, end));
      start = end;
      if (this.#depth === 0) this.#complete(documents);
    }
    return { documents, problem: this.#problem };
  }

  /** Index after the byte that closes the document, or the length of the chunk. */
  #scan(chunk: Uint8Array, start: number): number {
    const first = chunk[start];
    if (this.#depth === 0 && first !== OPEN_BRACE && first !== OPEN_BRACKET) {
      this.#refuse(`byte 0x${(first ?? 0).toString(16).padStart(2, '0')} where a message should begin`);
      return start;
    }
    let depth = this.#depth;
    let inString = this.#inString;
    let escaped = this.#escaped;
    let index = start;
    /** Of the chunk's first byte in the document. */
    const offset = this.#bytes - start;
    while (index < chunk.length) {
      const byte = chunk[index++];
      if (inString) {
        if (escaped) escaped = false;
        else if (byte === BACKSLASH) escaped = true;
        else if (byte === QUOTE) inString = false;
      } else if (byte === QUOTE) {
        inString = true;
      } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
        depth++;
        if (depth > MAX_DEPTH) {
          this.#refuse(`a message nested more than ${MAX_DEPTH} deep`);
          return index;
        }
        if (depth === ROW_DEPTH) this.#marks.push(offset + index - 1);
      } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
        depth--;
        if (depth === ROW_DEPTH - 1) this.#marks.push(offset + index);
        if (depth === 0) break;
      }
    }
    this.#depth = depth;
    this.#inString = inString;
    this.#escaped = escaped;
    return index;
  }

  #complete(documents: unknown[]): void {
    const [pieces, marks, bytes] = [this.#pieces, this.#marks, this.#bytes];
    this.#pieces = [];
    this.#marks = [];
    this.#bytes = 0;
    try {
      if (bytes > LARGE_MESSAGE_BYTES) documents.push(parseLarge(pieces, marks));
      else documents.push(JSON.parse(this.#decoder.decode(pieces.length === 1 ? pieces[0] : Buffer.concat(pieces))));
    } catch (error) {
      this.#refuse(`a message that is no JSON: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  #refuse(problem: string): void {
    this.#problem = problem;
    this.#pieces = [];
    this.#marks = [];
  }
}

function skipSpace(chunk: Uint8Array, start: number): number {
  let index = start;
  while (index < chunk.length) {
    const byte = chunk[index];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) break;
    index++;
  }
  return index;
}
