/**
 * The value of `--server-key`: a SHA-256 in hex.
 *
 * @module
 */
import { invalidValue } from "../value-error.ts";

/**
 * 64 hex digits, possibly with a colon between bytes as OpenSSL prints them.
 *
 * @returns lower case, without colons
 * @throws {ValueError}
 */
export function parseDigest(text: string): string {
  const digits = /^[0-9a-f]{2}(?::[0-9a-f]{2}){31}$/i.test(text) ? text.replaceAll(":", "") : text;
  if (!/^[0-9a-f]{64}$/i.test(digits)) throw invalidValue(text, "a SHA-256 of 64 hex digits");
  return digits.toLowerCase();
}
