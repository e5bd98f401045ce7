/**
 * A look at the version before anything else is decoded (wire.md 2).
 *
 * @module
 */
import { DecodeError } from "./decode-error.ts";
import { Reader } from "./der-reader.ts";
import { PROTOCOL_VERSION } from "./message.ts";

/**
 * The content of the SEQUENCE at the start of `bytes`. Less strict than the decoder proper: a length need not be minimal
 * here; whatever is wrong in that way is found afterwards.
 */
function sequenceContent(bytes: Uint8Array): Uint8Array {
  if (bytes.length < 3) throw new DecodeError("buffer too short");
  if (bytes[0] !== 0x30) throw new DecodeError("not a sequence");
  const first = bytes[1] ?? 0;
  let start = 2;
  let length = first;
  if (first === 0x80) throw new DecodeError("indefinite length");
  if (first > 0x80) {
    start += first & 0x7f;
    if (start > bytes.length) throw new DecodeError("data too short");
    length = 0;
    for (let at = 2; at < start; at++) length = length * 256 + (bytes[at] ?? 0);
  }
  if (length > bytes.length - start) throw new DecodeError("buffer too small");
  return bytes.subarray(start, start + length);
}

/** @throws {DecodeError} unless the INTEGER at the start of `content` is the version we speak */
function checkVersion(content: Uint8Array): void {
  const version = new Reader(content).int(0x02);
  if (version === PROTOCOL_VERSION) return;
  // The original prints its 63-bit integers as unsigned.
  const unsigned = BigInt.asUintN(63, BigInt(version));
  throw new DecodeError(`unknown version number 0x${unsigned.toString(16).toUpperCase()}`);
}

/** Checks the version of a message: the first INTEGER of the header, which comes first in the message. */
export function checkMessageVersion(bytes: Uint8Array): void {
  checkVersion(sequenceContent(sequenceContent(bytes)));
}

/** Checks the version of a certificate extension, whose first element it is. */
export function checkExtensionVersion(bytes: Uint8Array): void {
  checkVersion(sequenceContent(bytes));
}
