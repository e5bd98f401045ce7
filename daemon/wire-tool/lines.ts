/**
 * Lines of a stream of bytes, with a limit.
 *
 * @module
 */

/** The longest line, in bytes, without its end: hex of a message of 32 MiB. */
export const LINE_LIMIT = 64 * 1024 * 1024;

/** A line that was longer than the limit, and was skipped. */
export const TOO_LONG = Symbol("line too long");

const NEWLINE = 10;
const CARRIAGE_RETURN = 13;

/** Cuts chunks into lines. A line that is too long is skipped without being kept. */
export class LineSplitter {
  readonly #limit: number;
  #parts: Uint8Array[] = [];
  #length = 0;
  #skipping = false;

  constructor(limit: number = LINE_LIMIT) {
    this.#limit = limit;
  }

  /** The lines that end in `chunk`, which must not be reused. */
  *push(chunk: Uint8Array): Generator<string | typeof TOO_LONG, void> {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      this.#keep(chunk.subarray(start, end));
      yield this.#take();
      start = end + 1;
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start));
  }

  /** The last line, if the stream did not end with a line end. */
  finish(): string | typeof TOO_LONG | undefined {
    return this.#length > 0 || this.#skipping ? this.#take() : undefined;
  }

  #keep(part: Uint8Array): void {
    if (this.#skipping) return;
    this.#length += part.length;
    if (this.#length > this.#limit) {
      this.#skipping = true;
      this.#parts = [];
    } else {
      this.#parts.push(part);
    }
  }

  #take(): string | typeof TOO_LONG {
    const [first] = this.#parts;
    let bytes = this.#parts.length === 1 && first !== undefined ? first : Buffer.concat(this.#parts);
    const skipped = this.#skipping;
    this.#parts = [];
    this.#length = 0;
    this.#skipping = false;
    if (skipped) return TOO_LONG;
    if (bytes.at(-1) === CARRIAGE_RETURN) bytes = bytes.subarray(0, -1);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8");
  }
}
