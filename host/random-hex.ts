/**
 * Names that nobody can guess or has had before.
 *
 * @module
 */

/** So many random bytes in lower-case hex. */
export function randomHex(bytes: number): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(bytes))).toString("hex");
}
