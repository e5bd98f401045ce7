/**
 * Console data messages, many at a time: the hot path of the console daemon.
 *
 * The frames are those that `encodeFrame` makes of the same message; here they are written one after the other into
 * memory of the caller, without an object per line.
 *
 * @module
 */
import { type ByteString, toBytes } from "../byte-string.ts";
import type { Name } from "../name.ts";
import { formatTime } from "./der-time.ts";
import { encodeMessage } from "./message-codec.ts";

/** Bytes of a DER length. */
function lengthSize(length: number): number {
  return length < 0x80 ? 1 : length < 0x100 ? 2 : length < 0x1_0000 ? 3 : length < 0x100_0000 ? 4 : 5;
}

function putLength(out: Uint8Array, at: number, length: number): number {
  if (length < 0x80) {
    out[at] = length;
    return at + 1;
  }
  const count = lengthSize(length) - 1;
  out[at] = 0x80 | count;
  for (let index = count, rest = length; index > 0; index--, rest >>>= 8) out[at + index] = rest & 255;
  return at + 1 + count;
}

/** The encoded header, taken out of a whole message with that name. */
function encodeHeader(name: Name): Uint8Array {
  const message = encodeMessage({
    header: { sequence: 0n, name },
    payload: { kind: "failure", text: "" as ByteString },
  });
  const outer = 1 + lengthSize(message.length - 2);
  return message.slice(outer, message.length - emptyFailure);
}

/** `[2] EXPLICIT UTF8String ""`. */
const emptyFailure = 4;

const copyByHand = 40;

/** Writes the data messages of one console: sequence 0 and its full name. */
export class ConsoleDataEncoder {
  readonly #header: Uint8Array;
  #time = new Uint8Array(0);
  #instant = Number.NaN;

  constructor(name: Name) {
    this.#header = encodeHeader(name);
  }

  /** Sets the timestamp of the lines that follow: milliseconds since 1970. */
  setTime(time: number): void {
    if (time === this.#instant) return;
    this.#instant = time;
    const notation = toBytes(formatTime(time) as ByteString);
    const encoded = new Uint8Array(2 + notation.length); // always shorter than 128
    encoded[0] = 0x18;
    encoded[1] = notation.length;
    encoded.set(notation, 2);
    this.#time = encoded;
  }

  /** Bytes that suffice for the frame of a line of `length` bytes, whatever the time. */
  room(length: number): number {
    return 4 + this.#header.length + 64 + length;
  }

  /**
   * Writes the frame of one line, the bytes of `source` from `start` to `end`, at `at` of `out`, which must have
   * {@link room} for it.
   *
   * @returns where the frame ends
   */
  write(source: Uint8Array, start: number, end: number, out: Uint8Array, at: number): number {
    const header = this.#header;
    const time = this.#time;
    const length = end - start;
    const inner = time.length + 1 + lengthSize(length) + length;
    const sequence = 1 + lengthSize(inner) + inner;
    const console = 1 + lengthSize(sequence) + sequence;
    const data = 1 + lengthSize(console) + console;
    const content = header.length + data;
    const total = 1 + lengthSize(content) + content;
    out[at++] = total >>> 24;
    out[at++] = (total >>> 16) & 255;
    out[at++] = (total >>> 8) & 255;
    out[at++] = total & 255;
    out[at++] = 0x30;
    at = putLength(out, at, content);
    for (let index = 0; index < header.length; index++) out[at++] = header[index] as number;
    out[at++] = 0xa3;
    at = putLength(out, at, console);
    out[at++] = 0xa3;
    at = putLength(out, at, sequence);
    out[at++] = 0x30;
    at = putLength(out, at, inner);
    for (let index = 0; index < time.length; index++) out[at++] = time[index] as number;
    out[at++] = 0x0c;
    at = putLength(out, at, length);
    if (length <= copyByHand) {
      for (let index = start; index < end; index++) out[at++] = source[index] as number;
      return at;
    }
    out.set(source.subarray(start, end), at);
    return at + length;
  }
}
