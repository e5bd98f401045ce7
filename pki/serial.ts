/**
 * Serial numbers of certificates (pki.md 3).
 *
 * @module
 */

/** Gives this many bytes that nobody can predict. */
export type RandomBytes = (length: number) => Uint8Array;

/** Random bytes in a serial number. */
export const SERIAL_BYTES = 10;

/** A fresh serial number: the content of an INTEGER, positive and in its shortest form. */
export function makeSerial(random: RandomBytes): Uint8Array {
  const bytes = random(SERIAL_BYTES);
  const [first = 0, second = 0] = bytes;
  if (first > 0x7f) return Uint8Array.of(0, ...bytes);
  if (first === 0 && second <= 0x7f) return Uint8Array.of(0x7f, ...bytes);
  return bytes;
}
