/**
 * Serial numbers of certificates on the command line.
 *
 * @module
 */
import { ValueError } from "../../client/value-error.ts";

/** Hex digits of a serial number, with colons or blanks between as `openssl` shows them; at most 20 bytes and a zero. */
const serialText = /^(?:[0-9a-f]{2}){1,21}$/;

/**
 * A serial number as the bytes of a DER INTEGER in lower-case hex. Whether leading zero bytes are given, as in the serial
 * database, or not, as by `openssl`, makes no difference: there is one exactly where a positive number needs it.
 *
 * @throws {ValueError}
 */
export function parseSerial(text: string): string {
  const digits = text.replaceAll(/[: ]/g, "").toLowerCase();
  if (!serialText.test(digits)) throw new ValueError((style) => `${style.quote(text)} is no serial number in hex`);
  const shortest = digits.replace(/^(?:00)+(?=..)/, "");
  return Number.parseInt(shortest.slice(0, 2), 16) > 0x7f ? `00${shortest}` : shortest;
}
