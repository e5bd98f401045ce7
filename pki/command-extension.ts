/**
 * The command in a certificate's extension, with the original's words for what cannot be read (pki.md 4).
 *
 * @module
 */
import { DecodeError } from "../core/wire/decode-error.ts";
import { Reader } from "../core/wire/der-reader.ts";
import { decodeExtension } from "../core/wire/extension.ts";
import type { Command } from "../core/wire/message.ts";
import { readElement, SEQUENCE } from "./der.ts";

/** Bytes of an input that are shown in an error. */
const SHOWN_BYTES = 16;

/**
 * Reads the content of the extension. An image is a view on `value`.
 *
 * @throws {DecodeError}
 */
export function readCommand(value: Uint8Array): Command {
  if (cutShort(value)) throw new DecodeError(`Unexpected EOF (msg String.sub / Bytes.sub): ${dump(value)}`);
  new Reader(value).header(SEQUENCE);
  return decodeExtension(value);
}

function cutShort(value: Uint8Array): boolean {
  try {
    readElement(new Reader(value));
    return false;
  } catch (error) {
    return error instanceof DecodeError && error.message.startsWith("Unexpected EOF");
  }
}

/** Two groups of eight bytes; more only makes a log hard to read. */
function dump(value: Uint8Array): string {
  const digits = value.subarray(0, SHOWN_BYTES).toHex();
  return digits.length > SHOWN_BYTES ? `${digits.slice(0, SHOWN_BYTES)} ${digits.slice(SHOWN_BYTES)}` : digits;
}
