/**
 * Writes DER back to front.
 *
 * A length precedes its content, so writing from the end backwards needs neither a first pass that measures nor a copy
 * of what was written: every byte is put in its place once.
 *
 * @module
 */
import type { ByteString } from "../byte-string.ts";
import type { Int } from "../int.ts";

/** Collects an encoding from its last byte to its first. */
export class Writer {
  #buffer: Uint8Array<ArrayBuffer>;
  /** Index of the first byte written so far. */
  #start: number;

  /** `capacity`: bytes expected; more only costs a copy. */
  constructor(capacity: number) {
    this.#buffer = new Uint8Array(capacity);
    this.#start = capacity;
  }

  /** How many bytes were written; a mark for {@link Writer.header}. */
  get size(): number {
    return this.#buffer.length - this.#start;
  }

  #reserve(count: number): void {
    if (count <= this.#start) return;
    const size = this.size;
    const grown = new Uint8Array(Math.max(2 * this.#buffer.length, size + count));
    grown.set(this.#buffer.subarray(this.#start), grown.length - size);
    this.#buffer = grown;
    this.#start = grown.length - size;
  }

  /** Puts one byte (0–255) before all others. */
  byte(value: number): void {
    this.#reserve(1);
    this.#buffer[--this.#start] = value;
  }

  /** Puts bytes before all others. */
  bytes(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#start -= value.length;
    this.#buffer.set(value, this.#start);
  }

  /** Puts the bytes of a byte string before all others. */
  text(value: ByteString): void {
    this.#reserve(value.length);
    this.#start -= value.length;
    for (let index = 0; index < value.length; index++) this.#buffer[this.#start + index] = value.charCodeAt(index);
  }

  /** Puts a number of `width` decimal digits, in ASCII, before all others. */
  decimal(value: number, width: number): void {
    let rest = value;
    for (let index = 0; index < width; index++) {
      this.byte(0x30 + (rest % 10));
      rest = Math.floor(rest / 10);
    }
  }

  /** Puts a big-endian 32-bit number before all others. */
  uint32(value: number): void {
    this.byte(value & 0xff);
    this.byte((value >>> 8) & 0xff);
    this.byte((value >>> 16) & 0xff);
    this.byte((value >>> 24) & 0xff);
  }

  /** Puts the eight bytes of a 64-bit number, two's complement, before all others. */
  int64(value: bigint): void {
    if (value >= 0n && value < 0x1_0000_0000n) {
      this.uint32(Number(value));
      this.uint32(0);
    } else {
      this.uint32(Number(BigInt.asUintN(32, value)));
      this.uint32(Number(BigInt.asUintN(32, value >> 32n)));
    }
  }

  /** Puts identifier and length before the content written since `mark`. */
  header(identifier: number, mark: number): void {
    let length = this.size - mark;
    if (length < 0x80) {
      this.byte(length);
    } else {
      let count = 0;
      for (; length > 0; count++) {
        this.byte(length % 256);
        length = Math.floor(length / 256);
      }
      this.byte(0x80 | count);
    }
    this.byte(identifier);
  }

  /** Puts an INTEGER before all others. */
  int(identifier: number, value: Int): void {
    const mark = this.size;
    if (typeof value === "number") {
      // A fraction or NaN would never come to an end below.
      if (!Number.isSafeInteger(value))
        throw new RangeError(`Cannot encode ${value} as an INTEGER: give a whole number`);
      let rest = value;
      let byte: number;
      do {
        byte = ((rest % 256) + 256) % 256;
        this.byte(byte);
        rest = (rest - byte) / 256;
      } while (!((rest === 0 && byte < 0x80) || (rest === -1 && byte >= 0x80)));
    } else {
      let rest = value;
      let byte: number;
      do {
        byte = Number(BigInt.asUintN(8, rest));
        this.byte(byte);
        rest >>= 8n;
      } while (!((rest === 0n && byte < 0x80) || (rest === -1n && byte >= 0x80)));
    }
    this.header(identifier, mark);
  }

  /**
   * Sorts the elements that make up the content written since the mark before the first of `sizes`, as DER wants it in a
   * SET OF: byte-wise, a prefix first. `sizes` are the values of {@link Writer.size} before each element was written and
   * after the last.
   */
  sort(sizes: readonly number[]): void {
    if (sizes.length < 3) return;
    const total = this.#buffer.length;
    const elements: Uint8Array[] = [];
    for (let index = 1; index < sizes.length; index++) {
      elements.push(this.#buffer.subarray(total - (sizes[index] ?? 0), total - (sizes[index - 1] ?? 0)));
    }
    // The element written last stands first, so this order is what comes out if nothing is to be done.
    elements.reverse();
    if (elements.every((element, index) => index === 0 || compareBytes(elements[index - 1] ?? element, element) <= 0)) {
      return;
    }
    const sorted = elements.map((element) => element.slice()).sort(compareBytes);
    let at = this.#start;
    for (const element of sorted) {
      this.#buffer.set(element, at);
      at += element.length;
    }
  }

  /** All that was written, as a view. The writer must not be used any more. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#buffer.subarray(this.#start);
  }
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
