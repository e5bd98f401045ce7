/**
 * Cuts console output into lines.
 *
 * Lines end at a newline; everything else passes through unchanged, empty lines too. The last line is delivered at the
 * end of the output even without a newline. Of a line beyond the limit the first bytes are kept, with the mark
 * ` [truncated]` and how much was dropped (console.md 4; the original loses empty and unterminated lines).
 *
 * @module
 */
import type { LineBatch } from "./line-batch.ts";

/** Longest line that is kept whole, unless told otherwise: bytes. */
export const DEFAULT_LINE_MAX = 512;

/** What may be chosen as the longest line. */
export const LINE_MAX_LEAST = 16;
export const LINE_MAX_MOST = 64 * 1024;

/** Bytes dropped of one line after which it is delivered without waiting for its end, and the rest of it is ignored. */
export const DROPPED_MAX = 64 * 1024;

/** The longest {@link truncationMark}: bytes. */
export const MARK_MAX = 48;

const NEWLINE = 10;
const encoder = new TextEncoder();

/** What follows the kept part of a line; `more`: the line had not ended yet. */
export function truncationMark(dropped: number, more: boolean): string {
  return ` [truncated] (${dropped}${more ? "+" : ""} ${dropped === 1 && !more ? "byte" : "bytes"} more)`;
}

/** Grows in place: the scratch memory of all splitters, since a batch is used up before the next is made. */
class Batch implements LineBatch {
  count = 0;
  bytes = new Uint8Array(64 * 1024);
  starts = new Uint32Array(1024);
  ends = new Uint32Array(1024);
  /** Where composed lines are put: behind the chunk. */
  tail = 0;

  begin(chunk: Uint8Array): void {
    this.count = 0;
    this.tail = chunk.length;
    if (this.bytes.length < chunk.length) this.bytes = new Uint8Array(chunk.length);
    this.bytes.set(chunk);
  }

  add(start: number, end: number): void {
    if (this.count === this.starts.length) {
      this.starts = enlarged(this.starts);
      this.ends = enlarged(this.ends);
    }
    this.starts[this.count] = start;
    this.ends[this.count++] = end;
  }

  /** Makes room for `size` more bytes at the tail. */
  reserve(size: number): void {
    if (this.tail + size <= this.bytes.length) return;
    const grown = new Uint8Array(2 * (this.tail + size));
    grown.set(this.bytes.subarray(0, this.tail));
    this.bytes = grown;
  }
}

function enlarged(array: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const grown = new Uint32Array(2 * array.length);
  grown.set(array);
  return grown;
}

const batch = new Batch();

/** The splitter of one console's output. */
export class LineSplitter {
  readonly #max: number;
  /** The beginning of a line whose end has not come yet, at most `#max` bytes. */
  #held: Uint8Array;
  #heldLength = 0;
  /** How many bytes of that line were dropped. */
  #dropped = 0;
  /** That line was delivered already: ignore what is left of it. */
  #skipping = false;

  /** @param max longest line that is kept whole, {@link LINE_MAX_LEAST} to {@link LINE_MAX_MOST} bytes */
  constructor(max: number) {
    this.#max = max;
    this.#held = new Uint8Array(Math.min(max, DEFAULT_LINE_MAX));
  }

  /** Takes the next output and gives the lines that are complete with it. */
  push(chunk: Uint8Array): LineBatch {
    batch.begin(chunk);
    const max = this.#max;
    let from = 0;
    let end = chunk.indexOf(NEWLINE);
    if (end >= 0 && (this.#heldLength > 0 || this.#dropped > 0 || this.#skipping)) {
      this.#hold(chunk, 0, end);
      this.#deliverHeld(false);
      from = end + 1;
      end = chunk.indexOf(NEWLINE, from);
    }
    while (end >= 0) {
      if (end - from <= max) {
        batch.add(from, end);
      } else {
        this.#hold(chunk, from, end);
        this.#deliverHeld(false);
      }
      from = end + 1;
      end = chunk.indexOf(NEWLINE, from);
    }
    this.#hold(chunk, from, chunk.length);
    if (this.#dropped > DROPPED_MAX) {
      this.#deliverHeld(true);
      this.#skipping = true;
    }
    return batch;
  }

  /** The output has ended: gives the last line if it had no newline. The splitter may be used for new output then. */
  finish(): LineBatch {
    batch.begin(new Uint8Array(0));
    if (this.#heldLength > 0) this.#deliverHeld(false);
    this.#skipping = false;
    return batch;
  }

  #hold(chunk: Uint8Array, from: number, to: number): void {
    if (this.#skipping || from === to) return;
    const taken = Math.min(to - from, this.#max - this.#heldLength);
    const needed = this.#heldLength + taken;
    if (needed > this.#held.length) {
      const grown = new Uint8Array(Math.min(this.#max, 2 * needed));
      grown.set(this.#held.subarray(0, this.#heldLength));
      this.#held = grown;
    }
    this.#held.set(chunk.subarray(from, from + taken), this.#heldLength);
    this.#heldLength = needed;
    this.#dropped += to - from - taken;
  }

  #deliverHeld(more: boolean): void {
    if (!this.#skipping) {
      batch.reserve(this.#heldLength + MARK_MAX);
      const start = batch.tail;
      batch.bytes.set(this.#held.subarray(0, this.#heldLength), start);
      let end = start + this.#heldLength;
      if (this.#dropped > 0) {
        end += encoder.encodeInto(truncationMark(this.#dropped, more), batch.bytes.subarray(end)).written;
      }
      batch.tail = end;
      batch.add(start, end);
    }
    this.#heldLength = 0;
    this.#dropped = 0;
    this.#skipping = false;
  }
}
