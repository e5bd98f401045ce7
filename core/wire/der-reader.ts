/**
 * Reads DER, strictly: definite and minimal lengths, minimal integers, nothing left over (wire.md 2).
 *
 * @module
 */
import type { ByteString } from "../byte-string.ts";
import { type Int, normalize } from "../int.ts";
import { DecodeError } from "./decode-error.ts";

const classNames = ["UNIVERSAL", "APPLICATION", "CONTEXT", "PRIVATE"] as const;

/** An identifier byte for an error text: `(Constructed CONTEXT 21)`. */
export function describeIdentifier(identifier: number): string {
  const form = (identifier & 0x20) === 0 ? "Primitive" : "Constructed";
  return `(${form} ${classNames[identifier >> 6] ?? ""} ${identifier & 0x1f})`;
}

/** The error for an element of the wrong kind. */
export function mismatch(expected: number, got: number): DecodeError {
  return new DecodeError(
    `Type mismatch: expected: ${describeIdentifier(expected)} got: ${got < 0 ? "(end)" : describeIdentifier(got)}`,
  );
}

/** Below this many bytes, eight at a time beat spreading a view into `String.fromCharCode`, by measurement. */
const SHORT_TEXT = 64;
/** Below every engine's limit of arguments. */
const TEXT_STEP = 4096;

/**
 * A cursor over DER. {@link Reader.enter} narrows it to the content of an element, {@link Reader.leave} widens it again
 * and checks that all of the content was read. Every method throws {@link DecodeError} only.
 */
export class Reader {
  readonly bytes: Uint8Array;
  /** Where the next element begins. */
  at: number;
  /** Where the content of the present element ends. */
  end: number;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.at = 0;
    this.end = bytes.length;
  }

  /** Whether the present element has content left. */
  get more(): boolean {
    return this.at < this.end;
  }

  /** The identifier byte of the next element; -1 at the end. */
  peek(): number {
    return this.at < this.end ? (this.bytes[this.at] ?? -1) : -1;
  }

  /** Reads an identifier, which must be `identifier`, and a length; returns the length. The content comes next. */
  header(identifier: number): number {
    const got = this.peek();
    if (got !== identifier) throw mismatch(identifier, got);
    this.at++;
    return this.#length();
  }

  #length(): number {
    const first = this.#byte();
    let length = first;
    if (first >= 0x80) {
      if (first === 0x80) throw new DecodeError("indefinite length");
      const count = first & 0x7f;
      // Six bytes are exact in a number, and far more than any input can hold.
      if (count > 6) throw new DecodeError("Unexpected EOF: length beyond the input");
      length = 0;
      for (let index = 0; index < count; index++) {
        const byte = this.#byte();
        if (index === 0 && byte === 0) throw new DecodeError("Header: redundant length");
        length = length * 256 + byte;
      }
      // 127 in long form is let through by the original, too.
      if (length < 0x7f) throw new DecodeError("Header: redundant form");
    }
    if (length > this.end - this.at) throw new DecodeError("Unexpected EOF: length beyond the input");
    return length;
  }

  #byte(): number {
    if (this.at >= this.end) throw new DecodeError("Unexpected EOF: header cut short");
    return this.bytes[this.at++] ?? 0;
  }

  /** Steps into a constructed element; what it returns is for {@link Reader.leave}. */
  enter(identifier: number): number {
    const length = this.header(identifier);
    const outer = this.end;
    this.end = this.at + length;
    return outer;
  }

  /** Steps out again. */
  leave(outer: number): void {
    if (this.at !== this.end) {
      throw new DecodeError(`Unexpected element at the end of a sequence: ${describeIdentifier(this.peek())}`);
    }
    this.end = outer;
  }

  /** Fails unless all was read. */
  finish(): void {
    if (this.at !== this.end) throw new DecodeError("trailing bytes");
  }

  /** The content of a primitive element, as a view on the input. */
  octets(identifier: number): Uint8Array {
    const length = this.header(identifier);
    const start = this.at;
    this.at += length;
    return this.bytes.subarray(start, this.at);
  }

  /** The content of a primitive element, as a byte string. */
  text(identifier: number): ByteString {
    const length = this.header(identifier);
    const start = this.at;
    const end = start + length;
    this.at = end;
    const { bytes } = this;
    let text = "";
    let index = start;
    if (length < SHORT_TEXT) {
      for (; index + 8 <= end; index += 8) {
        text += String.fromCharCode(
          bytes[index] ?? 0,
          bytes[index + 1] ?? 0,
          bytes[index + 2] ?? 0,
          bytes[index + 3] ?? 0,
          bytes[index + 4] ?? 0,
          bytes[index + 5] ?? 0,
          bytes[index + 6] ?? 0,
          bytes[index + 7] ?? 0,
        );
      }
      for (; index < end; index++) text += String.fromCharCode(bytes[index] ?? 0);
      return text as ByteString;
    }
    for (; index < end; index += TEXT_STEP) {
      text += String.fromCharCode(...bytes.subarray(index, Math.min(end, index + TEXT_STEP)));
    }
    return text as ByteString;
  }

  /** A 63-bit INTEGER. */
  int(identifier: number): Int {
    const length = this.header(identifier);
    const { bytes } = this;
    const start = this.at;
    if (length === 0) throw new DecodeError("INTEGER: length 0");
    const first = bytes[start] ?? 0;
    if (length > 1) {
      const second = bytes[start + 1] ?? 0;
      if ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80)) {
        throw new DecodeError("INTEGER: redundant form");
      }
      // Bits 62 and 63 must agree for the value to fit in 63 bits.
      if (length > 8 || (length === 8 && first >= 0x40 && first < 0xc0)) {
        throw new DecodeError("INTEGER: int overflow");
      }
    }
    this.at = start + length;
    if (length <= 6) {
      let value = first >= 0x80 ? first - 256 : first;
      for (let index = start + 1; index < this.at; index++) value = value * 256 + (bytes[index] ?? 0);
      return value;
    }
    let value = BigInt(first >= 0x80 ? first - 256 : first);
    for (let index = start + 1; index < this.at; index++) value = value * 256n + BigInt(bytes[index] ?? 0);
    return normalize(value);
  }
}
